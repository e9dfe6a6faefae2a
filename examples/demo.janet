# A tour in a few seconds: a certificate, a TLS server and its client, their speed, and refusals.
(import jsec/cert)
(import jsec/tls)

(defn title [text] (print) (print text))
(defn show [what & text] (printf "  %-14s %s" what (string ;text)))
(defn port-of [listener] (string (get (net/localname listener) 1)))

(defn refused
  "Show the error that `attempt` must raise."
  [what attempt]
  (def [connected why] (protect (attempt)))
  (if connected (error (string what " was not refused")))
  (show what "refused")
  (print "    " why))

# ---- an own CA, and certificates from it ----

(title "A CA, and a certificate of it for localhost")
(defn make-ca [name]
  (cert/generate-self-signed-cert {:common-name name :organization "" :country ""
                                   :key-type :ec-p256}))
(def ca (make-ca "jsec demo CA"))
(def server (cert/issue-cert {:issuer-cert (ca :cert) :issuer-key (ca :key) :common-name "localhost"
                              :key-type :ec-p256
                              :san ["DNS:localhost" "IP:127.0.0.1"]}))
(def other-ca (make-ca "Another CA"))
(def trust {:ca-file (ca :cert)})
(let [{:subject subject :issuer issuer :not-after until} (cert/parse (server :cert))]
  (show "subject" (subject :common-name))
  (show "issuer" (issuer :common-name)))

# ---- an echo server ----

(defn echo [stream]
  (def chunk @"")
  (while (:read stream 65536 (buffer/clear chunk)) (:write stream chunk))
  (:close stream))

(def listener (tls/listen "127.0.0.1" "0"))
(ev/go (fn [] (tls/accept-loop listener server echo)))

(title "A client that verifies it")
(def started (os/clock :monotonic))
(def client (tls/connect "localhost" (port-of listener) trust))
(def took (- (os/clock :monotonic) started))
(let [info (:connection-info client)]
  (show "protocol" (info :version))
  (show "cipher" (info :cipher))
  (show "server is" (get-in (:peer-certificate client :data) [:subject :common-name])
        ", vouched for by jsec demo CA")
  (show "connected in" (string/format "%.2f ms" (* 1000 took))))

(def rounds 2000)
(def begun (os/clock :monotonic))
(repeat rounds
  (:write client "ping")
  (:chunk client 4))
(show "round trip" (string/format "%.0f us" (/ (* 1e6 (- (os/clock :monotonic) begun)) rounds)))

(defn transfer
  "The seconds for megabytes to go to the server and back."
  [megabytes]
  (def block (string/repeat "0123456789abcdef" 65536))
  (def begun (os/clock :monotonic))
  (ev/go (fn [] (repeat megabytes (:write client block))))
  (def got @"")
  (repeat megabytes
    (:chunk client (length block) (buffer/clear got))
    (unless (= block (string got)) (error "not what was sent")))
  (- (os/clock :monotonic) begun))

(let [seconds (transfer 64)]
  (show "64 MB and back" (string/format "%.2f s, %.0f MB/s each way, both ends in this one thread"
                                        seconds (/ 64 seconds))))
(:close client)

# ---- refusals ----

(title "What is not accepted")
(refused "a wrong CA" |(tls/connect "localhost" (port-of listener) {:ca-file (other-ca :cert)}))
(refused "a wrong name"
         |(tls/connect "127.0.0.1" (port-of listener) (merge trust {:hostname "bank.example"})))
(refused "a slip" |(tls/connect "localhost" (port-of listener) {:verfy false}))
(ev/close listener)

# ---- another server: nginx ----

(defn find-program [name]
  (find os/stat (map |(string $ "/" name)
                     [;(string/split ":" (os/getenv "PATH" "")) "/usr/sbin" "/usr/local/sbin"])))

# Not from the kernel's range for outgoing connections: one of these could take the port before the
# server does.
(defn free-port []
  (def [a b] (os/cryptorand 2))
  (def port (string (+ 10000 (% (+ (* 256 a) b) 20000))))
  (if (try (with [l (net/listen "127.0.0.1" port)] true) ([_])) port (free-port)))

(defn remove-all [dir]
  (each name (os/dir dir)
    (def path (string dir "/" name))
    (if (= :directory (os/stat path :mode)) (remove-all path) (os/rm path)))
  (os/rmdir dir))

(def nginx-config ``
daemon off; master_process off; pid %s/pid; error_log %s/log;
events {}
http {
  access_log off;
  client_body_temp_path %s/body; proxy_temp_path %s/proxy; fastcgi_temp_path %s/fastcgi;
  uwsgi_temp_path %s/uwsgi; scgi_temp_path %s/scgi;
  server {
    listen 127.0.0.1:%s ssl; ssl_certificate %s/cert.pem; ssl_certificate_key %s/key.pem;
    ssl_protocols TLSv1.2 TLSv1.3;
    location / { return 200 "Hello from nginx $nginx_version over $ssl_protocol\n"; }
  }
}
``)

(defn nginx [program dir port]
  (spit (string dir "/conf") (string/format nginx-config ;(array/new-filled 7 dir) port dir dir))
  [program "-e" (string dir "/log") "-c" (string dir "/conf")])

(defn s_server [program dir port]
  [program "s_server" "-quiet" "-www" "-accept" (string "127.0.0.1:" port) "-cert"
   (string dir "/cert.pem") "-key" (string dir "/key.pem")])

(defn get-page [port options]
  (with [s (tls/connect "localhost" port options)]
    (:write s "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
    (def answer (:read s :all))
    [(:version s) (first (string/split "\r\n" answer)) (length answer)]))

(defn once-up
  "The result of `connect`, retried until the server listens."
  [connect]
  (def [up value] (protect (connect)))
  (cond
    up value
    (string/find "refused" value) (do (ev/sleep 0.02) (once-up connect))
    (error value)))

(defn visit
  "Start a server, and get its page with and without the right trust."
  [name command-of]
  (when (find-program name)
    (title (string "HTTPS from " name))
    (def dir (string (os/getenv "TMPDIR" "/tmp") "/jsec-demo-" (os/getpid)))
    (def port (free-port))
    (os/mkdir dir)
    (defer (remove-all dir)
      (spit (string dir "/cert.pem") (server :cert))
      (spit (string dir "/key.pem") (server :key))
      (with [log (file/open (string dir "/out") :w)]
        (def child (os/spawn (command-of (find-program name) dir port) :p {:out log :err log}))
        (defer (os/proc-kill child true :term)
          (def [version status size] (once-up |(get-page port trust)))
          (show "GET /" status ", " size " bytes over " version)
          (refused "a wrong CA" |(get-page port {:ca-file (other-ca :cert)}))
          (refused "a wrong name"
                   |(tls/connect "127.0.0.1" port (merge trust {:hostname "bank.example"}))))))))

(visit "nginx" nginx)
(visit "openssl" s_server)
(unless (or (find-program "nginx") (find-program "openssl"))
  (print "  (neither nginx nor openssl is installed)"))
