# openssl s_client and s_server as the other side.
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
(def versions [["TLSv1.2" "-tls1_2" :TLS1_2] ["TLSv1.3" "-tls1_3" :TLS1_3]])

(defn s_client
  "An s_client that connects to a server of ours."
  [s & more]
  (start "openssl" "s_client" "-connect" (string "127.0.0.1:" (s :port)) "-CAfile" ca
         "-verify_return_error"
         "-servername" "localhost" "-verify_hostname" "localhost" ;more))

(defmacro with-s_client [[name s & more] & body]
  ~(let [,name (,s_client ,s ,;more)]
     (defer (,stop ,name) ,;body)))

(defmacro with-s_server
  "Run `body` with an s_server for one connection; `port` is bound as well."
  [[name identity & more] & body]
  ~(with-child [,name "openssl" "s_server" "-accept" "127.0.0.1:0" "-naccept" "1" "-cert"
                (,identity :cert)
                "-key" (,identity :key) ,;more]
     (def [port] (,await ,name :out ~(* "ACCEPT " (thru ":") (<- :d+))))
     ,;body))

# ---- data both ways ----

(each [kind identity] servers
  (each [version flag] versions
    (peer-test "openssl" (string "s_client and we echo data with " kind " over " version)
      (each size [1 16385 (load 500000)]
        (def data (noise size))
        (with-server [s identity (echo-of size)]
          (with-s_client [c s flag "-quiet"]
            (:write ((c :proc) :in) data)
            (is= version ((result s) :version))
            (is= 0 (exit-status c) (described c))
            (is (= (string data) (string (c :out))) "same data")))))))

(each [kind identity] servers
  (each [version _ word] versions
    (peer-test "openssl" (string "s_server and we send data both ways with " kind " over " version)
      (each size [1 16385 (load 500000)]
        (def data (noise size))
        (def port (free-port)) # -quiet also keeps the port to itself
        (with-child [c "openssl" "s_server" "-quiet" "-accept" (string "127.0.0.1:" port) "-naccept"
                     "1"
                     "-cert" (identity :cert) "-key" (identity :key)]
          (with [s (once-up c |(tls/connect "localhost" port
                                            {:ca-file ca
                                             :security {:min-version word :max-version word}}))]
            (is= version (:version s))
            (def theirs (ev/chan 1))
            (ev/go (fn [] (:write ((c :proc) :in) data) (ev/give theirs true)))
            (is (= (string data) (string (sent-back s data))) "same data")
            (ev/take theirs))
          (is= 0 (exit-status c) (described c))
          (is (= (string data) (string (c :out))) "same data"))))))

(peer-test "openssl" "several megabytes pass in both directions at once"
  (def data (noise (load 6000000)))
  (with-server [s server (echo-of (length data))]
    (with-s_client [c s "-quiet"]
      (:write ((c :proc) :in) data)
      (is= 0 (exit-status c) (described c))
      (is (= (string data) (string (c :out))) "same data"))))

# ---- closing ----

(def close-notify-seen '(* "<<< TLS 1." :d ", Alert [length 0002], warning close_notify"))

(each [version flag word] versions
  (peer-test "openssl" (string "s_client sees our close_notify and we see its own over " version)
    (with-server [s server (fn [stream] (:write stream "bye\n") (:close stream) "closed")]
      (with-s_client [c s flag "-msg"]
        (is= "closed" (result s))
        (is= 0 (exit-status c) (described c))
        (await c :out close-notify-seen)
        (await c :out '(* "closed\n"))))
    (with-server [s server (fn [stream] (:read stream :all))]
      (with-s_client [c s flag "-msg"]
        (await c :out "Verify return code: 0 (ok)")
        (feed c "said\n")
        (is= @"said\n" (result s) "no truncation was raised")
        (is= 0 (exit-status c) (described c)))))

  (peer-test "openssl" (string "s_server sees our close_notify over " version)
    (with-s_server [c server "-msg"]
      (:close (tls/connect "localhost" port
                           {:ca-file ca :security {:min-version word :max-version word}}))
      (is= 0 (exit-status c) (described c))
      (await c :out close-notify-seen))))

(peer-test "openssl" "a peer that is killed truncates the stream, which raises"
  (with-s_server [c server]
    (with [s (tls/connect "localhost" port {:ca-file ca})]
      (stop c)
      (fails-with ~(+ "connection truncated: the peer closed it without close_notify"
                      "Connection reset by peer")
                  (:read s 1)))))

# ---- verification ----

(peer-test "openssl" "s_client refuses us under another CA, and our error has the reason"
  (with-server [s server echo]
    (with-s_client [c s "-CAfile" other-ca]
      (is= 1 (exit-status c) (described c))
      (await c :err
             '(+ "unable to get local issuer certificate" "unable to verify the first certificate"))
      (is= (string
             "tls/accept-loop: handshake failed: tlsv1 alert unknown ca (SSL alert number 48): "
             "the peer does not trust the CA of our certificate")
           (refusal s)))))

(peer-test "openssl" "s_client refuses us under another name, and our error has the reason"
  (with-server [s server echo]
    (with-s_client [c s "-verify_hostname" "other.example"]
      (is= 1 (exit-status c) (described c))
      (await c :err "hostname mismatch")
      (is (string/has-suffix? "the peer refused our certificate" (refusal s))))))

(peer-test "openssl" "we refuse s_server under another CA, and it is told"
  (with-s_server [c server]
    (fails-with
      (string
        `tls/connect: certificate verify failed: unable to get local issuer certificate: `
        `certificate `
        `"CN=localhost" (depth 0), issuer "CN=Test CA,O=Test,C=US" is not trusted here: give `
        `it as :ca-file`)
      (tls/connect "localhost" port {:ca-file other-ca}))
    (exit-status c)
    (await c :err "unknown ca")))

(peer-test "openssl" "we refuse s_server under another name, and it is told"
  (with-s_server [c server]
    (fails-with
      (string `tls/connect: certificate verify failed: hostname mismatch: wanted "other.example", `
              `certificate names "localhost"`)
      (tls/connect "127.0.0.1" port {:ca-file ca :hostname "other.example"}))
    (exit-status c)
    (await c :err "bad certificate")))

# ---- client certificates ----

(each [version flag word] versions
  (def security {:min-version word :max-version word})

  (peer-test "openssl" (string "s_client is let in with its certificate only over " version)
    (with-server [s {:cert (server :cert) :key (server :key) :verify true :ca-file ca}
                  (fn [stream] (:version stream))]
      (with-s_client [c s flag "-cert" (client :cert) "-key" (client :key)]
        (is= version (result s))
        (is= 0 (exit-status c) (described c)))
      (with-s_client [c s flag]
        (is (string/has-suffix? "the client gave no certificate, and one is required" (refusal s))))
      (with-s_client [c s flag "-cert" (stranger :cert) "-key" (stranger :key)]
        (is (string/has-prefix?
              (string "tls/accept-loop: certificate verify failed: unable to get local issuer "
                      "certificate: certificate \"CN=a stranger")
              (refusal s)))
        (exit-status c)
        (await c :err "unknown ca"))))

  (peer-test "openssl" (string "s_server lets us in with our certificate only over " version)
    (def require ["-Verify" "3" "-verify_return_error" "-CAfile" ca])
    (with-s_server [c server ;require]
      (with [s (tls/connect "localhost" port {:ca-file ca :cert (client :cert) :key (client :key)
                                              :security security})]
        (:write s "let in\n"))
      (exit-status c)
      (await c :out "let in\n")
      (await c :out ~(* "CN" (any " ") "=" (any " ") "a client")))
    # TLS 1.3 clients are done before the server has seen their certificate: the read tells
    (defn enter [port options]
      (with [s (tls/connect "localhost" port (merge {:ca-file ca :security security} options))]
        (:read s 1)))
    (with-s_server [c server ;require]
      (fails-with (if (= version "TLSv1.3") "the peer requires a certificate: give :cert and :key"
                    "the peer found nothing in common with us")
                  (enter port {})))
    (with-s_server [c server ;require]
      (fails-with "the peer does not trust the CA of our certificate" (enter port stranger)))))

(peer-test "openssl"
  "we show the chain that we were given, and not the CA that we verify the other side by"
  (defn shown [text] (length (string/find-all "BEGIN CERTIFICATE" text)))
  (def middle (issue authority-made :common-name "Middle CA" :ca true :san []))
  (def leaf (issue middle))
  (def chained {:cert (string (leaf :cert) (middle :cert)) :key (leaf :key)})
  (each [identity expected] [[server 1] [chained 2]]
    (with-server [s (merge identity {:verify :optional :ca-file ca}) |(:version $)]
      (with-s_client [c s "-showcerts"]
        (result s)
        (is= 0 (exit-status c) (described c))
        (is= expected (shown (c :out)))))))

# ---- what is negotiated ----

(peer-test "openssl"
  "s_client agrees on a protocol with us, is refused without one in common, and its SNI is seen"
  (with-server [s (merge server {:alpn ["h2" "http/1.1"]}) |(:connection-info $)]
    (with-s_client [c s "-alpn" "x,http/1.1"]
      (def {:alpn alpn :server-name name} (result s))
      (is= ["http/1.1" "localhost"] [alpn name])
      (exit-status c)
      (await c :out "ALPN protocol: http/1.1"))
    (with-s_client [c s]
      (is= nil ((result s) :alpn)))
    (with-s_client [c s "-alpn" "x,y"]
      (is (string/has-suffix? "the peer offered none of our :alpn protocols" (refusal s)))
      (exit-status c)
      (await c :err "no application protocol"))))

(peer-test "openssl" "s_server agrees on a protocol with us, and sees the name we ask for"
  (with-s_server [c server "-alpn" "x,http/1.1"]
    (with [s (tls/connect "localhost" port {:ca-file ca :alpn ["h2" "http/1.1"]})]
      (is= "http/1.1" ((:connection-info s) :alpn))))
  (with-s_server [c server "-servername" "localhost" "-cert2" (server :cert) "-key2" (server :key)]
    (with [s (tls/connect "localhost" port {:ca-file ca})])
    (exit-status c)
    (await c :out `Hostname in TLS extension: "localhost"`)
    (await c :out "Switching server context."))
  (with-s_server [c server "-alpn" "x"]
    (fails-with "the peer knows none of our :alpn protocols"
                (tls/connect "localhost" port {:ca-file ca :alpn ["h2"]}))))

(peer-test "openssl" "no name is asked for when the host is an address"
  (with-s_server [c server "-tlsextdebug"]
    (with [s (tls/connect "127.0.0.1" port {:ca-file ca})])
    (exit-status c)
    (await c :out "TLS client extension")
    (is= nil (string/find "\"server name\"" (c :out)))))

(peer-test "openssl" "versions without one in common are refused on either side"
  (with-server [s (merge server {:security {:min-version :TLS1_3}}) echo]
    (with-s_client [c s "-tls1_2"]
      (is (string/has-suffix? "no protocol version in common" (refusal s)))
      (exit-status c)
      (await c :err "protocol version")))
  (with-s_server [c server "-tls1_2"]
    (fails-with "the peer allows none of our protocol versions"
                (tls/connect "localhost" port {:ca-file ca :security {:min-version :TLS1_3}}))))

(peer-test "openssl" "s_server may update its keys, and have us update ours, while data flows"
  (with-s_server [c server "-tls1_3" "-msg"]
    (with [s (tls/connect "localhost" port {:ca-file ca})]
      (await c :out "CIPHER is")
      (:write ((c :proc) :in) "one\n")
      (is= @"one\n" (:chunk s 4))
      (:write ((c :proc) :in) "K\n") # asks for ours as well
      (await c :out '(* ">>> TLS 1.3" (thru ", ") (thru ", ") "KeyUpdate"))
      (:write ((c :proc) :in) "two\n")
      (is= @"two\n" (:chunk s 4))
      (:write s "three\n")
      (await c :out "three\n")
      (await c :out '(* "<<< TLS 1.3" (thru ", ") (thru ", ") "KeyUpdate")))))

(end)
