# DTLS, which is TLS for datagrams: a server that echoes to any number of peers over one UDP socket,
# and its clients.
#   janet examples/dtls_echo.janet                       server and clients in one
#   janet examples/dtls_echo.janet serve 127.0.0.1 5684  the server alone
#   janet examples/dtls_echo.janet 127.0.0.1 5684        a client, which sends its input
(import jsec/cert)
(import jsec/dtls)

(defn echo
  ``Serve until the server is closed. Handshakes are made on the side: what comes out of recv-from
  is what a peer wrote.``
  [server]
  (def buffer @"")
  (while (def peer (dtls/recv-from server 65536 (buffer/clear buffer)))
    # an address is a value: keep it, use it as a key, send to it at any time
    (dtls/send-to server peer buffer)))

(defn identity []
  (cert/generate-self-signed-cert {:common-name "localhost" :san ["DNS:localhost" "IP:127.0.0.1"]
                                   :key-type :ec-p256}))

(defn demonstrate []
  (def made (identity))
  (with [server (dtls/listen "127.0.0.1" 0 (merge made {:session-timeout 60}))]
    (def [host port] (dtls/localname server))
    (ev/go (fn [] (echo server)))
    (def done (ev/chan))
    (for i 0 3
      (ev/go
        (fn []
          (with [client (dtls/connect host port {:trusted-cert (made :cert)})]
            # a write sends a datagram, a read returns one; datagrams may get lost, as with UDP, so
            # give a read a timeout
            (ev/write client (string "datagram of client " i))
            (print (try (ev/read client 1500 nil 5) ([err] (string "lost: " err)))))
          (ev/give done i))))
    (repeat 3 (ev/take done))))

(defn serve [host port]
  (def made (identity))
  (spit "dtls_echo.pem" (made :cert))
  (with [server (dtls/listen host port (merge made {:on-error print}))]
    (printf "serving at %s port %d; clients trust dtls_echo.pem" ;(dtls/localname server))
    (echo server)))

(defn talk [host port]
  (with [client (dtls/connect host port {:trusted-cert "dtls_echo.pem"})]
    (printf "connected: %s" (:cipher client))
    (while (def line (file/read stdin :line))
      (ev/write client line)
      (prin (try (ev/read client 1500 nil 2) ([err] (string "no answer: " err "\n")))))))

(defn main [_ & args]
  (match args
    ["serve" host port] (serve host port)
    [host port] (talk host port)
    (demonstrate)))
