# Timeouts, deadlines and cancelled reads: rows 9 to 13 of docs/stream-contract.md. No byte is lost
# and none is delivered twice.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "")

(same "a cancelled read ends with the reason, and the next gets the data" [a b]
  (each method [:read :chunk]
    (each buffer [nil @""]
      (def task (spawn (method b 10 buffer)))
      (turns)
      (ev/cancel (task :fiber) "stop")
      (is= [:error "stop"] (await task))))
  (:write a "data")
  (is= @"data" (:read b 10)))

(same "a deadline ends a read, and the stream stays usable" [a b]
  (each method [:read :chunk]
    (is= [:error "deadline expired"] (await (spawn (ev/with-deadline 0.01 (method b 10))))))
  (is= [:error "deadline expired"] (await (spawn (ev/with-deadline 0.01 (:read b :all)))))
  (:write a "data")
  (is= @"data" (:read b 10)))

(same "what a chunk had when it ended stays in the caller's buffer" [a b]
  (each how [:cancel :timeout :deadline]
    (def buffer @"<")
    (def task (spawn (case how
                       :cancel (:chunk b 6 buffer)
                       :timeout (:chunk b 6 buffer 0.02)
                       :deadline (ev/with-deadline 0.02 (:chunk b 6 buffer)))))
    (:write a "abc")
    (turns)
    (if (= how :cancel) (ev/cancel (task :fiber) "stop"))
    (is= :error (first (await task)))
    (is= @"<abc" buffer)
    (:write a "def")
    (is= @"<abcdef" (:chunk b 3 buffer))))

(same "what :all had when it ended stays in the caller's buffer" [a b]
  (def buffer @"")
  (:write a "abc")
  (is= [:error "timeout"] (outcome (:read b :all buffer 0.02)))
  (:write a "def")
  (:close a)
  (is= @"abcdef" (:read b :all buffer)))

(same "the timer of a call that is done never fires" [a b]
  (:write a "x")
  (is= @"x" (:read b 1 nil 0.03))
  (def task (spawn (:read b 1 nil 0.03)))
  (turns)
  (:write a "y")
  (is= [:ok @"y"] (await task))
  (is= nil (:write a "z" 0.03))
  (ev/sleep 0.06)
  (is= @"z" (:read b 1))
  # on one fiber, which sleeps when the timer would fire
  (def sleeper (spawn
                 (try (ev/with-deadline 0.01 (:read b 1 nil 0.03)) ([_]))
                 (ev/sleep 0.06)
                 :slept))
  (is= [:ok :slept] (await sleeper)))

(on-tls "bytes of a chunk without a buffer go to the next reader" [a b]
  (each how [:cancel :timeout :deadline :twice]
    (def task (spawn (case how
                       :timeout (:chunk b 6 nil 0.02)
                       :deadline (ev/with-deadline 0.02 (:chunk b 6))
                       (:chunk b 6))))
    (:write a "abc")
    (turns)
    (case how
      :cancel (ev/cancel (task :fiber) "stop")
      :twice (repeat 2 (ev/cancel (task :fiber) "stop")))
    (is= :error (first (await task)))
    (:write a "def")
    (is= @"abcdef" (:chunk b 6))))

# A chunk that takes more than a turn has bytes, while others wait in the socket.
(each method [:read :chunk]
  (on-tls (string "the bytes of a cancelled chunk precede those of a " method " in the same turn")
          [a b] {:plenty true}
    (def data (string/repeat "0123456789" 400000))
    (def writer (spawn (:write a data)))
    (turns)
    (def task (spawn (:chunk b (length data))))
    (def next (spawn (ev/cancel (task :fiber) "stop") (method b 100)))
    (is= [:error "stop"] (await task))
    (def [_ got] (await next))
    (while (< (length got) (length data)) (:read b 1000000 got 5))
    (is (= data (string got)))
    (await writer)))

(on-tls "bytes of :all without a buffer go to the next reader" [a b]
  (:write a "abc")
  (is= [:error "timeout"] (outcome (:read b :all nil 0.02)))
  (:write a "def")
  (:close a)
  (is= @"abcdef" (:read b :all)))

# ---- in the very turn in which the data arrives ----

# What is called, with a buffer or none.
(def calls
  [["read" false |(:read $0 6 $1)] ["read into a buffer" true |(:read $0 6 $1)]
   ["chunk" false |(:chunk $0 6 $1)] ["chunk into a buffer" true |(:chunk $0 6 $1)]])

# How it is ended while "abcdef" is on its way, or has just come. `alarm` is a core stream that
# wakes another task, in the same turn of the event loop as the data: which of the two is first
# depends on which was written first.
(def endings
  {"cancelled before the event loop turns"
   (fn [a task [bell _]] (:write a "abcdef") (ev/cancel (task :fiber) "stop"))
   "cancelled before the data is sent"
   (fn [a task [bell _]] (ev/cancel (task :fiber) "stop") (:write a "abcdef"))
   "cancelled in the turn of the data, by a task woken first"
   (fn [a task [bell _]] (:write bell "!") (:write a "abcdef"))
   "cancelled in the turn of the data, by a task woken last"
   (fn [a task [bell _]] (:write a "abcdef") (:write bell "!"))
   "past its deadline when the data comes"
   (fn [a task _] (:write a "abcdef") (spin 0.03))})

(eachp [moment end] endings
  (each [what given call] calls
    (on-tls (string "a " what " loses nothing when " moment) [a b]
      {:kinds [:tls13 :tls12-unix]}
      (def [bell alarm] (core-pair))
      (def buffer (if given @"<"))
      (def task (spawn (ev/with-deadline 0.02 (call b buffer))))
      (def ringer (spawn (:read alarm 1) (if-not (task :done) (ev/cancel (task :fiber) "stop"))))
      (turns)
      (end a task [bell alarm])
      (def [status value] (await task))
      (def got (cond
                 given (string/slice buffer 1)
                 (= :ok status) (string value)
                 ""))
      (:close bell)
      (:close alarm)
      (await ringer)
      (:write a "ghi")
      (is= "abcdefghi" (string got (:chunk b (- 9 (length got))))))))

(on-tls "data that comes in the turn of a timeout wins" [a b]
  (def task (spawn (:read b 6 nil 0.01)))
  (turns)
  (:write a "abcdef")
  (spin 0.03)
  (is= [:ok @"abcdef"] (await task)))

(on-tls "a reader cancelled in the turn of its data leaves the order as it was" [a b]
  (def [bell alarm] (core-pair))
  (def first-reader (spawn (:read b 3)))
  (def second-reader (spawn (:read b 3)))
  (def ringer (spawn (:read alarm 1) (ev/cancel (first-reader :fiber) "stop")))
  (turns)
  (:write bell "!")
  (:write a "abcdef")
  (is= [:error "stop"] (await first-reader))
  (await ringer)
  (each s [bell alarm] (:close s))
  (is= [:ok @"abc"] (await second-reader))
  (is= @"def" (:read b 3)))

(on-tls "a task that reads when it has been cancelled loses nothing" [a b]
  (:write a "abc")
  (turns)
  (def got @"")
  (def task (spawn
              (ev/cancel (fiber/root) "stop")
              (:read b 3 got)
              (:read b 3 got)))
  (turns)
  (:write a "def")
  (is= [:error "stop"] (await task))
  (is= "abcdef" (string got (:chunk b 3))))

# ---- handshakes and closing ----

(each kind [:tls13 :tls12]
  (each how [:cancel :deadline :timeout]
    (test (string "a handshake ended by " how " leaves nothing behind (" kind ")")
      (def before (descriptors))
      (each role [:client :server]
        (def [ours peer] (core-pair))
        (def task (spawn
                    (def wrap (if (= role :client) wrap-client wrap-server))
                    (def version {:max-version ({:tls13 :TLS1_3 :tls12 :TLS1_2} kind)})
                    (case how
                      :cancel (wrap ours version)
                      :deadline (ev/with-deadline 0.02 (wrap ours version))
                      :timeout (wrap ours (merge version {:timeout 0.02})))))
        (turns)
        (if (= how :cancel) (ev/cancel (task :fiber) "stop"))
        (is= [:error ({:cancel "stop" :deadline "deadline expired" :timeout "timeout"} how)]
             (await task))
        # the peer sees the end
        (:read peer :all)
        (is= nil (:read peer 1))
        (:close peer))
      (is= before (descriptors)))))

(each kind [:tls13-unix :tls12-unix]
  (test (string "a close that is cancelled has closed (" kind ")")
    (def [a b] (full-pair kind {:close-timeout 30}))
    (def task (spawn (:close a)))
    (turns)
    (ev/cancel (task :fiber) "stop")
    (is= [:error "stop"] (await task))
    (fails-with "stream is closed" (:read a 1))
    (is (= a (:close a)))
    (fails-with "connection truncated" (:read b :all))
    (:close b true))

  (test (string "a close past its deadline has closed (" kind ")")
    (def [a b] (full-pair kind {:close-timeout 30}))
    (is= [:error "deadline expired"] (await (spawn (ev/with-deadline 0.02 (:close a)))))
    (fails-with "stream is closed" (:read a 1))
    (:close b true)))

(same "a stream is closed from the defer of a cancelled fiber" [a b]
  (def task (spawn (defer (:close a) (:read a 1))))
  (turns)
  (ev/cancel (task :fiber) "stop")
  (is= [:error "stop"] (await task))
  (is= nil (:read b 1))
  (fails-with "stream is closed" (:read a 1)))

(same "`with` closes a stream when its deadline passes" [a b]
  (is= [:error "deadline expired"] (await (spawn (ev/with-deadline 0.02 (with [s a] (:read s 1))))))
  (fails-with "stream is closed" (:read a 1))
  (is= nil (:read b 1)))

(end)
