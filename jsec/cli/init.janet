# The command line tool `jsec`: commands, help, exit status. Each command is a table of usage,
# options and examples; help, manual page and completions are made from the tables.
(import ../tls)
(import ./args)
(import ./cert)
(import ./check)
(import ./completions)
(import ./connect)
(import ./serve)
(import ./show)

(def- completions-command
  {:name "completions"
   :usage "bash | zsh | fish"
   :summary "print a completion script for a shell"
   :text ``
In bash: eval "$(jsec completions bash)" in ~/.bashrc.
In zsh: jsec completions zsh > a file _jsec in a folder of $fpath.
In fish: jsec completions fish > ~/.config/fish/completions/jsec.fish.
``
   :options []
   :examples []})

(def- version-command
  {:name "version"
   :usage ""
   :summary "print the versions of jsec and OpenSSL, and their features"
   :text "Prints what (tls/features) returns: protocols, groups, cipher suites."
   :options [{:name "json" :doc "as JSON"}]
   :examples []})

(def commands
  "All commands, in the order of help."
  [connect/command serve/command cert/command check/command completions-command version-command])

(def statuses
  "Exit statuses and their meanings."
  [[0 "success"]
   [1 "failure: no connection, no handshake, an unreadable file"]
   [2 "an error in the command line"]
   [3 "a certificate does not verify, or check found a problem"]])

# ---- help ----

(defn- option-words [{:name name :short short :value value}]
  (string (if short (string "-" short ", ") "    ") "--" name (if value (string " " value) "")))

(defn- help-general []
  (print "usage: jsec COMMAND [option]... [argument]...\n\nTLS on the command line. Commands:\n")
  (each {:name name :summary summary} commands (print (string/format "  %-12s " name) summary))
  (print "\njsec COMMAND --help tells more. Exit status:")
  (each [code meaning] statuses (print "  " code "  " meaning)))

(defn- help-command [command]
  (print "usage: jsec " (command :name) " [option]... " (command :usage) "\n\n" (command :summary)
         "\n\n" (string/trim (command :text)))
  (unless (empty? (command :options)) (print "\noptions:"))
  (each option (command :options)
    (def kind (option :kind))
    (print (string/format "  %-28s " (option-words option)) (option :doc)
           (if (indexed? kind) (string ": " (string/join kind ", ")) "")))
  (unless (empty? (command :examples)) (print "\nexamples:"))
  (each [line what] (command :examples) (print "  " line "\n      " what)))

# ---- the small commands ----

(defn- run-completions [given]
  (print (completions/script (or (first (given :words)) (args/usage-error "bash, zsh or fish?"))
                             commands))
  0)

(defn- run-version [given]
  (def features (tls/features))
  (if (given :json)
    (show/print-json features)
    (do
      (print "jsec " (features :jsec) ", OpenSSL " (features :openssl) ", Janet " janet/version)
      (each key (sort (filter |(indexed? (features $)) (keys features)))
        (show/row key (string/join (map string (features key)) " ")))
      (show/row "also"
                (string/join (map string (sort (filter |(= true (features $)) (keys features))))
                             " "))))
  0)

(def- runners
  {"connect" connect/run "serve" serve/run "cert" cert/run "check" check/run
   "completions" run-completions "version" run-version})

# ---- the line ----

(defn- find-command [name]
  (or (find |(= name ($ :name)) commands)
      (args/usage-error "there is no command " name
                        (if-let [meant (args/nearest name (map |($ :name) commands))]
                          (string ", did you mean " meant "?")
                          ""))))

(defn- run-command [name words]
  (def command (find-command name))
  (if (some |(or (= "--help" $) (= "-h" $)) words)
    (do (help-command command) 0)
    ((runners name) (args/parse (command :options) words))))

(defn- dispatch [words]
  (def [name & rest] words)
  (case name
    nil (do (with-dyns [:out stderr] (help-general)) 2)
    "--help" (do (help-general) 0)
    "-h" (do (help-general) 0)
    "help" (do (if-let [about (first rest)] (help-command (find-command about)) (help-general)) 0)
    "--version" (run-command "version" rest)
    (run-command name rest)))

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
      (do (eprint "jsec: " (show/clean (result :usage)) "\ntry: jsec --help") 2)
      (do (eprint "jsec: " (show/plain result)) 1)))
  (os/exit status))
