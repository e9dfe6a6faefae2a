# TLS 1.3 against quantum computers: ML-DSA certificates on both sides, and groups with ML-KEM.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "" :only [run-on])
(import jsec/tls)
(import jsec/cert)
(import jsec/crypto)

(def offered (first (protect (crypto/generate-key :ml-dsa-44))))

(defmacro fact [text & body]
  ~(if offered (test ,text ,;body) (skip ,text "this OpenSSL is older than 3.5")))

(defn- make-identities
  "A CA with a key of this kind, and certificates that it issued for keys of it."
  [kind]
  (def ca-key (crypto/generate-key kind))
  (def ca (cert/generate-self-signed-from-key ca-key {:common-name "CA" :ca true}))
  (defn issue [name]
    (cert/issue-cert {:issuer-cert ca :issuer-key ca-key :key-type kind :san [name]}))
  {:ca ca :server (issue "localhost") :client (issue "client.example")})

(defn- info-of
  "What client and server say of their connection."
  [options client-options server-options]
  (run-on :tls13 (fn [client server] [(:connection-info client) (:connection-info server)])
          (merge options client-options) (merge options server-options)))

(fact "servers and clients verify each other by ML-DSA certificates"
  (each kind [:ml-dsa-44 :ml-dsa-65 :ml-dsa-87]
    (def {:ca ca :server server :client client} (make-identities kind))
    (def [seen-by-client seen-by-server]
      (info-of {} {:trusted-cert ca :cert (client :cert) :key (client :key)}
               {:cert (server :cert) :key (server :key) :verify true :ca ca}))
    (each info [seen-by-client seen-by-server]
      (is= true (get-in info [:verify-result :ok]))
      (is= kind (get-in info [:peer-certificate :key-type]))
      (is (string/has-suffix? (string kind) (info :signature-algorithm))))))

(fact "a client that trusts another CA of the same kind refuses the server"
  (def {:server server} (make-identities :ml-dsa-44))
  (def {:ca other} (make-identities :ml-dsa-44))
  (fails-with "certificate verify failed"
              (info-of {} {:trusted-cert other} {:cert (server :cert) :key (server :key)})))

(fact "a key object of ML-DSA serves"
  (def {:ca ca :server server} (make-identities :ml-dsa-44))
  (def [info] (info-of {} {:trusted-cert ca}
                       {:cert (server :cert) :key (crypto/key (server :key))}))
  (is= true (get-in info [:verify-result :ok])))

(fact "each hybrid group is agreed on by name, and the first choice is one"
  (each group ["X25519MLKEM768" "SecP256r1MLKEM768" "SecP384r1MLKEM1024"]
    (each info (info-of {:curves group} {} {}) (is= group (info :group))))
  (each info (info-of {} {} {}) (is= "X25519MLKEM768" (info :group))))

(fact "keys that TLS has no signatures for are refused, and named"
  (each kind [:slh-dsa-sha2-128f :ml-kem-768]
    (def ca-key (crypto/generate-key :p256))
    (def ca (cert/generate-self-signed-from-key ca-key {:common-name "CA" :ca true}))
    (def {:cert cert} (cert/issue-cert {:issuer-cert ca :issuer-key ca-key :san ["localhost"]
                                        :key (crypto/generate-key kind)}))
    (fails-with "TLS has no signatures with keys of this kind"
                (tls/new-context {:cert cert :key (crypto/generate-key kind)}))))

(end)
