# Writes tools/nine.md, a part of docs/tool.md: what jsec, curl, openssl and sslscan say of nine
# servers. `make compare` runs it.
(import ../test/support/check)
(import ../test/support/nine)
(import ../test/support/peers :prefix "")

(defn- run
  "The exit status and the output of a command, without colours and without names of this run."
  [& words]
  (with-child [c ;words]
    (feed c "")
    [(exit-status c) (string (c :out) (c :err))]))

(defn- lines-with [text & patterns]
  (filter |(some (fn [pattern] (peg/find pattern $)) patterns)
          (map string/trim (string/split "\n" text))))

(defn- squeezed [text] (string/join (filter next (string/split " " text)) " "))

(defn- cell [status & lines]
  (string "exit " status
          (string/join (map |(string "<br>" (string/replace-all "|" "\\|" (squeezed $))) lines))))

(defn- jsec-check [place ca]
  (def [status text] (run (dyn *executable*) "bin/jsec" "check" "--ca" ca place))
  # a finding that is wrapped goes on in lines of eight spaces
  (def joined (string/replace-all "\n        " " " text))
  (def found (lines-with joined '(* (any " ") "BAD") "jsec: " "required"))
  (cell status ;(if (empty? found) (lines-with joined "0 problems") found)))

(defn- jsec-connect [place ca]
  (def [status text] (run (dyn *executable*) "bin/jsec" "connect" "-i" "--ca" ca place))
  (cell status ;(lines-with text '(* (any " ") "jsec: ") "verified     yes" "client cert.")))

(defn- curl [place ca]
  (def [status text]
    (run "curl" "-sS" "-o" "/dev/null" "--cacert" ca (string "https://" place "/")))
  (cell status ;(lines-with text "curl: ")))

(defn- openssl [place ca]
  (def [status text] (run "openssl" "s_client" "-connect" place "-CAfile" ca "-verify_return_error"
                          "-verify_hostname" "localhost" "-servername" "localhost" "-brief"))
  # the number before an error is that of a thread
  (def lines (lines-with text "verify error" "Verification: OK" ":error:"))
  (cell status ;(distinct (map |(if-let [at (string/find ":error:" $)] (string/slice $ (inc at)) $)
                               lines))))

(defn- sslscan [place _]
  (def [status text] (run "sslscan" "--no-colour" "--no-heartbleed" place))
  (cell status
        (string/join (map |(first (string/split " " $)) (lines-with text '(* "enabled" -1))) ", ")
        ;(lines-with text "ERROR" "Signature Algorithm" "RSA Key Strength" "Not valid after")))

(def- judges
  [["jsec check" jsec-check] ["jsec connect" jsec-connect] ["curl" curl]
   ["openssl s_client" openssl] ["sslscan" sslscan]])

(defn- row [[name what] ports ca]
  (def place (string "localhost:" (ports name)))
  (string/join [(string "| " what)
                ;(map (fn [[_ judge]]
                        (->> (judge place ca)
                             (string/replace-all place "localhost:443")
                             (string/replace-all "<br><br>" "<br>")))
                      judges)]
               " | "))

(defn- page [rows]
  (string
    ``
## Compared with curl, openssl and sslscan

Nine servers on this machine, the CA given to each program; `make compare` makes the table. curl and
openssl stop at the first fault and say nothing of a server's other ones; sslscan verifies nothing.

``
    "\n| server | " (string/join (map first judges) " | ") " |\n|---|---|---|---|---|---|\n"
    (string/join (map |(string $ " |") rows) "\n") "\n"))

(defn main [&]
  (def dir (check/tmpdir))
  (nine/with-servers dir
    (fn [ports ca] (spit "tools/nine.md" (page (map |(row $ ports ca) nine/names)))))
  (check/rm-rf dir)
  (os/exit 0))
