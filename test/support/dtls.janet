# Shared by the tests of jsec/dtls and jsec/dtls-stream: certificates, an echo server, clients.
(import ./check :prefix "")
(import jsec/cert)
(import jsec/dtls)

(def dir (tmpdir))
(def root (cert/generate-self-signed-cert {:common-name "root" :key-type :ec-p256}))
(defn issue [name & more]
  (cert/issue-cert
    (merge {:issuer-cert (root :cert) :issuer-key (root :key) :common-name name :key-type :ec-p256
            :san [(string "DNS:" name) "DNS:localhost" "IP:127.0.0.1" "IP:::1"]}
           (table ;more))))
(def server-cert (issue "server.example"))
(def client-cert (issue "client.example"))
(def self-signed (cert/generate-self-signed-cert {:common-name "localhost" :key-type :ec-p256}))
(spit (string dir "/root.pem") (root :cert))

(def served {:cert (server-cert :cert) :key (server-cert :key)})
(def plain {:ca (root :cert)})

(defn port-of [server] (in (dtls/localname server) 1))

(defn answer
  "Echo until the server is closed."
  [server]
  (def buffer @"")
  (while (def peer (dtls/recv-from server 65536 (buffer/clear buffer)))
    (dtls/send-to server peer buffer)))

(defmacro with-server
  "Run `body` beside an echoing server."
  [[name options] & body]
  ~(with [,name (dtls/listen "127.0.0.1" 0 ,options)]
     (ev/go (fn [] (,answer ,name)))
     ,;body))

(defmacro with-client [[name server options] & body]
  ~(with [,name (dtls/connect "127.0.0.1" (,port-of ,server) ,options)]
     ,;body))

(defn echoes [client &opt data]
  (default data "a datagram")
  (is= (length data) (ev/write client data))
  (is= (buffer data) (ev/read client 65536)))
