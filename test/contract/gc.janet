# Garbage collection: row 26 of docs/stream-contract.md.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "")
(import ../support/process :prefix "")
(import jsec/tls)

(defn open-and-forget [kind] (pair kind) nil)

(each kind [:tls13 :tls12-unix :tls13-wrap]
  (test (string "streams that are forgotten are closed (" kind ")") :deadline 60
    (open-and-forget kind) # the first one opens the poller
    (def before (descriptors))
    (repeat (load 700) (open-and-forget kind))
    # without any collection of ours
    (if before (is (< (- (length (os/dir "/proc/self/fd")) before) 900)))
    (when before
      (def left (- (descriptors) before))
      (is (< left 6) left))))

(test "thousands of forgotten streams leave no memory behind" :deadline 100
  (defn rounds [n] (repeat n (open-and-forget :tls13)) (gccollect))
  (rounds (load 600))
  (def before (resident))
  (rounds (load 1900))
  (when before
    (def grown (- (resident) before))
    (is (< grown 8000) (string grown " KB more"))))

(test "with 1,024 descriptors at most as many can be opened and forgotten" :deadline 100
  # collections are made rare, so that it is the shortage that calls for them
  # whether it is connect or accept that meets it depends on how many are open already
  (each others ["" "(def [r w] (os/pipe)) (:close w)"]
  (def code (string/format
    ``(import ./test/support/pairs :prefix "") (import jsec/tls) (gcsetinterval 1000000000) %s
      (with [l (tls/listen "127.0.0.1" 0)]
        (def [host port] (address-of l))
        (repeat %d
          (def accepted (spawn (tls/accept l server-options)))
          (tls/connect host port client-options)
          (await accepted)
          nil))
      (print "fine")``
    others (load 600)))
  (def out (string (tmpdir) "/out"))
  (def status
    (with [f (file/open out :w)]
      (os/execute ["sh" "-c" "ulimit -n 1024; exec janet -e \"$0\"" code] :p {:out f :err f})))
  (is= "fine\n" (string (slurp out)))
  (is= 0 status)))

(test "a parked fiber keeps its stream, and is kept itself"
  (def [a b] (pair :tls13))
  (def results (ev/chan 20))
  (defn park [f] (ev/go (fn [] (ev/give results (f)))))
  # the only reference to each stream is in the fiber that waits
  (do
    (def [c d] (pair :tls12))
    (park |(:read d 10))
    (park (do (def got @"") (fn [] (:chunk b 5 got) (string got))))
    (repeat 3 (gccollect) (turns) (repeat 1000 (string/repeat "x" 100)))
    (:write c "hello")
    (is= @"hello" (ev/take results))
    (:write a "12")
    (turns)
    (gccollect)
    (:write a "345")
    (is= "12345" (ev/take results))
    (each s [a b c d] (:close s true))))

(test "a stream is kept while its fiber writes"
  (def data (bytes-of 8000000))
  (def [a b] (pair :tls13))
  (def reader (do
                (def [c d] (pair :tls12-unix))
                (ev/go (fn [] (:write c data) (:close c)))
                (spawn (:read d :all))))
  (repeat 10 (gccollect) (turns))
  (is (= data (string (last (await reader)))))
  (each s [a b] (:close s true)))

(test "a fiber that waits in a handshake, accept or connect is kept"
  (with [listener (tls/listen "127.0.0.1" 0)]
    (def [host port] (address-of listener))
    (def results (ev/chan 4))
    (ev/go (fn [] (with [s (tls/accept listener server-options)] (:write s (:read s 10)))))
    (repeat 3 (gccollect) (turns))
    (ev/go (fn [] (with [c (tls/connect "localhost" port client-options)]
                    (gccollect)
                    (:write c "echo")
                    (ev/give results (:read c 10)))))
    (repeat 10 (gccollect) (turns 1))
    (is= @"echo" (ev/take results))))

(test "a handshake without a waiting fiber is kept until it is done"
  (with [listener (tls/listen "127.0.0.1" 0)]
    (def [host port] (address-of listener))
    (def served (ev/chan 1))
    (spawn (tls/accept-loop listener server-options
                            (fn [s] (with [s s] (:write s "hi") (ev/give served true)))))
    (turns)
    (def raw (net/connect host port))
    (turns)
    (repeat 3 (gccollect) (turns))
    (with [c (wrap-client raw)] (is= @"hi" (:read c 2)))
    (is (ev/take served))))

(test "a stream with bytes given back is whole after a collection"
  (def [a b] (pair :tls13))
  (def task (spawn (:chunk b 10)))
  (:write a "abc")
  (turns)
  (ev/cancel (task :fiber) "stop")
  (await task)
  (gccollect)
  (:write a "def")
  (is= @"abcdef" (:chunk b 6))
  (each s [a b] (:close s true)))

(test "collections at any point are harmless" :deadline 60
  (def [a b] (pair :tls13))
  (def data (bytes-of (load 300000)))
  (def interval (gcinterval))
  (defer (gcsetinterval interval)
    (gcsetinterval 0)
    (def writer (spawn (each i (range 0 (length data) 5000)
                         (:write a (string/slice data i (min (length data) (+ i 5000)))))
                       (:shutdown a :w)))
    (def got @"")
    (while (:read b 3000 got nil))
    (is (= data (string got)))
    (await writer)
    (each s [a b] (:close s true))))

(test "a collection in a function that gives a staple is harmless"
  (def kept @[])
  (defn staple []
    (def before (string/repeat "x" 100))
    (repeat 3 (gccollect) (repeat 1000 (string/repeat "y" 100)))
    (array/push kept before)
    nil)
  (with [listener (tls/listen "127.0.0.1" 0)]
    (def [host port] (address-of listener))
    (def accepted (spawn (tls/accept listener (merge server-options {:ocsp-response staple}))))
    (with [c (tls/connect host port (merge client-options {:ocsp true}))]
      (:close (in (await accepted) 1))
      (is= nil (:read c 1))))
  (is= [(string/repeat "x" 100)] (tuple ;kept)))

(test "a collection while accept-loop begins is harmless"
  # about one in a hundred of these calls meets one
  (def context (tls/new-context server-options))
  (repeat (load 3000)
    (def listener (tls/listen "127.0.0.1" 0))
    (def task (ev/go (fn [] (protect (tls/accept-loop listener context :close)))))
    (ev/sleep 0)
    (:close listener)))

(end)
