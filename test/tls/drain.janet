# The end of a server: what its backlog holds is served, and drain waits for what is open.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "")
(import jsec/tls)

(defn dial [port] (tls/connect "127.0.0.1" port (merge client-options {:timeout 20})))

(defn with-server
  "Run `f` with a listener that loops serve by `handler`, and its port."
  [handler loop-options f &opt loops more]
  (with [listener (tls/listen "127.0.0.1" 0)]
    (def [_ port] (address-of listener))
    (def options (merge server-options (or more {})))
    (def tasks (seq [_ :range [0 (or loops 1)]]
                 (spawn (tls/accept-loop listener options handler loop-options))))
    (turns)
    (f listener port)
    (:close listener)
    (each task tasks (is= [:ok listener] (await task)))))

(defn answer [s] (when-let [ask (:read s 100)] (:write s (string "re " ask)) (:close s)))

(defn ask [client] (:write client "ask") (string (:read client :all)))

# ---- the backlog ----

(each closing [:close :drain]
  (test (string "clients in the backlog are served after the listener's end (" closing ")")
    (def release (ev/chan 1))
    (var first-one true)
    (defn handler [s]
      (when first-one (set first-one false) (ev/take release))
      (answer s))
    (with-server handler {:max-connections 1}
      (fn [listener port]
        (defn come [] (spawn (def c (dial port)) (defer (:close c) (ask c))))
        (def served (come))
        (while first-one (ev/sleep 0))
        (def clients [served ;(seq [_ :range [0 20]] (come))])
        (turns 20)
        (def drained (spawn (if (= closing :drain) (tls/drain listener) (:close listener))))
        (turns)
        (ev/give release true)
        (each client clients (is= [:ok "re ask"] (await client)))
        (is= :ok (first (await drained)))))))

(test "a closed listener takes no connection more"
  (with-server answer {}
    (fn [listener port]
      (:close listener)
      (fails-with "onnect" (plain-connect "127.0.0.1" port)))))

(defn with-backlog
  "Run `f` with the sockets of 20 clients that wait in a backlog when a loop begins, and its end."
  [more handler loop-options f]
  (with [listener (tls/listen "127.0.0.1" 0)]
    (def sockets (seq [_ :range [0 20]] (plain-connect ;(address-of listener))))
    (spawn (tls/accept-loop listener (merge server-options more) handler loop-options))
    (turns)
    (:close listener)
    (f sockets)))

(defn ask-all
  "What a client on each of the sockets gets."
  [sockets]
  (def tasks
    (seq [plain :in sockets]
      (spawn (with [c (tls/upgrade plain "localhost" client-options)] (ask c)))))
  (map await tasks))

(test "a backlog of more clients than :max-handshakes is served, and none is dropped"
  (def errors @[])
  (with-backlog {} answer {:max-handshakes 2 :on-error |(array/push errors $)}
    (fn [sockets]
      (is= (array/new-filled 20 [:ok "re ask"]) (ask-all sockets))
      (is= @[] errors))))

(test "clients in the backlog wait for a place where handlers make the handshake"
  (var [running max-running] [0 0])
  (defn handler [s]
    (set max-running (max max-running (++ running)))
    (answer s)
    (-- running))
  (with-backlog {:handshake false} handler {:max-connections 3}
    (fn [sockets]
      (is= (array/new-filled 20 [:ok "re ask"]) (ask-all sockets))
      (is= 3 max-running))))

(test "clients in the backlog get the places of streams that handlers dropped"
  (with-backlog {} (fn [s] (:write s (:read s 3))) {:max-connections 1}
    (fn [sockets]
      (gcsetinterval 1e9)
      (defn ask-once [plain]
        (with [c (tls/upgrade plain "localhost" client-options)]
          (:write c "ask")
          (string (:read c 3 nil 20))))
      (def tasks (map |(spawn (ask-once $)) (take 3 sockets)))
      (each plain (drop 3 sockets) (:close plain))
      (is= (array/new-filled 3 [:ok "ask"]) (map await tasks)))))

# ---- drain ----

(test "a drain without connections returns 0, and ends the loop"
  (with-server answer {}
    (fn [listener port] (is= 0 (tls/drain listener)))))

(test "a drain of a listener without a loop returns 0"
  (with [listener (tls/listen "127.0.0.1" 0)]
    (is= 0 (tls/drain listener))
    (fails-with "stream is closed" (tls/drain listener))))

(each [what more loops] [["one loop" {} 1] ["three loops" {} 3]
                         ["a loop whose handlers make the handshake" {:handshake false} 1]]
  (test (string "a drain waits until the streams of " what " are closed")
    (def release (ev/chan 10))
    (with-server (fn [s] (def ask (:read s 100)) (ev/take release) (:write s ask) (:close s)) {}
      (fn [listener port]
        (def clients (seq [_ :range [0 3]] (def c (dial port)) (:write c "x") c))
        (turns 10)
        (def drained (spawn (tls/drain listener 20)))
        (turns 10)
        (fails-with "onnect" (plain-connect "127.0.0.1" port))
        (is (not (drained :done)))
        (repeat 3 (ev/give release true))
        (each c clients (is= @"x" (:read c :all)) (:close c))
        (is= [:ok 0] (await drained)))
      loops more)))

(test "a handler that ended and left its stream open is waited for"
  (var kept nil)
  (with-server (fn [s] (set kept s)) {}
    (fn [listener port]
      (def client (dial port))
      (turns 10)
      (def drained (spawn (tls/drain listener)))
      (turns 10)
      (is (not (drained :done)))
      (:close kept)
      (is= [:ok 0] (await drained))
      (:close client))))

(test "a stream that a handler dropped is collected, and does not keep a drain waiting"
  (with-server (fn [s] (:read s 1)) {}
    (fn [listener port]
      (def client (dial port))
      (:write client "x")
      (turns 10)
      (gcsetinterval 1e9)
      (is= [:ok 0] (outcome (ev/with-deadline 20 (tls/drain listener))))
      (:close client true))))

(each version [:TLS1_2 :TLS1_3]
  (test (string "when the time is up connections are cut: an error for their peers, and counted ("
                version ")")
    (with-server (fn [s] (:write s "part of ") (ev/sleep 20)) {}
      (fn [listener port]
        (def clients (seq [_ :range [0 3]] (dial port)))
        (each c clients (is= @"part of " (:read c 100)))
        (is= 3 (tls/drain listener 0.05))
        (each c clients
          (is= :error (first (outcome (:read c 1 nil 5))))
          (:close c true)))
      1 {:max-version version})))

(test "silent clients and unfinished handshakes are waited for a second, or cut"
  (each timeout [nil 0.01]
    (with-server answer {}
      (fn [listener port]
        (def quiet (plain-connect "127.0.0.1" port))
        (turns)
        (is= (if timeout 1 0) (tls/drain listener timeout))
        (is (not= [:error "timeout"] (outcome (:read quiet 1 nil 5))))
        (:close quiet)))))

(test "a drain that is cancelled leaves the connections open, and a later close is no news"
  (def release (ev/chan 1))
  (with-server (fn [s] (ev/take release) (answer s)) {}
    (fn [listener port]
      (def client (dial port))
      (turns 10)
      (def drained (spawn (tls/drain listener)))
      (turns)
      (ev/cancel (drained :fiber) "stop")
      (is= [:error "stop"] (await drained))
      (gccollect)
      (ev/give release true)
      (is= "re ask" (ask client))
      (:close client))))

(test "drain refuses what is no listener"
  (each x [nil 1 "x" @{}] (fails-with "tls/drain" (tls/drain x)))
  (with [listener (tls/listen "127.0.0.1" 0)]
    (fails-with "timeout" (tls/drain listener :soon))))

# ---- restarts ----

(test "clients that come all the time lose nothing across three restarts on a shared port"
  (def options {:share-port true})
  (defn start [port]
    (def listener (tls/listen "127.0.0.1" port options))
    (spawn (tls/accept-loop listener server-options answer))
    listener)
  (var listener (start 0))
  (def [_ port] (address-of listener))
  (var going true)
  (def counts @[])
  (def tasks
    (seq [_ :range [0 4]]
      (spawn
        (while going
          (def client (dial port))
          (is= "re ask" (ask client))
          (:close client)
          (array/push counts 1)))))
  (repeat 3
    (def before (length counts))
    (while (< (length counts) (+ before 20)) (ev/sleep 0))
    (def next (start port))
    (is= 0 (tls/drain listener 20))
    (set listener next))
  (set going false)
  (each task tasks (is= :ok (first (await task))))
  (is= 0 (tls/drain listener 20)))

(end)
