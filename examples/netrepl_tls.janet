# spork's netrepl over TLS: a REPL in a running program, for clients with a certificate of our CA
# only. Without spork the example does nothing.
#   janet examples/netrepl_tls.janet serve 9365 ca.pem server.pem server.key
#   janet examples/netrepl_tls.janet connect localhost 9365 ca.pem client.pem client.key
#   janet examples/netrepl_tls.janet                 server and client in one
(import jsec/cert)
(import jsec/tls)

(unless (first (protect (do (tls/import spork/netrepl) (import* "spork/msg" :as "msg"))))
  (print "spork is not installed: janet-pm install spork, or jpm install spork")
  (os/exit 0))

# A REPL can do all that its program can: it must know its clients.
(defn serve [port ca cert key]
  (tls/with-options {:cert cert :key key :ca-file ca :verify true}
    (netrepl/server "127.0.0.1" port)))

(defn connect [host port ca cert key]
  (tls/with-options {:cert cert :key key :ca-file ca}
    (netrepl/client host port "operator")))

(defn demonstrate []
  (def ca (cert/generate-self-signed-cert {:common-name "Our CA" :key-type :ec-p256}))
  (defn issue [name usage san]
    (cert/issue-cert {:issuer-cert (ca :cert) :issuer-key (ca :key) :common-name name
                      :key-type :ec-p256 :ext-key-usage [usage] :san [san]}))
  (def own (issue "localhost" :server-auth "DNS:localhost"))
  (def server (serve 0 (ca :cert) (own :cert) (own :key)))
  (def port ((net/localname server) 1))
  # a client that needs no terminal: netrepl's protocol by hand
  (def operator (issue "operator" :client-auth "email:operator@a.example"))
  (with [stream (tls/connect "localhost" port (merge operator {:ca-file (ca :cert)}))]
    (def [send recv] (msg/make-proto stream))
    (send "operator")
    (print "the server evaluates (+ 1 2) for us:")
    (recv) # the prompt
    (send "(+ 1 2)\n")
    (print "  " (string/trim (recv))))
  (def [fine why]
    (protect (with [stream (tls/connect "localhost" port {:ca-file (ca :cert)})]
               (:read stream 1))))
  (assert (not fine))
  (print "without a certificate: " why)
  (ev/close server))

(defn main [_ & words]
  (case (first words)
    "serve" (serve ;(drop 1 words))
    "connect" (connect ;(drop 1 words))
    (demonstrate)))
