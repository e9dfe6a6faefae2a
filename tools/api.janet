# Writes the reference in docs/api/ from the docstrings, one page a module. `make docs` runs it.
(import ./public)
(import ./snippets)

(defn anchor
  "The fragment by which GitHub and the site link to a heading."
  [heading]
  (string/join (peg/match '(any (+ (/ " " "-") '(+ :w "-" "_" (range "\x80\xff")) 1))
                          (string/ascii-lower heading))))

(defn- link [name] (string "[`" name "`](#" (anchor name) ")"))

(defn- with-shared-options
  "The text, with a link in place of a list of options that the page has already."
  [text name seen]
  (def [before options] (string/split "\n\nOptions:\n" text 0 2))
  (cond
    (nil? options) text
    (seen options) (string before "\n\nOptions: those of " (link (seen options)) ".")
    (do (put seen options name) text)))

# ---- options as tables ----

(def- option-line
  (peg/compile
    ~{:sentence-end (+ (* "." -1) (* "." (> 0 (* " " (range "AZ")))))
      :type (* '(* (+ "Boolean" "Integer" "Number" "String" "Keyword" "Function" "Table" "Array")
                   (any (+ :w (set " ,:`")))) ". ")
      :default-value (* (? " ") "Default" (? ":") " " '(to :sentence-end) :sentence-end)
      :main (* "* `:" '(to "`") "` - " (+ :type (constant ""))
               (+ (group (* '(to :default-value) :default-value '(any 1))) (group '(any 1))))}))

(defn- option-row [line]
  (def [name type parts] (peg/match option-line line))
  (def [before value after] parts)
  (defn cell [text] (string/replace-all "|" `\|` text))
  (string "| `:" name "` | " type " | " (cell (if after value "")) " | "
          (cell (string before (or after ""))) " |"))

(defn- option-tables
  "Lists of options under headings as tables."
  [text]
  (string/join
    (map (fn [part]
           (def lines (string/split "\n" part))
           (if (every? (map |(string/has-prefix? "* `:" $) lines))
             (string "| option | type | default | |\n|---|---|---|---|\n"
                     (string/join (map option-row lines) "\n"))
             (if-let [heading (peg/match '(* '(some (+ :w " ")) ":" -1) part)]
               (string "**" (first heading) "**")
               part)))
         (filter next (map string/trim (string/split "\n\n" text))))
    "\n\n"))

(defn- with-tables
  "The text of a function, with its options as tables where they have headings."
  [text]
  (def [before options] (string/split "\n\nOptions:\n" text 0 2))
  (if (and options (peg/find '(* "\n" (some (+ :w " ")) ":\n\n* `:") options))
    (string before "\n\nOptions:\n\n" (option-tables options))
    text))

(defn- contents [groups prefix]
  (string/join
    (map (fn [[heading names]]
           (string "- " (if heading (string heading ": "))
                 (string/join (map |(link (string prefix "/" $)) names) ", ")))
         groups)
    "\n"))

(def- about-examples
  ``The examples run as they stand, with these files and servers:

    jsec cert ca && jsec cert issue localhost
    jsec serve 8443 --echo --cert localhost.pem --key localhost.key

Those of DTLS need a server that echoes on port 5684, as in [examples](../examples.md).``)

(def- examples (from-pairs (snippets/all)))

(defn- example-of [name]
  (if-let [code (examples name)] [(string "Example:\n\n```janet\n" code "\n```")] []))

(defn page
  "A module's page, as Markdown."
  [{:name name :prefix prefix :intro intro :groups groups :env env}]
  (def seen @{})
  (def parts @[(string "# " name)
               intro
               about-examples
               (string "```janet\n(import " name ")\n```")
               (contents groups prefix)])
  (each function (public/functions {:prefix prefix :groups groups :env env})
    (array/push parts (string "## " (function :name)))
    (array/push parts (string "```janet\n" (function :signature) "\n```"))
    (array/push parts (with-tables (with-shared-options (function :text) (function :name) seen)))
    (array/concat parts (example-of (function :name))))
  (string (string/join parts "\n\n") "\n"))

(defn path-of [module] (string "docs/api/" (module :prefix) ".md"))

(defn main [&]
  (os/mkdir "docs/api")
  (each module (public/modules) (spit (path-of module) (page module))))
