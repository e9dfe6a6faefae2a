# An echo server for many clients at once, with one context for all of them.
#   janet examples/echo_server.janet 4433      serves that port
# Without a port it serves a few clients of its own.
(import jsec/cert)
(import jsec/tls)

# Written for streams of net/connect: TLS streams work the same way.
(defn echo [stream]
  (def chunk @"")
  (while (ev/read stream 4096 (buffer/clear chunk))
    (ev/write stream chunk))
  (ev/close stream))

(def own (cert/generate-self-signed-cert {:common-name "localhost" :key-type :ec-p256}))
(def context (tls/new-context {:cert (own :cert) :key (own :key)}))

(defn serve
  "Serve until the listener is closed. A client that fails is reported and harms no other."
  [listener]
  (tls/accept-loop listener context echo {:handshake-timeout 10 :on-error |(eprint "client: " $)}))

(defn ask [port n]
  (with [stream (tls/connect "localhost" port {:trusted-cert (own :cert)})]
    (ev/write stream (string "hello from client " n))
    (print "client " n " got back: " (ev/read stream 4096))))

(defn main [_ &opt port]
  (def listener (tls/listen "127.0.0.1" (or port "0")))
  (def [host port-taken] (net/localname listener))
  (print "serving " host " port " port-taken)
  (if port
    (serve listener)
    (defer (ev/close listener)
      (ev/go (fn [] (serve listener)))
      (def done (ev/chan))
      (for n 1 4 (ev/go (fn [] (ask port-taken n)) nil done))
      (repeat 3 (ev/take done)))))
