# An HTTPS server with spork's http that keeps connections alive: a client makes one handshake for
# many requests. Without spork the example does nothing.
#   janet examples/https_server.janet 8443 cert.pem key.pem   serves that port
#   janet examples/https_server.janet                         serves a client of its own
(import jsec/cert)
(import jsec/tls)

(unless (first (protect (import* "spork/http" :as "http")))
  (print "spork is not installed: janet-pm install spork, or jpm install spork")
  (os/exit 0))

(def idle "Seconds that a connection may wait for its next request." 30)

(defn page [request]
  (case (request :route)
    "/" {:status 200 :headers {"Content-Type" "text/plain"} :body "hello, over TLS\n"}
    "/echo" {:status 200 :body (or (request :body) "")}
    {:status 404 :body "no such page\n"}))

(defn next-request
  "The next request of a connection, or :error at its end."
  [stream buf]
  (try (ev/with-deadline idle (http/read-request stream buf))
    ([why] (if (= why "deadline expired") :error (error why)))))

(defn answer
  "Answer one request. Is there to be another?"
  [stream buf]
  (def request (next-request stream buf))
  (if (= :error request)
    (do (unless (empty? buf) (http/send-response stream {:status 400})) false)
    (do
      (if (http/read-body request) (set (request :body) (string (request :body))))
      (if (request :body) (buffer/clear buf)) # the body was read into it
      (http/send-response stream (page request))
      (not= "close" (string/ascii-lower (get-in request [:headers "connection"] ""))))))

(defn handle [stream]
  (def buf @"")
  (while (answer stream buf))
  (ev/close stream))

(defn serve
  ``Serve a listener. Many clients end without close_notify, and HTTP marks the end of its messages:
  a truncation between two requests is an end.``
  [listener own]
  (tls/accept-loop listener (merge own {:alpn ["http/1.1"] :truncation :eof}) handle
                   {:max-connections 1000 :on-error |(eprint "client: " $)}))

# ---- a client of its own ----

(defn ask [stream path body]
  (:write stream (string "POST " path " HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
                         (length body) "\r\n\r\n" body))
  (string (http/read-body (http/read-response stream @""))))

(defn demonstrate []
  (def own (cert/generate-self-signed-cert {:common-name "localhost" :key-type :ec-p256}))
  (def listener (tls/listen "127.0.0.1" 0))
  (ev/go (fn [] (serve listener own)))
  (def port ((net/localname listener) 1))
  (with [stream (tls/connect "localhost" port {:trusted-cert (own :cert)})]
    (prin (ask stream "/" ""))
    (each word ["one" "two" "three"]
      (assert (= word (ask stream "/echo" word)))
      (print word ", on the same connection")))
  (ev/close listener))

(defn main [_ &opt port cert key]
  (if port
    (serve (tls/listen "0.0.0.0" port) {:cert cert :key key})
    (demonstrate)))
