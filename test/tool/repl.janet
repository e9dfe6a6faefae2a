# What the REPL shows of our values: what they are, and nothing that is secret.
(import ../support/check :prefix "")
(import jsec/bio)
(import jsec/cert)
(import jsec/tls)

(def own (cert/generate-self-signed-cert {:common-name "localhost" :key-type :ec-p256}))
(def context (tls/new-context own))
(defn- shown [x] (string/format "%q" x))

(defn- with-pair
  "Call f with both ends of a connection to host, and the port of the listener."
  [host options f]
  (with [listener (tls/listen host "0")]
    (def port (get (net/localname listener) 1))
    (def accepted (ev/chan 1))
    (ev/go (fn [] (ev/give accepted (tls/accept listener context))))
    (with [client
           (tls/connect host port (merge {:trusted-cert (own :cert) :close-timeout 0} options))]
      (with [server (ev/take accepted)] (f client server port)))))

(test "a client's stream shows the name it asked for, the port and the version"
  (with-pair "localhost" {} (fn [client _ port]
    (is= (string "<jsec/tls-stream localhost:" port " TLSv1.3>") (shown client))
    (:close client)
    (is= "<jsec/tls-stream closed>" (shown client)))))

(test "a server's stream shows where its client is, and not the name that this asked for"
  (with-pair "127.0.0.1" {:hostname "localhost" :max-version :TLS1_2} (fn [client server _]
    (def port (get (:localname client) 1))
    (is= (string "<jsec/tls-stream 127.0.0.1:" port " TLSv1.2>") (shown server)))))

(test "IPv6 addresses stand in brackets"
  (if (protect (:close (net/listen "::1" "0")))
    (with-pair "::1" {:verify false :trusted-cert nil} (fn [client _ port]
      (is= (string "<jsec/tls-stream [::1]:" port " TLSv1.3>") (shown client))))))

(test "a stream over a unix socket shows its path, on the side that knows one"
  (def path (string (tmpdir) "/socket"))
  (with [listener (tls/listen :unix path)]
    (def accepted (ev/chan 1))
    (ev/go (fn [] (ev/give accepted (tls/accept listener context))))
    (with [client (tls/connect :unix path {:verify false :hostname "127.0.0.1" :close-timeout 0})]
      (is= (string "<jsec/tls-stream " path " TLSv1.3>") (shown client))
      (with [server (ev/take accepted)] (is= "<jsec/tls-stream unix TLSv1.3>" (shown server))))))

(test "a stream before its handshake, and one with a failed handshake, say so"
  (with [listener (net/listen "127.0.0.1" "0")]
    (def port (get (net/localname listener) 1))
    (with [s (tls/connect "localhost" port {:handshake false})]
      (is= (string "<jsec/tls-stream localhost:" port " handshaking>") (shown s))
      (ev/go (fn [] (with [c (net/accept listener)] (:write c "this is no TLS, not even nearly"))))
      (fails-with "handshake" (:handshake s))
      (is= "<jsec/tls-stream localhost failed>" (shown s)))))

(test "a stream between memory BIOs shows its name"
  (def [in out] [(bio/new-mem) (bio/new-mem)])
  (is= "<jsec/tls-stream a.example handshaking>"
       (shown (tls/wrap [in out] "a.example" {:handshake false}))))

(test "a context shows the subject of its certificate, and how it verifies"
  (is= "<jsec/tls-context certificate CN=localhost,O=Test,C=US>" (shown context))
  (is= "<jsec/tls-context no certificate, own trust, verify true>"
       (shown (tls/new-context {:ca-file (own :cert) :verify true}))))

(test "no part of a key, a session or a name's control characters is shown"
  (def hostile (cert/generate-self-signed-cert {:common-name "a\n\e[31mb" :key-type :ec-p256}))
  (is= `<jsec/tls-context certificate CN=a\0A\1B[31mb,O=Test,C=US>`
       (shown (tls/new-context hostile)))
  (def memory (bio/new-mem))
  (:write memory "secret")
  (is (not (string/find "secret" (shown memory)))))

(test "a memory BIO shows how much waits in it"
  (def memory (bio/new-mem))
  (:write memory "12345")
  (is= "<jsec/bio 5 bytes>" (shown memory))
  (:close memory)
  (is= "<jsec/bio closed>" (shown memory)))

(end)
