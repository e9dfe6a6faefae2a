# Connecting, deferred handshakes and errors of one connection: rows 29, 33 and 34 of
# docs/stream-contract.md.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "")
(import jsec/tls)

(test "a refused connection raises as core's does"
  # the client's end of a connection has a port without a listener, which no other program gets
  (with [listener (net/listen "127.0.0.1" 0)]
    (with [taken (net/connect "127.0.0.1" (last (address-of listener)))]
      (def port (last (address-of taken)))
      (def [_ core] (outcome (net/connect "127.0.0.1" port)))
      (is (string/find "Connection refused" (string core)))
      (is= [:error "tls/connect: Connection refused"]
           (outcome (tls/connect "127.0.0.1" port client-options)))
      (is= [:error "tls/connect: Connection refused"]
           (outcome (tls/connect "localhost" port client-options))))))

(test "a missing unix socket is an error with the reason"
  (is= [:error "tls/connect: No such file or directory"]
       (outcome (tls/connect :unix (fresh-path) client-options)))
  (def path (fresh-path))
  (:close (net/listen :unix path))
  (is= [:error "tls/connect: Connection refused"] (outcome (tls/connect :unix path client-options)))
  (fails-with "bad path of a unix socket" (tls/connect :unix "" client-options))
  (fails-with "bad path of a unix socket"
              (tls/connect :unix (string/repeat "x" 200) client-options)))

(test "listen names the unix socket that it can't make, and what to do when its path exists"
  (def path (fresh-path))
  (def text
    (string "tls/listen: unix socket \"" path "\": could not bind socket: Address already in use: "
            "remove the file if no process listens there"))
  (with [_ (tls/listen :unix path)]
    (is= [:error text] (outcome (tls/listen :unix path))))
  (fails-with "tls/listen: unix socket \"\": bad path" (tls/listen :unix "")))

(test "a name that can't be resolved is named in the error"
  (fails-with "tls/connect: could not resolve \"no.such.name.invalid\""
              (tls/connect "no.such.name.invalid" "443"))
  (fails-with "could not resolve" (tls/connect "127.0.0.1" "no-such-port")))

(test "bad targets are refused"
  (each [args why] [[["127.0.0.1" 70000] "integer from 0 to 65535"]
                    [["127.0.0.1" -1] "integer from 0"]
                    [["127.0.0.1" 1.5] "bad slot #1"] [["127.0.0.1" nil] "bad slot #1"]
                    [[nil 443] "bad slot #0"]
                    [["a\0b" 443] "without NUL"] [["127.0.0.1" "4\x0043"] "without NUL"]
                    [["127.0.0.1" ""] "port"] [[:unix "a\0b"] "without NUL"]]
    (fails-with why (tls/connect ;args client-options)))
  (is= :error (first (outcome (tls/connect "" 443)))))

(test "every address is tried"
  # the listener is on IPv4 alone; where the name has an IPv6 address too, that one is refused first
  (with [listener (tls/listen "127.0.0.1" 0)]
    (def [_ port] (address-of listener))
    (def server (spawn (tls/accept listener server-options)))
    (def c (tls/connect "localhost" port client-options))
    (:close c true)
    (:close (last (await server)) true)))

(test "names and ports may be buffers, symbols, keywords, numbers"
  (with [listener (tls/listen "127.0.0.1" 0)]
    (def [_ port] (address-of listener))
    (each [host port] [[@"127.0.0.1" @"$"] ['localhost (scan-number port)]
                       [:localhost (keyword port)]]
      (def port (if (buffer? port) (buffer (last (address-of listener))) port))
      (def server (spawn (tls/accept listener server-options)))
      (def c (tls/connect host port client-options))
      (:close c true)
      (:close (last (await server)) true))))

(test "a peer that goes away in the handshake fails it"
  (fails-with '(+ "the peer closed the connection" "Connection reset by peer")
    (with [listener (net/listen "127.0.0.1" 0)]
      (def [host port] (address-of listener))
      (spawn (:close (net/accept listener)))
      (tls/connect host port client-options))))

(test "host names given as buffers, which end in no NUL, are whole and no more"
  (def name (buffer/push (buffer/new 100) "localhost" "junk"))
  (buffer/popn name 4)
  (each options [{:hostname name} {:hostname "localhost" :verify-hostname name}]
    (def [a b] (core-pair))
    (def server (spawn (wrap-server b)))
    (def c (tls/wrap a (merge client-options options)))
    (each s [c (last (await server))] (:close s true)))
  (def [a b] (core-pair))
  (def server (spawn (wrap-server b)))
  (def c (tls/upgrade a name client-options))
  (each s [c (last (await server))] (:close s true)))

(test "option values of a wrong type are refused, nested ones too"
  (each [options why] [[{:security {:ciphers 42}} ":ciphers"] [{:security 42} ":security"]
                       [{:ciphers 42} ":ciphers"]
                       [{:security {:cipers "x"}} "did you mean :ciphers"]
                       [{:handshake 1} ":handshake"]
                       [{:truncation :maybe} ":truncation"] [{:hostname 42} ":hostname"]
                       [{:timeout true} ":timeout"]]
    (fails-with why (tls/connect "127.0.0.1" 1 (merge client-options options)))))

# ---- timeouts ----

(defn silent
  "Call `f` with the address of a listener that takes connections and says nothing."
  [f]
  (with [listener (net/listen "127.0.0.1" 0)] (f ;(address-of listener))))

(test ":timeout covers the handshake"
  (silent
    (fn [host port]
      (def before (descriptors))
      (is= [:error "timeout"]
           (outcome (tls/connect host port (merge client-options {:timeout 0.02}))))
      (is= [:error "timeout"] (outcome (tls/connect host port (merge client-options {:timeout 0}))))
      (is= before (descriptors)))))

(test ":timeout covers resolution"
  (def started (os/clock :monotonic))
  (is= :error (first (outcome (tls/connect "no.such.name.invalid" 443 {:timeout 0}))))
  (is (< (- (os/clock :monotonic) started) 5)))

(test ":timeout covers the TCP connection"
  # a listener with a full backlog does not answer
  (with [listener (tls/listen "127.0.0.1" 0 {:backlog 1})]
    (def [host port] (address-of listener))
    (def fill (seq [_ :range [0 6]] (spawn (net/connect host port))))
    (turns)
    (def started (os/clock :monotonic))
    (is= [:error "timeout"]
         (outcome (tls/connect host port (merge client-options {:timeout 0.05}))))
    (is (< (- (os/clock :monotonic) started) 5))
    (each t fill
      (unless (t :done) (ev/cancel (t :fiber) "stop"))
      (def [status s] (await t))
      (if (= :ok status) (:close s)))))

(test "a connect can be cancelled at every point, and leaves nothing behind"
  (silent
    (fn [host port]
      (def before (descriptors))
      (for n 0 6
        (each name [host "localhost"]
          (def task (spawn (tls/connect name port client-options)))
          (turns (+ 1 n))
          (unless (task :done) (ev/cancel (task :fiber) "stop"))
          (is= [:error "stop"] (await task))))
      (for n 0 6
        (is= [:error "deadline expired"]
             (await (spawn (ev/with-deadline (* n 0.001)
                                             (tls/connect "localhost" port client-options))))))
      (turns)
      (is= before (descriptors)))))

(test "a handshake ended in the turn in which it is done is closed, not lost"
  (with [listener (tls/listen "127.0.0.1" 0)]
    (def [host port] (address-of listener))
    (def before (descriptors))
    (for n 0 12
      (def server (spawn (tls/accept listener server-options)))
      (def task (spawn (tls/connect host port client-options)))
      (turns (+ 1 n))
      (unless (task :done) (ev/cancel (task :fiber) "stop"))
      (each t [task server]
        (def [status s] (await t))
        (if (= :ok status) (:close s true))))
    (turns)
    (is= before (descriptors))))

(test ":handshake-timeout has a text of its own"
  (silent
    (fn [host port]
      (is= [:error "tls/connect: handshake timed out: the peer did not finish it within 0.02 s"]
           (outcome (tls/connect host port (merge client-options {:handshake-timeout 0.02})))))))

(test "invalid timeouts are refused"
  (each option [:timeout :handshake-timeout :close-timeout]
    (each value [-1 (/ 0 0) "1" :1]
      (fails-with (string option)
                  (tls/connect "127.0.0.1" 1 (merge client-options {option value}))))))

# ---- deferred handshakes ----

(defn deferred-pair
  "A client's stream before its handshake, and the task that accepts it."
  [&opt more]
  (def [a b] (core-pair))
  [(wrap-client a (merge {:handshake false} (or more {}))) (spawn (wrap-server b))])

(each [what begin] [["(:handshake s)" |(is (= $ (:handshake $)))]
                  ["a write" |(is= nil (:write $ ""))]
                  ["a write of something" |(:write $ "x")]
                  ["a read" |(is= [:error "timeout"] (outcome (:read $ 1 nil 0.2)))]]
  (test (string "a deferred handshake is made by " what)
    (def [c server] (deferred-pair))
    (fails-with "the handshake is not done yet" (:version c))
    (begin c)
    (:write c "hello")
    (def [_ s] (await server))
    (is (string/has-suffix? "hello" (string (:chunk s (if (= what "a write of something") 6 5)))))
    (is (= c (:handshake c)))
    (each x [c s] (:close x true))))

(test "all fibers that wait for a deferred handshake get its failure"
  (def [a b] (core-pair))
  (def c (wrap-client a {:handshake false :trusted-cert nil :verify-hostname "other.example"}))
  (def server (spawn (wrap-server b)))
  (def tasks
    [(spawn (:handshake c)) (spawn (:read c 1)) (spawn (:write c "x")) (spawn (:handshake c))])
  (each t tasks
    (def [status text] (await t))
    (is= :error status)
    (is (string/find "certificate verify failed" text) text))
  (is= :error (first (await server)))
  # and nothing goes in clear afterwards
  (each f [|(:read $ 1) |(:write $ "x") |(:handshake $) |(:version $) |(:chunk $ 1) |(:read $ :all)]
    (fails-with "certificate verify failed" (f c)))
  (each f [|(:peername $) |(:localname $) |(:flush $) |(:setsockopt $ :so-keepalive true)
           |(:shutdown $)]
    (fails-with "certificate verify failed" (f c)))
  (is (= c (:close c))))

(test "a wait for a handshake may time out, and be taken up again"
  (def [a b] (core-pair))
  (def c (wrap-client a {:handshake false}))
  (is= [:error "timeout"] (outcome (:handshake c 0.01)))
  (is= [:error "timeout"] (outcome (:handshake c {:timeout 0.01})))
  (is= [:error "timeout"] (outcome (:read c 1 nil 0.01)))
  (def task (spawn (:handshake c)))
  (turns)
  (ev/cancel (task :fiber) "stop")
  (is= [:error "stop"] (await task))
  (def server (spawn (wrap-server b)))
  (is (= c (:handshake c)))
  (def [_ s] (await server))
  (:write s "x")
  (is= @"x" (:read c 1))
  (each x [c s] (:close x true)))

(test "a stream with a deferred handshake can be closed, and dropped"
  (def before (descriptors))
  (repeat 5
    (def [a b] (core-pair))
    (def c (wrap-client a {:handshake false}))
    (is (= c (:close c)))
    (is= nil (:read b 1))
    (:close b))
  (repeat 5
    (def [a b] (core-pair))
    (wrap-client a {:handshake false})
    (:close b))
  (gccollect)
  (is= before (descriptors)))

(test "a close ends a handshake that others wait for"
  (def [a b] (core-pair))
  (def c (wrap-client a {:handshake false}))
  (def tasks [(spawn (:handshake c)) (spawn (:read c 1)) (spawn (:write c "x"))])
  (turns)
  (:close c)
  (is= [[:error "stream closed"] [:ok nil] [:error "stream closed"]] (tuple ;(map await tasks)))
  (:close b))

(test "an accept with a deferred handshake returns the stream at once"
  (with [listener (tls/listen "127.0.0.1" 0)]
    (def [host port] (address-of listener))
    (def client (spawn (tls/connect host port client-options)))
    (def s (tls/accept listener (merge server-options {:handshake false})))
    (is= "127.0.0.1" (first (:peername s)))
    (:handshake s)
    (def [_ c] (await client))
    (each x [c s] (:close x true))))

# ---- taking over a core stream ----

(test "a stream that was taken over is closed, its connection is not"
  (def [a b] (core-pair))
  (def c (wrap-client a {:handshake false}))
  (fails-with "stream is closed" (:read a 1))
  (:close a)
  (gccollect)
  (def server (spawn (wrap-server b)))
  (:handshake c)
  (each x [c (last (await server))] (:close x true)))

(test "streams that can't be taken over are refused, and stay usable"
  (def [a b] (core-pair))
  (def reader (spawn (:read a 1)))
  (turns)
  (fails-with "another fiber is reading or writing" (wrap-client a))
  (:write b "x")
  (is= [:ok @"x"] (await reader))
  (each s [a b] (:close s))
  (fails-with "it is closed" (wrap-client a))
  (with [listener (net/listen "127.0.0.1" 0)]
    (fails-with "it is a listener" (wrap-client listener)))
  (def pipe (os/pipe))
  (fails-with "not a socket" (wrap-client (first pipe)))
  (each s pipe (:close s))
  (fails-with "bad slot #0" (tls/wrap 5 "localhost")))

(test "plaintext that is left over is refused"
  (def [a b] (core-pair))
  (:write b "220 go ahead\r\n+ injected")
  (turns)
  (fails-with "plaintext is left over" (tls/upgrade a "localhost" client-options))
  (is= @"220 go ahead\r\n+ injected" (:read a 100))
  (each s [a b] (:close s)))

# ---- one connection's errors are not another's ----

(test "errors of one connection are never seen by another"
  (def [a b] (pair :tls13))
  (def [c d] (pair :tls12))
  (each round (range (load 30))
    (def [x y] (core-pair))
    (def failing
      [(spawn (wrap-client x {:verify-hostname "other.example" :trusted-cert (identity :cert)}))
       (spawn (wrap-server y))])
    (:write a "ping")
    (is= @"ping" (:read b 10))
    (:write d "pong")
    (is= @"pong" (:read c 10))
    (is= [:error "timeout"] (outcome (:read a 1 nil 0)))
    (each t failing (is= :error (first (await t))))
    (is= [:error "timeout"] (outcome (:read c 1 nil 0))))
  (each s [a b c d] (:close s true)))

(test "an option of one wrap does not leak into the next"
  (def context-free (merge client-options {:max-version :TLS1_2}))
  (repeat 2
    (each [version told] [[:TLS1_2 "TLSv1.2"] [:TLS1_3 "TLSv1.3"]]
      (def [a b] (core-pair))
      (def server (spawn (wrap-server b)))
      (def c (wrap-client a {:max-version version}))
      (is= told (:version c))
      (each s [c (last (await server))] (:close s true))))
  # no verification in one does not loosen the next
  (def [a b] (core-pair))
  (def server (spawn (wrap-server b)))
  (def c (tls/wrap a "other.example" {:verify false}))
  (each s [c (last (await server))] (:close s true))
  (def [a2 b2] (core-pair))
  (def server2 (spawn (wrap-server b2)))
  (fails-with "certificate verify failed" (tls/wrap a2 "other.example" {}))
  (await server2))

(end)
