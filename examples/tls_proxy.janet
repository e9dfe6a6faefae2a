# A TLS-terminating proxy: TLS with clients, plain TCP with the server behind it, both directions at
# once.
#   janet examples/tls_proxy.janet                                  client, proxy and server in one
#   janet examples/tls_proxy.janet 0.0.0.0 8443 cert.pem key.pem localhost 8080   in front of that
(import jsec/cert)
(import jsec/tls)

(defn forward
  ``Carry bytes from one stream to the other. The end goes along, and leaves the other direction
  open.``
  [from to]
  (def chunk @"")
  (while (ev/read from 65536 (buffer/clear chunk)) (ev/write to chunk))
  (:shutdown to :w))

(defn between
  "Carry bytes both ways until both have ended. When one direction breaks, so does the other."
  [client server]
  (def ended (ev/chan 2))
  (each [from to] [[client server] [server client]] (ev/go (fn [] (forward from to)) nil ended))
  (repeat 2
    (def [outcome fiber] (ev/take ended))
    (if (= :error outcome) (error (fiber/last-value fiber)))))

(defn pass
  "Serve a client by the server. A failure of either is one for the other, at once."
  [client host port]
  (def server (net/connect host port))
  (edefer (each s [client server] (tls/abort s))
    (between client server)
    (ev/close server)))

(defn handler-for [host port]
  (fn [client]
    (def [fine why] (protect (pass client host port) (ev/close client)))
    (unless fine
      (tls/abort client)
      (eprint "a connection broke off: " why))))

(defn serve [listener options host port]
  (tls/accept-loop listener options (handler-for host port)
                   {:max-connections 1000 :handshake-timeout 10 :on-error |(eprint "client: " $)}))

(defn demonstrate []
  (def own (cert/generate-self-signed-cert {:common-name "localhost" :key-type :ec-p256}))
  (def behind (net/listen "127.0.0.1" "0"))
  (ev/go (fn []
           (net/accept-loop behind
                            (fn [s]
                              (ev/write s (string/ascii-upper (ev/read s :all)))
                              (ev/close s)))))
  (def front (tls/listen "127.0.0.1" "0"))
  (ev/go (fn [] (serve front own "127.0.0.1" (get (net/localname behind) 1))))
  (with [s (tls/connect "localhost" (get (net/localname front) 1) {:trusted-cert (own :cert)})]
    (ev/write s "a request over tls, answered by a server that has none\n")
    (:shutdown s :w)
    (prin (ev/read s :all)))
  (ev/close front)
  (ev/close behind))

(defn main [_ & arguments]
  (if-let [[host port cert key to to-port] (if (= 6 (length arguments)) arguments)]
    (serve (tls/listen host port) {:cert cert :key key} to to-port)
    (demonstrate)))
