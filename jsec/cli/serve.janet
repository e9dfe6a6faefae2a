# jsec serve: a TLS server to try clients with, an echo server, or a proxy to a plaintext server.
(import ../cert)
(import ../crypto)
(import ../tls)
(import ./args)
(import ./connection)
(import ./files)
(import ./lazy)
(import ./show)

(def command
  {:name "serve"
   :usage "[HOST:]PORT"
   :summary
   "serve TLS: a page that tells of the connection, an echo, or a proxy before a plaintext server"
   :text ``
Listens on 127.0.0.1 unless a HOST is given (0.0.0.0 for all interfaces, unix:PATH for a unix
socket); port 0 chooses a free port. Without --cert it makes a self-signed certificate for localhost
and the host's name, valid for a day, in memory; clients can trust the file of --write-cert.

Prints each connection to standard output. Ends at SIGINT or SIGTERM, with status 0.
``
   :options [{:name "echo" :doc "send received data back"}
             {:name "to" :value "HOST:PORT"
              :doc "forward to this server in plaintext, as a TLS-terminating proxy"}
             {:name "cert" :value "FILE" :kind :file :doc "certificate (PEM), with its chain"}
             {:name "key" :value "FILE" :kind :file :doc "private key of --cert"}
             {:name "password-file" :value "FILE" :kind :file
              :doc "file whose first line is the password of --key"}
             {:name "write-cert" :value "FILE"
              :doc "write the certificate in use to FILE, for a client's --trust"}
             {:name "client-ca" :value "FILE" :kind :file
              :doc "require a certificate that these CAs issued (mutual TLS)"}
             {:name "alpn" :value "NAMES"
              :doc "application protocols to agree on, as in h2,http/1.1"}
             {:name "tls" :value "VERSION" :kind ["1.2" "1.3"] :doc "this version of TLS only"}
             {:name "keylog" :value "FILE"
              :doc "append the connections' secrets to FILE, for Wireshark"}
             {:name "once" :doc "exit after the first connection"}
             {:name "json" :doc "print connections as lines of JSON"}]
   :examples [["jsec serve 8443"
               "a page of facts at https://localhost:8443, to look at with a browser or curl -k"]
              ["jsec serve 0.0.0.0:443 --cert cert.pem --key key.pem --to localhost:8080"
               "TLS in front of a plaintext server"]
              ["jsec serve 4433 --echo --write-cert own.pem"
               "an echo; jsec connect localhost:4433 --trust own.pem"]]})

# ---- what a connection is served ----

(defn- copy
  "Copy bytes from one stream to the other, and pass the end on."
  [from to]
  (def chunk @"")
  (while (:read from 65536 (buffer/clear chunk)) (:write to chunk))
  (:shutdown to :w))

(defn- echo [stream] (copy stream stream))

(defn- proxy
  "Pass bytes on in both directions until both have ended, and a failure of either at once."
  [[host port] stream]
  (def behind (net/connect host port))
  (def ended (ev/chan 2))
  (edefer (each s [behind stream] (tls/abort s))
    (each [from to] [[stream behind] [behind stream]]
      (ev/go (fn [] (copy from to)) nil ended))
    (repeat 2
      (def [outcome fiber] (ev/take ended))
      (if (= :error outcome) (error (fiber/last-value fiber))))
    (:close behind)))

(defn- page [facts]
  (def body @"")
  (with-dyns [:out body]
    (print "This is jsec, serving " (facts :version) ".\n")
    (each key [:version :cipher :group :signature-algorithm :alpn :server-name :resumed]
      (if-not (nil? (facts key)) (show/row key (show/clean (facts key)))))
    (if-let [certificate (first (facts :chain))]
      (connection/show-certificate "\nyour certificate:" certificate)))
  (string "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n"
          "Content-Length: " (length body) "\r\n\r\n" body))

(defn- tell-page
  "Answer one HTTP request, any path."
  [facts stream]
  (def request @"")
  (while (and (not (string/find "\r\n\r\n" request)) (< (length request) 65536))
    (unless (:read stream 4096 request 30) (break)))
  (:write stream (page facts)))

(defn- handler-of [given]
  (cond
    (and (given :echo) (given :to)) (args/usage-error "--echo and --to exclude each other")
    (given :echo) (fn [_ stream] (echo stream))
    (given :to) (let [place (args/target (given :to) "80")] (fn [_ stream] (proxy place stream)))
    tell-page))

# ---- the server ----

(defn- own-identity
  "The given certificate, or a temporary one."
  [given host]
  (if (and (given :key) (not (given :cert))) (args/usage-error "--key needs --cert"))
  (if (given :cert)
    {:cert (given :cert) :key (or (given :key) (args/usage-error "--cert needs --key"))
     :password (connection/password given)}
    (let [names (distinct ["DNS:localhost" "IP:127.0.0.1" "IP:::1"
                           ;(if (index-of host [:unix "0.0.0.0" "::" "127.0.0.1" "::1" "localhost"])
                              []
                              [host])])]
      (cert/generate-self-signed-cert {:common-name "localhost" :san names :key-type :ec-p256
                                       :days-valid 1 :organization "" :country ""}))))

(defn- server-options [given identity]
  (merge identity
         (connection/tls-options (merge given {:cert (identity :cert) :key (identity :key)}))
         {:keylog (given :keylog) :verify (not (nil? (given :client-ca)))
          :ca-file (given :client-ca)
          :password (identity :password)}))

(def- record-event (lazy/function "record" 'event))

(defn- place-text [name] (if (indexed? name) (string/join (map string name) ":") (string name)))

(defn- tell
  "Print what happened, as JSON or in words; `facts` are those of a connection."
  [given event words &opt facts]
  (if (given :json)
    (show/print-json (record-event event facts))
    (print words))
  (:flush (show/out)))

(defn- tell-connection [given facts]
  (def who
    (if-let [certificate (first (facts :chain))] (string ", " (certificate :subject-text)) ""))
  (tell given
        {:event "connection" :address (facts :address)}
        (show/clean (string "connection from " (facts :address) ": " (facts :version) ", "
                            (facts :cipher) who))
        facts))

(defn- serve-one [given handler stream]
  (def facts (connection/facts ["" ""] stream 0 0))
  (tell-connection given facts)
  (def [fine err] (protect (handler facts stream) (:close stream)))
  (unless fine
    (tls/abort stream)
    (def text (show/plain err))
    (tell given {:event "error" :error text} (string "  ended by: " text))))

(defn- listen [host port]
  (try (tls/listen host port)
    ([err]
      (error (if (string/find "Address already in use" err)
               (string (place-text [host port]) ": Address already in use: end the server there, "
                       "or take another port")
               err)))))

(defn- stop-on-signals [listener]
  (each signal [:int :term] (os/sigaction signal (fn [] (protect (:close listener))) true)))

(defn run [given]
  (def [text & more] (given :words))
  (if (or (nil? text) (next more)) (args/usage-error "one [HOST:]PORT is needed"))
  (def [host port] (if (scan-number text) ["127.0.0.1" text] (args/target text "443")))
  (def handler (handler-of given))
  (def identity (own-identity given host))
  (def context (tls/new-context (server-options given identity)))
  (if-let [path (given :write-cert)]
    (files/write-all [[path (if (given :cert) (slurp (identity :cert)) (identity :cert))]] true))
  (def listener (listen host port))
  (stop-on-signals listener)
  (def place (place-text (net/localname listener)))
  (tell given {:event "listening" :address place} (string "listening on " place))
  (tls/accept-loop listener context
                   (fn [stream]
                     (serve-one given handler stream)
                     (if (given :once) (:close listener)))
                   {:on-error (fn [text facts]
                                (def address (place-text (get facts :peername "unix")))
                                (def why (show/plain text))
                                (tell given {:event "refused" :address address :error why}
                                      (string "refused " address ": " why)))})
  0)
