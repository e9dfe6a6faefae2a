# The runner's flags, as far as jsec's public functions can do what they ask for. `(read-flags
# args)` gives the connections' configurations; a flag that is not here raises :unimplemented, which
# the runner counts apart.

(def- versions
  {0x0301 :TLS1_0 0x0302 :TLS1_1 0x0303 :TLS1_2 0x0304 :TLS1_3 0xfeff :DTLS1_0 0xfefd :DTLS1_2})
(def- groups {23 "P-256" 24 "P-384" 25 "P-521" 29 "X25519"})
(def- signatures
  {0x0201 "RSA+SHA1" 0x0203 "ECDSA+SHA1" 0x0401 "RSA+SHA256" 0x0501 "RSA+SHA384" 0x0601 "RSA+SHA512"
   0x0403 "ECDSA+SHA256" 0x0503 "ECDSA+SHA384" 0x0603 "ECDSA+SHA512" 0x0804 "RSA-PSS+SHA256"
   0x0805 "RSA-PSS+SHA384"
   0x0806 "RSA-PSS+SHA512" 0x0807 "ED25519"})

(defn- unimplemented [& _] (error :unimplemented))

(defn- known [names id] (or (names id) (unimplemented)))

# Each of these makes a function of a configuration and the flag's parameter.
(defn- switch [key &opt value] (fn [config] (put config key (if (nil? value) true value))))
(defn- text [key] (fn [config param] (put config key param)))
(defn- number [key] (fn [config param] (put config key (scan-number param))))
(defn- named [key names] (fn [config param] (put config key (known names (scan-number param)))))
(defn- option [key &opt parse]
  (fn [config param] (put-in config [:options key] ((or parse identity) param))))
(def- ignored (fn [&]))

(defn- without [version] (fn [config] (array/push (config :excluded) version)))

(defn- names-of
  "The names in the wire form of ALPN: each after a byte with its length."
  [wire]
  (def names @[])
  (var at 0)
  (while (< at (length wire))
    (def end (+ at 1 (wire at)))
    (array/push names (string/slice wire (+ at 1) end))
    (set at end))
  names)

(defn- add-group [config param]
  (def group (known groups (scan-number param)))
  (array/push (config :groups) group))

(defn- milliseconds [param] (/ (scan-number param) 1000))

(def- no-parameter
  {"-server" (switch :server)
   "-dtls" (switch :dtls)
   "-implicit-handshake" (switch :implicit-handshake)
   "-shim-writes-first" (switch :writes-first)
   "-shim-shuts-down" (switch :shuts-down)
   "-check-close-notify" (switch :check-close-notify)
   "-expect-session-miss" (switch :session-miss)
   "-expect-no-session" (switch :no-session)
   "-key-update" (switch :key-update)
   "-write-different-record-sizes" (switch :record-sizes)
   "-no-tls13" (without :TLS1_3)
   "-no-tls12" (without :TLS1_2)
   "-no-tls11" (without :TLS1_1)
   "-no-tls1" (without :TLS1_0)
   "-verify-peer" (switch :ask :optional)
   "-require-any-client-certificate" (switch :ask true)
   "-verify-fail" (switch :verify-fail)
   "-renegotiate-freely" (switch :renegotiate)
   # forms of BoringSSL's interface, which jsec has one of
   "-async" ignored
   "-use-custom-verify-callback" ignored
   "-use-old-client-cert-callback" ignored
   "-handshaker-resume" ignored
   # what jsec cannot tell, and the runner sees for itself
   "-expect-hrr" ignored
   "-expect-no-hrr" ignored
   "-expect-secure-renegotiation" ignored
   "-expect-extended-master-secret" ignored
   "-server-preference" ignored})

(def- with-parameter
  {"-port" (text :port)
   "-resume-count" (number :resume-count)
   "-key-file" (option :key)
   "-cert-file" (option :cert)
   "-host-name" (text :host-name)
   "-curves" add-group
   "-advertise-alpn" (option :alpn names-of)
   "-select-alpn" (option :alpn tuple)
   # groups of equal preference, in brackets, are BoringSSL's
   "-cipher" (option :ciphers |(if (string/find "[" $) (unimplemented) $))
   "-mtu" (option :mtu scan-number)
   "-initial-timeout-duration-ms" (option :retransmit milliseconds)
   "-min-version" (named :min-version versions)
   "-max-version" (named :max-version versions)
   "-read-size" (number :read-size)
   "-expect-version" (named :expect-version versions)
   "-expect-alpn" (text :expect-alpn)
   "-expect-server-name" (text :expect-server-name)
   "-expect-curve-id" (named :expect-group groups)
   "-expect-peer-signature-algorithm" (named :expect-signature signatures)
   "-expect-peer-cert-file" (text :expect-certificate)
   "-expect-total-renegotiations" ignored
   "-handshaker-path" ignored})

(defn- new-config [] @{:options @{} :excluded @[] :groups @[] :resume-count 0})

(def- prefixes
  "The connections that a flag is for, by its prefix; without a prefix it is for all."
  [["-on-initial-" [:initial]] ["-on-resume-" [:resume]] ["-on-retry-" []]
   ["-on-shim-" [:initial :resume]]
   ["-on-handshaker-" []] ["-" [:initial :resume]]])

(defn- split-prefix [flag]
  (some (fn [[prefix connections]]
          (if (string/has-prefix? prefix flag)
            [(string "-" (string/slice flag (length prefix))) connections]))
        prefixes))

(defn read-flags
  ``The configurations `:initial` and `:resume`, of the first connection and of those that follow
  it.``
  [args]
  (def configs {:initial (new-config) :resume (new-config)})
  (var at 0)
  (while (< at (length args))
    (def [flag connections] (or (split-prefix (args at)) (unimplemented)))
    (def parameter (if (with-parameter flag) [(get args (++ at))] []))
    (def apply-flag (or (with-parameter flag) (no-parameter flag) (unimplemented)))
    (each connection connections (apply-flag (configs connection) ;parameter))
    (++ at))
  configs)

# ---- what is made of them ----

(def- order {false [:TLS1_0 :TLS1_1 :TLS1_2 :TLS1_3] true [:DTLS1_0 :DTLS1_2]})
# -no-tls11 and -no-tls1 mean DTLS 1.0
(def- in-dtls {:TLS1_0 :DTLS1_0 :TLS1_1 :DTLS1_0 :TLS1_2 :DTLS1_2 :TLS1_3 nil :DTLS1_0 :DTLS1_0
               :DTLS1_2 :DTLS1_2})

(defn- version-range [config]
  (def dtls (truthy? (config :dtls)))
  (def all (order dtls))
  (def here (if dtls in-dtls identity))
  (def place |(index-of (here $) all))
  (def [low high]
    [(or (place (config :min-version)) 0) (or (place (config :max-version)) (dec (length all)))])
  (def excluded (map here (config :excluded)))
  (def allowed (filter |(not (has-value? excluded $)) (array/slice all low (inc high))))
  (if (empty? allowed) (unimplemented))
  # a range with a hole cannot be asked for
  (unless (= (length allowed) (inc (- (place (last allowed)) (place (first allowed)))))
    (unimplemented))
  {:min-version (first allowed) :max-version (last allowed)})

(def- when-valid "A moment at which most of the runner's certificates are valid: 2016-07-20."
  1468972800)

(defn- folder-of [path]
  (if-let [slash (last (string/find-all "/" path))] (string/slice path 0 (inc slash)) "./"))

(defn- all-certificates [config]
  (def folder (folder-of (get-in config [:options :cert])))
  (string ;(seq [name :in (os/dir folder) :when (string/has-suffix? "cert.pem" name)]
             (slurp (string folder name)))))

(defn- verification [config]
  (cond
    (config :verify-fail) {:verify (if (config :server) (config :ask) true)
                           :ca (get-in config [:options :cert])}
    (not (config :server)) {:verify false}
    (config :ask)
    {:verify (config :ask) :ca (all-certificates config) :verify-time when-valid :purpose :any}
    {}))

(defn options-of
  ``The options of jsec that a configuration asks for. At the security level 0, for the sake of
  old versions.``
  [config]
  (merge {:security-level 0 :handshake-timeout 14}
         (if (config :dtls) {:retransmit 1} {})
         (config :options)
         (version-range config)
         (verification config)
         (if (empty? (config :groups)) {} {:curves (string/join (config :groups) ":")})
         (if (config :renegotiate) {:renegotiation true} {})))
