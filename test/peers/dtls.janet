# OpenSSL's and GnuTLS's programs as the other side of DTLS.
(import ../support/check :prefix "")
(import ../support/peers :prefix "" :only
        [authority issue saved start stop with-child await described feed exit-status once-up])
(import ../support/datagrams :prefix "")
(import ../support/udp-proxy :prefix "" :only [listen-alone with-udp-proxy])
(import jsec/dtls)

(def dir (tmpdir))
(def authority-made (authority "Test CA"))
(def ca ((saved dir "ca" authority-made) :cert))
(def san ["DNS:localhost" "DNS:other.example" "IP:127.0.0.1" "IP:::1"])
# OpenSSL has no Ed25519 in DTLS, and we say so: see test/hostile/dtls.janet.
(def servers (seq [kind :in [:rsa :ec-p256]]
               [kind (saved dir kind (issue authority-made :key-type kind :san san))]))
(def server (get-in servers [1 1]))
(def client
  (saved dir "client" (issue authority-made :common-name "a client" :san ["email:a@b.example"])))
(def stranger (saved dir "stranger" (issue (authority "Unknown CA") :common-name "a stranger")))
(def trusting {:ca-file ca :hostname "localhost"})

(defn- free-port
  "A port for programs that can't choose one themselves."
  []
  (with [socket (listen-alone)] (string (get (net/localname socket) 1))))

# ---- their clients, our server ----

(defn- openssl-client [port & more]
  (start "openssl" "s_client" "-dtls" "-connect" (string "127.0.0.1:" port) "-CAfile" ca
         "-verify_return_error"
         "-servername" "localhost" "-verify_hostname" "localhost" "-quiet" ;more))

(defn- gnutls-client [port & more]
  (start "gnutls-cli" "-u" "--logfile=/dev/stderr" "--x509cafile" ca "--sni-hostname" "localhost"
         "--verify-hostname" "localhost" "-p" port ;more "127.0.0.1"))

(def- clients
  [["openssl" openssl-client (fn [identity] ["-cert" (identity :cert) "-key" (identity :key)])
    (fn [names] ["-alpn" (string/join names ",")])]
   ["gnutls-cli" gnutls-client
    (fn [identity] ["--x509certfile" (identity :cert) "--x509keyfile" (identity :key)])
    (fn [names] (mapcat |["--alpn" $] names))]])

(defmacro- with-ours
  "Run `body` with a server of ours; what arrives goes to the channel `heard`, as [peer text]."
  [[s heard options] & body]
  ~(let [,heard (ev/chan 100)]
     (with-server [,s ,options (fn [server peer datagram]
                                 (ev/give ,heard [peer (string datagram)])
                                 (dtls/send-to server peer datagram))]
       ,;body)))

(defmacro- with-client [[name made] & body]
  ~(let [,name ,made] (defer (,stop ,name) ,;body)))

(defn- say
  "Have a child's input say a line, and wait until it comes back in its output."
  [child line]
  (ev/write ((child :proc) :in) (string line "\n"))
  (await child :out line))

(each [program make as alpn] clients
  (each [kind identity] servers
    (peer-test program (string program " and we talk both ways over DTLS with " kind)
      (with-ours [s heard identity]
        (with-client [c (make (port-of s))]
          (each line ["one" "two" (string/repeat "long" 250)]
            (say c line)
            (def [peer text] (ev/take heard))
            (is= (string line "\n") text))
          (def peer (first (dtls/peers s)))
          (is= "DTLSv1.2" ((:connection-info s peer) :version))
          (is= "localhost" ((:connection-info s peer) :server-name))
          (dtls/send-to s peer "unasked\n")
          (await c :out "unasked")
          (dtls/close-peer s peer)
          (is= 0 (exit-status c) (described c))))))

  (peer-test program (string program " shows its certificate, and one of an unknown CA is refused")
    (def refused (ev/chan 10))
    (with-ours [s heard (merge server {:verify true :ca-file ca :on-error |(ev/give refused $)})]
      (with-client [c (make (port-of s) ;(as client))]
        (say c "hello")
        (is (string/find "CN=a client"
                         ((:peer-certificate s (first (dtls/peers s)) :data) :subject-text))))
      (each [identity why] [[stranger "self-signed certificate in certificate chain"]
                            [nil "did not return a certificate"]]
        (with-client [c (make (port-of s) ;(if identity (as identity) []))]
          (def error (ev/take refused))
          (is (string/find "dtls/listen: peer 127.0.0.1 port" error))
          (is (not= 0 (exit-status c)) (described c))))))

  (peer-test program (string program " and we agree on a protocol (ALPN)")
    (with-ours [s heard (merge server {:alpn ["coap" "other"]})]
      (with-client [c (make (port-of s) ;(alpn ["unknown" "other"]))]
        (say c "hello")
        (is= "other" ((:connection-info s (first (dtls/peers s))) :alpn)))))

  (peer-test program (string program " gets the virtual host that it names")
    (with-ours [s heard (merge (get-in servers [0 1]) {:sni {"localhost" server}})]
      (with-client [c (make (port-of s))]
        (say c "hello")
        (is= "localhost" ((:connection-info s (first (dtls/peers s))) :server-name)))))

  (peer-test program (string "we see the end of a session with " program)
    (with-ours [s heard server]
      (with-client [c (make (port-of s) ;(if (= program "openssl") ["-no_ign_eof"] []))]
        (say c "hello")
        (feed c "")
        (while (next (dtls/peers s)) (ev/sleep 0.01)))))

  (peer-test program (string program " sees a hostile name refused, and the server serves on")
    (with-ours [s heard server]
      (with-client [c (make (port-of s)
                            ;(if (= program "openssl") ["-verify_hostname" "wrong.example"]
                                ["--verify-hostname" "wrong.example"]))]
        (is (not= 0 (exit-status c)) (described c)))
      (with-client [c (make (port-of s))] (say c "still there")))))

(peer-test "openssl" "s_client resumes a session of ours"
  (with-ours [s heard server]
    (def session (string dir "/session"))
    (with-client [c (openssl-client (port-of s) "-sess_out" session)] (say c "first"))
    (while (not (os/stat session)) (ev/sleep 0.01))
    (with-client [c (openssl-client (port-of s) "-sess_in" session)]
      (say c "second")
      (ev/take heard)
      (is (:session-reused? s (first (ev/take heard)))))))

(peer-test "gnutls-cli" "gnutls-cli resumes a session of ours"
  (with-ours [s heard server]
    (with-client [c (gnutls-client (port-of s) "--resume")]
      (say c "hello")
      (is (:session-reused? s (first (ev/take heard)))))))

(peer-test "openssl" "s_client comes by IPv6"
  (with [s (dtls/listen "::1" 0 server) dtls/close-server]
    (ev/go (fn [] (serve s)))
    (with-client [c (start "openssl" "s_client" "-dtls" "-connect" (string "[::1]:" (port-of s))
                           "-CAfile" ca
                           "-verify_return_error" "-quiet")]
      (say c "over six")
      (is= "::1" (string/slice (string (first (dtls/peers s))) 1 4)))))

(peer-test ["openssl"
            "gnutls-cli"] "clients of different kinds share a server, each with its own session"
  (with-ours [s heard server]
    (def theirs (seq [i :range [0 3] make :in [openssl-client gnutls-client]] (make (port-of s))))
    (defer (each c theirs (stop c))
      (with [ours (connect s (merge {:trusted-cert nil} trusting))]
        (eachp [i c] theirs (ev/write ((c :proc) :in) (string "I am " i "\n")))
        (eachp [i c] theirs (await c :out (string "I am " i)))
        (is= "me too" (string (ask ours "me too")))
        (is= 7 (length (dtls/peers s)))
        (eachp [i c] theirs (say c (string "again " i)))))))

# ---- our client, their servers ----

(defmacro- with-openssl
  "Run `body` with an s_server on the port `port`."
  [[name identity & more] & body]
  ~(with-child [,name "openssl" "s_server" "-dtls" "-accept" "127.0.0.1:0" "-cert" (,identity :cert)
                "-key" (,identity :key) ,;more]
     (def [port] (,await ,name :out ~(* "ACCEPT " (thru ":") (<- :d+))))
     ,;body))

(defn- visit [port &opt options]
  (dtls/connect "127.0.0.1" port (merge trusting (or options {}))))

(defmacro- with-gnutls
  "Run `body` with a gnutls-serv that echoes, on the port `port`."
  [[name identity & more] & body]
  ~(let [port (,free-port)]
     (with-child [,name "gnutls-serv" "-u" "--echo" "-p" port "--x509certfile" (,identity :cert)
                  "--x509keyfile" (,identity :key) ,;more]
       (:close (,once-up ,name
                         |(,visit port {:verify false :handshake-timeout 2 :cert (,client :cert)
                                        :key (,client :key)})))
       ,;body)))

(each [kind identity] servers
  (peer-test "openssl" (string "s_server and we talk both ways over DTLS with " kind)
    (with-openssl [c identity]
      (with [s (visit port)]
        (is= "DTLSv1.2" (:version s))
        (:write s "up\n")
        (await c :out "up")
        (ev/write ((c :proc) :in) "down\n")
        (is= @"down\n" (:read s 100)))
      (await c :out "DONE")))
  (peer-test "gnutls-serv" (string "gnutls-serv echoes our datagrams with " kind)
    (with-gnutls [c identity]
      (with [s (visit port)]
        (is= "DTLSv1.2" (:version s))
        (each data ["one" (string/repeat "x" 200)] (is= data (string (ask s data))))))))

(defn- records-of [datagram]
  (def found @[])
  (var rest datagram)
  (while (next rest)
    (def end (+ 13 (* 256 (rest 11)) (rest 12)))
    (array/push found (slice rest 0 end))
    (set rest (slice rest end)))
  found)

(defn- finished? [record] (= [22 1] [(record 0) (record 4)])) # a handshake's, sealed

(peer-test "openssl" "datagrams that overtook the handshake's last are read one by one"
  (with-openssl [c server]
    (var last-one nil)
    (var data-seen 0)
    (defn tell [words] (ev/write ((c :proc) :in) words))
    (defn late [way _ datagram]
      (def records (if (= way :down) (records-of datagram) []))
      (def [lasts others] [(filter finished? records) (filter |(not (finished? $)) records)])
      (cond
        (= way :up) :pass
        (next lasts) (do
                       (unless last-one (tell "one\n"))
                       (set last-one (first lasts))
                       (if (empty? others) :lose (string ;others)))
        (= 23 (datagram 0)) (case (++ data-seen)
                              1 (do (tell "two\n") :pass)
                              2 (do (tell "three\n") :pass)
                              3 last-one
                              :pass)
        :pass))
    (with-udp-proxy [p (scan-number port) {:rule late}]
      (with [s (visit (p :port))]
        (is= @"one\n" (:read s 100))
        (is= @"two\n" (:read s 100))))))

(peer-test "openssl" "s_server asks us for a cookie, and for our certificate"
  (with-openssl [c server "-listen" "-Verify" "3" "-verify_return_error" "-CAfile" ca]
    (with [s (visit port client)]
      (:write s "known\n")
      (await c :out "known")
      (is (peg/find '(* "CN" (any " ") "=" (any " ") "a client") (c :out)) (described c)))))

(peer-test "gnutls-serv" "gnutls-serv asks for our certificate, and refuses us without"
  (with-gnutls [c server "--require-client-cert" "--verify-client-cert" "--x509cafile" ca]
    (with [s (visit port client)] (is= "known" (string (ask s "known"))))
    # it says nothing
    (fails-with "dtls/connect: handshake timed out" (visit port {:handshake-timeout 1}))))

(peer-test "openssl" "we resume a session of s_server's"
  (with-openssl [c server]
    (def session (with [s (visit port)] (is (not (:session-reused? s))) (:get-session s)))
    (with [s (visit port {:session session})] (is (:session-reused? s)))))

(peer-test "gnutls-serv" "we resume a session of gnutls-serv's"
  (with-gnutls [c server]
    (def session (with [s (visit port)] (ask s "one") (:get-session s)))
    (with [s (visit port {:session session})]
      (ask s "two")
      (is (:session-reused? s)))))

(peer-test "openssl" "we agree with s_server on a protocol"
  (with-openssl [c server "-alpn" "coap,other"]
    (with [s (visit port {:alpn ["nothing" "other"]})]
      (is= "other" ((:connection-info s) :alpn)))))

(peer-test "gnutls-serv" "we agree with gnutls-serv on a protocol"
  (with-gnutls [c server "--alpn" "other"]
    (with [s (visit port {:alpn ["nothing" "other"]})]
      (is= "other" ((:connection-info s) :alpn)))))

(each [program with-it] [["openssl" :openssl] ["gnutls-serv" :gnutls]]
  (peer-test program (string "a certificate of an unknown CA, or for another name, is refused ("
                             program ")")
    (defn check [port]
      (fails-with "certificate verify failed" (visit port {:ca-file (stranger :cert)}))
      (fails-with "hostname mismatch" (visit port {:hostname "wrong.example"})))
    (if (= with-it :openssl)
      (with-openssl [c server] (check port))
      (with-gnutls [c server] (check port)))))

(peer-test "gnutls-serv" "gnutls-serv is found by name, over IPv6 or IPv4"
  (with-gnutls [c server]
    (each host ["localhost" "::1"]
      (with [s (dtls/connect host port trusting)]
        (is= host (string (ask s host)))))))

(peer-test "openssl" "small datagrams: s_client and s_server with an MTU of 300"
  (with-ours [s heard (merge server {:mtu 300})]
    (with-client [c (openssl-client (port-of s) "-mtu" "300")] (say c "small")))
  (with-openssl [c server "-mtu" "300"]
    (with [s (visit port {:mtu 300})]
      (:write s "small\n")
      (await c :out "small"))))

(peer-test "gnutls-cli" "small datagrams: gnutls-cli with an MTU of 300"
  (with-ours [s heard (merge server {:mtu 300 :verify true :ca-file ca})]
    (with-client [c (gnutls-client (port-of s) "--mtu" "300" "--x509certfile" (client :cert)
                                   "--x509keyfile" (client :key)
                                   "--alpn" (string/repeat "a" 200))]
      (say c "small"))))

(end)
