# Writes docs/tool.md from the tool's own tables. `make docs` runs it.
(import jsec/cli)
(import ./schema)

(defn- option-row [{:name name :short short :value value :kind kind :doc about}]
  (string "| `" (if short (string "-" short "`, `") "") "--" name (if value (string " " value) "")
          "` | " about
          (if (indexed? kind) (string ": " (string/join (map |(string "`" $ "`") kind) ", ")) "")
          " |"))

(defn- paragraphs
  "The text, with columns as code."
  [text]
  (string/join (map |(if (string/find "   " $)
                       (string "    " (string/replace-all "\n" "\n    " $))
                       $)
                    (string/split "\n\n" (string/trim text)))
               "\n\n"))

(defn- section
  [{:name name :usage usage :summary summary :text text :options options :examples examples}]
  (string/join
    (filter truthy?
            [(string "## jsec " name)
             (string "    jsec " name " [option]... " usage)
             (string (string/ascii-upper (string/slice summary 0 1)) (string/slice summary 1) ".")
             (paragraphs text)
             (unless (empty? options)
               (string "| option | |\n|---|---|\n" (string/join (map option-row options) "\n")))
             (unless (empty? examples)
               (string/join (map (fn [[line what]] (string "    " line "\n\n" what)) examples)
                            "\n\n"))])
    "\n\n"))

(defn page []
  (string ``
# The tool

`jsec` comes with the package. It reports on TLS servers, serves TLS, makes and shows certificates,
and checks servers. Every command takes `--help`. Colours appear on a terminal only, and not if the
environment variable NO_COLOR is set.

``
          "\n| exit status | |\n|---|---|\n"
          (string/join (map (fn [[code meaning]] (string "| " code " | " meaning " |"))
                            cli/statuses) "\n") "\n\n"
          (string/join (map section (cli/commands)) "\n\n") "\n\n"
          (schema/page) "\n\n"
          (slurp "tools/nine.md")))

(defn main [&] (spit "docs/tool.md" (page)))
