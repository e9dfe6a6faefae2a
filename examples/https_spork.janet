# HTTPS with spork's http: the client uses tls/connect for its connections, the server passes its
# handler to accept-loop. Without spork the example does nothing.
#   janet examples/https_spork.janet                       client and server in one
#   janet examples/https_spork.janet https://example.org/  gets that page
(import jsec/cert)
(import jsec/tls)

(unless (first (protect (import* "spork/http" :as "http")))
  (print "spork is not installed: janet-pm install spork, or jpm install spork")
  (os/exit 0))

(defn get-page
  "The status and body of an https:// page; `options` are those of tls/connect."
  [url options]
  (def answer (http/request "GET" url :stream-factory tls/connect :stream-opts options))
  [(answer :status) (answer :body)])

# ---- a server ----

(defn page [request]
  {:status 200 :headers {"Content-Type" "text/plain"}
   :body (string "you asked for " (request :path) ", over TLS\n")})

(defn serve [listener options]
  # spork's handler closes the connection
  (tls/accept-loop listener options (fn [stream] (http/server-handler stream page))))

(defn demonstrate []
  (def own (cert/generate-self-signed-cert {:common-name "localhost" :key-type :ec-p256}))
  (def listener (tls/listen "127.0.0.1" "0"))
  (ev/go (fn [] (serve listener own)))
  (def port (get (net/localname listener) 1))
  (def [status body]
    (get-page (string "https://localhost:" port "/hello") {:trusted-cert (own :cert)}))
  (prin status " " body)
  (def [fine why] (protect (get-page (string "https://localhost:" port "/hello") {})))
  (assert (not fine))
  (print "without trust in its certificate: " why)
  (ev/close listener))

(defn main [_ &opt url]
  (if url
    (let [[status body] (get-page url {})] (print status "\n" body))
    (demonstrate)))
