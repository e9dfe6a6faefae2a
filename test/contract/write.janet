# Writing: rows 14 to 18 and 34 of docs/stream-contract.md.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "")

# More than kernel buffers hold, on any of the kinds.
(def plenty (bytes-of plenty-size))

(defn drain
  "Read so many bytes."
  [s n]
  (string (:chunk s n)))

(same "a write gives nil, and the bytes arrive" [a b]
  (is= nil (:write a "hello"))
  (is= @"hello" (:read b 10)))

(same "strings, buffers, symbols and keywords can be written" [a b]
  (each x ["str" @"buf" 'sym :key] (is= nil (:write a x)))
  (is= @"strbufsymkey" (:chunk b 12)))

(same "anything else is refused with core's text" [a b]
  (def refused (seq [x :in [12 nil {} [] true]] (outcome (:write a x))))
  (is= [:error "bad slot #1, expected string, symbol, keyword or buffer, got 12"] (first refused))
  refused)

(same "an empty write returns at once" [a b]
  (each x ["" @""] (is= nil (:write a x)))
  (:write a "x")
  (is= @"x" (:read b 10)))

(same "an empty write on a closed stream raises all the same" [a b]
  (:close a)
  (outcome (:write a "")))

(same "bytes of every value pass" [a b]
  (def all (string/from-bytes ;(range 256)))
  (:write a all)
  (is= all (string (:chunk b 256))))

(same "a large write is whole" [a b] {:plenty true}
  (def task (spawn (:write a plenty)))
  (is (= plenty (drain b (length plenty))))
  (is= [:ok nil] (await task)))

(same "a large buffer is whole" [a b] {:plenty true}
  (def task (spawn (:write a (buffer plenty))))
  (is (= plenty (drain b (length plenty))))
  (is= [:ok nil] (await task)))

(same "a write waits while the peer does not read" [a b] {:plenty true}
  (def task (spawn (:write a plenty)))
  (turns 10)
  (is (not (task :done)))
  (drain b (length plenty))
  (is= [:ok nil] (await task)))

(same "a write that times out raises" [a b] {:plenty true}
  (is= [:error "timeout"] (outcome (:write a plenty 0.02)))
  (is= [:error "timeout"] (outcome (:write a plenty 0))))

(same "a write past its deadline, or cancelled, raises" [a b] {:plenty true}
  (is= [:error "deadline expired"] (await (spawn (ev/with-deadline 0.02 (:write a plenty)))))
  (def task (spawn (:write a plenty)))
  (turns)
  (ev/cancel (task :fiber) "stop")
  (is= [:error "stop"] (await task)))

(on-tls "a buffer that changes while its write is parked is sent as it was" [a b] {:plenty true}
  (def data (buffer plenty))
  (def task (spawn (:write a data)))
  (turns)
  (buffer/fill data (chr "!"))
  (buffer/clear data)
  (buffer/trim data)
  (is (= plenty (drain b (length plenty))))
  (is= [:ok nil] (await task)))

(on-tls "a string that loses its last reference during its write is sent whole" [a b]
        {:plenty true}
  (def n (length plenty))
  (def task (spawn (:write a (string "<" plenty ">"))))
  (turns)
  (gccollect)
  (is (= (string "<" plenty ">") (drain b (+ 2 n))))
  (await task))

(on-tls "after a write that ended early the stream stays usable" [a b] {:plenty true}
  (each how [:timeout :deadline :cancel]
    (def task (spawn (case how
                       :timeout (:write a plenty 0.02)
                       :deadline (ev/with-deadline 0.02 (:write a plenty))
                       (:write a plenty))))
    (turns)
    (if (= how :cancel) (ev/cancel (task :fiber) "stop"))
    (is= :error (first (await task)))
    # a part of it, then what is written next, in this order
    (def next-write (spawn (:write a "|end|")))
    (def got @"")
    (while (not (string/has-suffix? "|end|" got)) (:read b 1000000 got))
    (is= [:ok nil] (await next-write))
    (def part (string/slice got 0 -6))
    (is (< (length part) (length plenty)))
    (is (= part (string/slice plenty 0 (length part))))))

(on-tls "a cancelled write's sealed bytes go out without another write" [a b] {:plenty true}
  (def task (spawn (:write a plenty)))
  (turns)
  (ev/cancel (task :fiber) "stop")
  (await task)
  (def got @"")
  (while (try (:read b 1000000 got 0.1) ([_] nil)))
  (is (= (string got) (string/slice plenty 0 (length got))))
  # what is left on the way is whole records: the next write comes right after
  (:write a "|end|")
  (is= @"|end|" (:chunk b 5)))

(on-tls "the peer of a write that timed out sees no wrong byte before the end" [a b] {:plenty true}
  (is= [:error "timeout"] (outcome (:write a plenty 0.02)))
  (def closing (spawn (:close a)))
  (def got @"")
  (is= :error (first (outcome (forever (:read b 1000000 got)))))
  (await closing)
  (is (= (string got) (string/slice plenty 0 (length got)))))

# ---- a peer that is gone ----

(same "writing to a peer that is gone raises, and says why" [a b]
  (:close b)
  (def result
    (outcome (repeat 1000 (:write a "x") (ev/sleep 0.0002))))
  (is (find |(deep= [:error $] result) ["Broken pipe" "Connection reset by peer"])
      (string/format "%q" result))
  # whichever of the two it was
  (is= :error (first (outcome (:write a "x"))))
  nil)

(same "a large write that the peer cuts off raises" [a b] {:plenty true}
  (def task (spawn (:write a plenty)))
  (turns)
  (:close b)
  (def result (await task))
  (is (find |(deep= [:error $] result) ["Broken pipe" "Connection reset by peer"])
      (string/format "%q" result))
  nil)

(each how [:close :force]
  (on-tls (string "a large write that the peer cuts off by " how " raises") [a b] {:plenty true}
    (def task (spawn (:write a plenty)))
    (turns)
    (:read b 1000)
    (if (= how :force) (:close b true) (:close b))
    (def result (await task))
    (is (find |(deep= [:error $] result) ["Broken pipe" "Connection reset by peer"])
        (string/format "%q" result))))

(on-tls "a peer that sent close_notify and still reads can be written to" [a b] {:plenty true}
  (:shutdown b :w)
  (is= nil (:read a 10))
  (is= nil (:write a "still"))
  (is= @"still" (:read b 10))
  (def task (spawn (:write a plenty)))
  (is (= plenty (drain b (length plenty))))
  (is= [:ok nil] (await task)))

(same "an answer can follow the peer's end" [a b]
  (:write a "question")
  (:shutdown a :w)
  (is= @"question" (:read b :all))
  (is= nil (:read b 1))
  (:write b "answer")
  (:close b)
  (is= @"answer" (:read a :all)))

(end)
