# Transfers that are cut: the peer sees an error, never a clean end.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "")
(import jsec/tls)

(def cut-off (quote (+ "connection truncated" "Connection reset by peer" "bad record")))
(def plenty (string/repeat "0123456789" (/ plenty-size 10)))

(defn read-to-error
  ``What comes until a read raises, which it has to: a clean end, or silence, is an error of its
  own.``
  [s]
  (def got @"")
  (fails-with cut-off
    (while true
      (unless (:read s 1000000 got 10)
        (error (string "a clean end after " (length got) " bytes")))))
  got)

(defn cut-write
  "Begin a write that the peer does not read, and end it in the middle."
  [s how data]
  (def task
    (spawn (case how
             :timeout (:write s data 0.02)
             :deadline (ev/with-deadline 0.02 (:write s data))
             (:write s data))))
  (turns)
  (case how
    :cancel (ev/cancel (task :fiber) "stop")
    :close (:close s))
  (is= :error (first (await task))))

(each [what data] [["string" plenty] ["buffer" (buffer plenty)]]
  (each how [:timeout :deadline :cancel :close]
    (on-tls (string "a write of a " what " that ended in the middle (" how
                    "), and a close, are an error for the peer") [a b] {:plenty true}
      (cut-write a how data)
      (is (= a (:close a)))
      (def got (read-to-error b))
      (is (= (string got) (string/slice plenty 0 (length got)))))))

(on-tls "writes that are complete do not mend one that was cut" [a b] {:plenty true}
  (cut-write a :timeout plenty)
  (def task (spawn (:write a "|end|") (:close a)))
  (read-to-error b)
  (await task))

# In the turn in which a write is cancelled, its fiber has not run yet.
(each [what end] [["a close" (fn [s] (:close s))]
                  ["a shutdown and a close" (fn [s] (protect (:shutdown s :w)) (:close s))]
                  ["a write and a close" (fn [s] (:write s "|end|") (:close s))]
                  ["a hard close" (fn [s] (:close s true))]]
  (on-tls (string "a write that was cancelled, and " what " in the same turn, are an error for the "
                  "peer") [a b] {:plenty true}
    (def writer (spawn (:write a plenty)))
    (turns)
    (def closer (spawn (ev/cancel (writer :fiber) "stop") (end a)))
    (read-to-error b)
    (is= [:error "stop"] (await writer))
    (await closer)))

(on-tls "a hard close after a write that was cut is an error for the peer" [a b] {:plenty true}
  (cut-write a :timeout plenty)
  (:close a true)
  (read-to-error b))

(on-tls "a write that was done when its caller was cancelled counts as cut: the caller can't know"
        [a b] {:plenty true}
  (def task (spawn (:write a plenty)))
  (turns)
  (def reader (spawn (def got @"") (while (< (length got) (length plenty)) (:read b 1000000 got))))
  (while (not (reader :done)) (ev/sleep 0))
  (unless (task :done) (ev/cancel (task :fiber) "stop"))
  (def [status] (await task))
  (:close a)
  (if (= status :ok)
    (is= nil (:read b 1))
    (read-to-error b)))

(on-tls "a write of which nothing was taken, followed by complete ones, leaves the stream sound"
        [a b] {:plenty true}
  (def first-write (spawn (:write a plenty)))
  (turns)
  (is= [:error "timeout"] (outcome (:write a "never sent" 0.01)))
  (def rest (spawn (await first-write) (:write a "|end|") (:close a)))
  (def got (:read b :all))
  (is (= (string plenty "|end|") (string got)))
  (:close b)
  (is= :ok (first (await rest))))

(on-tls "shutdown :w after a write that was cut raises, and the peer sees an error and can answer"
        [a b] {:plenty true}
  (cut-write a :timeout plenty)
  (repeat 2 (fails-with "tls/shutdown: no close_notify was sent" (:shutdown a :w)))
  (is= [:error "Broken pipe"] (outcome (:write a "x")))
  (:write b "answer")
  (read-to-error b)
  (is= @"answer" (:read a 10)))

# ---- abort ----

(on-tls "abort is an error for the peer, which has what was written before" [a b]
  (:write a "part")
  (def reading (spawn (:read a 1)))
  (turns)
  (repeat 2 (is (= a (tls/abort a))))
  (is= [:ok nil] (await reading))
  (is= @"part" (read-to-error b))
  (fails-with "stream is closed" (:write a "x")))

(on-tls "the peer of an aborted stream reads that it was aborted, after all data" [a b] {}
  (:write a "part")
  (is= @"part" (:read b 100))
  (tls/abort a)
  (fails-with "the peer aborted the connection, or the network changed bytes: data is missing"
              (:read b 100 nil 10)))

(each kind core-kinds
  (test (string "abort takes streams of core's (" kind ")")
    (def [a b] (pair kind))
    (repeat 2 (is (= a (tls/abort a))))
    (def expected (if (= kind :tcp) [:error "Connection reset by peer"] [:ok nil]))
    (is= expected (outcome (:read b 1 nil 5)))
    (:close b)))

(test "abort takes nothing else"
  (each x [nil "x" 1 @{}] (fails-with "expected jsec/tls-stream or core/stream" (tls/abort x))))

# Python takes a TCP end without close_notify for a clean one unless asked otherwise.
(def python-client ``
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
raw = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
with context.wrap_socket(raw, server_hostname="localhost") as s:
    s.sendall(b"go")
    try:
        while s.recv(65536): pass
        print("end")
    except OSError as error: print(type(error).__name__)
``)

(defn python-reads
  "What Python's ssl makes of a connection that `handler` serves."
  [handler version]
  (def trust (string (tmpdir) "/ca.pem"))
  (spit trust (identity :cert))
  (with [listener (tls/listen "127.0.0.1" 0)]
    (def [_ port] (address-of listener))
    (ev/go (fn [] (tls/accept-loop listener (merge server-options {:max-version version}) handler))
           nil (ev/chan 10))
    (def child (os/spawn ["python3" "-c" python-client port trust] :p {:out :pipe}))
    (def said (ev/read (child :out) :all))
    (os/proc-wait child)
    (string/trim said)))

(each version [:TLS1_2 :TLS1_3]
  (peer-test "python3"
    (string "Python, which takes a bare TCP end for a clean one, sees that a write was cut ("
            version ")")
    (is= "SSLError"
         (python-reads (fn [s]
                         (:read s 2)
                         (protect (:write s (string/repeat "x" 20000000) 0.0001))
                         (:close s))
                       version)))

  (peer-test "python3" (string "Python sees that a handler raised (" version ")")
    (is= "SSLError"
         (python-reads (fn [s] (:read s 2) (:write s "first half of ") (error "disk full"))
                       version))))

# ---- accept-loop ----

(defn with-handler
  ``Run `f` with a client of a loop that serves by `handler`, and with what the loop's supervisor
  is given.``
  [handler f &opt more]
  (def supervisor (ev/chan 10))
  (with [listener (tls/listen "127.0.0.1" 0)]
    (def [host port] (address-of listener))
    (ev/go (fn [] (tls/accept-loop listener (merge server-options (or more {})) handler)) nil
           supervisor)
    (def client (tls/connect host port client-options))
    (defer (:close client true) (f client supervisor))))

(each version [:TLS1_2 :TLS1_3]
  (test (string "a handler that raises is an error for its peer, which has what was sent before ("
                version ")")
    (with-handler (fn [s] (:read s 1) (:write s "first half of ") (error "disk full"))
      (fn [client supervisor]
        (:write client "x")
        (is= @"first half of " (read-to-error client))
        (def [signal fiber] (ev/take supervisor))
        (is= [:error "disk full"] [signal (fiber/last-value fiber)]))
      {:max-version version})))

(test "a handler that closes and then raises has ended cleanly"
  (with-handler (fn [s] (:write s "all of it") (:close s) (error "later"))
    (fn [client supervisor]
      (is= @"all of it" (:read client :all))
      (:close client)
      (is= :error (first (ev/take supervisor))))))

(test "a handler that returns leaves its stream open"
  (def streams @[])
  (with-handler (fn [s] (array/push streams s) (:write s "hello"))
    (fn [client supervisor]
      (is= @"hello" (:read client 5))
      (is= :ok (first (ev/take supervisor)))
      (:write (first streams) "more")
      (is= @"more" (:read client 4))
      (each s streams (:close s true)))))

(test "a handler that is cancelled, or signals otherwise, is an error for its peer"
  (each [how expected] [[|(ev/cancel (fiber/root) "stop") :error] [|(signal 0 "user") :user0]]
    (with-handler (fn [s] (:write s "x") (how) (ev/sleep 10))
      (fn [client supervisor]
        (is= @"x" (read-to-error client))
        (is= expected (first (ev/take supervisor)))))))

(test "a handler that raises before its deferred handshake ends the connection"
  (with [listener (tls/listen "127.0.0.1" 0)]
    (def [host port] (address-of listener))
    (ev/go (fn [] (tls/accept-loop listener (merge server-options {:handshake false})
                                   (fn [s] (error "no")))) nil (ev/chan 10))
    (fails-with '(+ "Connection reset by peer" "the peer closed the connection")
                (tls/connect host port client-options))))

(test "handlers share the loop's dynamic bindings, and set their own"
  (def seen (ev/chan 10))
  (setdyn :of-the-loop 1)
  (with-handler (fn [s] (setdyn :own 2) (ev/give seen [(dyn :of-the-loop) (dyn :own)]) (:close s))
    (fn [client &]
      (is= [1 2] (ev/take seen))
      (is= nil (dyn :own)))))

(end)
