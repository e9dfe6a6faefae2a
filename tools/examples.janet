# Writes docs/examples.md from the comments at the heads of the examples. `make docs` runs it.

(defn- head-of
  "The lines of the comment at the head of a file."
  [path]
  (peg/match '(any (* "#" (? " ") '(to "\n") "\n")) (string (slurp path))))

(defn- entry [name]
  (def lines (head-of (string "examples/" name)))
  # indented lines of the comment are calls, the others describe the example
  (def [calls about] [(filter |(string/has-prefix? "  " $) lines)
                      (take-while |(not (string/has-prefix? "  " $)) lines)])
  (string "## " (string/slice name 0 -7) "\n\n" (string/join about "\n") "\n\n    "
          (string/join (if (empty? calls) [(string "janet examples/" name)] (map string/trim calls))
                       "\n    ")
          "\n\n[examples/" name "](../examples/" name ")\n"))

(defn names [] (sort (filter |(string/has-suffix? ".janet" $) (os/dir "examples"))))

(defn page []
  (string
    "# Examples\n\nPrograms in `examples/`, each whole and short, to be run as they stand and "
    "taken from.\n\n"
          (string/join (map entry (names)) "\n")))

(defn main [&] (spit "docs/examples.md" (page)))
