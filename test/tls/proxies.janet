# Proxies that end TLS: `jsec serve --to`, and examples/tls_proxy.janet. A failure of either side is
# one for the other, at once.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "")
(import ../support/peers)
(import ../../examples/tls_proxy)
(import jsec/tls)

(def dir (tmpdir))
(def [cert-file key-file] [(string dir "/cert.pem") (string dir "/key.pem")])
(spit cert-file (identity :cert))
(spit key-file (identity :key))

(defn with-tool [to f]
  (peers/with-child [c (dyn *executable*) "bin/jsec" "serve" "0" "--cert" cert-file
                     "--key" key-file "--to" to]
    (def [port] (peers/await c :out ~(* (thru "127.0.0.1:") (<- :d+))))
    (f port)))

(defn with-example [to f]
  (def [host port] (string/split ":" to))
  (with [front (tls/listen "127.0.0.1" "0")]
    (ev/go (fn [] (with-dyns [:err @""] (tls_proxy/serve front server-options host port))))
    (f (last (address-of front)))))

(def cut-off '(+ "bad record" "Connection reset by peer" "connection truncated"))

(defn dial [port] (tls/connect "127.0.0.1" port client-options))

(defn raises-soon
  "Fail unless what `f` reads raises within two seconds."
  [s]
  (def started (os/clock :monotonic))
  (fails-with cut-off (while true (unless (:read s 1000 nil 5) (error "a clean end"))))
  (is (< (- (os/clock :monotonic) started) 2)))

(each [name with-proxy] [["jsec serve --to" with-tool] ["tls_proxy.janet" with-example]]
  (test (string name ": both directions, and their ends")
    (with [behind (net/listen "127.0.0.1" 0)]
      (ev/go (fn []
               (def s (net/accept behind))
               (:write s (string "got " (:read s :all)))
               (:close s)))
      (with-proxy (string "127.0.0.1:" (last (address-of behind)))
        (fn [port]
          (with [s (dial port)]
            (:write s "a request")
            (:shutdown s :w)
            (is= @"got a request" (:read s :all)))))))

  (test (string name ": a server behind it that resets its connection is an error for the client")
    (with [behind (net/listen "127.0.0.1" 0)]
      # closed with the request unread: that is a reset
      (ev/go (fn []
               (def s (net/accept behind))
               (ev/sleep 0.05)
               (:write s "first half of ")
               (ev/sleep 0.05)
               (:close s)))
      (with-proxy (string "127.0.0.1:" (last (address-of behind)))
        (fn [port]
          (with [s (dial port)]
            (:write s "a request")
            (raises-soon s))))))

  (test (string name ": a server behind it that can't be reached is an error for the client")
    (def behind (net/listen "127.0.0.1" 0))
    (def to (string "127.0.0.1:" (last (address-of behind))))
    (:close behind)
    (with-proxy to (fn [port] (with [s (dial port)] (raises-soon s)))))

  (each [what leave] [["aborts" tls/abort] ["is cut off" |(:close $ true)]]
    (test (string name ": a client that " what " is an error for the server behind it")
      (with [behind (net/listen "127.0.0.1" 0)]
        (def outcomes (ev/chan 1))
        (ev/go (fn []
                 (def s (net/accept behind))
                 (:read s 100)
                 (ev/give outcomes (outcome (:read s 100 nil 5)))
                 (:close s)))
        (with-proxy (string "127.0.0.1:" (last (address-of behind)))
          (fn [port]
            (def s (dial port))
            (:write s "half a request")
            (ev/sleep 0.05)
            (leave s)
            (is= [:error "Connection reset by peer"] (ev/take outcomes))))))))

(end)
