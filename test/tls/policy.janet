# What a context's settings come to: versions within the system's policy, suites, the names of CAs
# that clients get, and what virtual hosts inherit.
(import ../support/check :prefix "")
(import ../support/peers :prefix "" :only [with-child exit-status])
(import jsec/cert)
(import jsec/crypto)
(import jsec/dtls)
(import jsec/tls)

(def dir (tmpdir))
(def root (cert/generate-self-signed-cert {:common-name "root" :key-type :ec-p256}))
(defn- issue [name &opt opts]
  (cert/issue-cert (merge {:issuer-cert (root :cert) :issuer-key (root :key) :common-name name
                           :key-type :ec-p256}
                          (or opts {}))))
(def leaf (issue "a.example"))
(def client (issue "client.example"))
(def trusting {:ca (root :cert) :hostname "a.example"})

(defn- serve [opts]
  (def listener (tls/listen "127.0.0.1" "0"))
  (defn echo [s] (protect (:write s (:chunk s 1))) (:close s))
  (ev/go (fn [] (tls/accept-loop listener opts echo)))
  listener)

(defmacro- with-server [[port opts] & body]
  (with-syms [listener]
    ~(let [,listener (,serve ,opts) ,port (last (net/localname ,listener))]
       (defer (:close ,listener) ,;body))))

(defn- visit
  "What connection-info says once a byte came back."
  [port & opts]
  (with [s (tls/connect "127.0.0.1" port (merge {:timeout 10} trusting ;opts))]
    (:write s "x")
    (is= @"x" (:chunk s 1))
    (:connection-info s)))

(defn- refused? [port & opts] (not (first (protect (visit port ;opts)))))

# ---- the system's policy ----

(defn- under
  "What this program prints, a line of it, where openssl.cnf has these lines."
  [lines & program]
  (def conf (string dir "/openssl.cnf"))
  (spit conf (string "openssl_conf=a\n[a]\nssl_conf=b\n[b]\nsystem_default=c\n[c]\n" lines "\n"))
  (def source (string "(import jsec/tls) " ;(map |(string/format "(print %s) " $) program)))
  (def env (merge (os/environ) {"OPENSSL_CONF" conf :out :pipe}))
  (with [p (os/spawn [(dyn *executable*) "-e" source] :pe env)]
    (def text (:read (p :out) :all))
    (:wait p)
    (string/split "\n" (string/trim (or text "")))))

(defn- version-with [port opts]
  (def all (merge {:verify false :timeout 5} opts))
  (string/format (string "(let [[fine r] (protect (tls/connect \"127.0.0.1\" %j %j))]"
                         " (if fine ((:connection-info r) :version) \"none\"))")
                 port all))

(test "MinProtocol of openssl.cnf holds, unless the program gives :min-version"
  (with-server [port (merge leaf {:max-version :TLS1_2})]
    (is= ["none" "none" "TLSv1.2"]
         (tuple ;(under "MinProtocol = TLSv1.3"
                        (version-with port {})
                        (version-with port {:ciphers "HIGH"})
                        (version-with port {:min-version :TLS1_2}))))
    (is= ["TLSv1.2"] (tuple ;(under "MinProtocol = TLSv1" (version-with port {}))))))

(test "MaxProtocol of openssl.cnf holds, unless the program gives :max-version"
  (with-server [port leaf]
    (is= ["TLSv1.2" "TLSv1.3"]
         (tuple ;(under "MaxProtocol = TLSv1.2"
                        (version-with port {})
                        (version-with port {:max-version :TLS1_3}))))))

(test "a lower MinProtocol does not lower the minimum of TLS 1.2"
  (with-server [port (merge leaf {:max-version :TLS1_1 :security-level 0 :ciphers "ALL"})]
    (is= ["none"] (tuple ;(under "MinProtocol = TLSv1\nCipherString = ALL:@SECLEVEL=0"
                                 (version-with port {}))))))

(test "versions of the program that openssl.cnf leaves no room for raise, with the cure"
  (defn reason [opts] (string/format "(last (protect (tls/new-context %j)))" opts))
  (each [lines opts why]
        [["MaxProtocol = TLSv1.2" {:min-version :TLS1_3}
          ":min-version is above MaxProtocol of openssl.cnf: give :max-version too"]
         ["MinProtocol = TLSv1.3" {:max-version :TLS1_2}
          ":max-version is below MinProtocol of openssl.cnf: give :min-version too"]
         ["MaxProtocol = TLSv1.1" {} "openssl.cnf leaves no protocol version"]]
    (def text (first (under lines (reason opts))))
    (is (string/has-prefix? (string "tls/new-context: " why) text) why)))

# ---- floors and suites ----

(test "an old :min-version is a floor: nothing old is negotiated above security level 0"
  (each low [:TLS1_0 :TLS1_1]
    (with-server [port (merge leaf {:min-version low})]
      (is= "TLSv1.3" ((visit port {:min-version low}) :version))
      (is= "TLSv1.2" ((visit port {:min-version low :max-version :TLS1_2}) :version))
      (is (refused? port {:max-version :TLS1_1 :security-level 0 :ciphers "ALL"})))))

(test "DHE is negotiated, with a group as strong as the certificate's key"
  (def rsa (issue "a.example" {:key-type :rsa}))
  (each [opts suite] [[rsa "DHE-RSA-AES128-GCM-SHA256"] [rsa "DHE-RSA-CHACHA20-POLY1305"]]
    (with-server [port (merge opts {:ciphers suite :max-version :TLS1_2})]
      (def info (visit port {:ciphers "DHE+AESGCM:DHE+CHACHA20"}))
      (is= [suite "TLSv1.2"] [(info :cipher) (info :version)])))
  (def server (dtls/listen "127.0.0.1" 0 (merge rsa {:ciphers "DHE-RSA-AES256-GCM-SHA384"})))
  (ev/go (fn [] (protect (dtls/recv-from server 1 @""))))
  (defer (dtls/close-server server)
    (with [s (dtls/connect "127.0.0.1" (last (dtls/localname server)) trusting)]
      (is= "DHE-RSA-AES256-GCM-SHA384" ((:connection-info s) :cipher)))))

# ---- the names of CAs that clients get ----

(defn- common-names-in
  "Of the names that openssl s_client lists, one a line."
  [text]
  (def lines (peg/match '(+ (* (thru "Acceptable client certificate CA names\n")
                               (any (* (! (+ "Requested" "Client" "Shared")) '(to "\n") "\n")))
                            "")
                        text))
  (def common-name '(* (thru "CN") (any " ") "=" (any " ") '(some (if-not "," 1))))
  (tuple ;(sorted (mapcat |(peg/match common-name $) lines))))

(defn- names-sent
  "The names that s_client got by TLS 1.2 and by 1.3."
  [opts]
  (seq [version :in ["-tls1_2" "-tls1_3"]]
    (with-server [port (merge leaf {:verify :optional} opts)]
      (def address (string "127.0.0.1:" port))
      (with-child [c "openssl" "s_client" "-connect" address version "-noservername"]
        (:close ((c :proc) :in))
        (exit-status c)
        (common-names-in (c :out))))))

(def other
  (cert/generate-self-signed-cert
    {:common-name "other" :key-type :ec-p256 :organization "o" :country "DE"}))
(peer-test "openssl" "clients get the names of the trusted CAs, those of :client-ca-names, or none"
  (defn common-names [opts] (distinct (names-sent opts)))
  (is= @[["root"]] (common-names {:ca (root :cert)}))
  (is= @[["other" "root"]] (common-names {:ca (string (root :cert) (other :cert))}))
  (is= @[["root"]] (common-names {:ca (root :cert) :client-ca-names true}))
  (is= @[[]] (common-names {:ca (root :cert) :client-ca-names false}))
  (is= @[["other"]] (common-names {:ca (root :cert) :client-ca-names (other :cert)}))
  (is= @[["other" "root"]]
       (common-names {:ca (root :cert) :client-ca-names [(other :cert) (root :cert)]})))

(def many-cas
  (let [key (crypto/generate-key :p256) long (string/repeat "long" 14)]
    (string ;(seq [i :range [0 270] :let [name (string long i)]]
               (cert/generate-self-signed-from-key
                 key {:common-name name :organization name :organizational-unit long
                      :locality long :state long})))))

(test "a server with too many CA names for a handshake serves clients, and sends no names"
  (def server (merge leaf {:verify true :ca (string many-cas (root :cert))}))
  (with-server [port server]
    (each version [:TLS1_2 :TLS1_3] (is (visit port client {:max-version version}))))
  (def udp (dtls/listen "127.0.0.1" 0 server))
  (ev/go (fn []
           (def buffer @"")
           (def [fine from] (protect (dtls/recv-from udp 10 buffer)))
           (if fine (dtls/send-to udp from buffer))))
  (defer (dtls/close-server udp)
    (with [s (dtls/connect "127.0.0.1" (last (dtls/localname udp)) (merge trusting client))]
      (:write s "x")
      (is= @"x" (:read s 1)))))

(test ":client-ca-names that no handshake holds, or that are no certificates, raise"
  (fails-with ":client-ca-names: " (tls/new-context {:client-ca-names many-cas}))
  (fails-with "a handshake holds" (tls/new-context {:client-ca-names many-cas}))
  (fails-with ":client-ca-names: /no/such.pem: No such file"
    (tls/new-context {:client-ca-names "/no/such.pem"}))
  (fails-with "bad option :client-ca-names" (tls/new-context {:client-ca-names 1})))

# ---- virtual hosts ----

(def b (issue "b.example"))

(test "a virtual host given as options inherits the settings it lacks"
  (def strict {:verify true :ca (root :cert)})
  (with-server [port (merge leaf strict {:alpn ["h2"] :max-version :TLS1_2 :sni {"b.example" b}})]
    (def to-b {:hostname "b.example" :alpn ["h2"]})
    (is (refused? port to-b) "without a client's certificate")
    (def info (visit port client to-b))
    (is= ["h2" "TLSv1.2"] [(info :alpn) (info :version)])
    (is (refused? port client {:hostname "b.example" :alpn ["http/1.1"]}) "no protocol in common")))

(test "a virtual host's own settings replace the listener's, its identity and its CAs as a whole"
  (def stranger (cert/generate-self-signed-cert {:common-name "stranger" :key-type :ec-p256}))
  (with-server [port (merge leaf {:verify true :ca (root :cert) :alpn ["h2"]
                                  :sni {"b.example" (merge b {:verify false :alpn ["http/1.1"]})
                                        "a.example" {:trusted-cert (stranger :cert)}}})]
    (is= "http/1.1" ((visit port {:hostname "b.example" :alpn ["h2" "http/1.1"]}) :alpn))
    (is (visit port stranger {:alpn ["h2"]}) "the listener's certificate, the host's trust")
    (is (refused? port client {:alpn ["h2"]}) "the listener's CA is not the host's")))

(test "a virtual host of a DTLS server inherits likewise"
  (def opts (merge leaf {:verify true :ca (root :cert) :alpn ["coap"] :sni {"b.example" b}}))
  (def server (dtls/listen "127.0.0.1" 0 opts))
  (def to-b {:hostname "b.example" :alpn ["coap"]})
  (def port (last (dtls/localname server)))
  (ev/go (fn []
           (def buffer @"")
           (forever
             (def [fine from] (protect (dtls/recv-from server 10 buffer)))
             (if fine (protect (dtls/send-to server from buffer)) (break))
             (buffer/clear buffer))))
  (defn echoed [& opts]
    (with [s (dtls/connect "127.0.0.1" port (merge {:timeout 10} trusting to-b ;opts))]
      (:write s "x")
      [(:read s 1 @"" 5) ((:connection-info s) :alpn)]))
  (defer (dtls/close-server server)
    (is= [@"x" "coap"] (echoed client))
    (is (not (first (protect (echoed)))))))

(test "a virtual host given as a context inherits nothing"
  (with-server [port (merge leaf {:alpn ["h2"] :verify true :ca (root :cert)
                                  :sni {"b.example" (tls/new-context b)}})]
    (is= nil ((visit port {:hostname "b.example" :alpn ["h2"]}) :alpn))))

(test "an inherited pin counts"
  (def wrong (string "sha256//" (crypto/base64-encode (crypto/random-bytes 32))))
  (with-server [port (merge leaf {:verify true :ca (root :cert) :pins [wrong]
                                  :sni {"b.example" b}})]
    (is (refused? port client {:hostname "b.example" :max-version :TLS1_2}))))

# ---- texts ----

(test "a context shows its certificate's subject, or without a common name its first name"
  (defn shown [opts] (string (tls/new-context (issue nil opts))))
  (is (string/has-suffix? "certificate a.example" (shown {:san ["DNS:a.example" "DNS:b.example"]})))
  (is (string/has-suffix? "certificate a.example"
                          (shown {:san ["DNS:a.example"] :organization "Acme"})))
  (is (string/has-suffix? "certificate 192.0.2.1" (shown {:san ["IP:192.0.2.1"]})))
  (is (string/find "certificate CN=a.example" (string (tls/new-context leaf)))))

(test "a system without trusted CAs is named as such, with the places that were looked at"
  (with-server [port leaf]
    (def source
      (string/format (string "(import jsec/tls) (print (last (protect (tls/connect "
                             "\"127.0.0.1\" %j {:hostname \"a.example\" :timeout 5}))))")
                     port))
    (defn refusal [directory]
      (def places {"SSL_CERT_FILE" "/nonexistent/certs.pem" "SSL_CERT_DIR" directory})
      (def env (merge (os/environ) places {:out :pipe}))
      (with [p (os/spawn [(dyn *executable*) "-e" source] :pe env)]
        (def text (:read (p :out) :all))
        (:wait p)
        (string text)))
    (def text (refusal "/nonexistent/certs"))
    (is (string/find (string "this system has no trusted CAs, neither in the file "
                             "/nonexistent/certs.pem nor in the directory /nonexistent/certs")
                     text)
        text)
    # one that is hashed there, of another CA
    (spit (string dir "/0a1b2c3d.0") (other :cert))
    (is (string/find "certificate verify failed" (refusal (string "/nonexistent/certs:" dir))))))

(end)
