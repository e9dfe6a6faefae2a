# spork's rpc over TLS, with certificates for both sides. It knows nothing of TLS: tls/import loads
# it so that its connections are TLS. Without spork the example does nothing.
#   janet examples/rpc_tls.janet
(import jsec/cert)
(import jsec/tls)

(def ca (cert/generate-self-signed-cert {:common-name "Our CA" :key-type :ec-p256}))

(defn issue [name usage & san]
  (cert/issue-cert {:issuer-cert (ca :cert) :issuer-key (ca :key) :common-name name
                    :key-type :ec-p256 :ext-key-usage [usage] :san san}))

# Each side shows a certificate of our CA, and requires one.
(def options
  {:ca-file (ca :cert)
   :server (merge (issue "server" :server-auth "IP:127.0.0.1")
                  {:ca-file (ca :cert) :verify true})
   :client (merge (issue "alice" :client-auth "email:alice@a.example")
                  {:ca-file (ca :cert)})})

(unless (first (protect (tls/import spork/rpc :options options)))
  (print "spork is not installed: janet-pm install spork, or jpm install spork")
  (os/exit 0))

(def functions
  {:add (fn [_ & numbers] (sum numbers))
   :fail (fn [_] (error "an error of the server"))})

(def server (rpc/server functions "127.0.0.1" 0))
(def port ((net/localname server) 1))

(def client (rpc/client "127.0.0.1" port "alice"))
(print "1 + 2 + 3 = " (:add client 1 2 3))
(print "errors come along: " (last (protect (:fail client))))
(:close client)

# A client without a certificate gets nothing.
(tls/with-options {:ca-file (ca :cert)}
  (def [fine why] (protect (rpc/client "127.0.0.1" port "mallory")))
  (assert (not fine))
  (print "without a certificate: " why))

(:close server)
