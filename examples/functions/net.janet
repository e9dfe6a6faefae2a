# ### net/connect
(import jsec/net)
(import jsec/tls)
(tls/with-options {:ca-file "ca.pem"}
  (with [s (net/connect "localhost" 8443)]))
# ### net/listen
(import jsec/net)
(import jsec/tls)
(tls/with-options {:cert "localhost.pem" :key "localhost.key"}
  (ev/close (net/listen "127.0.0.1" 0)))
