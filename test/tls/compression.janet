# Compressed certificates in TLS 1.3 (RFC 8879), where OpenSSL has them.
(import ../support/check :prefix "")
(import ../support/peers :prefix "" :only [with-child feed exit-status])
(import jsec/cert)
(import jsec/tls)

(def cert (cert/generate-self-signed-cert
            {:common-name "localhost" :key-type :rsa
             :san (seq [i :range [0 20]] (string "DNS:host-" i ".compressible.example"))}))
(def identity {:cert (cert :cert) :key (cert :key)})
(def available (not (empty? ((tls/features) :certificate-compression))))

(defmacro- with-server [[port opts] & body]
  (with-syms [listener]
    ~(with [,listener (tls/listen "127.0.0.1" 0)]
       (def ,port (in (net/localname ,listener) 1))
       (ev/go (fn [] (tls/accept-loop ,listener ,opts (fn [s] (with [_ s] (:write s "hello"))))))
       ,;body)))

(defn- greeting [port opts]
  (with [s (tls/connect "127.0.0.1" port
                        (merge {:trusted-cert (cert :cert)
                                :verify-hostname "host-1.compressible.example"} opts))]
    (string (:read s :all))))

(defn- messages
  "The names of the messages that s_client receives."
  [port]
  (with-child [c "openssl" "s_client" "-connect" (string "127.0.0.1:" port) "-msg"]
    (feed c "")
    (exit-status c)
    (string (c :out))))

(test "peers agree whether each of them compresses certificates or not"
  (each server [{} {:certificate-compression true} {:certificate-compression false}]
    (with-server [port (merge identity server)]
      (each client [{} {:certificate-compression false} {:max-version :TLS1_2}]
        (is= "hello" (greeting port client))))))

(peer-test "openssl" "a server compresses by default where OpenSSL can, and not with false"
  (defn compresses? [opts]
    (with-server [port (merge identity opts)]
      (truthy? (string/find "CompressedCertificate" (messages port)))))
  (is= available (compresses? {}))
  (is= available (compresses? {:certificate-compression true}))
  (is= false (compresses? {:certificate-compression false})))

(peer-test "openssl" "a virtual host compresses its certificate"
  (with-server [port {:sni {:default identity}}]
    (is= available (truthy? (string/find "CompressedCertificate" (messages port))))))

(end)
