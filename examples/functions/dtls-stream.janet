# ### dtls-stream/handshake
(import jsec/dtls)
(with [c (dtls/connect "localhost" 5684 {:ca-file "ca.pem" :handshake false})]
  (dtls-stream/handshake c 5))
# ### dtls-stream/chunk
(import jsec/dtls)
(with [c (dtls/connect "localhost" 5684 {:ca-file "ca.pem"})]
  (ev/write c "ping")
  (dtls-stream/chunk c 4)) # => @"ping"
# ### dtls-stream/shutdown
(import jsec/dtls)
(with [c (dtls/connect "localhost" 5684 {:ca-file "ca.pem"})]
  (dtls-stream/shutdown c))
# ### dtls-stream/trust-cert
(import jsec/dtls)
(def ctx (dtls/new-context))
(dtls-stream/trust-cert ctx (slurp "localhost.pem"))
(with [c (dtls/connect "localhost" 5684 ctx)])
# ### dtls-stream/upgrade
(import jsec/dtls)
(def plain (net/connect "127.0.0.1" 5684 :datagram))
(with [c (dtls-stream/upgrade plain {:ca-file "ca.pem"})]
  (ev/write c "ping")
  (ev/read c 1500)) # => @"ping"
# ### dtls-stream/address
(def peer (dtls-stream/address "127.0.0.1" 5684))
# ### dtls-stream/address-host
(dtls-stream/address-host (dtls-stream/address "127.0.0.1" 53)) # => "127.0.0.1"
# ### dtls-stream/address-port
(dtls-stream/address-port (dtls-stream/address "127.0.0.1" 53)) # => 53
# ### dtls-stream/address?
(dtls-stream/address? ["127.0.0.1" 53]) # => false
# ### dtls-stream/connection-info
(import jsec/dtls)
(with [c (dtls/connect "localhost" 5684 {:ca-file "ca.pem"})]
  ((dtls-stream/connection-info c) :server-name)) # => "localhost"
# ### dtls-stream/version
(import jsec/dtls)
(with [c (dtls/connect "localhost" 5684 {:ca-file "ca.pem"})]
  (dtls-stream/version c)) # => "DTLSv1.2"
# ### dtls-stream/cipher
(import jsec/dtls)
(with [c (dtls/connect "localhost" 5684 {:ca-file "ca.pem"})]
  (dtls-stream/cipher c))
# ### dtls-stream/cipher-bits
(import jsec/dtls)
(with [c (dtls/connect "localhost" 5684 {:ca-file "ca.pem"})]
  (dtls-stream/cipher-bits c)) # => 256
# ### dtls-stream/handshake-time
(import jsec/dtls)
(with [c (dtls/connect "localhost" 5684 {:ca-file "ca.pem"})]
  (dtls-stream/handshake-time c)) # => nil
# ### dtls-stream/peername
(import jsec/dtls)
(with [c (dtls/connect "localhost" 5684 {:ca-file "ca.pem"})]
  (first (dtls-stream/peername c))) # => "127.0.0.1"
# ### dtls-stream/peer-certificate
(import jsec/dtls)
(with [c (dtls/connect "localhost" 5684 {:ca-file "ca.pem"})]
  ((dtls-stream/peer-certificate c :data) :subject-text))
# ### dtls-stream/peer-chain
(import jsec/dtls)
(with [c (dtls/connect "localhost" 5684 {:ca-file "ca.pem"})]
  (dtls-stream/peer-chain c))
# ### dtls-stream/verify-result
(import jsec/dtls)
(with [c (dtls/connect "localhost" 5684 {:ca-file "ca.pem"})]
  ((dtls-stream/verify-result c) :ok)) # => true
# ### dtls-stream/get-session
(import jsec/dtls)
(with [c (dtls/connect "localhost" 5684 {:ca-file "ca.pem"})]
  (def session (dtls-stream/get-session c)))
# ### dtls-stream/session-reused?
(import jsec/dtls)
(with [c (dtls/connect "localhost" 5684 {:ca-file "ca.pem"})]
  (dtls-stream/session-reused? c)) # => false
# ### dtls-stream/set-session
(import jsec/dtls)
(def session
  (with [c (dtls/connect "localhost" 5684 {:ca-file "ca.pem"})]
    (dtls-stream/get-session c)))
(with [c (dtls/connect "localhost" 5684 {:ca-file "ca.pem" :handshake false})]
  (dtls-stream/set-session c session)
  (dtls-stream/handshake c))
