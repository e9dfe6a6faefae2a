# Policies: the versions, cipher suites, groups, certificates and keys that a service accepts, and
# the errors of peers that don't comply.
(import jsec/cert)
(import jsec/tls)

(def own (cert/generate-self-signed-cert {:common-name "localhost" :key-type :ec-p256}))

(def policy
  {:min-version :TLS1_2
   :ciphers "ECDHE+AESGCM:ECDHE+CHACHA20" # of TLS 1.2: forward secrecy and AEAD only
   :ciphersuites "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256" # of TLS 1.3
   :curves "X25519:prime256v1"})

(def listener (tls/listen "127.0.0.1" "0"))
(def [_ port] (net/localname listener))
(ev/go (fn []
         (tls/accept-loop listener {:cert (own :cert) :key (own :key) :security policy
                                    :alpn ["h2" "http/1.1"]}
                          (fn [stream] (:read stream 1) (:close stream))
                          {:on-error |(print "    the server: " $)})))

(defn attempt [what options]
  (def [fine result]
    (protect
      (with [stream (tls/connect "localhost" port (merge {:trusted-cert (own :cert)} options))]
        (:connection-info stream))))
  (print what ": " (if fine (string (result :version) ", " (result :cipher)) "refused"))
  (unless fine (print "    the client: " result))
  fine)

(assert (attempt "anything modern" {}))
(assert (attempt "TLS 1.2 with AES-GCM"
                 {:security {:max-version :TLS1_2 :ciphers "ECDHE-ECDSA-AES256-GCM-SHA384"}}))
(assert (not (attempt "TLS 1.2 with CBC"
                      {:security {:max-version :TLS1_2 :ciphers "ECDHE-ECDSA-AES256-SHA384"}})))
(assert (not (attempt "another group" {:security {:curves "secp384r1"}})))
(assert (not (attempt "a protocol that we don't speak" {:alpn ["spdy/3"]})))
(ev/close listener)

# An impossible policy raises when the context is made, not at the first connection.
(defn impossible [security]
  (def [fine why] (protect (tls/new-context {:security security})))
  (assert (not fine))
  (print "no policy: " why))

(impossible {:min-version :TLS1_3 :max-version :TLS1_2})
(impossible {:ciphers "SOMETHING-STRONG"})
(impossible {:min-versoin :TLS1_3})
