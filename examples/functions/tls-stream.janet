# ### tls-stream/handshake
(import jsec/tls)
(with [s (tls/connect "localhost" 8443 {:ca-file "ca.pem" :handshake false})]
  (tls-stream/handshake s 5))
# ### tls-stream/shutdown
(import jsec/tls)
(with [s (tls/connect "localhost" 8443 {:ca-file "ca.pem"})]
  (ev/write s "all")
  (tls-stream/shutdown s :w)
  (ev/read s :all)) # => @"all"
# ### tls-stream/trust-cert
(import jsec/tls)
(def ctx (tls/new-context))
(tls-stream/trust-cert ctx (slurp "localhost.pem"))
(with [s (tls/connect "localhost" 8443 ctx)])
# ### tls-stream/connection-info
(import jsec/tls)
(with [s (tls/connect "localhost" 8443 {:ca-file "ca.pem"})]
  ((tls-stream/connection-info s) :server-name)) # => "localhost"
# ### tls-stream/version
(import jsec/tls)
(with [s (tls/connect "localhost" 8443 {:ca-file "ca.pem"})]
  (tls-stream/version s)) # => "TLSv1.3"
# ### tls-stream/cipher
(import jsec/tls)
(with [s (tls/connect "localhost" 8443 {:ca-file "ca.pem"})]
  (tls-stream/cipher s))
# ### tls-stream/cipher-bits
(import jsec/tls)
(with [s (tls/connect "localhost" 8443 {:ca-file "ca.pem"})]
  (tls-stream/cipher-bits s)) # => 256
# ### tls-stream/peer-certificate
(import jsec/tls)
(with [s (tls/connect "localhost" 8443 {:ca-file "ca.pem"})]
  ((tls-stream/peer-certificate s :data) :subject-text))
# ### tls-stream/peer-chain
(import jsec/tls)
(with [s (tls/connect "localhost" 8443 {:ca-file "ca.pem"})]
  (tls-stream/peer-chain s))
# ### tls-stream/verify-result
(import jsec/tls)
(with [s (tls/connect "localhost" 8443 {:ca-file "ca.pem"})]
  ((tls-stream/verify-result s) :ok)) # => true
# ### tls-stream/session-reused?
(import jsec/tls)
(with [s (tls/connect "localhost" 8443 {:ca-file "ca.pem"})]
  (tls-stream/session-reused? s)) # => false
# ### tls-stream/key-update
(import jsec/tls)
(with [s (tls/connect "localhost" 8443 {:ca-file "ca.pem"})]
  (tls-stream/key-update s))
# ### tls-stream/handshake-time
(import jsec/tls)
(with [s (tls/connect "localhost" 8443 {:ca-file "ca.pem" :handshake-timing true})]
  (number? (tls-stream/handshake-time s))) # => true
# ### tls-stream/get-session
(import jsec/tls)
(with [s (tls/connect "localhost" 8443 {:ca-file "ca.pem"})]
  (ev/write s "x")
  (ev/read s 1)
  (def session (tls-stream/get-session s)))
# ### tls-stream/set-session
(import jsec/tls)
(def session
  (with [s (tls/connect "localhost" 8443 {:ca-file "ca.pem"})]
    (ev/write s "x")
    (ev/read s 1)
    (tls-stream/get-session s)))
(with [s (tls/connect "localhost" 8443 {:ca-file "ca.pem" :handshake false})]
  (tls-stream/set-session s session)
  (tls-stream/handshake s)
  (tls-stream/session-reused? s)) # => true
# ### tls-stream/request-certificate
(import jsec/cert)
(import jsec/tls)
(def alice
  (cert/issue-cert {:issuer-cert "ca.pem" :issuer-key "ca.key" :common-name "alice"
                    :ext-key-usage [:client-auth]}))
(def listener
  (tls/listen "127.0.0.1" 0 {:cert "localhost.pem" :key "localhost.key" :ca-file "ca.pem"}))
(ev/go (fn []
         (with [s (tls/connect "localhost" ((net/localname listener) 1)
                               (merge alice {:ca-file "ca.pem" :post-handshake-auth true}))]
           (ev/read s 1))))
(with [s (tls/accept listener)]
  (tls-stream/request-certificate s)
  ((tls-stream/peer-certificate s :data) :subject-text)) # => "CN=alice"
# ### tls-stream/renegotiate
(import jsec/tls)
(with [s (tls/connect "localhost" 8443 {:ca-file "ca.pem" :max-version :TLS1_2})]
  (protect (tls-stream/renegotiate s)))
# ### tls-stream/set-ocsp-response
(import jsec/tls)
(def ctx (tls/new-context {:cert "localhost.pem" :key "localhost.key"}))
(tls-stream/set-ocsp-response ctx nil)
# ### tls-stream/core-stream
(import jsec/tls)
(def s (tls/connect "localhost" 8443 {:ca-file "ca.pem"}))
(with [io (tls-stream/core-stream s)]
  (ev/write io "x")
  (ev/read io 1)) # => @"x"
