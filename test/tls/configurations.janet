# Configurations (openssl.cnf) that some distributions have: no legacy provider, no provider
# with algorithms, a security level of 3. What does not work says why, and at once: no timeout.
(import ../support/check :prefix "")
(import jsec/cert)

(def dir (tmpdir))

(defn- configuration [name lines]
  (def path (string dir "/" name ".cnf"))
  (spit path (string "openssl_conf=a\n[a]\n" lines "\n"))
  path)

(def providers "providers=p\n[p]\n")
(def files
  {:default-only (configuration "default-only" (string providers "default=d\n[d]\nactivate=1"))
   :null (configuration "null" (string providers "null=n\n[n]\nactivate=1"))
   :level-3 (configuration "level-3" (string "ssl_conf=b\n[b]\nsystem_default=c\n[c]\n"
                                             "CipherString=DEFAULT@SECLEVEL=3"))})

(defn- certificate [name &opt opts]
  (def pair (cert/generate-self-signed-cert (merge {:common-name "a.example"} (or opts {}))))
  (def [cert key] [(string dir "/" name ".pem") (string dir "/" name ".key")])
  (spit cert (pair :cert))
  (spit key (pair :key))
  {:cert cert :key key})

(def rsa-2048 (certificate "rsa" {:key-type :rsa :bits 2048}))
(def p256 (certificate "p256" {:key-type :ec-p256}))

# A server and a client in one process, and what became of each.
(def program `
  (import jsec/tls)
  (def opts (parse (get (dyn :args) 1)))
  (defn outcome [f] (try (do (f) "connected") ([e] e)))
  (def results @[])
  (def l (tls/listen "127.0.0.1" "0"))
  (def done (ev/chan 1))
  (ev/go (fn []
    (ev/give done (outcome |(tls/accept l (merge {:timeout 60} (opts :server)))))
    (:close l)))
  (def client (outcome |(tls/connect "127.0.0.1" (last (net/localname l))
                                     (merge {:timeout 60 :verify false} (opts :client)))))
  (print (ev/take done))
  (print client)
  (os/exit 0)`)

(spit (string dir "/pair.janet") program)

(defn- outcomes
  "What tls/accept and tls/connect came to under this configuration."
  [name server &opt client]
  (def env (merge (os/environ) {"OPENSSL_CONF" (files name) :out :pipe}))
  (def opts (string/format "%j" {:server server :client (or client {})}))
  (with [p (os/spawn [(dyn *executable*) (string dir "/pair.janet") opts] :pe env)]
    (def text (:read (p :out) :all))
    (:wait p)
    (string/split "\n" (string/trim (or text "")))))

(test "without the legacy provider TLS works"
  (is= ["connected" "connected"] (tuple ;(outcomes :default-only p256))))

(test "at security level 3 a key of P-256 works"
  (is= ["connected" "connected"] (tuple ;(outcomes :level-3 p256))))

(test "at security level 3 the error of a server with an RSA key of 2048 bits names the level"
  (def [accept] (outcomes :level-3 rsa-2048))
  (is (string/find (string ":cert: ee key too small: the security level (:security-level, or "
                           "openssl.cnf) asks for more bits") accept) accept))

(test "with the null provider the error names the provider"
  (def [accept connect] (outcomes :null p256))
  (each text [accept connect]
    (is (string/find "library has no ciphers: OpenSSL has no provider with ciphers" text) text)))

(test "a client of a higher level than the server's key gets an error on both sides"
  (def [accept connect] (outcomes :default-only p256 {:security-level 4}))
  (is (string/find "algorithm: the peer's signature algorithms or security level" accept) accept)
  (is (string/find "the peer found nothing in common with us" connect) connect))

(end)
