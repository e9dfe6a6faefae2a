# Writes the reference in docs/api/ from the docstrings, one page a module. `make docs` runs it.
(import ./public)

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

(defn- contents [groups prefix]
  (string/join
    (map (fn [[heading names]]
           (string "- " (if heading (string heading ": "))
                 (string/join (map |(link (string prefix "/" $)) names) ", ")))
         groups)
    "\n"))

(defn page
  "A module's page, as Markdown."
  [{:name name :prefix prefix :intro intro :groups groups :env env}]
  (def seen @{})
  (def parts @[(string "# " name)
               intro
               (string "```janet\n(import " name ")\n```")
               (contents groups prefix)])
  (each function (public/functions {:prefix prefix :groups groups :env env})
    (array/push parts (string "## " (function :name)))
    (array/push parts (string "```janet\n" (function :signature) "\n```"))
    (array/push parts (with-shared-options (function :text) (function :name) seen)))
  (string (string/join parts "\n\n") "\n"))

(defn path-of [module] (string "docs/api/" (module :prefix) ".md"))

(defn main [&]
  (os/mkdir "docs/api")
  (each module (public/modules) (spit (path-of module) (page module))))
