# tls/stats: what a context's connections have done, and how many there are.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "")
(import jsec/tls)

(defn fresh-context [&opt more] (tls/new-context (merge server-options (or more {}))))
(defn echo [s]
  (while (def data (:read s 100))
    (:write s data))
  (:close s))

(defn talk [listener &opt more]
  (with [c (tls/connect ;(address-of listener) (merge client-options (or more {})))]
    (:write c "ping")
    (:read c 4)
    (:get-session c)))

(defn soon
  "Does `f` become true?"
  [f]
  (var left 500)
  (while (and (not (f)) (pos? (-- left))) (ev/sleep 0.01))
  (f))

(test "a context that nothing used counts nothing"
  (is= {:handshakes 0 :resumed 0 :failed 0 :refused 0 :open 0 :handlers 0}
       (tls/stats (fresh-context))))

(test "handshakes, resumptions and open connections are counted on both sides"
  (def server (fresh-context))
  (def client (tls/new-context client-options))
  (with [listener (tls/server "127.0.0.1" "0" echo server)]
    (def address (address-of listener))
    (def a (tls/connect ;address client))
    (:write a "ping")
    (:read a 4)
    (is= {:handshakes 1 :resumed 0 :failed 0 :refused 0 :open 1 :handlers 0} (tls/stats client))
    (is= {:handshakes 1 :resumed 0 :failed 0 :refused 0 :open 1 :handlers 1} (tls/stats server))
    (def b (tls/connect ;address {:context client :session (:get-session a)}))
    (:write b "ping")
    (:read b 4)
    (is= {:handshakes 2 :resumed 1 :failed 0 :refused 0 :open 2 :handlers 2} (tls/stats server))
    (each s [a b] (:close s))
    (is= 0 ((tls/stats client) :open))
    (is (soon |(= {:handshakes 2 :resumed 1 :failed 0 :refused 0 :open 0 :handlers 0}
                  (tls/stats server))))))

(test "failed handshakes are counted by each side"
  (def server (fresh-context))
  (def client (tls/new-context {:hostname "localhost"}))
  (with [listener (tls/server "127.0.0.1" "0" echo server)]
    (is= :error (first (outcome (tls/connect ;(address-of listener) client))))
    (is= 1 ((tls/stats client) :failed))
    (is (soon |(= 1 ((tls/stats server) :failed))))
    (is= 0 ((tls/stats server) :handshakes))))

(test "connections that a loop drops are counted as refused"
  (def server (fresh-context))
  (with [listener (tls/listen "127.0.0.1" 0 server)]
    (spawn (tls/accept-loop listener nil echo {:handshake-timeout 0.01}))
    (def silent (plain-connect ;(address-of listener)))
    (is (soon |(= 1 ((tls/stats server) :refused))))
    (:close silent)))

(test "handlers are counted until they end, also with an error, and after their loop"
  (def server (fresh-context))
  (def go-on (ev/chan))
  (def listener
    (tls/server "127.0.0.1" "0" (fn [s] (when (= :fail (ev/take go-on)) (error "oops")) (:close s))
                (merge {:context server})))
  (def clients (seq [_ :range [0 2]] (tls/connect ;(address-of listener) client-options)))
  (is (soon |(= 2 ((tls/stats server) :handlers))))
  (:close listener)
  (ev/give go-on :end)
  (is (soon |(= 1 ((tls/stats server) :handlers))))
  (with-dyns [*err* @""]
    (ev/give go-on :end)
    (is (soon |(= 0 ((tls/stats server) :handlers)))))
  (each c clients (:close c)))

(test "a handler that is cancelled or raises has ended as well"
  (def server (fresh-context))
  (def ended (ev/chan 10))
  (def tasks @[])
  (with [listener (tls/listen "127.0.0.1" 0 server)]
    (ev/go (fn [] (tls/accept-loop listener nil
                                   (fn [s]
                                     (array/push tasks (fiber/root))
                                     (:read s 1)
                                     (error "oops"))))
           nil ended)
    (def a (tls/connect ;(address-of listener) client-options))
    (:write a "x")
    (is= "oops" (fiber/last-value ((ev/take ended) 1)))
    (def b (tls/connect ;(address-of listener) client-options))
    (is (soon |(= 2 (length tasks))))
    (ev/cancel (tasks 1) "enough")
    (ev/take ended)
    (is= 0 ((tls/stats server) :handlers))
    (each s [a b] (:close s))))

(test "a connection that is collected is not open any more"
  (def client (tls/new-context client-options))
  (with [listener (tls/server "127.0.0.1" "0" echo server-options)]
    (await (spawn (tls/connect ;(address-of listener) client) nil))
    (is (soon |(do (gccollect) (= 0 ((tls/stats client) :open)))))
    (is= 1 ((tls/stats client) :handshakes))))

(test "a listener with options shows the counts of its context"
  (with [listener (tls/server "127.0.0.1" "0" echo (merge server-options {:alpn ["stats"]}))]
    (talk listener {:alpn ["stats"]})
    (is= 1 ((tls/stats listener) :handshakes)))
  (with [listener (tls/listen "127.0.0.1" 0)]
    (fails-with "without the options of a TLS server" (tls/stats listener))))

(test "other values are refused"
  (fails-with "bad slot #0, expected TLS context or listener, got <struct" (tls/stats {}))
  (fails-with "bad slot #0, expected TLS context or listener, got nil" (tls/stats nil)))

(test "threads that share a context share its counts"
  (def server (fresh-context))
  (def address (ev/thread-chan 1))
  (ev/spawn-thread
    (def listener (tls/listen "127.0.0.1" 0 server))
    (ev/give address (net/localname listener))
    (with [s (tls/accept listener)] (:read s 4)))
  (def [host port] (ev/take address))
  (with [c (tls/connect host port client-options)] (:write c "ping"))
  (is (soon |(= 1 ((tls/stats server) :handshakes)))))

(end)
