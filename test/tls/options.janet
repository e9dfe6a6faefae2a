# Options of connections and contexts, each seen to have its effect.
(import ../support/check :prefix "")
(import jsec/cert)
(import jsec/crypto)
(import jsec/tls)
(import jsec/tls-stream)

(defn- identity [made] {:cert (made :cert) :key (made :key)})

(def rsa (cert/generate-self-signed-cert {:common-name "a.example" :key-type :rsa}))
(def ec (cert/generate-self-signed-cert {:common-name "a.example" :key-type :ec-p256}))
(def trust {:trusted-cert (string (rsa :cert) (ec :cert))})

(defn- serve [opts &opt told]
  (def listener (tls/listen "127.0.0.1" "0"))
  (ev/go (fn [] (tls/accept-loop listener opts
                                 (fn [s] (with [_ s]
                                           (if told (ev/give told (:connection-info s)))
                                           (var data (:read s 100))
                                           (while data
                                             (:write s data)
                                             (set data (:read s 100))))))))
  [listener (in (net/localname listener) 1)])

(defmacro- with-server [[port opts told] & body]
  (with-syms [listener]
    ~(let [[,listener ,port] (,serve ,opts ,told)]
       (defer (:close ,listener) ,;body))))

(defn- dial [port & opts]
  (tls/connect "127.0.0.1" port (merge {:hostname "a.example"} trust ;opts)))

(defn- info [port & opts]
  (with [s (dial port ;opts)]
    (:write s "x")
    (is= @"x" (:chunk s 1))
    (:connection-info s)))

# --- the peer

(test "the peer's certificate comes as PEM, DER and data"
  (with-server [port (identity ec)]
    (with [s (dial port)]
      (is= (string (ec :cert)) (:peer-certificate s))
      (is= (:peer-certificate s) (tls-stream/peer-certificate s :pem))
      (is= (cert/parse (ec :cert)) (:peer-certificate s :data))
      (is= (crypto/digest :sha256 (:peer-certificate s :der))
           (buffer (string/from-bytes ;(map |(scan-number $ 16)
                                            (peg/match '(some (<- (repeat 2 :h)))
                                                       ((:peer-certificate s :data) :sha256))))))
      (fails-with "expected :pem, :der or :data" (:peer-certificate s :text)))))

(test "the chain comes as it was sent, on both sides"
  (def root (cert/generate-self-signed-cert {:common-name "root" :key-type :ec-p256}))
  (defn issue [name] (cert/issue-cert {:issuer-cert (root :cert) :issuer-key (root :key)
                                       :common-name name :key-type :ec-p256}))
  (def [server client] [(issue "a.example") (issue "client")])
  (def told (ev/chan 1))
  (def listener (tls/listen "127.0.0.1" "0"))
  (defer (:close listener)
    (ev/go (fn []
             (with [s (tls/accept listener
                                  {:cert (string (server :cert) (root :cert)) :key (server :key)
                                   :verify true :ca (root :cert)})]
               (ev/give told [(:peer-chain s) (:peer-certificate s) (:verify-result s)]))))
    (with [s (tls/connect "127.0.0.1" (in (net/localname listener) 1)
                          {:hostname "a.example" :ca (root :cert)
                           :cert (string (client :cert) (root :cert)) :key (client :key)})]
      (is= [(string (server :cert)) (string (root :cert))] (:peer-chain s))
      (def [chain leaf result] (ev/take told))
      (is= [(string (client :cert)) (string (root :cert))] chain)
      (is= (string (client :cert)) leaf)
      (is= true (result :ok)))))

(test "without a client certificate there is none to tell of"
  (def told (ev/chan 1))
  (with-server [port (identity ec) told]
    (info port)
    (def facts (ev/take told))
    (is= nil (facts :peer-certificate))
    (is= nil (facts :peer-chain))
    (is= {:ok false :reason "not asked for" :code 0} (facts :verify-result))))

(test "connection-info tells group, signature, suite, versions, names"
  (with-server [port (identity rsa)]
    (def facts
      (info port {:security {:curves "prime256v1" :ciphersuites "TLS_CHACHA20_POLY1305_SHA256"}
                  :handshake-timing true}))
    (is= "TLSv1.3" (facts :version))
    (is= "TLS_CHACHA20_POLY1305_SHA256" (facts :cipher))
    (is= 256 (facts :cipher-bits))
    (is (find |(= $ (facts :group)) ["secp256r1" "prime256v1" "P-256"]) (facts :group))
    (is= "RSA-PSS+SHA256" (facts :signature-algorithm))
    (is= "a.example" (facts :server-name))
    (is= false (facts :session-reused))
    (is (< 0 (facts :handshake-time) 10))
    (is= {:ok true :reason "ok" :code 0} (facts :verify-result))
    (is= "CN=a.example,O=Test,C=US" (get-in facts [:peer-certificate :subject-text]))))

# --- :security, in every spelling

(each [min max version] [[:TLS1_2 :TLS1_2 "TLSv1.2"] ["TLS1.2" "TLS1.2" "TLSv1.2"]
                         [:TLS1_3 nil "TLSv1.3"]
                         ["TLS1.3" "TLS1.3" "TLSv1.3"] [nil :TLS1_2 "TLSv1.2"] [nil nil "TLSv1.3"]]
  (test (string/format "versions from %q to %q give %s" min max version)
    (with-server [port (identity ec)]
      (def security @{})
      (if min (put security :min-version min))
      (if max (put security :max-version max))
      (is= version ((info port {:security security}) :version))
      (is= version ((info port security) :version) "and beside :security"))))

(test "versions without an overlap fail with a text about versions"
  (with-server [port (merge (identity ec) {:security {:max-version :TLS1_2}})]
    (fails-with "the peer allows none of our protocol versions"
      (dial port {:security {:min-version :TLS1_3}}))))

(each spelling ["ECDHE-ECDSA-AES128-GCM-SHA256" :ECDHE-ECDSA-AES128-GCM-SHA256]
  (test (string/format "ciphers as %q choose the suite of TLS 1.2" spelling)
    (with-server [port (identity ec)]
      (is= "ECDHE-ECDSA-AES128-GCM-SHA256"
           ((info port {:security {:ciphers spelling :max-version :TLS1_2}}) :cipher)))))

(each [option value] [[:ciphers "NO-SUCH-CIPHER"] [:ciphersuites "TLS_NONE"]
                      [:curves "no-such-curve"]
                      [:curves :none] [:min-version "SSL3"] [:max-version :TLS9]
                      [:security-level 6]]
  (test (string/format "%q %q is refused when the context is made" option value)
    (fails-with (string "" option) (tls/new-context {:security {option value}}))))

(test "curves given as a keyword or a list are negotiated"
  (with-server [port (identity ec)]
    (is= "secp384r1" ((info port {:security {:curves :secp384r1}}) :group))
    # which of several a server takes OpenSSL 3.5 decides otherwise than 3.0
    (is (has-value? ["secp521r1" "secp384r1"]
                    ((info port {:curves "secp521r1:secp384r1"}) :group)))))

# --- identities

(test "RSA and ECDSA certificates stand side by side: each client gets the one it supports"
  (with-server [port {:cert [(rsa :cert) (ec :cert)] :key [(rsa :key) (ec :key)]}]
    (defn key-type [ciphers]
      (get-in (info port {:security {:max-version :TLS1_2 :ciphers ciphers}})
              [:peer-certificate :key-type]))
    (is= :rsa (key-type "ECDHE-RSA-AES128-GCM-SHA256"))
    (is= :ec (key-type "ECDHE-ECDSA-AES128-GCM-SHA256"))))

(test "certificates and keys are counted, and matched"
  (fails-with "2 certificates in :cert, but 1 keys"
              (tls/new-context {:cert [(rsa :cert) (ec :cert)] :key (rsa :key)}))
  (fails-with ":key does not belong to :cert"
              (tls/new-context {:cert [(rsa :cert)] :key [(ec :key)]}))
  (fails-with ":cert without :key" (tls/new-context {:cert (rsa :cert)}))
  (fails-with ":key without :cert" (tls/new-context {:key (rsa :key)})))

# --- verification

(test "pins: the right one admits, another one refuses and the error shows the found one"
  (def pin (string "sha256//" (crypto/base64-encode
                                (crypto/digest :sha256
                                               (crypto/convert-key
                                                 (crypto/export-public-key (ec :key)) :der)))))
  (def other (string "sha256//" (crypto/base64-encode (crypto/random-bytes 32))))
  (with-server [port (identity ec)]
    (info port {:pins [other pin]})
    (fails-with
      (string "pin mismatch: no key of the chain is among :pins, the certificate's own is \"" pin)
      (dial port {:pins [other]}))
    (with [s (tls/connect "127.0.0.1" port {:verify false :pins [pin]})] (is (:version s)))
    (fails-with "pin mismatch" (tls/connect "127.0.0.1" port {:verify false :pins [other]})))
  (each bad [[] "x" ["sha256//short"] [12] [(string pin "A")]]
    (fails-with ":pins" (tls/new-context {:pins bad}))))

(test "verify-time looks at the dates of another day"
  (with-server [port (identity ec)]
    (info port {:verify-time (os/time)})
    (fails-with "certificate has expired" (dial port {:verify-time (+ (os/time) (* 400 86400))}))
    (fails-with "certificate is not yet valid" (dial port {:verify-time 0}))))

(test "verify-depth bounds the chain"
  (def root (cert/generate-self-signed-cert {:common-name "root" :key-type :ec-p256}))
  (def middle (cert/issue-cert {:issuer-cert (root :cert) :issuer-key (root :key)
                                :common-name "middle" :ca true :key-type :ec-p256}))
  (def leaf (cert/issue-cert {:issuer-cert (middle :cert) :issuer-key (middle :key)
                              :common-name "a.example" :key-type :ec-p256}))
  (with-server [port {:cert (string (leaf :cert) (middle :cert)) :key (leaf :key)}]
    (def opts {:hostname "a.example" :ca (root :cert)})
    (with [s (tls/connect "127.0.0.1" port (merge opts {:verify-depth 1}))] (is (:version s)))
    (fails-with "certificate chain too long"
                (tls/connect "127.0.0.1" port (merge opts {:verify-depth 0})))))

(test "purpose is checked by role, and as asked"
  (def root (cert/generate-self-signed-cert {:common-name "root" :key-type :ec-p256}))
  (def leaf
    (cert/issue-cert {:issuer-cert (root :cert) :issuer-key (root :key) :common-name "a.example"
                      :key-type :ec-p256 :ext-key-usage [:clientAuth]}))
  (with-server [port (identity leaf)]
    (def opts {:hostname "a.example" :ca (root :cert)})
    (fails-with "certificate purpose" (tls/connect "127.0.0.1" port opts))
    (with [s (tls/connect "127.0.0.1" port (merge opts {:purpose :client}))] (is (:version s)))
    (with [s (tls/connect "127.0.0.1" port (merge opts {:purpose :any}))] (is (:version s)))))

(peer-test "openssl"
  "a certificate that a CRL names is refused; without the CRL of its CA none is admitted"
  (def dir (tmpdir))
  (defn at [name] (string dir "/" name))
  (spit (at "ca.cnf") (string "[ca]\ndefault_ca=d\n[d]\ndatabase=" (at "index")
                              "\ndefault_md=sha256\ndefault_crl_days=30\n"))
  (def root (cert/generate-self-signed-cert {:common-name "root" :key-type :ec-p256}))
  (def leaf (cert/issue-cert {:issuer-cert (root :cert) :issuer-key (root :key)
                              :common-name "a.example" :key-type :ec-p256}))
  (eachp [name text] {"root.pem" (root :cert) "root.key" (root :key) "leaf.pem" (leaf :cert)
                      "index" ""} (spit (at name) text))
  (defn ca [& words]
    (with [null (file/open "/dev/null" :w)]
      (is= 0 (os/execute ["openssl" "ca" "-config" (at "ca.cnf") "-cert" (at "root.pem") "-keyfile"
                          (at "root.key") ;words]
                         :p {:err null :out null}))))
  (ca "-gencrl" "-out" (at "before.crl"))
  (ca "-revoke" (at "leaf.pem"))
  (ca "-gencrl" "-out" (at "after.crl"))
  (with-server [port (identity leaf)]
    (def opts {:hostname "a.example" :ca (root :cert)})
    (with [s (tls/connect "127.0.0.1" port (merge opts {:crl (at "before.crl")}))]
      (is (:version s)))
    (fails-with "certificate revoked"
                (tls/connect "127.0.0.1" port (merge opts {:crl [(slurp (at "after.crl"))]})))
    (fails-with ":crl" (tls/new-context {:crl (root :cert)}))))

# --- application protocols and names

(test (string "ALPN selects the server's first protocol that the client offers, and fails "
              "without one in common")
  (with-server [port (merge (identity ec) {:alpn ["h2" "http/1.1"]})]
    (is= "h2" ((info port {:alpn ["http/1.1" "h2"]}) :alpn))
    (is= "http/1.1" ((info port {:alpn @["http/1.1"]}) :alpn))
    (is= nil ((info port) :alpn))
    (fails-with "the peer knows none of our :alpn protocols" (dial port {:alpn ["gopher"]})))
  (each bad [[] "h2" [""] [12] [(string/repeat "x" 256)]]
    (fails-with ":alpn" (tls/new-context {:alpn bad}))))

(test "virtual hosts: exact names before wildcards before the default before the options' own"
  (defn named [name] (cert/generate-self-signed-cert {:common-name name :key-type :ec-p256}))
  (def certs (tabseq [name :in ["own" "x.v.example" "*.v.example" "default"]] name (named name)))
  (defn subject [port name]
    (with [s (tls/connect "127.0.0.1" port {:hostname name :verify false})]
      (get-in (:peer-certificate s :data) [:subject :common-name])))
  (def hosts {"x.v.example" (tls/new-context (identity (certs "x.v.example")))
              "*.v.example" (identity (certs "*.v.example"))})
  (with-server [port (merge (identity (certs "own")) {:sni hosts})]
    (is= "x.v.example" (subject port "x.v.example"))
    (is= "x.v.example" (subject port "X.V.Example"))
    (is= "*.v.example" (subject port "y.v.example"))
    (is= "own" (subject port "v.example"))
    (is= "own" (subject port "z.y.v.example"))
    (is= "own" (subject port "127.0.0.1")))
  (with-server [port {:sni (merge hosts {:default (identity (certs "default"))})}]
    (is= "default" (subject port "elsewhere.example")))
  (with-server [port {:sni hosts}]
    (fails-with "unrecognized name" (subject port "elsewhere.example"))))

(test "a virtual host verifies clients though its listener doesn't"
  (with-server [port
                (merge (identity ec)
                       {:sni {"closed.example" (merge (identity ec)
                                                      {:verify true :trusted-cert (rsa :cert)})}})]
    (def closed {:hostname "closed.example" :verify-hostname "a.example"})
    (fails-with "the peer requires a certificate" (info port closed))
    (is (info port closed (identity rsa)))
    (is (info port))))

(test "virtual hosts that can't serve are refused when the context is made"
  (fails-with `:sni "a.example": a server needs a certificate`
              (tls/new-context {:sni {"a.example" {}}}))
  (fails-with "expected host names or :default" (tls/new-context {:sni {12 (identity ec)}}))
  (fails-with "did you mean :verify" (tls/new-context {:sni {"a.example" {:verfy true}}}))
  (fails-with "option :sni in :sni: it is the listener's"
              (tls/new-context {:sni {"a.example" {:sni {:default (identity ec)}}}}))
  (def with-hosts (tls/new-context (merge (identity ec) {:sni {"b.example" (identity ec)}})))
  (fails-with ":sni within :sni"
              (tls/new-context (merge (identity ec) {:sni {"a.example" with-hosts}})))
  (fails-with ":sni" (tls/new-context {:sni "a.example"})))

# --- contexts

(test "options beside a context are the connection's own, and leave the context alone"
  (def ctx (tls/new-context (merge trust {:hostname "a.example"})))
  (with-server [port (identity ec)]
    (with [s (tls/connect "127.0.0.1" port ctx)] (is (:version s)))
    (fails-with "hostname mismatch"
                (tls/connect "127.0.0.1" port {:context ctx :verify-hostname "b.example"}))
    (with [s (tls/connect "127.0.0.1" port ctx)] (is (:version s)))))

(test "options given to one connection do not reach the next"
  (with-server [port (identity ec)]
    (with [s (tls/connect "127.0.0.1" port {:verify false})] (is (:version s)))
    (fails-with "certificate verify failed" (tls/connect "127.0.0.1" port {:hostname "a.example"}))
    (with [s (dial port)] (is (:version s)))))

(test "trust-cert adds to what a context trusts"
  (def ctx (tls/new-context {:trusted-cert (rsa :cert) :hostname "a.example"}))
  (with-server [port (identity ec)]
    (fails-with "not trusted here" (tls/connect "127.0.0.1" port ctx))
    (is= ctx (tls-stream/trust-cert ctx (ec :cert)))
    (with [s (tls/connect "127.0.0.1" port ctx)] (is (:version s))))
  (with-server [port (identity rsa)]
    (with [s (tls/connect "127.0.0.1" port ctx)] (is (:version s))))
  (fails-with "trust-cert" (tls-stream/trust-cert ctx "no such file")))

# --- key log

(peer-test "tshark" "the key log decrypts a capture"
  (def dir (tmpdir))
  (def [log capture] [(string dir "/keys") (string dir "/capture.pcap")])
  (with-server [port (identity ec)]
    (def shark (os/spawn ["tshark" "-q" "-l" "-i" "lo" "-f" (string "tcp port " port) "-w" capture]
                         :p {:err :pipe :out :pipe}))
    (var seen @"")
    (while (and seen (not (string/find "Capture started" seen))
                (not (string/find "Capturing on" seen)))
      (set seen (ev/read (shark :err) 1000 seen)))
    (ev/sleep 1)
    (with [s (dial port {:keylog log})]
      (:write s "a secret word")
      (:chunk s 13))
    (ev/sleep 1)
    (os/proc-kill shark true :int)
    (def out (os/spawn ["tshark" "-r" capture "-o" (string "tls.keylog_file:" log) "-d"
                        (string "tcp.port==" port ",tls")
                        "-q" "-z" "follow,tls,ascii,0"] :p {:out :pipe :err :pipe}))
    (def text (ev/read (out :out) :all))
    (os/proc-wait out)
    (is (string/find "a secret word" text) text)))

(test "keylog true takes SSLKEYLOGFILE, and a path that can't be written is refused"
  (def file (string (tmpdir) "/keys"))
  (os/setenv "SSLKEYLOGFILE" file)
  (with-server [port (identity ec)] (info port {:keylog true}))
  (os/setenv "SSLKEYLOGFILE" nil)
  (is (string/find "CLIENT_TRAFFIC_SECRET_0" (slurp file)))
  (is= 8r600 (band 8r777 ((os/stat file) :int-permissions)))
  (fails-with ":keylog: \"/no/such/folder/keys.log\": No such file or directory"
              (tls/new-context {:keylog "/no/such/folder/keys.log"})))

(end)
