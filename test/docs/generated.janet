# The documentation: docstrings say what they have to, pages that are made are up to date, links
# lead somewhere.
(import ../support/check :prefix "")
(import ../../tools/api)
(import ../../tools/errors)
(import ../../tools/examples)
(import ../../tools/public)
(import ../../tools/tool)

(def modules (public/modules))

# ---- docstrings ----

(defn- arguments-of
  "The words of a signature: [name arguments optional?]."
  [signature]
  (def [name & arguments] (string/split " " (string/trim signature "()")))
  [name (filter |(not= "&opt" $) arguments) (truthy? (index-of "&opt" arguments))])

(defn- arity-error
  "What the function says when it is called with that many arguments of no use."
  [function n]
  (def [fine err] (protect (function ;(array/new-filled n (fn [])))))
  (if fine "" (string err)))

(each module modules
  (test (string (module :name) ": every docstring begins with the call, as it can be made")
    (each {:name name :signature signature :value function} (public/functions module)
      (def [called arguments] (arguments-of signature))
      (is= name called)
      (unless (index-of "&" arguments)
        (is (peg/find '(+ "arity mismatch" (* "called with " :d+ " argument"))
                      (arity-error function (+ 1 (length arguments))))
            (string name ": more than its signature says"))))))

(defn- says? [text & patterns] (some |(peg/find $ text) patterns))

(each module modules
  (test (string (module :name) ": every docstring tells effect, result and errors")
    (each {:name name :text text} (public/functions module)
      (is (> (length text) 40) (string name " says too little"))
      (is (peg/match '(+ (range "AZ") "`") text) (string name " begins with a sentence"))
      (is (says? text "Raises" "raises" "Never raises")
          (string name " does not say when it raises"))
      (is (says? text "eturn"
                 '(+ "A " "An " "The " "Is " "Are " "What " "How " "Whether " "Key length"
                     "OpenSSL's name" "`:")) (string name " does not say what it returns")))))

(each module modules
  (test (string (module :name)
                ": every function that takes options lists them, each with its meaning")
    (each {:name name :signature signature :text text} (public/functions module)
      (when (some |(peg/match '(* (any (+ :w "-")) "opt" (any (+ "ion" "s"))) $)
                  (get (arguments-of signature) 1))
        (def lines (filter |(string/has-prefix? "* `:" $) (string/split "\n" text)))
        (is (next lines) (string name " lists no options"))
        (each line lines (is (> (length line) 20) (string name ": " line)))))))

# ---- what is made ----

(each module modules
  (test (string (api/path-of module) " is what the docstrings make (else: make docs)")
    (is (= (api/page module) (string (slurp (api/path-of module)))))))

(test "docs/errors.md is what sources and explanations make (else: make docs)"
  (is (= (errors/page) (string (slurp "docs/errors.md")))))

(test "docs/tool.md is what the tool's tables make (else: make docs)"
  (is (= (tool/page) (string (slurp "docs/tool.md")))))

(test "docs/examples.md is what the examples say of themselves (else: make docs)"
  (is (= (examples/page) (string (slurp "docs/examples.md")))))

(def texts (errors/texts))

(test "every error text of the sources has a cause and a cure in tools/explanations.janet"
  (is (> (length texts) 300) "texts are found")
  (is= [] (tuple ;(filter |(not (errors/explanation-of $)) texts))))

(test "no explanation is about a text that is gone"
  (is= [] (tuple ;(errors/unused-patterns texts))))

(test "the errors that the sources raise are found: those of a few calls are on the page"
  (each wrong [|(eval-string "(import jsec/tls) (tls/connect \"localhost\" 1 {:verfy false})")
               |(eval-string "(import jsec/crypto) (crypto/digest :nonsense \"\")")
               |(eval-string "(import jsec/crypto) (crypto/totp \"\")")
               |(eval-string "(import jsec/ca) (ca/list \"/nowhere\")")
               |(eval-string
                  "(import jsec/tls) (tls/new-context {:cert \"/nowhere\" :key \"/nowhere\"})")]
    (def [_ err] (protect (wrong)))
    (def [_ text] (string/split ": " err 0 2))
    (is (some (fn [known]
                (every? (map |(string/find $ text) (filter next (string/split "…" known))))) texts)
        err)))

# ---- links ----

(def pages ["README.md" "CHANGELOG.md" "CONTRIBUTING.md" "SECURITY.md"
            ;(map |(string "docs/" $) (filter |(string/has-suffix? ".md" $) (os/dir "docs")))
            ;(map |(string "docs/api/" $) (os/dir "docs/api"))])

(defn- folder-of [path] (string/join (slice (string/split "/" path) 0 -2) "/"))

(defn- links-in
  "The targets of a page's links, outside of code."
  [text]
  (peg/match '(any (+ (* "```" (thru "\n```")) (* "`" (thru "`")) (* "](" '(to ")")) 1)) text))

(defn- headings [path]
  (peg/match '(any (+ (* "```" (thru "\n```")) (* (between 1 6 "#") " " '(to "\n")) (thru "\n")))
             (string (slurp path) "\n")))

(defn- has-anchor? [path fragment]
  (index-of fragment (map api/anchor (headings path))))

(each page pages
  (test (string page ": its links lead to files and headings that are there")
    (each target (filter |(not (string/find "://" $)) (links-in (string (slurp page))))
      (def [path fragment] (string/split "#" target 0 2))
      (def folder (folder-of page))
      (def file (if (empty? path) page (string (if (empty? folder) "" (string folder "/")) path)))
      (is (os/stat file) (string target " in " page))
      (if fragment (is (has-anchor? file fragment) (string target " in " page))))))

(def- source-path
  (peg/compile ~{:end (+ ".janet" ".def" ".c" ".h")
                 :path (* (some (if-not (* :end "`") (+ :w (set "-_./")))) :end)
                 :main (any (+ (* "`" ':path "`") 1))}))

(test "the source files that docs/design.md and docs/style.md name are there"
  (each page ["docs/design.md" "docs/style.md"]
    (def paths (filter |(string/find "/" $) (peg/match source-path (slurp page))))
    (is (> (length paths) 5))
    (each path paths
      (is (some |(os/stat (string $ path)) ["" "src/"]) (string path " in " page)))))

(test "the menu of the site, in mkdocs.yml, has each page"
  (def menu (peg/match '(* (thru "\nnav:") (any (+ (* ": " '(some (if-not :s 1)) "\n") 1)))
                       (slurp "mkdocs.yml")))
  (is= (sorted [;pages "bench/RESULTS.md"]) (sorted menu)))

# ---- the stream contract ----

(defn- rows-cited
  "The rows that a test file's heading cites: \"rows 9 to 11 and 13\" gives 9, 10, 11 and 13."
  [path]
  (def heading (first (string/split "\n(" (string (slurp path)))))
  (def numbers
    '(* "row" (? "s") (some (+ (* " " (group (* (number :d+) (? (* " to " (number :d+))))))
                        "," " and"))))
  (if (string/find "docs/stream-contract.md" heading)
    (mapcat (fn [[from to]] (range from (inc (or to from))))
            (peg/match ~(any (+ ,numbers 1)) heading))
    []))

(test "docs/stream-contract.md has rows without a gap; tests cite all but those of datagrams"
  (def page (string (slurp "docs/stream-contract.md")))
  (def rows (peg/match '(any (+ (* "\n| " (number :d+) " |") 1)) page))
  (def cited (mapcat |(rows-cited (string "test/contract/" $)) (os/dir "test/contract")))
  (is= (range 1 (inc (length rows))) (sorted rows))
  (is= [30 31] (tuple ;(filter |(not (index-of $ cited)) (sorted rows)))))

(test "the tests that docs/stream-contract.md names are there"
  (def folders '(+ "contract" "dtls" "generic" "hostile" "module"))
  (def named (peg/match ~(any (+ (* "`" '(* ,folders "/" (some (+ :w "-"))) "`") 1))
                        (string (slurp "docs/stream-contract.md"))))
  (is (> (length named) 10))
  (each name (filter |(not (index-of $ ["dtls/recv-from" "dtls/send-to"])) named)
    (is (os/stat (string "test/" name ".janet")) name)))

# ---- what is promised ----

# `file`: "fact", "fact"; an … in a fact stands for a part that the test fills in
(def- promise (peg/compile ~{:fact (* `"` '(to `"`) `"`)
                             :facts (group (* :fact (any (* (some (set ", ")) :fact))))
                             :file (* "`" '(some (+ :w (set "-_./"))) "`: ")
                             :main (any (+ (group (* :file :facts)) 1))}))

(defn- source-of [name]
  (find os/stat [(string "test/" name ".janet") name]))

(test "docs/security.md names facts that tests state"
  (def promises (peg/match promise
                           (string/join (map string/trim
                                             (string/split "\n" (slurp "docs/security.md"))) " ")))
  (is (> (length promises) 15))
  (each [name facts] promises
    (def source (or (source-of name) (error (string "no test " name))))
    # a fact may stand in the test as several strings
    (def text (string (peg/replace-all '(* `"` (some :s) `"`) "" (slurp source))))
    (each fact facts
      (each part (filter next (string/split "…" fact))
        (is (string/find (string/trim part) text) (string name ": " fact))))))

(end)
