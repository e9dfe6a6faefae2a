# Options of the commands that make connections, and the report on a connection.
(import ../dtls)
(import ../tls)
(import ./dial)
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
  (def version (if (given :dtls) (if (given :tls) :DTLS1_2) (versions (given :tls))))
  (table :ca-file (given :ca) :trusted-cert (given :trust) :cert (given :cert) :key (given :key)
         :password (password given)
         :alpn (if-let [names (given :alpn)] (string/split "," names))
         :min-version version :max-version version))

# ---- connecting ----

(defn- address-of [stream]
  (def [found name] (protect (:peername stream)))
  (if found (if (indexed? name) (string/join (map string name) " port ") name)))

(defn- start-tls
  "A TLS stream before its handshake."
  [{:place place :starttls protocol :name name :seconds seconds} options]
  # options that are refused and files that can't be read raise here
  (def context (tls/new-context (merge options {:handshake false :timeout seconds})))
  (if protocol
    (tls/upgrade (dial/before-tls place protocol name seconds) name context)
    (try (tls/connect ;place context) ([err] (dial/not-reached place err seconds)))))

(defn- shake-hands [stream seconds]
  (try (:handshake stream seconds)
    ([err]
      (:close stream true)
      (def words (dial/in-words err seconds))
      (show/failed (if (string/find "certificate verify failed" words) :verification :handshake)
                   words))))

(defn- open-datagrams [{:place place :seconds seconds} options]
  (try (dtls/connect ;place (merge options {:timeout seconds}))
    ([err]
      (def words (dial/in-words err seconds))
      (cond
        (string/find "certificate verify failed" words) (show/failed :verification words)
        (string/find "handshake" words) (show/failed :handshake words)
        (dial/not-reached place err seconds)))))

(defn open
  ``Connect to a site and make the handshake. Returns the stream and the seconds that connection and
  handshake took (of DTLS together). A site has :place [host port], :name, the server's,
  :starttls protocol or nil, :seconds for each step, and :dtls. Raises {:stage :text}.``
  [site options]
  (def begun (os/clock :monotonic))
  (if (site :dtls)
    [(open-datagrams site options) 0 (- (os/clock :monotonic) begun)]
    (let [stream (start-tls site options)
          connected (os/clock :monotonic)]
      (shake-hands stream (site :seconds))
      [stream (- connected begun) (- (os/clock :monotonic) connected)])))

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

# ---- facts ----

(defn facts
  "The facts about a connection, for `show-facts` and for JSON."
  [[host port] stream connect-seconds handshake-seconds]
  (def info (:connection-info stream))
  (merge
    (struct ;(mapcat |[$ (info $)]
                     [:version :cipher :cipher-bits :group :signature-algorithm :alpn
                      :server-name]))
    {:host (string host) :port port :address (address-of stream)
     :resumed (info :session-reused)
     :verified (get-in info [:verify-result :ok])
     :request (info :certificate-request)
     :connect-seconds connect-seconds :handshake-seconds handshake-seconds
     :chain (map |(merge $1 {:pem $0})
                 (or (:peer-chain stream :pem) [])
                 (get info :peer-chain []))}))

(defn requires-certificate?
  ``Does a server require the certificate that it asked for and did not get? In TLS 1.3 it says so
  after the handshake, before that in it. nil: unknown.``
  [stream]
  (if (= "TLSv1.3" (:version stream))
    (let [[fine err] (protect (:read stream 1 @"" 1))]
      (cond
        fine false
        (dial/timeout? err) (if (:get-session stream) false)
        (truthy? (string/find "certificate required" (string err)))))
    false))

# ---- what is wrong with a certificate ----

(defn- at-depth [text chain]
  (def depth (first (or (peg/match '(* (thru "(depth ") (number :d+)) text) [0])))
  (or (get chain depth) (first chain)))

(defn incomplete
  "The issuer that a chain lacks, or nil: its last certificate is neither a root nor trusted."
  [text chain]
  (def top (last chain))
  (if (and top (not (top :self-signed))
           (some |(string/find $ text)
                 ["unable to get local issuer certificate" "chain is incomplete"
                  "unable to verify the first certificate"]))
    (top :issuer-text)))

(defn diagnosis
  "The text of a failed verification, with what it takes to cure it."
  [text chain]
  (def certificate (at-depth text chain))
  (cond
    (incomplete text chain)
    (string "certificate verify failed: the chain is incomplete: the server must send its "
            "intermediate \"" (show/clean (incomplete text chain))
            "\", or --ca must name it if it is a root")
    (and certificate (string/find "key too weak" text))
    (string text ": " (show/key-size certificate) ", at least " (show/wanted-size certificate)
            " wanted")
    (and certificate (string/find "digest algorithm too weak" text))
    (string text ": signed with " (certificate :signature-algorithm) ", SHA-256 or better wanted")
    text))

# ---- showing ----

(defn- joined [& texts] (string/join (map string (filter |(and $ (not= "" $)) texts)) ", "))

(defn- some-of
  "The first of many names."
  [names]
  (def max-shown 8)
  (def shown (map show/clean (take max-shown names)))
  (string (string/join shown ", ")
          (if (> (length names) max-shown)
            (string " and " (- (length names) max-shown) " more")
            "")))

(defn show-certificate
  "Print a certificate under a heading."
  [heading certificate]
  (print heading " " (show/paint :bold (show/clean (certificate :subject-text))))
  (show/row "issued by"
            (if (certificate :self-signed) "itself" (show/clean (certificate :issuer-text))))
  (unless (empty? (get certificate :san [])) (show/row "names" (some-of (certificate :san))))
  (show/row "valid" (show/span certificate))
  (show/row "key" (show/key-text certificate) ", signed with " (certificate :signature-algorithm))
  (if (certificate :is-ca) (show/row "CA" "yes"))
  (show/row "SHA-256" (certificate :sha256)))

(defn request-text
  "A server's certificate request in words."
  [{:cas cas}]
  (string "requested" (if (empty? cas) ", of any CA" (string ", CAs " (some-of cas)))))

(defn show-facts
  ``Print the result of `facts`; `trouble` is the text of a failed verification, or nil;
  `with-certificates` adds the certificates themselves.``
  [found trouble with-certificates]
  (show/title (found :host) (if (= "unix" (found :host)) " " ":") (found :port)
              (if-let [address (found :address)] (string " (" address ")") ""))
  (show/row "verified"
            (cond
              trouble (show/paint :bad "NO: " (show/clean trouble))
              (found :verified) (show/paint :good "yes")
              (show/paint :warn "not asked for")))
  (show/row "protocol" (joined (found :version) (found :cipher) (found :group)
                               (if-let [algorithm (found :signature-algorithm)]
                                 (string "signed with " algorithm))))
  (if-let [name (found :server-name)] (show/row "asked for" (show/clean name)))
  (if-let [name (found :alpn)] (show/row "ALPN" (show/clean name)))
  (if-let [request (found :request)] (show/row "client cert." (request-text request)))
  (show/row "session" (if (found :resumed) "resumed" "new"))
  (show/row "took" (show/milliseconds (found :connect-seconds)) " to connect, "
            (show/milliseconds (found :handshake-seconds)) " for the handshake")
  (eachp [i certificate] (found :chain)
    (show-certificate i certificate)
    (if with-certificates (print (string/trimr (certificate :pem))))))
