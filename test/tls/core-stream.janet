# tls-stream/core-stream: a stream of core's that stands for a TLS stream.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "")
(import jsec/tls)
(import jsec/tls-stream)
(import jsec/crypto)
(import jsec/dtls)

(defn bridged
  "A TLS stream, and a core stream that stands for its peer. With what it stands for."
  [kind &opt opts more]
  (def [a b] (tls-pair kind nil more))
  [a (tls-stream/core-stream b opts) b])

(defn until
  "Wait for a condition."
  [condition]
  (while (not (condition)) (ev/sleep 0.01)))

(defn closed? [s] (truthy? (string/find "closed" (string s))))

(defn read-to-error
  "What comes until a read raises, and the error."
  [s]
  (def got @"")
  (def [_ why] (protect (while (:read s 4096 got)) (error "an end")))
  [got why])

(each kind tls-kinds
  (test (string "bytes pass both ways at once, and both ends end (" kind ")")
    (def [a io b] (bridged kind))
    (def sent (crypto/random-bytes 3_000_000))
    (def back (crypto/random-bytes 2_000_000))
    (def writers [(spawn (:write a sent) (:shutdown a :w))
                  (spawn (:write io back) (net/shutdown io :w))])
    (def readers [(spawn (:read io :all)) (spawn (:read a :all))])
    (is= [:ok (buffer sent)] (await (readers 0)))
    (is= [:ok (buffer back)] (await (readers 1)))
    (each task writers (is= :ok (first (await task))))
    (until |(closed? b))
    (is= nil (:read io 1))
    (each s [a io] (:close s))))

(each kind [:tls12 :tls13]
  (test (string "an end leaves the other direction open (" kind ")")
    (def [a io b] (bridged kind))
    (:write a "question")
    (:shutdown a :w)
    (is= @"question" (:read io :all))
    (:write io "answer")
    (:close io)
    (is= @"answer" (:read a :all))
    (:close a)
    (until |(closed? b)))

  (test (string "an end of the core stream's output leaves its input open (" kind ")")
    (def [a io b] (bridged kind))
    (:write io "question")
    (net/shutdown io :w)
    (is= @"question" (:read a :all))
    (:write a "answer")
    (:close a)
    (is= @"answer" (:read io :all))
    (:close io)
    (until |(closed? b)))

  (test (string "a truncated connection is a reset, after what came before (" kind ")")
    (def [a io b] (bridged kind))
    (:write a "half")
    (:shutdown a true)
    (is= [@"half" "Connection reset by peer"] (read-to-error io))
    (until |(closed? b))
    (each s [a io] (:close s)))

  (test (string "an abort of the peer is a reset (" kind ")")
    (def [a io b] (bridged kind))
    (:write a "half")
    (tls/abort a)
    (is= [@"half" "Connection reset by peer"] (read-to-error io))
    (:close io))

  (test (string "a reset of the core stream is an error for the peer (" kind ")")
    (def [a io b] (bridged kind))
    (:write io "half")
    (is= @"half" (:read a 100))
    (tls/abort io)
    (fails-with '(+ "reset" "alert" "record") (:read a 100))
    (until |(closed? b))
    (:close a :now)))

(test "a handshake that fails is a reset"
  (with [listener (tls/listen "127.0.0.1" 0)]
    (def [host port] (net/localname listener))
    (def accepted (spawn (tls/accept listener server-options)))
    (def untrusting (tls/connect host port {:handshake false}))
    (with [io (tls-stream/core-stream untrusting)]
      (fails-with "Connection reset by peer" (:read io 1))
      (is= :error (first (await accepted))))))

(test "the core stream that is closed closes the TLS stream, even if its peer ends nothing"
  (def [a io b] (bridged :tls13))
  (:close io)
  (is= nil (:read a 1)) # close_notify, and no end from here
  (until |(closed? b))
  (:close a))

(test "the core stream that is closed with input unread ends the TLS stream cleanly"
  (def [a io b] (bridged :tls13))
  (:write io "enough")
  (:close io)
  (is= @"enough" (:read a 100))
  (is= nil (:read a 1))
  (protect (repeat 20 (:write a "more") (ev/sleep 0.01)))
  (until |(closed? b))
  (:close a :now))

(test "a core stream without references is closed, and its TLS stream with it"
  (def [a io b] (bridged :tls13))
  (var held io)
  (set held nil)
  (def peer (spawn (:read a 1)))
  (defn forget [] (tls-stream/core-stream (last (bridged :tls13))) nil)
  (forget)
  (gccollect)
  (:close io)
  (is= [:ok nil] (await peer))
  (:close a :now)
  (until |(closed? b)))

(test "descriptors are given back"
  (defn descriptors [] (length (os/dir "/proc/self/fd")))
  (if (os/stat "/proc/self/fd")
    (do
      (until |(zero? (length (filter |(not= (fiber/root) $) (ev/all-tasks)))))
      (def before (descriptors))
      (repeat 20
        (def [a io b] (bridged :tls13))
        (:write a "x")
        (is= @"x" (:read io 1))
        (:close a)
        (:close io)
        (until |(closed? b)))
      (until |(<= (descriptors) before)))))

(def endings
  "Ways to end the peer `a`, the core stream `io` and the TLS stream `b` behind it."
  [(fn [a io b] (:close a) (:close io))
   (fn [a io b] (:close io) (:close a))
   (fn [a io b] (:close b) (:close io) (:close a))
   (fn [a io b] (:close a true) (:close io))
   (fn [a io b] (:close io) (:close a true))
   (fn [a io b] (:close b true) (:close a) (:close io))
   (fn [a io b] (:shutdown a :w) (:read io 1) (:close io) (:close a))
   (fn [a io b] (net/shutdown io :w) (:read a 1) (:close a) (:close io))
   (fn [a io b] (tls/abort a) (:close io))
   (fn [a io b] (tls/abort io) (:close a))
   (fn [a io b] (tls/abort b) (:close a) (:close io))
   (fn [a io b] (spawn (:read io 10)) (turns) (:close io) (:close a))
   (fn [a io b] (spawn (:read a 10)) (turns) (:close a) (:close io))])

(test "in whatever order the ends are closed, all are, and no descriptor stays"
  (defn descriptors [] (if (os/stat "/proc/self/fd") (length (os/dir "/proc/self/fd")) 0))
  (def before (descriptors))
  (each end endings
    (def [a io b] (bridged :tls13))
    (:write a "ping")
    (is= @"ping" (:read io 4))
    (:write io "pong")
    (is= @"pong" (:chunk a 4))
    (end a io b)
    (until |(closed? b)))
  (until |(<= (descriptors) before)))

# ---- functions that need a descriptor ----

(test "a child process reads and writes a TLS stream"
  (def [a io] (bridged :tls13 {:blocking true}))
  (def child (os/spawn ["tr" "a-z" "A-Z"] :p {:in io :out io}))
  (:close io)
  (def text (string/repeat "hello " 100_000))
  (def writer (spawn (:write a text) (:shutdown a :w)))
  (is= (buffer (string/ascii-upper text)) (:read a :all))
  (is= 0 (os/proc-wait child))
  (await writer)
  (:close a))

(test "a child process gets an error for a connection that was cut"
  (def [a io] (bridged :tls13 {:blocking true}))
  (def [out result] [(file/temp) nil])
  (def child (os/spawn ["cat"] :p {:in io :out out :err out}))
  (:close io)
  (:write a "half of it, ")
  (:shutdown a true)
  (is= 1 (os/proc-wait child))
  (file/seek out :set 0)
  (def text (file/read out :all))
  (is (peg/match '(* "half of it, " (thru "Connection reset by peer")) text) text))

# Janet 1.42 does not watch a stream that came from another thread: a read there must block.
(test "another thread serves a TLS stream"
  (def [a io] (bridged :tls13 {:blocking true}))
  (def done (ev/thread-chan 1))
  (ev/thread (fn [&]
               (while (def bytes (ev/read io 1000)) (ev/write io (string/ascii-upper bytes)))
               (ev/give done true))
             nil :n)
  (:close io)
  (:write a "to a thread")
  (is= @"TO A THREAD" (:read a 100))
  (:shutdown a :w)
  (ev/take done)
  (is= nil (:read a 100)) # when the thread has ended
  (:close a))

(test "ev/to-file, in another thread, reads and writes a TLS stream"
  (def [a io] (bridged :tls13 {:blocking true}))
  (ev/thread (fn [&]
               (def file (ev/to-file io))
               (def line (file/read file :line))
               (ev/write io (string "read " line))
               (file/close file))
             nil :n)
  (:close io)
  (:write a "a line\nand more")
  (is= @"read a line\n" (:read a 100))
  (:close a :now))

(test "other values, closed streams and unknown options are refused"
  (def [a b] (tls-pair :tls13))
  (each s [a b] (:close s))
  (fails-with "stream is closed" (tls-stream/core-stream a))
  (fails-with "stream is closed" (:core-stream a))
  (each other ["text" nil stdout]
    (fails-with "bad slot #0, expected jsec/tls-stream" (tls-stream/core-stream other)))
  (def [c d] (tls-pair :tls13))
  (fails-with "tls-stream/core-stream: unknown option :bloking, did you mean :blocking"
              (tls-stream/core-stream c {:bloking true}))
  (each s [c d] (:close s true)))

(end)
