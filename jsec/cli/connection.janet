# Options of the commands that make connections, and the report on a connection.
(import ../tls)
(import ./args)
(import ./show)

(def- versions {"1.2" :TLS1_2 "1.3" :TLS1_3})

(def options
  "The options that `tls-options` understands."
  [{:name "ca" :value "FILE" :kind :file :doc "trust these CAs (PEM) in place of the system's"}
   {:name "trust" :value "FILE" :kind :file
    :doc "trust this certificate, for example a self-signed one"}
   {:name "cert" :value "FILE" :kind :file :doc "own certificate (PEM), with its chain"}
   {:name "key" :value "FILE" :kind :file :doc "private key of --cert"}
   {:name "password-file" :value "FILE" :kind :file
    :doc "file whose first line is the password of --key"}
   {:name "alpn" :value "NAMES" :doc "application protocols to agree on, as in h2,http/1.1"}
   {:name "tls" :value "VERSION" :kind ["1.2" "1.3"] :doc "this version of TLS only"}
   {:name "timeout" :value "SECONDS" :kind :integer
    :doc "give up after this time (default 15)"}
   {:name "json" :doc "report as JSON"}])

(defn password
  "The first line of --password-file, or nil."
  [given]
  (if-let [path (given :password-file)]
    (first (string/split "\n" (string/trimr (slurp path) "\r\n")))))

(defn tls-options
  "Options of jsec/tls from those of the command line."
  [given]
  (def version (versions (given :tls)))
  (table :ca-file (given :ca) :trusted-cert (given :trust) :cert (given :cert) :key (given :key)
         :password (password given)
         :alpn (if-let [names (given :alpn)] (string/split "," names))
         :min-version version :max-version version))

# ---- STARTTLS ----

(defn- reply
  "Read lines until the answer is `done?`. Raises unless it is `good?`."
  [stream done? good?]
  (def text @"")
  (while (not (done? text))
    (unless (:read stream 1024 text 15)
      (error (string "the server closed after " (show/clean text)))))
  (unless (good? text) (error (string "STARTTLS refused: " (show/clean (string/trim text)))))
  text)

(defn- lines-done?
  "Is the answer of SMTP or FTP complete? Its last line has no dash after the code."
  [text]
  (peg/match ~(* (any (* :d :d :d "-" (thru "\n"))) :d :d :d (! "-") (thru "\n")) text))

(defn- ask [stream line done? prefix]
  (if line (:write stream (string line "\r\n")))
  (reply stream done? |(string/has-prefix? prefix $)))

(defn- line-done? [text] (string/has-suffix? "\n" text))

(defn- imap-done? [text] (peg/match '(* (any (* "*" (thru "\n"))) "a " (thru "\n")) text))

(def- talks
  "The plaintext dialogue before TLS, by protocol."
  {"smtp" (fn [s]
            (ask s nil lines-done? "220")
            (ask s "EHLO jsec.invalid" lines-done? "250")
            (ask s "STARTTLS" lines-done? "220"))
   "ftp" (fn [s] (ask s nil lines-done? "220") (ask s "AUTH TLS" lines-done? "234"))
   "pop3" (fn [s] (ask s nil line-done? "+OK") (ask s "STLS" line-done? "+OK"))
   "imap" (fn [s] (ask s nil line-done? "* OK")
            (:write s "a STARTTLS\r\n")
            (reply s imap-done? |(string/find "a OK" $)))
   "postgres" (fn [s]
                (:write s "\0\0\0\x08\x04\xd2\x16/")
                (reply s |(pos? (length $)) |(= "S" (string $))))})

(def starttls-names (sort (keys talks)))

# ---- connecting ----

(defn- address-of [stream]
  (def [found name] (protect (:peername stream)))
  (if found (if (indexed? name) (string/join (map string name) " port ") name)))

(defn- reach
  "A stream before its handshake; `talk` names a STARTTLS protocol, or is nil."
  [[host port] options talk seconds]
  (def limits {:handshake false :timeout seconds})
  (if-not talk
    (tls/connect host port (merge options limits))
    (let [plain (net/connect host port)]
      (ev/with-deadline seconds ((talks talk) plain))
      (tls/upgrade plain (get options :hostname host) (merge options limits)))))

(defn- shake-hands [stream seconds]
  (try (:handshake stream seconds)
    ([err fiber] (:close stream true) (propagate err fiber))))

(defn- or-say-late
  "The result of `f`. A timeout raises an error in words."
  [seconds f]
  (try (f)
    ([err fiber]
      (if (index-of err ["timeout" "deadline expired"])
        (error (string "no answer within " (show/plural seconds "second")))
        (propagate err fiber)))))

(defn open
  ``Connect to [host port] and make the handshake. Returns the stream and the seconds that the
  connection and the handshake took. `talk` names a STARTTLS protocol, or is nil.``
  [place options talk seconds]
  (def begun (os/clock :monotonic))
  (def stream (or-say-late seconds |(reach place options talk seconds)))
  (def connected (os/clock :monotonic))
  (or-say-late seconds |(shake-hands stream seconds))
  [stream (- connected begun) (- (os/clock :monotonic) connected)])

(defn await-session
  ``The session of a connection, or nil. With TLS 1.3 a server sends it some time after the
  handshake, or not at all.``
  [stream]
  (or (:get-session stream)
      (when (= "TLSv1.3" (:version stream))
        (def until (+ 1 (os/clock :monotonic)))
        (var session nil)
        (while (and (not session) (< (os/clock :monotonic) until))
          (ev/sleep 0.01)
          (set session (:get-session stream)))
        session)))

(defn- certificate-facts
  "A certificate for JSON: extensions without their raw values."
  [certificate]
  (merge certificate
         {:extensions (map |{:oid ($ :oid) :name ($ :name) :critical ($ :critical) :text ($ :text)}
                           (get certificate :extensions []))
          :days-left (show/days-left certificate)}))

(defn facts
  "The facts about a connection, for `show-facts` and for JSON."
  [[host port] stream connect-seconds handshake-seconds]
  (def info (:connection-info stream))
  (merge
    (struct ;(mapcat |[$ (info $)] [:version :cipher :cipher-bits :group :signature-algorithm :alpn
                                    :server-name]))
         {:host (string host) :port port :address (address-of stream)
          :resumed (info :session-reused)
          :verified (get-in info [:verify-result :ok])
          :verify-reason (get-in info [:verify-result :reason])
          :connect-seconds connect-seconds :handshake-seconds handshake-seconds
          :chain (map certificate-facts (get info :peer-chain []))}))

(defn- joined [& texts] (string/join (map string (filter |(and $ (not= "" $)) texts)) ", "))

(defn- show-names [names]
  (def most 8)
  (def shown (map show/clean (take most names)))
  (string (string/join shown ", ")
          (if (> (length names) most) (string " and " (- (length names) most) " more") "")))

(defn show-certificate
  "Print a certificate under a heading."
  [heading certificate]
  (print heading " " (show/paint :bold (show/clean (certificate :subject-text))))
  (show/row "issued by"
            (if (certificate :self-signed) "itself" (show/clean (certificate :issuer-text))))
  (unless (empty? (get certificate :san [])) (show/row "names" (show-names (certificate :san))))
  (show/row "valid" (show/span certificate))
  (show/row "key" (show/key-text certificate) ", signed with " (certificate :signature-algorithm))
  (if (certificate :is-ca) (show/row "CA" "yes"))
  (show/row "SHA-256" (certificate :sha256)))

(defn show-facts
  "Print the result of `facts`; `trouble` is the error of a failed verification, or nil."
  [found trouble]
  (show/title (found :host) (if (= "unix" (found :host)) " " ":") (found :port)
              (if-let [address (found :address)] (string " (" address ")") ""))
  (show/row "verified"
            (cond
              trouble (show/paint :bad "NO: " (show/plain trouble))
              (found :verified) (show/paint :good "yes")
              (show/paint :warn "not asked for")))
  (show/row "protocol" (joined (found :version) (found :cipher) (found :group)
                               (if-let [algorithm (found :signature-algorithm)]
                                 (string "signed with " algorithm))))
  (if-let [name (found :server-name)] (show/row "asked for" (show/clean name)))
  (if-let [name (found :alpn)] (show/row "ALPN" (show/clean name)))
  (show/row "session" (if (found :resumed) "resumed" "new"))
  (show/row "took" (show/milliseconds (found :connect-seconds)) " to connect, "
            (show/milliseconds (found :handshake-seconds)) " for the handshake")
  (eachp [i certificate] (found :chain) (show-certificate i certificate)))
