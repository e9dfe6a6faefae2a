# Calls on DTLS servers and clients under stress: sizes, cancelled and timed-out calls, ends.
(import ../support/check :prefix "")
(import ../support/datagrams :prefix "")
(import ../support/udp-proxy :prefix "")
(import ../support/pairs :prefix "" :only [spawn await turns spin])
(import ../support/process :prefix "")
(import jsec/dtls)

# ---- sizes ----

(test "datagrams of up to 16 KB pass whole; longer ones are refused and nothing is sent"
  (with-server [s]
    (with [c (connect s)]
      (each size [1 1200 1473 9000 16384]
        (def data (string (os/cryptorand size)))
        (is= data (string (ask c data))))
      (fails-with "16385 bytes are more than a record of DTLS holds: expected 16384 at most"
                  (:write c (string/repeat "x" 16385)))
      (fails-with "16385 bytes are more"
                  (dtls/send-to s (first (dtls/peers s)) (string/repeat "x" 16385)))
      (is= 0 (:write c ""))
      (is= "fine" (string (ask c "fine"))))))

(test "several records in one datagram are several datagrams to the reader"
  (def heard (ev/chan 100))
  (with-server [s {} (fn [server peer datagram] (ev/give heard (string datagram)))]
    (def held @[])
    (with-udp-proxy [p (port-of s) {:rule (fn [way n datagram]
                                            (cond
                                              (or (= way :down) (not= 23 (datagram 0))) :pass
                                              (< (length held) 2)
                                              (do (array/push held datagram) :lose)
                                              (string (string/join held) datagram)))}]
      (with [c (connect (p :port))]
        (each word ["one" "two" "three"] (:write c word))
        (is= ["one" "two" "three"] (tuple (ev/take heard) (ev/take heard) (ev/take heard)))))))

(test "a reader is served though a flood of garbage came before its datagram"
  (with-server [s]
    (with [c (connect s)]
      (ask c "before")
      (with [socket (raw-socket (port-of s)) ev/close]
        (repeat 300 (net/write socket "garbage"))
        (:write c "after")
        (is= @"after" (:read c 10 nil 10))))))

# ---- waiting calls ----

(defmacro- with-pair [[client server peer] & body]
  ~(with [,server (dtls/listen "127.0.0.1" 0 server-options) dtls/close-server]
     (with [,client (connect ,server)]
       (:write ,client "hello")
       (def ,peer (dtls/recv-from ,server 100 @""))
       ,;body)))

(defn- drained
  "All datagrams that a server has for us, until `last` comes."
  [server last]
  (def all @[])
  (while (not= last (do
                      (def room @"")
                      (dtls/recv-from server 1000 room 10)
                      (array/push all (string room))
                      (string room))))
  all)

(test "a recv-from that is cancelled in the turn its datagram came loses nothing"
  (with-pair [c s peer]
    (for i 0 (load 50)
      (def task (spawn (dtls/recv-from s 100 @"")))
      (turns 1)
      (:write c (string i))
      (spin 0.002)
      (ev/go (fn [] (ev/cancel (task :fiber) "cancelled")))
      (def [status value] (await task))
      (:write c "last")
      (def rest (drained s "last"))
      (if (= status :ok) (is= ["last"] (tuple ;rest)) (is= [(string i) "last"] (tuple ;rest))))))

(test "a recv-from whose deadline fires as its datagram comes loses nothing"
  (with-pair [c s peer]
    (for i 0 (load 50)
      (def buf @"kept")
      (def task (spawn (ev/with-deadline 0.003 (dtls/recv-from s 100 buf))))
      (turns 1)
      (:write c (string i))
      (spin 0.004)
      (def [status value] (await task))
      (:write c "last")
      (def rest (drained s "last"))
      (if (= status :ok)
        (is= [(string "kept" i) ["last"]] [(string buf) (tuple ;rest)])
        (is= ["kept" [(string i) "last"]] [(string buf) (tuple ;rest)])))))

(test "several fibers in recv-from each get datagrams, none lost, none twice"
  (with-pair [c s peer]
    (def got (ev/chan 1000))
    (def readers
      (seq [_ :range [0 5]]
        (spawn (do (def room @"")
                 (while (dtls/recv-from s 100 (buffer/clear room)) (ev/give got (string room)))))))
    (def n (load 200))
    (for i 0 n (:write c (string i)) (if (= 0 (% i 20)) (ev/sleep 0)))
    (def seen (seq [_ :range [0 n]] (scan-number (ev/take got))))
    (is= (range n) (sorted seen))
    (dtls/close-server s)
    (each reader readers (is= [:ok nil] (await reader)))))

(test "a timeout is nil, and data that is there wins over a timeout of 0"
  (with-pair [c s peer]
    (is= nil (dtls/recv-from s 100 @"" 0.01))
    (is= nil (dtls/recv-from s 100 @"" {:timeout 0}))
    (:write c "there")
    (spin 0.01)
    (def room @"")
    (is= peer (dtls/recv-from s 100 room 0))
    (is= @"there" room)))

(test "closing a server wakes waiting fibers and ends sessions; a second close does nothing"
  (with-pair [c s peer]
    (def tasks (seq [_ :range [0 3]] (spawn (dtls/recv-from s 100 @""))))
    (turns)
    (is= s (dtls/close-server s))
    (each task tasks (is= [:ok nil] (await task)))
    (is= nil (:read c 100))
    (is= s (dtls/close-server s))
    (is= s (:close s))
    (fails-with "stream is closed" (dtls/recv-from s 100 @""))
    (fails-with "stream is closed" (dtls/send-to s peer "x"))
    (fails-with "stream is closed" (dtls/peers s))
    (fails-with "stream closed" (dtls/localname s))))

(test "what came before a fiber asked is kept, up to a bound, and the newest beyond it dropped"
  (with-pair [c s peer]
    (def big (string/repeat "x" 16000))
    (repeat 500 (:write c big) (ev/sleep 0))
    (var count 0)
    (while (dtls/recv-from s 20000 @"" 0.05) (++ count))
    (is (< 10 count 400) (string count))
    (:write c "on")
    (def room @"")
    (is= peer (dtls/recv-from s 100 room 10))
    (is= @"on" room)))

(test "servers and clients without references are collected, and their sockets closed"
  (if-not (os/stat "/proc/self/fd")
    (skip "descriptors" "can't be counted here")
    (do
      (defn descriptors [] (gccollect) (length (os/dir "/proc/self/fd")))
      (def before (descriptors))
      (repeat 50 (dtls/listen "127.0.0.1" 0 server-options))
      (with-server [s]
        (repeat 20 (connect s))
        (is (<= (descriptors) (+ before 5))))
      (is (<= (descriptors) (+ before 5))))))

(test "a server on any port shares it with no other"
  (def plain (seq [_ :range [0 150]] (net/listen "127.0.0.1" "0" :datagram)))
  (def ours (seq [_ :range [0 150]] (dtls/listen "127.0.0.1" 0 server-options)))
  (defer (do (each s plain (ev/close s)) (each s ours (dtls/close-server s)))
    (def taken (tabseq [s :in plain] (get (net/localname s) 1) true))
    (def ports (map |(get (dtls/localname $) 1) ours))
    (is= 150 (length (distinct ports)))
    (each port ports (is (not (taken port)) "not one of core's"))))

(test "a process that ends with calls pending ends well"
  (def preamble
    (string/format
      ``(import jsec/dtls)
        (def s (dtls/listen "127.0.0.1" 0 {:cert %q :key %q}))
        (def options {:trusted-cert %q :hostname "localhost"})
        (def c (dtls/connect "127.0.0.1" (get (dtls/localname s) 1) options))
        (ev/go (fn [] (dtls/recv-from s 10 @"")))
        (ev/go (fn [] (:read c 10)))
        (def options {:trusted-cert %q :hostname "localhost"})
        (ev/go (fn [] (dtls/connect "127.0.0.1" (get (dtls/localname s) 1) options)))
        (ev/sleep 0.01)``
      (identity :cert) (identity :key) (identity :cert) (identity :cert)))
  (is= "over\n" (run-code preamble `(print "over") (os/exit 0)`))
  (is= "over\n"
       (run-code preamble
                 `(print "over") (:close c) (ev/sleep 0.01) (dtls/close-server s) (os/exit 0)`)))

(test "servers and clients can't cross threads, and say so; addresses can"
  (with-pair [c s peer]
    (fails-with "a DTLS server can't be marshalled: it belongs to the thread that made it"
                (marshal s))
    (fails-with "a DTLS client can't be marshalled: it belongs to the thread that made it"
                (marshal c))
    (is= peer (unmarshal (marshal peer)))
    (def reply (ev/thread-chan 1))
    (ev/thread (fn [] (ev/give reply [peer (string peer)])) nil :n)
    (is= [peer (string peer)] (ev/take reply))))

(end)
