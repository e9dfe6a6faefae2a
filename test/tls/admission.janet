# Which connections an accept loop serves: unfinished handshakes keep no other client out.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "")
(import jsec/tls)

(defn with-loop
  "Run `f` with the address of a loop that serves by `handler`, and the errors it reports."
  [handler loop-options f]
  (def errors @[])
  (with [listener (tls/listen "127.0.0.1" 0)]
    (def [host port] (address-of listener))
    (def options (merge {:on-error |(array/push errors $)} loop-options))
    (ev/go (fn [] (tls/accept-loop listener server-options handler options)) nil (ev/chan 1000))
    (f host port errors)))

(defn greet [s] (:write s "hi") (:close s))
(defn dial [port] (tls/connect "127.0.0.1" port (merge client-options {:timeout 5})))
(defn served? [port] (with [c (dial port)] (= "hi" (string (:read c :all)))))
(defn silent [port n] (seq [_ :range [0 n]] (plain-connect "127.0.0.1" port)))

(defn ends-within
  "Does the peer of a core stream end it in that time?"
  [s seconds]
  (not= [:error "timeout"] (outcome (:read s 1 nil seconds))))

(test "silent connections do not count for :max-connections"
  (with-loop greet {:max-connections 20}
    (fn [host port errors]
      (def others (silent port 20))
      (turns)
      (is (served? port))
      (each s others (:close s)))))

(test "for one more than :max-handshakes the oldest is dropped, and new clients are served"
  (with-loop greet {:max-handshakes 3}
    (fn [host port errors]
      (def [a b c] (silent port 3))
      (turns)
      (is (served? port))
      (is (ends-within a 2))
      (is (not (ends-within c 0.01)))
      (is= ["tls/accept-loop: handshake dropped: too many are unfinished, and this is the oldest"]
           (tuple ;errors))
      (each s [a b c] (:close s)))))

(test "a handshake that has begun and stalls is dropped as well"
  (with-loop greet {:max-handshakes 2}
    (fn [host port errors]
      (def stalled (silent port 2))
      (each s stalled (:write s "\x16\x03\x01\x02\x00"))
      (turns)
      (is (served? port))
      (is (ends-within (first stalled) 2))
      (each s stalled (:close s)))))

(test "of one host more than :max-handshakes-per-host are dropped, of others none"
  (with-loop greet {:max-handshakes-per-host 2}
    (fn [host port errors]
      (def other (net/connect "127.0.0.1" port :stream "127.0.0.2"))
      (def [a b] (silent port 2))
      (ev/sleep 0.6)
      (def [c] (silent port 1))
      (is (ends-within a 2))
      (each s [other b c] (is (not (ends-within s 0.01))))
      (is (served? port))
      (each s [a b c other] (:close s)))))

(test "a burst of more clients than :max-handshakes is served whole"
  (with-loop greet {:max-handshakes 5 :max-handshakes-per-host 5}
    (fn [host port errors]
      (def tasks (seq [_ :range [0 (load 200)]] (spawn (served? port))))
      (each t tasks (is= [:ok true] (await t)))
      (is= 0 (length errors)))))

(test "handshakes that are done when all places are taken wait for one"
  (def going (ev/chan))
  (var [now most] [0 0])
  (with-loop (fn [s]
               (++ now)
               (set most (max now most))
               (:write s "hi")
               (ev/take going)
               (-- now)
               (:close s)) {:max-connections 1}
    (fn [host port errors]
      (def tasks (seq [_ :range [0 3]] (spawn (served? port))))
      (repeat 3 (ev/sleep 0.02) (ev/give going true))
      (each t tasks (is= [:ok true] (await t)))
      (is= 1 most))))

(test "silence counts towards the handshake's time"
  (with-loop greet {:handshake-timeout 0.3}
    (fn [host port errors]
      (def [quiet late] (silent port 2))
      (ev/sleep 0.2)
      (:write late "\x16\x03\x01\x02\x00")
      (def started (os/clock :monotonic))
      (is (ends-within quiet 1))
      (is (ends-within late 1))
      (is (< (- (os/clock :monotonic) started) 0.25))
      (each why errors
        (is (string/find "handshake timed out: the peer did not finish it within 0.3 s" why)))
      (is= 2 (length errors))
      (each s [quiet late] (:close s)))))

(test "a silent connection costs less than 4 KB"
  (with-loop greet {}
    (fn [host port errors]
      (is (served? port))
      (when-let [before (resident)]
        (def n 400)
        (def others (silent port n))
        (turns)
        (is (served? port))
        (is (< (- (resident) before) (* 4 n)))
        (each s others (:close s))))))

(test "a loop that ends closes silent connections, and finishes handshakes that have begun"
  (with [listener (tls/listen "127.0.0.1" 0)]
    (def [host port] (address-of listener))
    (def task (spawn (tls/accept-loop listener server-options greet)))
    (turns)
    (def [s] (silent port 1))
    (def client (tls/connect host port (merge client-options {:handshake false})))
    (def shaking (spawn (:handshake client)))
    (turns 1)
    (:close listener)
    (is= [:ok listener] (await task))
    (is (ends-within s 2))
    (await shaking)
    (each c [s client] (:close c))))

(end)
