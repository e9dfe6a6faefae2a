# `janet server.janet KIND FOLDER`: the server that tlsfuzzer's scripts talk to. It answers a
# request as web servers do and closes. KIND is a row of `kinds`; FOLDER has the certificates. The
# port is the first thing it prints.
(import jsec/tls)

(def kinds
  "What each kind adds to a certificate with an RSA key. The suites are OpenSSL's default ones:
  the scripts need some that jsec leaves out."
  {"default" (fn [_] {:ciphers "DEFAULT"})
   "legacy" (fn [_] {:ciphers "DEFAULT" :min-version :TLS1_0 :security-level 0})
   "mutual" (fn [folder]
              {:ciphers "DEFAULT" :verify true :purpose :any
               :trusted-cert (string folder "/client.pem")})})

(def- answer "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n")

(defn- ends-request? [text]
  (or (string/has-suffix? "\r\n\r\n" text) (string/has-suffix? "\n\n" text)))

(defn- serve [stream]
  (def request @"")
  (while (and (not (ends-request? request)) (:read stream 4096 request)))
  (unless (empty? request) (:write stream answer))
  (:close stream))

(defn- handle
  "A script that breaks its connection off is no news."
  [stream]
  (unless (first (protect (serve stream))) (:close stream true)))

(defn main [_ kind folder]
  (def listener (tls/listen "127.0.0.1" "0"))
  (print (last (net/localname listener)))
  (flush)
  (def own {:cert (string folder "/server.pem") :key (string folder "/server.key")})
  (tls/accept-loop listener (merge own ((kinds kind) folder)) handle {:handshake-timeout 10}))
