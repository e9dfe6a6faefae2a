# gnutls-cli and gnutls-serv as the other side.
(import ../support/check :prefix "")
(import ../support/peers :prefix "")
(import jsec/tls)

(def dir (tmpdir))
(def authority-made (authority "Test CA"))
(def ca ((saved dir "ca" authority-made) :cert))
(def other-ca ((saved dir "other-ca" (authority "Other CA")) :cert))
(def servers (seq [kind :in [:rsa :ec-p256 :ed25519]]
               [kind (saved dir kind (issue authority-made :key-type kind))]))
(def server (get-in servers [1 1]))
(def client
  (saved dir "client" (issue authority-made :common-name "a client" :san ["email:a@b.example"])))
(def stranger (saved dir "stranger" (issue (authority "Unknown CA") :common-name "a stranger")))
(def versions [["TLSv1.2" "NORMAL:-VERS-ALL:+VERS-TLS1.2" :TLS1_2]
               ["TLSv1.3" "NORMAL:-VERS-ALL:+VERS-TLS1.3" :TLS1_3]])

(defmacro with-cli
  ``Run `body` with a gnutls-cli that is connected to a server of ours; its messages are in
  `:err`, data in `:out`.``
  [[name s & more] & body]
  ~(with-child [,name "gnutls-cli" "--logfile=/dev/stderr" "--x509cafile" ,ca "--sni-hostname"
                "localhost"
                "--verify-hostname" "localhost" "-p" (,s :port) ,;more "127.0.0.1"]
     ,;body))

(defmacro with-serv
  "Run `body` with a gnutls-serv; `port` is bound as well."
  [[name identity & more] & body]
  ~(let [port (,free-port)]
     (with-child [,name "gnutls-serv" "-p" port "--x509certfile" (,identity :cert) "--x509keyfile"
                  (,identity :key)
                  ,;more]
       (,until-up ,name port)
       ,;body)))

# ---- data both ways ----

(each [kind identity] servers
  (each [version priority] versions
    (peer-test "gnutls-cli" (string "gnutls-cli and we echo data with " kind " over " version)
      (each size [1 16385 (load 500000)]
        (def data (noise size))
        (with-server [s identity (echo-of size)]
          (with-cli [c s "--priority" priority]
            (:write ((c :proc) :in) data)
            (is= version ((result s) :version))
            (is= 0 (exit-status c) (described c))
            (is (= (string data) (string (c :out))) "same data")
            (is (string/find "Peer has closed the GnuTLS connection" (c :err))
                "it saw our close_notify")))))))

# gnutls-serv echoes line by line
(defn line [n]
  (string (string/slice (string/repeat "0123456789abcdef" (inc (div n 16))) 0 (dec n)) "\n"))

(each [kind identity] servers
  (each [version _ word] versions
    (peer-test "gnutls-serv" (string "gnutls-serv echoes our lines with " kind " over " version)
      (with-serv [c identity "--echo"]
        (with [s (tls/connect "localhost" port
                              {:ca-file ca :security {:min-version word :max-version word}})]
          (is= version (:version s))
          (each size [2 1000 16000]
            (is= (line size) (string (sent-back s (line size))))))))))

(each [version _ word] versions
  (peer-test "gnutls-serv"
    (string "we fetch several megabytes from gnutls-serv, and see it close, over " version)
    (def data (noise (load 3000000)))
    (def path (string dir "/data"))
    (spit path data)
    (with-serv [c server "--http" "--httpdata" path]
      (with [s (tls/connect "localhost" port
                            {:ca-file ca :security {:min-version word :max-version word}})]
        (:write s "GET / HTTP/1.0\r\n\r\n")
        (def answer (:read s :all))
        (is (string/has-suffix? data answer) "same data")))))

# ---- closing ----

(each [version priority] versions
  (peer-test "gnutls-cli" (string "we see gnutls-cli's close_notify over " version)
    (with-server [s server (fn [stream] (:read stream :all))]
      (with-cli [c s "--priority" priority]
        (feed c "said\n")
        (is= @"said\n" (result s) "no truncation was raised")
        (is= 0 (exit-status c) (described c))))))

# ---- verification ----

(peer-test "gnutls-cli" "gnutls-cli refuses us under another CA or name"
  (with-server [s server echo]
    (with-cli [c s "--x509cafile" other-ca]
      (is= 1 (exit-status c) (described c))
      (is (string/find "The certificate issuer is unknown" (c :err)) (described c))
      (is (string/find "the peer refused our certificate" (refusal s))))
    (with-cli [c s "--verify-hostname" "other.example"]
      (is= 1 (exit-status c) (described c))
      (is (string/find "does not match the expected" (c :err)) (described c))
      (is (string/find "the peer refused our certificate" (refusal s))))))

(peer-test "gnutls-serv" "we refuse gnutls-serv under another CA or name"
  (with-serv [c server "--echo"]
    (fails-with "tls/connect: certificate verify failed: unable to get local issuer certificate"
                (tls/connect "localhost" port {:ca-file other-ca}))
    (fails-with `hostname mismatch: wanted "other.example", certificate names "localhost"`
                (tls/connect "127.0.0.1" port {:ca-file ca :hostname "other.example"}))
    # under TLS 1.3 OpenSSL's clients say so in clear, which gnutls doesn't take for an alert
    (fails-with "certificate verify failed: unable to get local issuer"
                (tls/connect "localhost" port {:ca-file other-ca :security {:max-version :TLS1_2}}))
    (await c :err "A TLS fatal alert has been received")))

# ---- client certificates ----

(each [version priority word] versions
  (def security {:min-version word :max-version word})

  (peer-test "gnutls-cli" (string "gnutls-cli is let in with its certificate only over " version)
    (with-server [s (merge server {:verify true :ca-file ca}) (fn [stream] (:version stream))]
      (with-cli [c s "--priority" priority "--x509certfile" (client :cert) "--x509keyfile"
                 (client :key)]
        (is= version (result s))
        (is= 0 (exit-status c) (described c)))
      (with-cli [c s "--priority" priority]
        (is (string/has-suffix? "the client gave no certificate, and one is required" (refusal s))))
      # it gives no certificate of a CA that we didn't ask for: we name none that it has
      (with-cli [c s "--priority" priority "--x509certfile" (stranger :cert) "--x509keyfile"
                 (stranger :key)]
        (is (string/find ": certificate" (refusal s)) (described c)))))

  (peer-test "gnutls-serv" (string "gnutls-serv lets us in with our certificate only over " version)
    (with-serv [c server "--echo" "--require-client-cert" "--verify-client-cert" "--x509cafile" ca]
      (defn enter [options &opt text]
        (with [s (tls/connect "localhost" port (merge {:ca-file ca :security security} options))]
          (if text (:write s text))
          (:read s 3)))
      (is= @"in\n" (enter client "in\n"))
      (fails-with '(+ "the peer requires a certificate: give :cert and :key" "alert decode error")
                  (enter {}))
      (fails-with '(+ "alert access denied" "refused our certificate" "does not trust the CA")
                  (enter stranger)))))

# ---- what is negotiated ----

(peer-test "gnutls-cli" "gnutls-cli agrees on a protocol with us, and its SNI is seen"
  (with-server [s (merge server {:alpn ["h2" "http/1.1"]}) |(:connection-info $)]
    (with-cli [c s "--alpn" "x" "--alpn" "http/1.1"]
      (def {:alpn alpn :server-name name} (result s))
      (is= ["http/1.1" "localhost"] [alpn name])
      (exit-status c)
      (is (string/find "Application protocol: http/1.1" (c :err)) (described c)))
    (with-cli [c s "--alpn" "x"]
      (is (string/has-suffix? "the peer offered none of our :alpn protocols" (refusal s))))))

(peer-test "gnutls-serv" "gnutls-serv agrees on a protocol with us, and sees the name we ask for"
  (with-serv [c server "--echo" "--alpn" "http/1.1" "--alpn-fatal" "--sni-hostname" "localhost"
              "--sni-hostname-fatal"]
    (with [s (tls/connect "localhost" port {:ca-file ca :alpn ["h2" "http/1.1"]})]
      (is= "http/1.1" ((:connection-info s) :alpn)))
    (await c :out "Given server name[1]: localhost")
    (fails-with "handshake failed: tlsv1 unrecognized name"
                (tls/connect "127.0.0.1" port {:ca-file ca :hostname "other.example" :verify false
                                               :alpn ["http/1.1"]}))
    (fails-with "the peer knows none of our :alpn protocols"
                (tls/connect "localhost" port {:ca-file ca :alpn ["h2"]}))))

(end)
