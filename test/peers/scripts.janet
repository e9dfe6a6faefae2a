# Python's ssl and Node's tls as the other side; test/support/peer.py and peer.js speak alike.
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
(def versions [["TLSv1.2" :TLS1_2] ["TLSv1.3" :TLS1_3]])
(def scripts [["python3" "test/support/peer.py"] ["node" "test/support/peer.js"]])

(defn words [options] (seq [[key value] :pairs options] (string key "=" value)))

(defmacro with-server-script
  "Run `body` with a script that serves one connection; `port` is bound as well."
  [[name script options] & body]
  ~(with-child [,name ;,script "server" ;(,words ,options)]
     (def [port] (,await ,name :out ~(* "port " (<- :d+))))
     ,;body))

(defmacro with-client-script [[name script s options] & body]
  ~(with-child [,name ;,script "client" ;(,words (merge {:port (,s :port) :ca ca} ,options))]
     ,;body))

(defn facts
  "What a script told, once it has ended."
  [child]
  (exit-status child)
  (def lines (map |(string/split " " $ 0 2) (string/split "\n" (string/trim (child :out)))))
  (table ;(mapcat |[(keyword (first $)) (get $ 1 true)] lines)))

(defn echoed
  "Send noise to a script's server, and see that it comes back."
  [stream]
  (def data (noise (load 1000000)))
  (is (= (string data) (string (sent-back stream data))) "same data")
  (:connection-info stream))

(each script scripts
  (def program (first script))

  # ---- data both ways, and clean ends ----

  (each [kind identity] servers
    (each [version word] versions
      (peer-test program (string program " and we echo each other's data with " kind " over "
                                 version ", and both see a clean end")
        (def options {:ca-file ca :security {:min-version word :max-version word}})
        (with-server-script [c script identity]
          (with [s (tls/connect "localhost" port options)] (echoed s))
          (def told (facts c))
          (is= [version "None" true nil] [(told :version) (told :peer) (told :clean) (told :error)]
               (described c)))
        (each size [1 (load 1000000)]
          (with-server [s identity (fn [stream] (echo stream) (:version stream))]
            (with-client-script [c script s {:size size :version version}]
              (is= version (result s) "no truncation was raised")
              (def told (facts c))
              (is= [version "localhost" "True" true]
                   [(told :version) (told :peer) (told :same) (told :clean)]
                   (described c))))))))

  # ---- what is negotiated ----

  (peer-test program (string program " and we agree on a protocol; each sees the name asked for")
    (with-server-script [c script (merge server {:alpn "http/1.1,x"})]
      (with [s (tls/connect "localhost" port {:ca-file ca :alpn ["h2" "x" "http/1.1"]})]
        (is= "http/1.1" ((:connection-info s) :alpn)))
      (def told (facts c))
      (is= ["http/1.1" "localhost" true] [(told :alpn) (told :name) (told :clean)] (described c)))
    (with-server-script [c script server]
      (with [s (tls/connect "127.0.0.1" port {:ca-file ca})])
      (is= "None" ((facts c) :name) "no name for an address"))
    (with-server [s (merge server {:alpn ["h2" "http/1.1"]})
                  (fn [stream] (echo stream) (:connection-info stream))]
      (with-client-script [c script s {:size 5 :alpn "http/1.1,h2"}]
        (def {:alpn alpn :server-name name} (result s))
        (is= ["h2" "localhost"] [alpn name] "the server's preference decides")
        (is= "h2" ((facts c) :alpn)))
      (with-client-script [c script s {:size 5 :alpn "x"}]
        (is (string/has-suffix? "the peer offered none of our :alpn protocols" (refusal s)))
        (is ((facts c) :error)))))

  # ---- verification ----

  (peer-test program
    (string program " refuses us under another CA, another name, and an expired certificate")
    (with-server [s server echo]
      (with-client-script [c script s {:size 5 :ca other-ca}]
        (is (string/find "unable to" ((facts c) :error)) (described c))
        (is (refusal s)))
      (with-client-script [c script s {:size 5 :name "other.example"}]
        (is (string/find "other.example" ((facts c) :error)) (described c))))
    (def expired (issue authority-made :not-before "2020-01-01" :days-valid 1))
    (with-server [s expired echo]
      (with-client-script [c script s {:size 5}]
        (is (string/find "expired" ((facts c) :error)) (described c)))))

  (peer-test program (string "we refuse " program " under another CA or name, and it is told")
    (with-server-script [c script server]
      (fails-with "certificate verify failed: unable to get local issuer certificate"
                  (tls/connect "localhost" port {:ca-file other-ca}))
      (is (string/find "unknown ca" ((facts c) :error)) (described c)))
    (with-server-script [c script server]
      (fails-with `hostname mismatch: wanted "other.example", certificate names "localhost"`
                  (tls/connect "127.0.0.1" port {:ca-file ca :hostname "other.example"}))
      (is (string/find "bad certificate" ((facts c) :error)) (described c))))

  # ---- client certificates ----

  (each [version word] versions
    (def security {:min-version word :max-version word})

    (peer-test program (string program " is let in with its certificate only over " version)
      (with-server [s (merge server {:verify true :ca-file ca :security security}) echo]
        (with-client-script [c script s (merge {:size 5} client)]
          (def told (facts c))
          (is= ["True" true] [(told :same) (told :clean)] (described c)))
        (with-client-script [c script s {:size 5}]
          (is (string/has-suffix? "the client gave no certificate, and one is required"
                                  (refusal s)))
          (is ((facts c) :error) (described c)))
        (with-client-script [c script s (merge {:size 5} stranger)]
          (is (string/find "certificate verify failed: unable to get local issuer" (refusal s)))
          (is ((facts c) :error) (described c)))))

    (peer-test program (string program " lets us in with our certificate only over " version)
      (defn enter [port options]
        (with [s (tls/connect "localhost" port (merge {:ca-file ca :security security} options))]
          (:read s 1)))
      (with-server-script [c script (merge server {:ca ca})]
        (with [s (tls/connect "localhost" port (merge {:ca-file ca :security security} client))]
          (echoed s))
        (def told (facts c))
        (is= ["a client" true] [(told :peer) (told :clean)] (described c)))
      (with-server-script [c script (merge server {:ca ca})]
        (fails-with '(+ "the peer requires a certificate"
                        "the peer found nothing in common with us") (enter port {}))
        (is ((facts c) :error) (described c)))
      (with-server-script [c script (merge server {:ca ca})]
        # node looks at the certificate after the handshake, and says nothing to the client that it
        # drops
        (fails-with '(+ "the peer does not trust the CA of our certificate" "the peer closed")
                    (enter port stranger))
        (is ((facts c) :error) (described c))))))

(end)
