# Prints the manual page man/jsec.1 from the tool's own tables. `make docs` runs it.
(import jsec/cli)

(defn- escaped
  "Text for roff: no line begins a request, and dashes stay dashes."
  [text]
  (->> text
       (string/replace-all `\` `\e`)
       (string/replace-all "-" `\-`)
       (string/split "\n")
       (map |(if (peg/match '(set ".'") $) (string `\&` $) $))
       (|(string/join $ "\n"))))

(defn- paragraphs [text]
  (each part (string/split "\n\n" (string/trim text))
    (print ".PP")
    # columns stay columns
    (if (string/find "  " part) (print ".nf\n" (escaped part) "\n.fi") (print (escaped part)))))

(defn- option-lines [{:name name :short short :value value :kind kind :doc about}]
  (print ".TP")
  (print (if short (string `.BR \-` short ` ", " \-\-` name) (string `.BR \-\-` (escaped name)))
         (if value (string ` " \fI` value `\fR"`) ""))
  (print (escaped about) (if (indexed? kind) (string ": " (escaped (string/join kind ", "))) ".")))

(defn- command-section [{:name name :usage usage :summary summary :text text :options options}]
  (print ".SS jsec " name " [option]... " (escaped usage))
  (print (escaped summary) ".")
  (paragraphs text)
  (each option options (option-lines option)))

(defn- examples [commands]
  (print ".SH EXAMPLES")
  (each [line what] (mapcat |($ :examples) commands)
    (print ".TP\n.B " (escaped line) "\n" (escaped what))))

(defn page []
  (print ".\\\" Made by tools/manual.janet: change the tables in jsec/cli instead.")
  (print `.TH JSEC 1 "" "jsec" "User commands"`)
  (print ".SH NAME\njsec \\- TLS on the command line")
  (print ".SH SYNOPSIS\n.B jsec\n.I command\n[option]... [argument]...\n.br\n"
         ".B jsec \\-\\-help\n.br\n.B jsec \\-\\-version")
  (print ".SH DESCRIPTION\nReports on TLS servers, serves TLS, makes and shows certificates, and "
         "checks servers.\nOptions stand before or after arguments;\n.B \\-\\-\nends them. "
         "Colours appear on a terminal only, and not if the environment variable NO_COLOR is set.")
  (print ".SH COMMANDS")
  (each command (cli/commands) (command-section command))
  (print ".SH EXIT STATUS")
  (each [code meaning] cli/statuses (print ".TP\n.B " code "\n" (escaped meaning) "."))
  (examples (cli/commands))
  (print ".SH SEE ALSO\n.BR janet (1),\n.BR openssl (1)"))

(defn main [&] (page))
