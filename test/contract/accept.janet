# Accepting: row 28 of docs/stream-contract.md, for tls/accept, tls/accept-loop and core's own.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "")
(import jsec/tls)

(defn with-listener
  "Call `f` with a listener on a free port, by default one of `tls/listen`."
  [f &opt listen]
  (with [listener ((or listen tls/listen) "127.0.0.1" 0)]
    (def [host port] (address-of listener))
    (f listener host port)))

(defn serve
  "A task with an accept loop."
  [listener handler &opt more loop-options]
  (spawn (tls/accept-loop listener (merge server-options (or more {})) handler
                          ;(if loop-options [loop-options] []))))

(defn dial [host port &opt more]
  (tls/connect host port (merge client-options (or more {}))))

# the same code on core's function and on ours
(def accepts
  [["net/accept" net/listen net/accept]
   ["net/accept on a TLS listener" |(tls/listen $0 $1 server-options) net/accept]
   [":accept of a TLS listener" |(tls/listen $0 $1 server-options) |(:accept $0 ;$&)]
   ["tls/accept" net/listen |(tls/accept $0 server-options ;$&)]
   ["tls/accept on its listener" |(tls/listen $0 $1 server-options) |(tls/accept $0 nil ;$&)]])

(each [name listen accept] accepts
  (test (string name " times out")
    (with-listener
      (fn [listener &]
        (is= [:error "timeout"] (outcome (accept listener 0.01)))
        (is= [:error "timeout"] (outcome (accept listener 0))))
      listen))

  (test (string name " gives nil when the listener is closed")
    (with-listener
      (fn [listener &]
        (def task (spawn (accept listener)))
        (turns)
        (:close listener)
        (is= [:ok nil] (await task)))
      listen))

  (test (string name " on a closed listener raises")
    (with-listener
      (fn [listener &]
        (:close listener)
        (is= [:error "stream is closed"] (outcome (accept listener))))
      listen))

  (test (string name " takes no ordinary stream")
    (def [a b] (core-pair))
    (is= [:error "bad stream, expected server socket"] (outcome (accept a)))
    (each s [a b] (:close s))))

(test "a timeout is also taken as {:timeout n}, and from the options"
  (with-listener
    (fn [listener &]
      (is= [:error "timeout"] (outcome (tls/accept listener server-options {:timeout 0.01})))
      (is= [:error "timeout"]
           (outcome (tls/accept listener (merge server-options {:timeout 0.01}))))
      (fails-with "non-negative number of seconds" (tls/accept listener server-options -1))
      (fails-with "non-negative number of seconds" (tls/accept listener server-options (/ 0 0))))))

(test "all acceptors of a listener are served, in their order"
  (with-listener
    (fn [listener host port]
      (def tasks (seq [_ :range [0 4]] (spawn (tls/accept listener server-options))))
      (turns)
      (each task tasks
        (def client (dial host port))
        (def [status server] (await task))
        (is= :ok status)
        (:write client "x")
        (is= @"x" (:read server 1))
        (each s [client server] (:close s true))))))

(test "all acceptors get nil when the listener is closed"
  (with-listener
    (fn [listener &]
      (def tasks (seq [_ :range [0 5]] (spawn (tls/accept listener server-options))))
      (def loop-task (serve listener (fn [s])))
      (turns)
      (:close listener)
      (each task tasks (is= [:ok nil] (await task)))
      (is= [:ok listener] (await loop-task)))))

(test "a cancelled acceptor leaves the others waiting"
  (with-listener
    (fn [listener host port]
      (def [a b c] (seq [_ :range [0 3]] (spawn (tls/accept listener server-options))))
      (turns)
      (ev/cancel (a :fiber) "stop")
      (is= [:error "stop"] (await a))
      (ev/cancel (c :fiber) "stop")
      (is= [:error "stop"] (await c))
      (def client (dial host port))
      (def [_ server] (await b))
      (each s [client server] (:close s true))
      (is= [:error "timeout"] (outcome (tls/accept listener server-options 0.01))))))

(test "a connection is not lost on an acceptor that is cancelled as it comes"
  (with-listener
    (fn [listener host port]
      (def a (spawn (tls/accept listener server-options)))
      (def b (spawn (tls/accept listener server-options)))
      (turns)
      # the TCP connection comes, and TLS's first word after it: before that no handshake can have
      # hands
      (def client (spawn (wrap-client (net/connect host port))))
      (turns 1)
      (ev/cancel (a :fiber) "stop")
      (def results [(await a) (await client)])
      # either acceptor may have had it: the other one works
      (if (= :ok (first (results 1)))
        (:close (last (await b)) true)
        (do (ev/cancel (b :fiber) "stop") (await b)))
      (if (= :ok (first (results 1))) (:close (last (results 1)) true)))))

(test "connections that came before the first accept are there"
  (with-listener
    (fn [listener host port]
      (def clients (seq [_ :range [0 3]] (spawn (dial host port))))
      (turns 5)
      (each client clients
        (def server (tls/accept listener server-options 5))
        (:close server true))
      (each client clients (await client)))))

(test "a core accept and ours share one listener in turn"
  (with-listener
    (fn [listener host port]
      (def raw (spawn (net/accept listener)))
      (turns)
      (def c1 (net/connect host port))
      (def [_ s1] (await raw))
      (def ours (spawn (tls/accept listener server-options)))
      (turns)
      (def c2 (dial host port))
      (def [_ s2] (await ours))
      (each s [c1 s1 c2 s2] (:close s)))
    net/listen))

(test "core accepting on a listener at the same time is refused, and left alone"
  (with-listener
    (fn [listener host port]
      (def raw (spawn (net/accept listener)))
      (turns)
      (def refusal "another fiber accepts on this listener with net/accept or net/accept-loop")
      (is= [:error refusal] (outcome (tls/accept listener server-options)))
      (is= [:error refusal] (outcome (tls/accept-loop listener server-options (fn [s]))))
      (:close (net/connect host port))
      (:close (last (await raw))))
    net/listen))

# ---- accept-loop ----

(test "a loop serves, and returns the listener when that is closed"
  (with-listener
    (fn [listener host port]
      (def task (serve listener (fn [s] (with [s s] (:write s (string "<" (:read s 10) ">"))))))
      (repeat 3
        (with [c (dial host port)]
          (:write c "hello")
          (is= @"<hello>" (:read c :all))))
      (:close listener)
      (is= [:ok listener] (await task)))))

(each [name accept-loop] [["net/accept-loop" net/accept-loop]
                          ["tls/accept-loop" |(tls/accept-loop $0 server-options $1)]]
  (test (string name " refuses a handler that takes no argument")
    (with-listener
      (fn [listener &]
        (fails-with "handler function must take at least 1 argument" (accept-loop listener (fn [])))
        (fails-with "expected function" (accept-loop listener 5))))))

(test "a handler that wants more than the stream is refused"
  (with-listener
    (fn [listener &]
      (fails-with "must be callable with 1 argument"
                  (tls/accept-loop listener server-options (fn [a b]))))))

(test "a handler with optional arguments is fine"
  (with-listener
    (fn [listener host port]
      (serve listener (fn [s &opt x] (:close s true)))
      (:close (dial host port) true))))

(test "a peer that stalls in its handshake delays no other"
  (with-listener
    (fn [listener host port]
      (def errors @[])
      (serve listener (fn [s] (with [s s] (:write s "hi")))
             nil {:handshake-timeout 0.2 :on-error |(array/push errors $)})
      (def stalled (seq [_ :range [0 20]] (net/connect host port)))
      (def started (os/clock :monotonic))
      (with [c (dial host port)] (is= @"hi" (:read c 2)))
      (is (< (- (os/clock :monotonic) started) 0.19))
      (each s stalled
        (is= nil (:read s 10))
        (:close s))
      (is= 20 (length errors))
      (is (string/find "tls/accept-loop: handshake timed out" (first errors))))))

(test "a failed handshake never reaches the handler"
  (with-listener
    (fn [listener host port]
      (def [served errors] [@[] (ev/chan 10)])
      (serve listener (fn [s] (array/push served s) (:close s true)) nil
             {:on-error |(ev/give errors $)})
      (fails-with "certificate verify failed" (tls/connect host port {:hostname "localhost"}))
      (is (string/find "tls/accept-loop: " (ev/take errors)))
      (with [raw (net/connect host port)]
        (:write raw "GET / HTTP/1.0\r\n\r\n")
        # an alert, and the end; nothing in clear
        (def answer (or (:read raw :all) @""))
        (is (< (length answer) 20)))
      (is (string/find "http request" (ev/take errors)))
      (with [raw (net/connect host port)])
      (is (string/find "closed the connection" (ev/take errors)))
      (is= 0 (length served)))))

(test "a handler that fails ends alone, and its error goes to the supervisor"
  (with-listener
    (fn [listener host port]
      (def events (ev/chan 10))
      (def task (ev/go (fn [] (tls/accept-loop listener server-options
                                               (fn [s] (:close s true) (error "bad day"))))
                       nil events))
      (repeat 2
        (:close (dial host port) true)
        (def [status fiber] (ev/take events))
        (is= [:error "bad day"] [status (fiber/last-value fiber)]))
      (:close listener)
      (is= :ok (first (ev/take events))))))

(test "handlers see the dynamic bindings of the loop's fiber"
  (with-listener
    (fn [listener host port]
      (spawn
        (setdyn :greeting "hello")
        (tls/accept-loop listener server-options
                         (fn [s] (with [s s] (:write s (dyn :greeting "none"))))))
      (with [c (dial host port)] (is= @"hello" (:read c 10))))))

(test "a loop can be cancelled, and another one continues"
  (with-listener
    (fn [listener host port]
      (def first-loop (serve listener (fn [s] (with [s s] (:write s "1")))))
      (with [c (dial host port)] (is= @"1" (:read c 1)))
      (ev/cancel (first-loop :fiber) "stop")
      (is= [:error "stop"] (await first-loop))
      (serve listener (fn [s] (with [s s] (:write s "2"))))
      (with [c (dial host port)] (is= @"2" (:read c 1))))))

(test "handlers of a loop that ended go on"
  (with-listener
    (fn [listener host port]
      (def task (serve listener (fn [s] (with [s s] (:write s (:read s 10))))))
      (with [c (dial host port)]
        (:close listener)
        (is= [:ok listener] (await task))
        (:write c "still")
        (is= @"still" (:read c 10))))))

# ---- :max-connections ----

(defn holder
  "A handler that counts its connections, with the maximum in :most, until each may end."
  []
  (def state @{:now 0 :most 0 :served 0})
  [state
   (fn [s]
     (defer (do (-- (state :now)) (:close s true))
       (++ (state :now))
       (++ (state :served))
       (put state :most (max (state :most) (state :now)))
       (:write s "hi")
       (try (:read s 1) ([_]))))])

(test "no more than :max-connections are served at a time, the others wait"
  (with-listener
    (fn [listener host port]
      (def [state handler] (holder))
      (serve listener handler nil {:max-connections 2})
      (def clients (seq [_ :range [0 6]]
                     (spawn (with [c (dial host port)] (:read c 2) (ev/sleep 0.01)))))
      (each c clients (is= :ok (first (await c))))
      (is= [6 2] [(state :served) (state :most)]))))

(test "a loop at its limit ends when its listener is closed"
  (with-listener
    (fn [listener host port]
      (def [state handler] (holder))
      (def task (serve listener handler nil {:max-connections 1}))
      (def c (dial host port))
      (is= @"hi" (:read c 2))
      (:close listener)
      (is= [:ok listener] (ev/with-deadline 5 (await task)))
      (:close c true))))

(test "failed handshakes don't count for :max-connections any more"
  (with-listener
    (fn [listener host port]
      (def [state handler] (holder))
      (serve listener handler nil {:max-connections 1})
      (def bad (seq [_ :range [0 5]] (net/connect host port)))
      (each s bad (:write s "this is no TLS at all"))
      (with [c (dial host port {:timeout 5})] (is= @"hi" (:read c 2)))
      (each s bad (:close s)))))

(test "collected connections don't count for :max-connections any more"
  (with-listener
    (fn [listener host port]
      (serve listener (fn [s] (:write s "hi")) nil {:max-connections 1})
      (repeat 3
        (def c (dial host port {:timeout 10}))
        (is= @"hi" (:read c 2))
        (:close c true)
        (gccollect)))))

(test "options of a loop are checked"
  (with-listener
    (fn [listener &]
      (each [options why] [[{:max-connections 0} ":max-connections"]
                           [{:max-connections 1.5} ":max-connections"]
                           [{:handshake-timeout -1} ":handshake-timeout"]
                           [{:on-error 5} ":on-error"]
                           [{:max-conections 1} "did you mean :max-connections"]]
        (fails-with why (tls/accept-loop listener server-options (fn [s]) options)))
      (fails-with "certificate" (tls/accept-loop listener {} (fn [s])))
      (fails-with "certificate" (tls/accept listener {} 0)))))

(test "a unix socket's path that is there is refused, and left alone"
  (def path (fresh-path))
  (spit path "precious")
  (fails-with "in use" (tls/listen :unix path))
  (is= "precious" (string (slurp path)))
  (def socket (fresh-path))
  (with [listener (tls/listen :unix socket)]
    (fails-with "in use" (tls/listen :unix socket))
    (def task (spawn (tls/accept listener server-options)))
    (:close (tls/connect :unix socket client-options) true)
    (:close (last (await task)) true)))

(test "an accept loop with :handshake false gives its handlers streams whose handshake they make"
  (with-listener
    (fn [listener host port]
      (serve listener (fn [s] (is= s (:handshake s)) (:write s "after it") (:close s))
             {:handshake false})
      (with [s (dial host port)] (is= "after it" (string (:read s :all)))))))

(when (= :linux (os/which))
  (test "a unix socket whose name begins with @ is in no folder"
    (def name (string "@" (fresh-path)))
    (with [listener (tls/listen :unix name)]
      (def task (spawn (tls/accept listener server-options)))
      (def s (tls/connect :unix name client-options))
      (is (not (os/stat name)))
      (each end [s (last (await task))] (:close end true)))))

(end)
