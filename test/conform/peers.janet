# The other sides of the interop matrix. A peer is a struct:
#   :name :programs   what it is, and what has to be installed
#   :server   (fn [cell]) starts it as a server: {:child … :port … :speaks :echo, :lines, :reversed
#   or :http}, and
#             :saw (fn []), the name that it was asked for, where it tells
#   :client   (fn [cell port]) starts it as a client of ours: {:child …}, or :call (fn []) to make
#   it connect,
#             and :expects, text that is to be in its output; :times, connections that it makes when
#             it is to resume;
#             :feed, its input is to be ended then; :stays, it does not end by itself
#   :lacks    (fn [cell]) why it can't do a cell, or nil
# A cell has :role (ours is the other) :version "1.2" or "1.3", :kind, the server's key, :feature,
# :identity and :me, our and the client's certificate and key files.
(import ../support/check :as check)
(import ../support/peers :prefix "")
(import jsec/crypto)
(import jsec/tls)

(def dir (check/tmpdir))
(def authority-made (authority "Test CA"))
(def ca ((saved dir "ca" authority-made) :cert))
(def identities
  (tabseq [kind :in [:rsa :ec-p256 :ed25519]]
    kind
    (saved dir kind (issue authority-made :key-type kind :san
                           ["DNS:localhost" "DNS:b.example" "IP:127.0.0.1"]))))
(def me
  (saved dir "client" (issue authority-made :common-name "a client" :san ["email:a@b.example"])))
(def payload (string (string/repeat "0123456789abcde\n" 2000) "END\n"))

(defn in-dir [name] (string dir "/" name))
(def- folder (string (os/cwd) "/test/conform/"))

(defn- when-feature [cell feature & words] (if (= feature (cell :feature)) words []))

# ---- programs that tell what they see, in four languages ----

(defn- told [child key] (get (peg/match ~(some (+ (* ,key " " (<- (to "\n"))) 1)) (child :out)) 0))

(defn- words [options] (seq [[key value] :pairs options] (string key "=" value)))

(defn- script-options [{:feature feature :version version} own]
  (merge {:version (string "TLSv" version)} own (if (= feature :alpn) {:alpn "x,http/1.1"} {})))

(defn- script [name programs command &opt lacks own-words]
  (default own-words |$)
  {:name name :programs programs :lacks (or lacks (fn [_]))
   :server (fn [cell]
             (def options (script-options cell (merge (own-words (cell :identity))
                                                      (if (= :mtls (cell :feature)) {:ca ca} {}))))
             (def child (start ;command "server" ;(words options)))
             {:child child :speaks :echo :port (first (await child :out ~(* "port " (<- :d+))))
              :saw |(told child "name")})
   :client (fn [cell port]
             (def options
               (script-options cell (merge (if (= :mtls (cell :feature)) (own-words me) {})
                                           {:ca ca :port port :size 100000 :name (cell :host)
                                            :times (if (= :resumption (cell :feature)) 2 1)})))
             {:child (start ;command "client" ;(words options)) :expects "clean"
              :times (options :times)})})

(defn- built
  "Build a program once; where it is, or nil."
  [into & command]
  (os/mkdir "build")
  (os/mkdir "build/conform")
  (def child (start ;command))
  (defer (stop child) (if (= 0 (exit-status child)) into (do (eprint (described child)) nil))))

(defn- go-peer []
  (def into (string (os/cwd) "/build/conform/peer-go"))
  (os/setenv "GOCACHE" (string (os/cwd) "/build/conform/go-cache"))
  (os/setenv "GO111MODULE" "off")
  (script "Go" ["go"]
          [(or (if (check/find-program "go")
                 (built into "go" "build" "-o" into (string folder "peer.go"))) "false")]))

# a key with its certificate, as Java wants them
(defn- bundle-of [identity]
  (def path (string (identity :cert) ".p12"))
  (unless (os/stat path)
    (spit path (crypto/create-pkcs12 (slurp (identity :cert)) (slurp (identity :key))
                                     {:password "pwpwpw" :friendly-name "x"})))
  {:p12 path})

(defn- java-peer []
  (def classes (string (os/cwd) "/build/conform"))
  (if (check/find-program "javac") (built classes "javac" "-d" classes (string folder "Peer.java")))
  (script "Java" ["java" "javac"] ["java" "-cp" classes "Peer"] nil bundle-of))

# ---- OpenSSL's and GnuTLS's own ----

(def- openssl
  {:name "openssl" :programs ["openssl"] :lacks (fn [_])
   :server (fn [cell]
             (def port (free-port))
             {:port port :speaks :reversed
              :saw (fn [] (cell :host))
              :child (start "openssl" "s_server" "-accept" (string "127.0.0.1:" port)
                            (if (= "1.2" (cell :version)) "-tls1_2" "-tls1_3")
                            "-rev" "-cert" (get-in cell [:identity :cert]) "-key"
                            (get-in cell [:identity :key]) "-servername_fatal"
                            ;(when-feature cell :mtls "-Verify" "1" "-verify_return_error" "-CAfile"
                                           ca)
                            ;(when-feature cell :sni "-servername" "b.example" "-cert2"
                                           (get-in cell [:identity :cert]) "-key2"
                                           (get-in cell [:identity :key]))
                            ;(when-feature cell :alpn "-alpn" "http/1.1"))})
   :client (fn [cell port]
             (def file (in-dir (string "session-" port)))
             (defn go [& more]
               (def child (start "openssl" "s_client" "-connect" (string "127.0.0.1:" port)
                                 "-servername" (cell :host)
                                 (if (= "1.2" (cell :version)) "-tls1_2" "-tls1_3") "-CAfile" ca
                                 "-verify_return_error" "-quiet" "-no_ign_eof"
                                 ;(when-feature cell :mtls "-cert" (me :cert) "-key" (me :key))
                                 ;(when-feature cell :alpn "-alpn" "x,http/1.1") ;more))
               (:write ((child :proc) :in) payload)
               child)
             (if (= :resumption (cell :feature))
               (do
                 (def first-child (go "-sess_out" file))
                 (await first-child :out "END\n")
                 (feed first-child "")
                 (exit-status first-child)
                 (stop first-child)
                 {:child (go "-sess_in" file) :expects "END\n" :times 2 :feed true})
               {:child (go) :expects "END\n" :feed true}))})

(defn- gnutls-priority [cell] (string "NORMAL:-VERS-ALL:+VERS-TLS" (cell :version)))

(def- gnutls
  {:name "GnuTLS" :programs ["gnutls-cli" "gnutls-serv"] :lacks (fn [_])
   :server (fn [cell]
             (def port (free-port))
             (def child (start "gnutls-serv" "-p" port "--x509certfile"
                               (get-in cell [:identity :cert]) "--x509keyfile"
                               (get-in cell [:identity :key])
                               "--echo" "--priority" (gnutls-priority cell)
                               ;(when-feature cell :mtls "--require-client-cert"
                                              "--verify-client-cert" "--x509cafile" ca)
                               ;(when-feature cell :alpn "--alpn" "http/1.1" "--alpn-fatal")))
             {:port port :speaks :lines :child child
              :saw |(last (peg/match '(any (+ (* "Given server name[1]: " (<- (some :S))) 1))
                                     (child :out)))})
   :client (fn [cell port]
             (def child (start "gnutls-cli" "--logfile=/dev/stderr" "--x509cafile" ca
                               "--sni-hostname" (cell :host) "--verify-hostname" (cell :host)
                               "-p" port "--priority" (gnutls-priority cell)
                               ;(when-feature cell :mtls "--x509certfile" (me :cert) "--x509keyfile"
                                              (me :key))
                               ;(when-feature cell :alpn "--alpn" "x" "--alpn" "http/1.1")
                               ;(when-feature cell :resumption "--resume") "127.0.0.1"))
             (:write ((child :proc) :in) payload)
             {:child child :expects "END\n" :feed true
              :times (if (= :resumption (cell :feature)) 2 1)})})

# ---- NSS ----

(defn- run-program [& command]
  (def child (start ;command))
  (defer (stop child) (check/is= 0 (exit-status child) (described child))))

(defn- nss-database
  "A database with the CA and an identity, named \"x\"."
  [identity]
  (def path (string (identity :cert) ".db"))
  (unless (os/stat path)
    (os/mkdir path)
    (run-program "certutil" "-N" "-d" path "--empty-password")
    (run-program "certutil" "-A" "-d" path "-n" "ca" "-t" "CT,C,C" "-i" ca)
    (run-program "pk12util" "-i" ((bundle-of identity) :p12) "-d" path "-W" "pwpwpw" "-K" ""))
  path)

(defn- nss-version [cell] (string "tls" (cell :version) ":tls" (cell :version)))

(def- nss
  {:name "NSS" :programs ["selfserv" "tstclnt" "certutil" "pk12util"]
   :lacks (fn [{:kind kind :feature feature :role role}]
            (cond
              (= kind :ed25519) "no Ed25519 certificates in NSS 3.87"
              (= feature :alpn) "its tools have no option for it"
              (and (= feature :resumption) (= role :client))
              "tstclnt does not end its first connection"
              (and (= feature :sni) (= role :server)) "its tool does not tell"))
   :server (fn [cell]
             (def port (free-port))
             {:port port :speaks :http :saw (fn [] (cell :host))
              :child (start "selfserv" "-d" (nss-database (cell :identity)) "-n" "x" "-p" port "-V"
                            (nss-version cell) "-u" ;(when-feature cell :mtls "-r" "-r"))})
   :client (fn [cell port]
             # a name that is resolved is what it verifies and asks for
             (def child (start "tstclnt" "-h" "localhost" "-4" "-p" port "-d" (nss-database me) "-V"
                               (nss-version cell) "-f" "-u" "-v"
                               ;(when-feature cell :sni "-a" (cell :host))
                               ;(when-feature cell :mtls "-n" "x")))
             (:write ((child :proc) :in) payload)
             {:child child :expects "END\n" :stays true})})

# ---- HTTP ----

(def- curl
  {:name "curl" :programs ["curl"]
   :lacks (fn [{:role role}] (if (= role :server) "is a client"))
   :client (fn [cell port]
             (def url (string "https://" (cell :host) ":" port "/"))
             (spit (in-dir "payload") payload)
             {:times (if (= :resumption (cell :feature)) 2 1) :expects "END\n"
              :child (start "curl" "-sS" "--cacert" ca "--resolve"
                            (string (cell :host) ":" port ":127.0.0.1") "-H" "Connection: close"
                            "-H" "Expect:"
                            (string "--tlsv" (cell :version)) "--tls-max" (cell :version)
                            "--data-binary" (string "@" (in-dir "payload"))
                            ;(when-feature cell :mtls "--cert" (me :cert) "--key" (me :key))
                            "--http1.1" url ;(when-feature cell :resumption url))})})

(defn- http-through
  "Make a proxy in front of us pass a request on."
  [port]
  (with [s (check/plain-connect "127.0.0.1" port)]
    (:write s (string "POST / HTTP/1.1\r\nHost: b.example\r\nConnection: close\r\nContent-Length: "
                      (length payload) "\r\n\r\n" payload))
    (string (:read s :all))))

(defn- nginx-start [config]
  (def path (in-dir (string "nginx-" (free-port) ".conf")))
  (spit path (string "daemon off; master_process off; error_log stderr; pid " path
                     ".pid; events {}\nhttp {access_log off; client_body_temp_path "
                     dir "/t1; proxy_temp_path " dir "/t2; fastcgi_temp_path " dir
                     "/t3; uwsgi_temp_path " dir "/t4; scgi_temp_path " dir "/t5;\n"
                     config "}\n"))
  (start (check/find-program "nginx") "-c" path))

(def- nginx
  {:name "nginx" :programs ["nginx"]
   :lacks (fn [{:role role :feature feature}]
            (if (and (= role :client) (= feature :alpn)) "offers no ALPN to upstreams"))
   :server (fn [cell]
             (def port (free-port))
             {:port port :speaks :http :saw (fn [] (cell :host))
              :child (nginx-start (string "server {listen 127.0.0.1:" port " ssl; ssl_certificate "
                                          (get-in cell [:identity :cert]) "; ssl_certificate_key "
                                          (get-in cell [:identity :key]) "; ssl_protocols TLSv"
                                          (cell :version) "; ssl_session_cache builtin;"
                                          (if (= :mtls (cell :feature))
                                            (string "ssl_verify_client on; ssl_client_certificate "
                                                    ca ";")
                                            "")
                                          "location / {return 200 \"name $ssl_server_name "
                                          "END\\n\";}}"))})
   :client (fn [cell port]
             (def own (free-port))
             (def child
               (nginx-start (string "server {listen 127.0.0.1:" own
                                    "; location / {proxy_pass https://127.0.0.1:" port
                                    "; proxy_ssl_protocols TLSv"
                                    (cell :version)
                                    "; proxy_ssl_verify on; proxy_ssl_trusted_certificate " ca
                                    "; proxy_ssl_server_name on; proxy_ssl_name " (cell :host) ";"
                                    (if (= :mtls (cell :feature))
                                      (string "proxy_ssl_certificate " (me :cert)
                                              "; proxy_ssl_certificate_key " (me :key) ";")
                                      "")
                                    "}}")))
             (until-up child own)
             {:child child :call |(http-through own) :expects "END\n"
              :times (if (= :resumption (cell :feature)) 2 1)})})

(defn- combined
  "Certificate and key in one file, as HAProxy has them."
  [identity]
  (def path (string (identity :cert) ".pem"))
  (spit path (string (slurp (identity :cert)) (slurp (identity :key))))
  path)

(def- haproxy
  {:name "HAProxy" :programs ["haproxy"] :lacks (fn [_])
   :server (fn [cell]
             (def port (free-port))
             (def config (in-dir (string "haproxy-" port)))
             (spit config
                   (string
                     "global\n nbthread 1\ndefaults\n mode http\n timeout client 10s\n timeout "
                     "connect 10s\n timeout server 10s\nfrontend f\n bind 127.0.0.1:" port
                     " ssl crt " (combined (cell :identity)) " ssl-min-ver TLSv" (cell :version)
                     " ssl-max-ver TLSv" (cell :version)
                     (if (= :mtls (cell :feature)) (string " verify required ca-file " ca) "")
                     " alpn http/1.1\n"
                     " http-request return status 200 content-type text/plain lf-string \"name "
                     "%[ssl_fc_sni] END\\n\"\n"))
             {:port port :speaks :http :saw (fn [] (cell :host))
              :child (start (check/find-program "haproxy") "-f" config "-db")})
   :client (fn [cell port]
             (def own (free-port))
             (def config (in-dir (string "haproxy-" own)))
             (spit config
                   (string
                     "global\n nbthread 1\ndefaults\n mode http\n timeout client 10s\n timeout "
                     "connect 10s\n timeout server 10s\nlisten f\n bind 127.0.0.1:" own
                     "\n http-reuse never\n server s 127.0.0.1:" port
                     " ssl verify required ca-file " ca " verifyhost " (cell :host) " sni str("
                     (cell :host) ")"
                     " ssl-min-ver TLSv" (cell :version) " ssl-max-ver TLSv" (cell :version)
                     (if (= :mtls (cell :feature)) (string " crt " (combined me)) "")
                     (if (= :alpn (cell :feature)) " alpn x,http/1.1" "") "\n"))
             (def child (start (check/find-program "haproxy") "-f" config "-db"))
             (until-up child own)
             {:child child :call |(http-through own) :expects "END\n"
              :times (if (= :resumption (cell :feature)) 2 1)})})

# ---- stunnel: TLS for plaintext programs ----

(defn- stunnel-start [name text]
  (def config (in-dir name))
  (spit config (string "foreground = yes\ndebug = 5\npid =\nsyslog = no\n[s]\n" text))
  (start "stunnel4" config))

(def- stunnel
  {:name "stunnel" :programs ["stunnel4"]
   :lacks (fn [{:feature feature}] (if (= feature :alpn) "has no ALPN"))
   :server (fn [cell]
             (def port (free-port))
             (def plain (net/listen "127.0.0.1" 0))
             (ev/go (fn []
                      (try (while (def s (net/accept plain))
                             (ev/go (fn [] (try (echo s) ([_])) (:close s)))) ([_]))))
             {:port port :speaks :echo :saw (fn [] (cell :host)) :close |(:close plain)
              :child (stunnel-start (string "stunnel-" port)
                                    (string "accept = 127.0.0.1:" port "\nconnect = 127.0.0.1:"
                                            (get (net/localname plain) 1) "\ncert = "
                                            (get-in cell [:identity :cert]) "\nkey = "
                                            (get-in cell [:identity :key]) "\nsslVersion = TLSv"
                                            (cell :version) "\n"
                                            (if (= :mtls (cell :feature))
                                              (string "verifyChain = yes\nCAfile = " ca "\n")
                                              "")))})
   :client (fn [cell port]
             (def own (free-port))
             (def child (stunnel-start (string "stunnel-" own)
                                       (string "client = yes\naccept = 127.0.0.1:" own
                                               "\nconnect = 127.0.0.1:" port "\nsni = " (cell :host)
                                               "\nverifyChain = yes\nCAfile = " ca "\ncheckHost = "
                                               (cell :host) "\nsslVersion = TLSv" (cell :version)
                                               "\n"
                                               (if (= :mtls (cell :feature))
                                                 (string "cert = " (me :cert) "\nkey = " (me :key)
                                                         "\n")
                                                 ""))))
             (await child :err "Configuration successful")
             {:child child :expects "END\n" :times (if (= :resumption (cell :feature)) 2 1)
              :call (fn [] (with [s (once-up child |(check/plain-connect "127.0.0.1" own))]
                             (string (sent-back s payload))))})})

(def peers
  [openssl gnutls nss
   (script "Node" ["node"] ["node" (string folder "peer.js")])
   (script "Python" ["python3"] ["python3" (string folder "peer.py")])
   (go-peer) (java-peer) curl nginx haproxy stunnel])
