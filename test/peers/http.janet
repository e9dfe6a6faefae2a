# curl as client of ours; nginx as server for ours, and as client of ours where it is a proxy.
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
(def versions [["TLSv1.2" "1.2" :TLS1_2] ["TLSv1.3" "1.3" :TLS1_3]])
(def data (noise (load 3000000)))
(def data-file (string dir "/data"))
(spit data-file data)

# ---- just enough of HTTP/1.1 ----

(defn read-head
  "Read up to the empty line; the head, and what of the body came with it."
  [stream]
  (def text @"")
  (while (not (string/find "\r\n\r\n" text))
    (unless (:read stream 4096 text) (error "no head")))
  (string/split "\r\n\r\n" text 0 2))

(defn length-of [head]
  (scan-number (get (peg/match '(some (+ (* "ontent-" (set "Ll") "ength: " (<- :d+)) 1)) head) 0
                    "0")))

(defn read-message
  "Read a head and its body: `[head body]`."
  [stream]
  (def [head start] (read-head stream))
  (def body (buffer start))
  (def more (- (length-of head) (length start)))
  (if (pos? more) (:chunk stream more body))
  [head (string body)])

(defn give-body-back
  "A handler that answers a request with its own body; returns its head and what was negotiated."
  [stream]
  (def [head body] (read-message stream))
  (:write stream (string "HTTP/1.1 200 OK\r\nContent-Length: " (length body)
                         "\r\nConnection: close\r\n\r\n" body))
  (merge (:connection-info stream) {:head head}))

(defn get-page
  "The body that an HTTPS server gives for a path."
  [port options &opt path body]
  (default path "/")
  (with [s (tls/connect "localhost" port options)]
    (:write s (string (if body "PUT " "GET ") path
                      " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                      (if body (string "Content-Length: " (length body) "\r\n") "") "\r\n" body))
    (read-message s)))

# ---- curl ----

(defn curl [s & more]
  (start "curl" "-sS" "--cacert" ca ;more (string "https://localhost:" (s :port) "/")))

(defmacro with-curl [[name s & more] & body]
  ~(let [,name (,curl ,s ,;more)] (defer (,stop ,name) ,;body)))

(each [kind identity] servers
  (each [version flag] versions
    (peer-test "curl" (string "curl posts and gets megabytes with " kind " over " version)
      (with-server [s identity give-body-back]
        (with-curl [c s (string "--tlsv" flag) "--tls-max" flag "--data-binary"
                    (string "@" data-file) "-H" "Expect:"]
          (def info (result s))
          (is= [version "localhost"] [(info :version) (info :server-name)])
          (is= 0 (exit-status c) (described c))
          (is (= (string data) (string (c :out))) "same data"))))))

(peer-test "curl"
  (string "curl refuses us under another CA, another name, and at a bare address without IP in "
          "the certificate")
  (def nameless (saved dir "nameless" (issue authority-made :san ["DNS:localhost"])))
  (with-server [s server give-body-back]
    (with-curl [c s "--cacert" other-ca]
      (is= 60 (exit-status c) (described c))
      (is (string/find "the peer does not trust the CA of our certificate" (refusal s))))
    (with-child [c "curl" "-sS" "--cacert" ca "--connect-to"
                 (string "other.example:443:127.0.0.1:" (s :port))
                 "https://other.example/"]
      (is= 60 (exit-status c) (described c)))
    (with-child [c "curl" "-sS" "--cacert" ca (string "https://127.0.0.1:" (s :port) "/")]
      (is= 0 (exit-status c) (described c))))
  (with-server [s nameless give-body-back]
    (with-child [c "curl" "-sS" "--cacert" ca (string "https://127.0.0.1:" (s :port) "/")]
      (is= 60 (exit-status c) (described c)))))

(peer-test "curl" "curl is let in with its certificate only"
  (with-server [s (merge server {:verify true :ca-file ca}) give-body-back]
    (each [_ flag] versions
      (with-curl [c s "--tls-max" flag "--cert" (client :cert) "--key" (client :key)]
        (is= 0 (exit-status c) (described c)))
      (with-curl [c s "--tls-max" flag]
        (is (string/has-suffix? "the client gave no certificate, and one is required" (refusal s)))
        (is= 56 (if (= flag "1.2") 56 (exit-status c)) (described c)))
      (with-curl [c s "--tls-max" flag "--cert" (stranger :cert) "--key" (stranger :key)]
        (is (string/has-prefix?
              "tls/accept-loop: certificate verify failed: unable to get local issuer" (refusal s)))
        (is (pos? (exit-status c)) (described c))))))

(peer-test "curl" "curl agrees on HTTP/1.1 with us by ALPN"
  (with-server [s (merge server {:alpn ["http/1.1"]}) give-body-back]
    (with-curl [c s]
      (is= "http/1.1" ((result s) :alpn))
      (is= 0 (exit-status c) (described c)))))

# ---- nginx ----

(def nginx-template ``
daemon off; master_process off; pid %s/nginx.pid; error_log stderr info;
events {}
http {
  access_log off; root %s; default_type application/octet-stream; client_max_body_size 100m;
  client_body_temp_path %s/body; proxy_temp_path %s/proxy; fastcgi_temp_path %s/fastcgi;
  uwsgi_temp_path %s/uwsgi; scgi_temp_path %s/scgi;
  server {
    listen 127.0.0.1:%s ssl; ssl_protocols TLSv1.2 TLSv1.3;
    %s
  }
}
``)

(defn nginx-config [port server-block]
  (def path (string dir "/nginx-" port ".conf"))
  (spit path (string/format nginx-template ;(array/new-filled 7 dir) port server-block))
  path)

(defmacro with-nginx
  ``Run `body` with an nginx that has this certificate and these directives; `port` is bound as
  well.``
  [[name identity & directives] & body]
  ~(let [port (,free-port)]
     (with-child [,name (,find-program "nginx") "-e" "stderr" "-c"
                  (,nginx-config port (string "ssl_certificate " (,identity :cert)
                                              "; ssl_certificate_key " (,identity :key) "; "
                                              ,;directives))]
       (,until-up ,name port)
       ,;body)))

(each [kind identity] servers
  (peer-test "nginx" (string "we fetch megabytes from nginx with " kind)
    (with-nginx [c identity]
      (each [version _ word] versions
        (def options {:ca-file ca :security {:min-version word :max-version word}})
        (is (= (string data) (get (get-page port options "/data") 1)) "same data")))))

(peer-test "nginx" "nginx sees version, name and protocol as we do"
  (with-nginx [c server
               `location / { return 200 "$ssl_protocol $ssl_server_name $ssl_alpn_protocol"; }`]
    (each [version _ word] versions
      (def options {:ca-file ca :alpn ["http/1.1"] :security {:min-version word :max-version word}})
      (is= (string version " localhost http/1.1") (get (get-page port options) 1)))))

(peer-test "nginx" "we refuse nginx under another CA or name, and it is told"
  (with-nginx [c server]
    (fails-with "tls/connect: certificate verify failed: unable to get local issuer certificate"
                (get-page port {:ca-file other-ca}))
    (await c :err "unknown ca")
    (fails-with `hostname mismatch: wanted "other.example", certificate names "localhost"`
                (get-page port {:ca-file ca :hostname "other.example"}))
    (await c :err "bad certificate")))

(peer-test "nginx" "nginx lets us in with our certificate only"
  (with-nginx [c server "ssl_verify_client on; ssl_client_certificate " ca
               `; location / { return 200 "$ssl_client_s_dn"; }`]
    (each [_ _ word] versions
      (def options {:ca-file ca :security {:min-version word :max-version word}})
      (is (string/find "CN=a client" (get (get-page port (merge options client)) 1)))
      (is (string/find "No required SSL certificate was sent" (get (get-page port options) 1)))
      (is (string/find "The SSL certificate error"
                       (get (get-page port (merge options stranger)) 1))))))

(peer-test "nginx" "nginx as a proxy talks TLS to us, verifies us, and shows us its certificate"
  (defn upstream [s name trust & more]
    (string "location / { proxy_pass https://127.0.0.1:" (s :port)
            "; proxy_ssl_verify on; proxy_ssl_server_name on; proxy_ssl_name "
            name "; proxy_ssl_trusted_certificate " trust "; proxy_ssl_protocols TLSv1.2 TLSv1.3; "
            "proxy_ssl_certificate " (client :cert) "; proxy_ssl_certificate_key " (client :key)
            "; }"))
  (with-server [s (merge server {:verify true :ca-file ca}) give-body-back]
    (with-nginx [c server (upstream s "localhost" ca)]
      (def [head body] (get-page port {:ca-file ca} "/" data))
      (is (= (string data) body) "same data")
      (is= "localhost" ((result s) :server-name)))
    (with-nginx [c server (upstream s "localhost" other-ca)]
      (is (string/has-prefix? "HTTP/1.1 502" (first (get-page port {:ca-file ca}))))
      (await c :err "upstream SSL certificate verify error: (2"))
    (with-nginx [c server (upstream s "other.example" ca)]
      (is (string/has-prefix? "HTTP/1.1 502" (first (get-page port {:ca-file ca}))))
      (await c :err `upstream SSL certificate does not match "other.example"`))))

(end)
