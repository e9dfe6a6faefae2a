# TLS through an HTTP proxy (CONNECT): the proxy sees the host and encrypted bytes.
#   janet examples/connect_proxy.janet proxy.example 3128 example.org   with that proxy
#   janet examples/connect_proxy.janet                                  with one of its own
(import jsec/cert)
(import jsec/tls)

(defn- read-head
  "A proxy's answer or a client's request: the bytes up to the empty line."
  [stream]
  (def head @"")
  (while (not (string/has-suffix? "\r\n\r\n" head))
    (assert (and (:read stream 1 head 30) (< (length head) 8192)) "no answer of a proxy"))
  head)

# Compiled here: handlers of net/accept-loop have no dynamic bindings, and so no names like :d.
(def- status-line (peg/compile '(* "HTTP/1." :d " " '(3 :d))))
(def- request-line (peg/compile '(* "CONNECT " '(to ":") ":" '(some :d))))

(defn connect
  "A TLS stream to a host, through a proxy. The certificate is the host's."
  [proxy proxy-port host port &opt options]
  (def plain (net/connect proxy proxy-port))
  (edefer (tls/abort plain)
    (:write plain (string "CONNECT " host ":" port " HTTP/1.1\r\nHost: " host ":" port "\r\n\r\n"))
    (def head (read-head plain))
    (def [status] (assert (peg/match status-line head) "no answer of a proxy"))
    (assert (= "200" status) (string "the proxy refuses: " status))
    (tls/upgrade plain host options)))

# ---- a proxy, and a server behind it ----

(defn- carry [from to]
  (def chunk @"")
  (while (:read from 65536 (buffer/clear chunk)) (:write to chunk))
  (net/shutdown to :w))

(defn proxy [client]
  (def [host port] (peg/match request-line (read-head client)))
  (print "the proxy connects to " host)
  (with [server (net/connect host port)]
    (:write client "HTTP/1.1 200 Connected\r\n\r\n")
    (def ended (ev/chan 2))
    (ev/go (fn [] (carry client server)) nil ended)
    (ev/go (fn [] (carry server client)) nil ended)
    (repeat 2 (ev/take ended)))
  (:close client))

(defn answer [stream]
  (:read stream 4096)
  (:write stream "HTTP/1.0 200 OK\r\n\r\nhello through the proxy\n")
  (:close stream))

(defn get-page [& arguments]
  (with [stream (connect ;arguments)]
    (:write stream (string "GET / HTTP/1.0\r\nHost: " (arguments 2) "\r\n\r\n"))
    (:read stream :all)))

(defn demonstrate []
  (def own (cert/generate-self-signed-cert {:common-name "localhost" :key-type :ec-p256}))
  (def [front behind] [(net/listen "127.0.0.1" 0) (tls/listen "127.0.0.1" 0)])
  (ev/go (fn [] (net/accept-loop front proxy)))
  (ev/go (fn [] (tls/accept-loop behind own answer)))
  (def [proxy-port port] (map |(get (net/localname $) 1) [front behind]))
  (print (get-page "127.0.0.1" proxy-port "localhost" port {:trusted-cert (own :cert)}))
  (each listener [front behind] (ev/close listener)))

(defn main [_ &opt proxy proxy-port host]
  (if host
    (print (get-page proxy proxy-port host 443))
    (demonstrate)))
