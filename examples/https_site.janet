# A folder's files over HTTPS with spork's http, and a plain port that redirects there and answers
# ACME's http-01 from another folder. SIGHUP loads a renewed certificate; SIGTERM finishes the open
# requests. Without spork the example does nothing.
#   janet examples/https_site.janet /srv/www /srv/acme 80 443 cert.pem key.pem
#   janet examples/https_site.janet           serves a client of its own
(import jsec/cert)
(import jsec/tls)

(unless (first (protect (import* "spork/http" :as "http")))
  (print "spork is not installed: janet-pm install spork, or jpm install spork")
  (os/exit 0))

(def idle "Seconds that a connection may wait for its next request." 5)
(def patience "Seconds for open requests when the site ends." 10)
(var ending false)

(def types
  {"html" "text/html; charset=utf-8" "txt" "text/plain; charset=utf-8" "css" "text/css"
   "js" "text/javascript" "json" "application/json" "svg" "image/svg+xml" "png" "image/png"
   "jpg" "image/jpeg" "ico" "image/x-icon" "pdf" "application/pdf" "woff2" "font/woff2"})

# ---- files ----

(def decoded
  "The segments of a URL's path, decoded. One may not be empty, begin with a dot, or hold / or NUL."
  (peg/compile ~{:byte (/ (* "%" (number (2 :h) 16)) ,string/from-bytes)
                 :plain '(if-not (set "%/\0") 1)
                 :legal (cmt (% (some (+ :byte :plain)))
                             ,|(if-not (peg/find '(set "/\\\0") $)
                                 (if-not (string/has-prefix? "." $) $)))
                 :main (* (any (* "/" :legal)) (? (* "/" (constant "index.html"))) -1)}))

(defn find-file
  "The path of a file below the real path of a folder, or nil. A link out of the folder is none."
  [root route]
  (def segments (peg/match decoded route))
  (def [found path]
    (protect (if segments (os/realpath (string root "/" (string/join segments "/"))))))
  (if (and found path (string/has-prefix? (string root "/") path) (= :file (os/stat path :mode)))
    path))

(defn type-of [path]
  (get types (last (string/split "." path)) "application/octet-stream"))

# ---- answers ----

(defn refusal [status & headers]
  {:status status :headers (struct ;headers) :body (string (http/status-messages status) "\n")})

(defn page [root {:method method :route route}]
  (def path (find-file root route))
  (cond
    (not (index-of method ["GET" "HEAD"])) (refusal 405 "Allow" "GET, HEAD")
    (nil? path) (refusal 404)
    {:status 200 :headers {"Content-Type" (type-of path)} :body (slurp path)}))

# Compiled here: handlers of net/accept-loop have no dynamic bindings, and so no names like :w.
(def token-path
  (peg/compile '(* "/.well-known/acme-challenge/" '(some (+ :w (set "-_"))) -1)))
(def host-name (peg/compile ~(* '(some (+ :w (set ".-"))) (? (* ":" (any :d))) -1)))

(defn plain-page
  "The answer of the plain port: a token of http-01, or the same page over HTTPS."
  [challenges https-port {:method method :path path :headers headers}]
  (def host (get headers "host"))
  (def [name] (or (if (string? host) (peg/match host-name host)) []))
  (def [token] (or (peg/match token-path path) []))
  (def port (if (= 443 https-port) "" (string ":" https-port)))
  (cond
    token (page challenges {:method method :route (string "/" token)})
    (and name (string/has-prefix? "/" path))
    (refusal 308 "Location" (string "https://" name port path))
    (refusal 400)))

# ---- connections ----

(defn- has-body? [headers]
  (or (headers "content-length") (headers "transfer-encoding")))

(defn- last-request? [{:headers headers :method method}]
  (or ending (has-body? headers) (not (index-of method ["GET" "HEAD"]))
      (= "close" (string/ascii-lower (string (get headers "connection" ""))))))

(defn send [stream {:status status :headers headers :body body} extra head-only]
  (def all (merge headers extra))
  (http/send-response stream
    (if head-only
      {:status status :headers (merge all {"Content-Length" (string (length body))})}
      {:status status :headers all :body body})))

(defn answer
  "Answer one request. Is there to be another?"
  [stream buf answer-to extra]
  (def [fine request] (protect (ev/with-deadline idle (http/read-request stream buf))))
  (cond
    (not fine) false
    (= :error request) (do
                         (unless (empty? buf) (send stream (refusal 400) extra false))
                         false)
    (let [closes (last-request? request)]
      (send stream (answer-to request) (merge extra (if closes {"Connection" "close"} {}))
            (= "HEAD" (request :method)))
      (not closes))))

(defn handler [answer-to extra]
  (fn [stream]
    (def buf @"")
    (protect (while (answer stream buf answer-to extra)))
    (:close stream)))

(defn serve
  "Serve both listeners until SIGTERM. `options` gives the certificate, at each SIGHUP anew."
  [root challenges plain secure options]
  (def [folder tokens] (map os/realpath [root challenges]))
  (defn settings [] (merge (options) {:alpn ["http/1.1"]}))
  (def context (tls/new-context (settings)))
  (os/sigaction :hup (fn []
                       (def [fine why] (protect (tls/reload context (settings))))
                       (eprint (if fine "certificate reloaded" why))))
  (os/sigaction :term (fn []
                        (set ending true)
                        (:close plain)
                        (ev/go (fn []
                                 (eprint "ended, aborted connections: "
                                         (tls/drain secure patience))
                                 (os/exit 0)))))
  (def https-port ((net/localname secure) 1))
  (ev/go (fn [] (net/accept-loop plain (handler |(plain-page tokens https-port $) {}))))
  # browsers use HTTPS by themselves from now on (RFC 6797)
  (tls/accept-loop secure {:context context :truncation :eof}
    (handler |(page folder $) {"Strict-Transport-Security" "max-age=31536000"})
    {:max-connections 1000 :on-error |(eprint "client: " $)}))

# ---- a client of its own ----

(defn ask [stream path]
  (:write stream (string "GET " path " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
  (string (:read stream :all)))

(defn demonstrate []
  (def own (cert/generate-self-signed-cert {:common-name "localhost" :key-type :ec-p256}))
  (def [plain secure] [(net/listen "127.0.0.1" 0) (tls/listen "127.0.0.1" 0)])
  (ev/go (fn [] (serve "examples" "examples" plain secure (fn [] own))))
  (ev/sleep 0)
  (def [plain-port port] (map |((net/localname $) 1) [plain secure]))
  (with [s (net/connect "127.0.0.1" plain-port)]
    (print "plain: " (first (string/split "\r\n" (ask s "/demo.janet")))))
  (each path ["/demo.janet" "/../README.md" "/%2e%2e/README.md"]
    (with [s (tls/connect "localhost" port {:trusted-cert (own :cert)})]
      (print path ": " (first (string/split "\r\n" (ask s path))))))
  (os/exit 0))

(defn main [_ &opt root challenges plain secure cert key]
  (if key
    (serve root challenges (net/listen "0.0.0.0" plain) (tls/listen "0.0.0.0" secure)
           (fn [] {:cert cert :key key}))
    (demonstrate)))
