# The public interface: the modules and their groups of names, as jsec/*.janet list them. The tools
# and tests of the documentation import it.

(def- word '(some (if-not (set " \n\t[]()#\"'~") 1)))

# The list of names in a module's call of `export`; comments in it are headings.
(def- name-list
  (peg/compile ~{:comment (* "#" (any " ") (group (* (constant :heading) '(to "\n"))))
                 :name (group (* (constant :name) ',word))
                 :main (* (thru "(export ") (thru "[") (any (+ :comment :name (set " \n\t")))
                          "]")}))

(defn- groups-of
  "Tuples [heading names] of a module's source; the first heading may be nil."
  [source]
  (def groups @[[nil @[]]])
  (each [kind text] (or (peg/match name-list source) [])
    (case kind
      :heading (array/push groups [text @[]])
      :name (array/push ((last groups) 1) text)))
  (filter |(next ($ 1)) groups))

(defn- intro-of
  "The comment at the head of a file, as one text."
  [source]
  (string/join (peg/match '(any (* "#" (any " ") '(to "\n") "\n")) source) " "))

(defn- read-module [file]
  (def name (string/slice file 0 -7))
  (def source (string (slurp (string "jsec/" file))))
  {:name (string "jsec/" name)
   :prefix name
   :intro (intro-of source)
   :groups (groups-of source)
   :env (require (string "jsec/" name))})

(defn modules
  "All public modules, by name; run in the project's folder."
  []
  (map read-module
       (sort (filter |(and (string/has-suffix? ".janet" $) (not= "export.janet" $))
                     (os/dir "jsec")))))

(defn functions
  ``The functions of a module in their order, as structs: `:name` ("tls/connect"), `:signature` and
  `:text` from the docstring, `:value`.``
  [{:prefix prefix :groups groups :env env}]
  (seq [[_ names] :in groups name :in names]
    (def [signature text] (string/split "\n\n" (get-in env [(symbol name) :doc] "") 0 2))
    {:name (string prefix "/" name) :short name :signature signature :text (or text "")
     :value (get-in env [(symbol name) :value])}))
