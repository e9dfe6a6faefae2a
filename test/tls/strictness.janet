# One strictness: TLS, cert/verify-chain and crypto/cms-verify judge chains alike, by default as
# OpenSSL and browsers do, with
# :strict true by all of RFC 5280.
(import ../support/check :prefix "")
(import ../support/datagrams)
(import ../support/peers :prefix "")
(import jsec/cert)
(import jsec/crypto)
(import jsec/dtls)
(import jsec/tls)

(def dir (tmpdir))
(defn- at [name] (string dir "/" name))
(defn- openssl [& words]
  (os/execute ["openssl" ;words] :px
              {:err (file/open "/dev/null" :w) :out (file/open "/dev/null" :w)}))

(defn- loose-ca
  "A CA made by openssl with these extensions alone."
  [lines]
  (spit (at "extensions")
        (string lines "\nsubjectKeyIdentifier=none\nauthorityKeyIdentifier=none\n"))
  (openssl "ecparam" "-name" "prime256v1" "-genkey" "-noout" "-out" (at "key"))
  (openssl "req" "-new" "-key" (at "key") "-subj" "/CN=loose" "-out" (at "request"))
  (openssl "x509" "-req" "-in" (at "request") "-signkey" (at "key") "-extfile" (at "extensions")
           "-days" "9" "-out" (at "cert"))
  {:cert (slurp (at "cert")) :key (slurp (at "key"))})

(defn- tls-outcome [identity options]
  (with-server [s identity (fn [stream] (:read stream 1))]
    (def [fine why]
      (protect
        (with [c (tls/connect "127.0.0.1" (s :port)
                              (merge {:hostname "localhost" :timeout 5} options))] true)))
    (if fine (result s) (refusal s))
    (if-not fine why)))

(defn- dtls-outcome [identity options]
  (with [s (dtls/listen "127.0.0.1" 0 identity)]
    (ev/go (fn [] (protect (dtls/recv-from s 1))))
    (def [fine why]
      (protect
        (with [c (dtls/connect "127.0.0.1" (datagrams/port-of s)
                               (merge {:hostname "localhost" :timeout 5} options))] true)))
    (if-not fine why)))

(defn- reason-of [answer] (if-not (answer :valid) (answer :reason)))

(defn- verdicts
  "The verdict of each judge on an identity with a trusted issuer: nil, or the reason."
  [identity trusted options]
  (def message (crypto/cms-sign "data" (identity :cert) (identity :key)))
  {"TLS 1.2" (tls-outcome identity (merge {:ca trusted :max-version :TLS1_2} options))
   "TLS 1.3" (tls-outcome identity (merge {:ca trusted} options))
   "DTLS" (dtls-outcome identity (merge {:ca trusted} options))
   "verify-chain" (reason-of (cert/verify-chain (identity :cert)
                                                (merge {:ca trusted :host "localhost"} options)))
   "cms-verify" (reason-of (crypto/cms-verify message
                                              (merge {:roots trusted :purpose :any} options)))})

(defn- accept-all [answers] (eachp [judge why] answers (is (nil? why) (string judge ": " why))))
(defn- refuse-all [answers text]
  (eachp [judge why] answers (is (and why (string/find text why)) (string judge ": " why))))

(def loose-cas
  [["without keyUsage" "basicConstraints=critical,CA:TRUE\nsubjectKeyIdentifier=hash"]
   ["without key identifiers" "basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign"]
   # OpenSSL 4.0 accepts this even with X509_V_FLAG_X509_STRICT
   ;(if (string/has-prefix? "4." ((tls/features) :openssl))
      []
      [["with basicConstraints that are not critical"
        "basicConstraints=CA:TRUE\nkeyUsage=keyCertSign"]])])

(each [what lines] loose-cas
  (peer-test "openssl"
    (string "a CA " what " is accepted by default and refused with :strict true, by each judge")
    (def ca (loose-ca lines))
    (def identity (issue ca))
    (accept-all (verdicts identity (ca :cert) {}))
    (refuse-all (verdicts identity (ca :cert) {:strict true}) "which :strict true requires")))

(test "what is given as trusted is an anchor, whatever it is, for each judge"
  (def root (authority "Root"))
  (def middle (issue root :common-name "Middle" :ca true :san []))
  (def leaf (issue middle))
  (each trusted [(middle :cert) (leaf :cert)]
    (accept-all (verdicts leaf trusted {}))
    (accept-all (verdicts leaf trusted {:strict true})))
  (refuse-all (verdicts leaf ((issue root :common-name "Other" :ca true :san []) :cert) {})
              "unable to get local issuer certificate"))

(peer-test "openssl"
  "a serial number that is negative, zero or too long is refused with :strict true"
  (def root (authority "Root"))
  (def leaf (issue root))
  (each serial ["-5" "0" (string "0x" (string/repeat "7f" 21))]
    (spit (at "ca.pem") (root :cert))
    (spit (at "ca.key") (root :key))
    (spit (at "leaf.key") (leaf :key))
    (spit (at "extensions")
          "subjectAltName=DNS:localhost\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n")
    (openssl "req" "-new" "-key" (at "leaf.key") "-subj" "/CN=localhost" "-out" (at "request"))
    (openssl "x509" "-req" "-in" (at "request") "-CA" (at "ca.pem") "-CAkey" (at "ca.key")
             "-set_serial" serial "-extfile" (at "extensions")
             "-days" "9" "-out" (at "cert"))
    (def identity {:cert (slurp (at "cert")) :key (leaf :key)})
    (accept-all (verdicts identity (root :cert) {}))
    (refuse-all (verdicts identity (root :cert) {:strict true})
                "serial number not from 1 to 20 octets long and positive")))

(peer-test "openssl"
  "a server that is strict refuses a client of a loose CA, also as a virtual host's"
  (def ca (loose-ca "basicConstraints=critical,CA:TRUE"))
  (def client (issue ca :common-name "a client" :san ["email:a@b.example"]))
  (def own (issue (authority "Server CA")))
  (def lax (merge own {:verify true :ca (ca :cert)}))
  (defn visit [server]
    (with-server [s server (fn [stream] true)]
      (def got
        (protect
          (with [c (tls/connect "127.0.0.1" (s :port)
                                (merge client {:hostname "localhost" :trusted-cert (own :cert)}))]
            (:read c 1))))
      (match (ev/select (s :results) (s :refused)) [:take _ [true true]] true [:take _ text] text)))
  (is= true (visit lax))
  (is (string/find "which :strict true requires" (visit (merge lax {:strict true}))))
  (is (string/find "which :strict true requires"
                   (visit (merge own {:sni {"localhost" (merge lax {:strict true})}}))))
  (is= true
       (visit (merge own {:verify true :strict true :ca (ca :cert)
                          :sni {"localhost" (merge lax {:strict false})}}))))

(test "a session made without :strict is not resumed with it"
  (def root (authority "Root"))
  (def identity (issue root))
  (with-server [s identity (fn [stream] (:write stream "x") (:read stream 1))]
    (def session (with [c (tls/connect "127.0.0.1" (s :port) {:ca (root :cert)})]
                   (:read c 1)
                   (:get-session c)))
    (fails-with "other verification settings"
                (tls/connect "127.0.0.1" (s :port)
                             {:ca (root :cert) :strict true :session session}))))

(end)
