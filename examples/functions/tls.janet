# ### tls/new-context
(def ctx (tls/new-context {:ca-file "ca.pem"}))
(with [s (tls/connect "localhost" 8443 ctx)])
# ### tls/connect
(with [s (tls/connect "localhost" 8443 {:ca-file "ca.pem"})]
  (ev/write s "hello")
  (ev/read s 100)) # => @"hello"
# ### tls/listen
(def listener (tls/listen "127.0.0.1" 0 {:cert "localhost.pem" :key "localhost.key"}))
(ev/close listener)
# ### tls/listen-fds
(tls/listen-fds) # => @[]
# ### tls/accept
(def listener (tls/listen "127.0.0.1" 0))
(def [_ port] (net/localname listener))
(def own {:cert "localhost.pem" :key "localhost.key"})
(ev/go (fn [] (with [s (tls/accept listener own)] (ev/write s "hi"))))
(with [s (tls/connect "localhost" port {:ca-file "ca.pem"})]
  (ev/read s 2)) # => @"hi"
# ### tls/accept-loop
(def listener (tls/listen "127.0.0.1" 0))
(def [_ port] (net/localname listener))
(def own {:cert "localhost.pem" :key "localhost.key"})
(ev/go (fn [] (tls/accept-loop listener own (fn [s] (ev/write s "hi")))))
(with [s (tls/connect "localhost" port {:ca-file "ca.pem"})]
  (ev/read s 2)) # => @"hi"
(ev/close listener)
# ### tls/server
(def own {:cert "localhost.pem" :key "localhost.key"})
(def listener (tls/server "127.0.0.1" 0 (fn [s] (with [s s] (ev/write s "hi"))) own))
(def [_ port] (net/localname listener))
(with [s (tls/connect "localhost" port {:ca-file "ca.pem"})]
  (ev/read s 2)) # => @"hi"
(ev/close listener)
# ### tls/drain
(def own {:cert "localhost.pem" :key "localhost.key"})
(def listener (tls/server "127.0.0.1" 0 (fn [s] (with [s s] (ev/write s "hi"))) own))
(def [_ port] (net/localname listener))
(with [s (tls/connect "localhost" port {:ca-file "ca.pem"})]
  (ev/read s 2)) # => @"hi"
(tls/drain listener 10) # => 0
# ### tls/upgrade
(def plain (net/connect "127.0.0.1" 8443)) # here a protocol would agree on TLS
(with [s (tls/upgrade plain "localhost" {:ca-file "ca.pem"})]
  (ev/write s "x"))
# ### tls/wrap
(def plain (net/connect "127.0.0.1" 8443))
(with [s (tls/wrap plain "localhost" {:ca-file "ca.pem"})]
  (ev/write s "x"))
# ### tls/abort
(tls/abort (tls/connect "localhost" 8443 {:ca-file "ca.pem"}))
# ### tls/set-ticket-keys
(import jsec/crypto)
(def ctx (tls/new-context {:cert "localhost.pem" :key "localhost.key"}))
(tls/set-ticket-keys ctx [(crypto/random-bytes 80)])
# ### tls/reload
(def ctx (tls/new-context {:cert "localhost.pem" :key "localhost.key"}))
(tls/reload ctx) # after new files were put in place
# ### tls/rotate-ticket-keys
(import jsec/crypto)
(def ctx (tls/new-context {:cert "localhost.pem" :key "localhost.key"}))
(def stop (tls/rotate-ticket-keys ctx {:secret (crypto/random-bytes 32) :every 3600}))
(stop)
# ### tls/stats
(tls/stats (tls/new-context {:cert "localhost.pem" :key "localhost.key"}))
# ### tls/features
(truthy? (index-of "x25519" (map string/ascii-lower ((tls/features) :groups)))) # => true
# ### tls/with-options
(tls/with-options {:ca-file "ca.pem"}
  nil)
# ### tls/stream-factory
(def s (tls/stream-factory "localhost" 8443 {:ca-file "ca.pem"}))
