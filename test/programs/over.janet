# What the scripts of this folder share. Each runs twice: with the program as it is, over TCP, and
# with the program loaded by tls/require, over TLS. JSEC_OVER says which.
(import jsec/cert)
(import jsec/net :as net-over-tls)
(import jsec/tls)

(def tls? (= "tls" (os/getenv "JSEC_OVER")))

(def identity
  (cert/generate-self-signed-cert
    {:common-name "localhost" :san ["DNS:localhost" "IP:127.0.0.1" "IP:::1"] :key-type :ec-p256}))

(def context
  "Of all connections, clients and servers: it counts them."
  (tls/new-context {:cert (identity :cert) :key (identity :key) :trusted-cert (identity :cert)}))

(def options {:client {:context context :hostname "localhost"} :server context})

(defn load
  "The environment of a module of the program, by its path from the program's folder."
  [path]
  (if tls? (tls/require path :options options) (require path)))

(defn value [env name] (get-in env [name :value]))

# The other end of a connection: core's functions, or ours.
(def connect (if tls? net-over-tls/connect net/connect))
(def server (if tls? net-over-tls/server net/server))

(defn port-of [listener] (get (net/localname listener) 1))

(defn free-port []
  (with [listener (net/listen "127.0.0.1" "0")] (port-of listener)))

(defn until-connected
  "A connection to a server that is being started."
  [host port]
  (var stream nil)
  (var tries 200)
  (while (nil? stream)
    (def [fine result] (protect (connect host port)))
    (cond
      fine (set stream result)
      (pos? (-- tries)) (ev/sleep 0.01)
      (error result)))
  stream)

(defn disturb
  "Over TLS: clients that send nothing, nonsense, or leave at once, as the internet does."
  [host port]
  (when tls?
    (def silent (net/connect host port))
    (:write (net/connect host port) "GET / HTTP/1.0\r\n\r\n")
    (:close (net/connect host port))
    silent))

(defn read-until
  "Read a stream until `text` has come; all that was read."
  [stream text]
  (def buffer @"")
  (while (not (string/find text buffer))
    (unless (:read stream 4096 buffer 10) (errorf "the end came before %q: %q" text buffer)))
  (string buffer))

(defn get-page
  "An HTTP request on a stream that stays open; the answer's head and body."
  [stream path &opt more]
  (:write stream (string "GET " path " HTTP/1.1\r\nHost: localhost\r\n" (or more "") "\r\n"))
  (def text (read-until stream "\r\n\r\n"))
  (def [head body] (string/split "\r\n\r\n" text 0 2))
  (def [size] (or (peg/match '(* (thru "Content-Length: ") (number :d+)) head) [0]))
  (def left (- size (length body)))
  [head (string body (if (pos? left) (:chunk stream left nil 10)))])
