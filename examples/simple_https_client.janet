# An HTTPS request. By default the server's certificate is verified against the system's CAs and by
# name.
#   janet examples/simple_https_client.janet example.org
# Without a host it starts a server of its own.
(import jsec/tls)

(defn https-get
  "The status line, headers and body of a page."
  [host port path &opt options]
  (with [stream (tls/connect host port (merge {:timeout 10 :alpn ["http/1.1"]} (or options {})))]
    (:write stream (string "GET " path " HTTP/1.1\r\nHost: " host "\r\nConnection: close\r\n\r\n"))
    (def [head body] (string/split "\r\n\r\n" (:read stream :all) 0 2))
    (def [status & headers] (string/split "\r\n" head))
    [status headers body]))

(defn show [[status headers body]]
  (print status)
  (each header headers (print "  " header))
  (print (length body) " bytes of body"))

# ---- the server ----

(import jsec/cert)

(defn answer [stream]
  (:read stream 4096)
  (def page "<h1>Hello</h1>\n")
  (:write stream (string "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: "
                         (length page) "\r\n\r\n" page))
  (:close stream))

(defn ask-ourselves []
  (def own (cert/generate-self-signed-cert {:common-name "localhost" :organization "" :country ""
                                             :key-type :ec-p256}))
  (with [listener (tls/listen "127.0.0.1" "0")]
    (ev/go (fn [] (tls/accept-loop listener (merge own {:alpn ["http/1.1"]}) answer)))
    (def [_ port] (net/localname listener))
    # no CA issued this certificate: trust it directly
    (show (https-get "localhost" port "/" {:trusted-cert (own :cert)}))
    # without that, the connection fails
    (def [_ why] (protect (https-get "localhost" port "/")))
    (print "without :trusted-cert: " why)))

(defn main [_ &opt host path]
  (if host
    (show (https-get host 443 (or path "/")))
    (ask-ourselves)))
