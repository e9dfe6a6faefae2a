# The command line tool `jsec`: commands, help, exit status. Each command is a table of usage,
# options and examples; help, manual page and completions are made from the tables. A command's
# module is loaded when it is called for. The native module comes first: what it replaces in core it
# then finds sooner.
(import ../tls)
(import ./args)
(import ./lazy)
(import ./show)

(def names
  "All commands, in the order of help. Each is a module here, with `command`, a table, and `run`."
  ["connect" "serve" "cert" "check" "completions" "version"])

(defn commands
  "The tables of all commands."
  []
  (map |(lazy/value $ 'command) names))

(def statuses
  "Exit statuses and their meanings."
  [[0 "success"]
   [1 "failure: no connection, no handshake, an unreadable file"]
   [2 "an error in the command line"]
   [3 "a certificate does not verify, or check found a problem"]])

# ---- help ----

(def- column 30)

(defn- in-columns [left text]
  (def padded (string "  " left (string/repeat " " (- column (length left) 2))))
  (if (< (+ 3 (length left)) column)
    (print padded (show/wrap text column))
    (print "  " left "\n" (string/repeat " " column) (show/wrap text column))))

(defn- option-words [{:name name :short short :value value}]
  (string (if short (string "-" short ", ") "    ") "--" name (if value (string " " value) "")))

(defn- help-general []
  (print "usage: jsec COMMAND [option]... [argument]...\n\nTLS on the command line. Commands:\n")
  (each {:name name :summary summary} (commands)
    (print (string/format "  %-12s " name) (show/wrap summary 15)))
  (print "\njsec COMMAND --help tells more. Exit status:")
  (each [code meaning] statuses (print "  " code "  " meaning)))

(defn- filled
  "A text in lines that fit; columns and lines that end in a colon stay as they are."
  [text]
  (string/join (map |(if (or (string/find "   " $) (string/find "\nIn " $))
                       $
                       (show/wrap (string/replace-all "\n" " " $)))
                    (string/split "\n\n" (string/trim text)))
               "\n\n"))

(defn- help-command [command]
  (def options (if (empty? (command :options)) "" " [option]..."))
  (print (show/wrap (string/trimr (string "usage: jsec " (command :name) options " "
                                          (command :usage)))
                    7)
         "\n\n" (show/wrap (command :summary)) "\n\n" (filled (command :text)))
  (unless (empty? (command :options)) (print "\noptions:"))
  (each option (command :options)
    (def kind (option :kind))
    (in-columns (option-words option)
                (string (option :doc)
                        (if (indexed? kind) (string ": " (string/join kind ", ")) ""))))
  (unless (empty? (command :examples)) (print "\nexamples:"))
  (each [line what] (command :examples) (print "  " line "\n      " (show/wrap what 6))))

# ---- the line ----

(defn- known [name]
  (unless (index-of name names)
    (args/usage-error "there is no command " name
                      (if-let [meant (args/nearest name names)]
                        (string ", did you mean " meant "?")
                        "")))
  name)

(defn- run-command [name words]
  (def command (lazy/value (known name) 'command))
  (if (some |(or (= "--help" $) (= "-h" $)) words)
    (do (help-command command) 0)
    ((lazy/value name 'run) (args/parse (command :options) words))))

(defn- dispatch [words]
  (def [name & rest] words)
  (case name
    nil (do (with-dyns [:out stderr] (help-general)) 2)
    "--help" (do (help-general) 0)
    "-h" (do (help-general) 0)
    "help" (do
             (if-let [about (first rest)]
               (help-command (lazy/value (known about) 'command))
               (help-general))
             0)
    "--version" (do (print ((lazy/value "version" 'line))) 0)
    (run-command name rest)))

(defn- help-for
  "The words that show the help for a command line."
  [words]
  (if (index-of (first words) names) (string "jsec " (first words) " --help") "jsec --help"))

(defn- flush-all []
  (unless (first (protect (:flush stdout))) (error "standard output can't be written")))

(defn run
  "Run the command line and exit with its status."
  [words]
  # printed text may still be buffered, and the disk may be full
  (def [fine result] (protect (def status (dispatch words)) (flush-all) status))
  (def status
    (cond
      fine result
      (and (dictionary? result) (result :usage))
      (do (eprint "jsec: " (show/clean (result :usage)) "\ntry: " (help-for words)) 2)
      (do (eprint "jsec: " (show/clean ((show/failure result) :text))) 1)))
  # at once: all is written, and Janet need not free its memory first
  (:flush stderr)
  (os/exit status true))
