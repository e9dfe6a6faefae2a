# spork's http client, as it is, with tls/stream-factory; the server is spork's, over TLS.
(import ./over)
(import jsec/tls)

(defn- ask [request url & more]
  (def answer (request "GET" url ;more))
  (assert (= 200 (answer :status)))
  (assert (= "you asked for /page" (string (answer :body)))))

(defn check []
  (def serve (over/value (over/load "spork/http") 'server))
  (def request (over/value (require "spork/http") 'request))
  (defn answer [request] {:status 200 :body (string "you asked for " (request :path))})
  (with [listener (serve answer "127.0.0.1" "0")]
    (def address (string "localhost:" (over/port-of listener) "/page"))
    (def url (string (if over/tls? "https://" "http://") address))
    (if over/tls?
      (do
        (ask request url :stream-factory tls/stream-factory)
        (ask request url :stream-factory tls/stream-factory
             :stream-opts {:timeout 10})
        (ask request url :stream-factory tls/stream-factory :stream-opts {:scheme "https"}))
      (ask request url :stream-factory tls/stream-factory :stream-opts {:scheme "http"})))
  (if over/tls? "3 requests" "1 request"))
