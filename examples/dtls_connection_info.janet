# Facts about a DTLS connection, on both sides: the negotiated parameters, the peer, and the result
# of its verification.
#   janet examples/dtls_connection_info.janet                      client and server in one
#   janet examples/dtls_connection_info.janet device.example 5684  a connection to that server
(import jsec/cert)
(import jsec/dtls)
(import jsec/dtls-stream)

(defn show [name value]
  (printf "  %-20s %s" (string name) (if (nil? value) "-" (string value))))

(defn describe-connection [info]
  (each key [:version :cipher :cipher-bits :group :signature-algorithm :alpn :server-name
             :session-reused] (show key (info key)))
  (if-let [seconds (info :handshake-time)]
    (show :handshake-time (string/format "%.1f ms" (* 1000 seconds))))
  # :ok is true if a certificate was required and verified. With :verify false the certificate
  # proves nothing.
  (show :verified ((info :verify-result) :reason))
  (show :peer (get-in info [:peer-certificate :subject-text])))

(defn visit [host port options]
  (with [client (dtls/connect host port (merge {:alpn ["coap"] :handshake-timing true} options))]
    (printf "what the client sees of %s port %d:" ;(:peername client))
    (describe-connection (:connection-info client))
    # some facts have methods of their own
    (assert (= (:version client) ((:connection-info client) :version)))
    (ev/write client "done")))

(defn demonstrate []
  (def ca (cert/generate-self-signed-cert {:common-name "Our CA" :key-type :ec-p384}))
  (defn issue [name]
    (cert/issue-cert {:issuer-cert (ca :cert) :issuer-key (ca :key) :common-name name
                      :key-type :ec-p256}))
  (def [server-cert device] [(issue "localhost") (issue "device-17.example")])
  (with [server (dtls/listen "localhost" 0
                             (merge server-cert {:alpn ["coap"] :verify true :ca (ca :cert)}))]
    (def seen (ev/chan))
    (ev/go (fn []
             (def peer (dtls/recv-from server 1500 @""))
             # A server identifies its peers by their addresses.
             (printf "what the server sees of %s port %d:" (dtls-stream/address-host peer)
                     (dtls-stream/address-port peer))
             (describe-connection (:connection-info server peer))
             (ev/give seen true)))
    (visit "localhost" ((dtls/localname server) 1)
           {:ca (ca :cert) :cert (device :cert) :key (device :key)})
    (ev/take seen)))

(defn main [_ &opt host port]
  (if host (visit host port {}) (demonstrate)))
