# A server whose private key lives in another process: a signing service, as a key management
# service (KMS), an HSM or an agent is. The server asks it over HTTP for each handshake.
(import jsec/cert)
(import jsec/crypto)
(import jsec/tls)

(def made (cert/generate-self-signed-cert {:common-name "localhost" :san ["DNS:localhost"]}))

# ---- the signing service: only this part has the key ----

(defn- serve-signatures [s]
  (with [_ s]
    (def [padding algorithm digest]
      (peg/match '(* "GET /" '(to "/") "/" '(to "/") "/" '(to " ")) (ev/read s 1024)))
    (def signature
      (crypto/sign (made :key) (crypto/hex-decode digest)
                   {:prehashed true :digest (keyword algorithm) :padding (keyword padding)}))
    (ev/write s (string "HTTP/1.0 200 OK\r\n\r\n" (crypto/base64-encode signature)))))

(def service (net/listen "127.0.0.1" 0))
(ev/go (fn [] (net/accept-loop service serve-signatures)))

# ---- the server: it has the certificate only ----

(defn sign
  "Called in each handshake. The handshake waits, other connections go on."
  [{:digest digest :algorithm algorithm :padding padding}]
  (def [host port] (net/localname service))
  (with [s (net/connect host (string port))]
    (ev/write s (string/format "GET /%s/%s/%s HTTP/1.0\r\n\r\n" padding algorithm
                               (crypto/hex-encode digest)))
    (def response (ev/read s :all))
    (crypto/base64-decode (last (string/split "\r\n\r\n" response)))))

(def listener (tls/listen "127.0.0.1" 0))
(ev/go (fn []
         (tls/accept-loop listener {:cert (made :cert) :signer {:sign sign}}
                          (fn [s]
                            (ev/write s "hello, signed elsewhere\n")
                            (ev/close s))
                          {:on-error eprint})))

(each version [:TLS1_2 :TLS1_3]
  (with [s (tls/connect "localhost" (in (net/localname listener) 1)
                        {:trusted-cert (made :cert) :max-version version})]
    (prin (:version s) ": " (ev/read s :all))))
(:close listener)
(:close service)
