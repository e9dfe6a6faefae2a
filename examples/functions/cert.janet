# ### cert/generate-self-signed-cert
(def {:cert cert :key key} (cert/generate-self-signed-cert {:san ["localhost"]}))
((cert/parse cert) :san) # => ["DNS:localhost"]
# ### cert/generate-self-signed-from-key
(import jsec/crypto)
(cert/generate-self-signed-from-key (crypto/generate-key :ed25519) {:common-name "me"})
# ### cert/issue-cert
(def ca (cert/generate-self-signed-cert {:common-name "My CA"}))
(def {:cert cert :key key}
  (cert/issue-cert {:issuer-cert (ca :cert) :issuer-key (ca :key) :san ["www.example.org"]}))
# ### cert/parse
((cert/parse (slurp "localhost.pem")) :key-type) # => :ec
# ### cert/verify-chain
((cert/verify-chain (slurp "localhost.pem") {:roots (slurp "ca.pem") :host "localhost"})
 :valid) # => true
# ### cert/issue-crl
(cert/issue-crl {:issuer-cert (slurp "ca.pem") :issuer-key (slurp "ca.key")
                 :revoked [(slurp "localhost.pem")]})
# ### cert/parse-crl
(def crl (cert/issue-crl {:issuer-cert (slurp "ca.pem") :issuer-key (slurp "ca.key")
                          :revoked [(slurp "localhost.pem")]}))
(length ((cert/parse-crl crl) :revoked)) # => 1
# ### cert/revoked?
(def crl (cert/issue-crl {:issuer-cert (slurp "ca.pem") :issuer-key (slurp "ca.key")
                          :revoked [(slurp "localhost.pem")]}))
(truthy? (cert/revoked? (slurp "localhost.pem") crl)) # => true
# ### cert/fetch-crl
(def ca (cert/generate-self-signed-cert {:common-name "My CA"}))
(def list (cert/issue-crl {:issuer-cert (ca :cert) :issuer-key (ca :key) :format :der}))
(def site (net/server "127.0.0.1" 0
            (fn [s]
              (ev/read s 4096)
              (ev/write s (string "HTTP/1.0 200 OK\r\n\r\n" list))
              (ev/close s))))
(def client
  (cert/issue-cert {:issuer-cert (ca :cert) :issuer-key (ca :key) :common-name "client"
                    :crl-urls (string/format "http://127.0.0.1:%d/ca.crl"
                                             ((net/localname site) 1))}))
(def crl (cert/fetch-crl (client :cert) {:issuer-cert (ca :cert)}))
(ev/close site)
(cert/revoked? (client :cert) crl {:issuer-cert (ca :cert)}) # => false
