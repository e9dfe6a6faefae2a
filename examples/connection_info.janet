# Facts about a connection: the negotiated parameters, the peer, and the result of its verification.
#   janet examples/connection_info.janet                      client and server in one
#   janet examples/connection_info.janet www.example.org 443  a connection to that server
(import jsec/cert)
(import jsec/tls)

(defn show [name value]
  (printf "  %-21s %s" (string name) (if (or (nil? value) (= "" value)) "-" (string value))))

(defn date-of [seconds]
  (def {:year year :month month :month-day day} (os/date seconds))
  (string/format "%d-%02d-%02d" year (inc month) (inc day)))

(defn show-certificate [title certificate]
  (show title (certificate :subject-text))
  (show "issued by" (certificate :issuer-text))
  (show "for" (string/join (map string (get certificate :san [])) ", "))
  (show "valid"
        (string (date-of (certificate :not-before)) " to " (date-of (certificate :not-after))))
  (show "SHA-256" (certificate :sha256)))

(defn describe-connection [stream]
  (def info (:connection-info stream))
  (each key [:version :cipher :cipher-bits :group :signature-algorithm :alpn :server-name
             :session-reused]
    (show key (info key)))
  (if-let [seconds (info :handshake-time)]
    (show :handshake-time (string/format "%.1f ms" (* 1000 seconds))))
  # :ok is true if a certificate was required and verified. With :verify false the certificate
  # proves nothing.
  (show :verified ((info :verify-result) :reason))
  (if-let [certificate (info :peer-certificate)] (show-certificate "peer" certificate))
  (each certificate (drop 1 (get info :peer-chain [])) (show-certificate "its chain" certificate)))

(defn visit [host port options]
  (with [stream
         (tls/connect host port (merge {:alpn ["h2" "http/1.1"] :handshake-timing true} options))]
    (print "what the client sees of " host ":")
    (describe-connection stream)
    # some facts have methods of their own
    (assert (= (:version stream) ((:connection-info stream) :version)))
    (assert (string/has-prefix? "-----BEGIN CERTIFICATE-----" (:peer-certificate stream :pem)))
    (:read stream 1)))

(defn demonstrate []
  (def ca (cert/generate-self-signed-cert {:common-name "Our CA" :organization "Example"
                                           :country "DE" :key-type :ec-p384}))
  (defn issue [name]
    (cert/issue-cert {:issuer-cert (ca :cert) :issuer-key (ca :key) :common-name name
                      :key-type :ec-p256}))
  (def server (issue "localhost"))
  (def client (issue "client.example"))
  (def server-options
    {:cert (string (server :cert) (ca :cert)) :key (server :key) :alpn ["http/1.1"]
     :verify :optional :ca-file (ca :cert)})
  (with [listener (tls/listen "localhost" "0")]
    (def port (in (net/localname listener) 1))
    (def seen (ev/chan 1))
    (ev/go (fn [] (with [stream (tls/accept listener server-options)]
                    (ev/take seen)
                    (print "what the server sees of its client:")
                    (describe-connection stream))))
    (ev/give seen :go)
    (visit "localhost" port {:ca-file (ca :cert) :cert (client :cert) :key (client :key)})))

(defn main [_ &opt host port]
  (if host (visit host (or port "443") {}) (demonstrate)))
