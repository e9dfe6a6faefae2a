# Mutual TLS: client and server each have a certificate from a CA that the peer trusts, which
# identifies them.
(import jsec/cert)
(import jsec/tls)

(def ca (cert/generate-self-signed-cert {:common-name "Our CA" :key-type :ec-p256}))

(defn issue [name & options]
  (cert/issue-cert
    (merge {:issuer-cert (ca :cert) :issuer-key (ca :key) :common-name name :key-type :ec-p256}
           (table ;options))))

(def server (issue "localhost" :ext-key-usage [:server-auth]))
(def alice (issue "alice" :ext-key-usage [:client-auth] :san ["email:alice@a.example"]))

# Public CAs issue certificates for hosts, not for our clients: a verifying server needs a CA.
(def server-options {:cert (server :cert) :key (server :key) :verify true :ca-file (ca :cert)})

(defn greet [stream]
  (def {:subject who} (:peer-certificate stream :data))
  (:write stream (string "welcome, " (who :common-name)))
  (:close stream))

(defn visit [port what options]
  (def [fine answer]
    (protect (with [stream (tls/connect "localhost" port (merge {:ca-file (ca :cert)} options))]
               # with TLS 1.3 a client can begin before the server has verified its certificate:
               # a refusal comes with the read
               (:read stream 100))))
  (print what ": " (if fine answer (string "refused: " answer)))
  fine)

(with [listener (tls/listen "127.0.0.1" "0")]
  (def [_ port] (net/localname listener))
  (ev/go (fn []
           (tls/accept-loop listener server-options greet {:on-error |(print "  the server: " $)})))
  (assert (visit port "alice" alice))
  (assert (not (visit port "no certificate" {})))
  (def mallory
    (cert/generate-self-signed-cert {:common-name "alice" :organization "Example" :country "DE"
                                     :key-type :ec-p256}))
  (assert (not (visit port "a self-signed certificate" mallory)))
  (assert (not (visit port "the server's own certificate" server))))
