# ### dtls/new-context
(def ctx (dtls/new-context {:ca-file "ca.pem"}))
(with [c (dtls/connect "localhost" 5684 ctx)])
# ### dtls/connect
(with [c (dtls/connect "localhost" 5684 {:ca-file "ca.pem"})]
  (ev/write c "ping")
  (ev/read c 1500)) # => @"ping"
# ### dtls/read
(with [c (dtls/connect "localhost" 5684 {:ca-file "ca.pem"})]
  (dtls/write c "ping")
  (dtls/read c 1500)) # => @"ping"
# ### dtls/write
(with [c (dtls/connect "localhost" 5684 {:ca-file "ca.pem"})]
  (dtls/write c "ping")) # => 4
# ### dtls/close
(def c (dtls/connect "localhost" 5684 {:ca-file "ca.pem"}))
(dtls/close c)
# ### dtls/listen
(def server (dtls/listen "127.0.0.1" 0 {:cert "localhost.pem" :key "localhost.key"}))
(dtls/close-server server)
# ### dtls/recv-from
(def server (dtls/listen "127.0.0.1" 0 {:cert "localhost.pem" :key "localhost.key"}))
(dtls/recv-from server 1500 @"" 0.01) # => nil
(dtls/close-server server)
# ### dtls/send-to
(def server (dtls/listen "127.0.0.1" 0 {:cert "localhost.pem" :key "localhost.key"}))
(def [_ port] (dtls/localname server))
(def done (ev/chan 1))
(ev/go (fn [] (with [c (dtls/connect "localhost" port {:ca-file "ca.pem"})]
                (ev/write c "ping")
                (ev/give done (ev/read c 1500)))))
(def data @"")
(def peer (dtls/recv-from server 1500 data))
(dtls/send-to server peer data)
(ev/take done) # => @"ping"
(dtls/close-server server)
# ### dtls/close-server
(def server (dtls/listen "127.0.0.1" 0 {:cert "localhost.pem" :key "localhost.key"}))
(dtls/close-server server)
# ### dtls/localname
(def server (dtls/listen "127.0.0.1" 0 {:cert "localhost.pem" :key "localhost.key"}))
(first (dtls/localname server)) # => "127.0.0.1"
(dtls/close-server server)
# ### dtls/peers
(def server (dtls/listen "127.0.0.1" 0 {:cert "localhost.pem" :key "localhost.key"}))
(def [_ port] (dtls/localname server))
(def done (ev/chan 1))
(ev/go (fn [] (with [c (dtls/connect "localhost" port {:ca-file "ca.pem"})]
                (ev/write c "ping")
                (ev/give done (ev/read c 1500)))))
(def data @"")
(def peer (dtls/recv-from server 1500 data))
(length (dtls/peers server)) # => 1
(dtls/close-server server)
# ### dtls/close-peer
(def server (dtls/listen "127.0.0.1" 0 {:cert "localhost.pem" :key "localhost.key"}))
(def [_ port] (dtls/localname server))
(def done (ev/chan 1))
(ev/go (fn [] (with [c (dtls/connect "localhost" port {:ca-file "ca.pem"})]
                (ev/write c "ping")
                (ev/give done (ev/read c 1500)))))
(def data @"")
(def peer (dtls/recv-from server 1500 data))
(dtls/close-peer server peer) # => true
(dtls/close-server server)
# ### dtls/set-ticket-keys
(import jsec/crypto)
(def ctx (dtls/new-context {:cert "localhost.pem" :key "localhost.key"}))
(dtls/set-ticket-keys ctx [(crypto/random-bytes 80)])
# ### dtls/reload
(def ctx (dtls/new-context {:cert "localhost.pem" :key "localhost.key"}))
(dtls/reload ctx) # after new files were put in place
# ### dtls/rotate-ticket-keys
(import jsec/crypto)
(def ctx (dtls/new-context {:cert "localhost.pem" :key "localhost.key"}))
(def stop (dtls/rotate-ticket-keys ctx {:secret (crypto/random-bytes 32) :every 3600}))
(stop)
