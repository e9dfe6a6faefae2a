# Reading: rows 1 to 9 of docs/stream-contract.md, the same code on core's streams and on ours.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "")

(same "a read returns a buffer with the available data" [a b]
  (:write a "hello")
  (is= @"hello" (:read b 100)))

(same "a read gives n bytes at most, the rest comes next" [a b]
  (:write a "hello")
  (turns)
  (is= @"hel" (:read b 3))
  (is= @"lo" (:read b 3)))

(same "a read waits" [a b]
  (def task (spawn (:read b 10)))
  (turns)
  (is (not (task :done)))
  (:write a "x")
  (is= [:ok @"x"] (await task)))

(same "a read at the end gives nil, again and again" [a b]
  (:write a "x")
  (:close a)
  (is= @"x" (:read b 10))
  (repeat 3 (is= nil (:read b 10))))

(same "a given buffer is appended to and returned" [a b]
  (:write a "123456")
  (turns)
  (def buffer @"XXXX")
  (is (= buffer (:read b 3 buffer)))
  (is= @"XXXX123" buffer)
  (is= @"XXXX1234" (:read b 1 buffer)))

(same "nil as a buffer means no buffer" [a b]
  (:write a "123")
  (is= @"123" (:read b 3 nil)))

(same "at the end a given buffer does not change" [a b]
  (:close a)
  (def buffer @"XXXX")
  (is= [nil nil nil] [(:read b 3 buffer) (:chunk b 3 buffer) (:read b :all buffer)])
  (is= @"XXXX" buffer))

(same "a read of 0 waits until there is something, and gives nil" [a b]
  (def task (spawn (:read b 0)))
  (turns)
  (is (not (task :done)))
  (:write a "abc")
  (is= [:ok nil] (await task))
  (is= nil (:read b 0))
  (is= @"abc" (:read b 10))
  (:close a)
  (is= nil (:read b 0)))

(same "a chunk of 0 bytes waits as a read of 0 does, and gives the same" [a b]
  (def early (outcome (:chunk b 0 nil 0.01)))
  (:write a "x")
  (def ready [(:chunk b 0) (:chunk b 0 @"kept") (:read b 0 @"kept")])
  (def data (:read b 1))
  (:close a)
  [early ready data (:chunk b 0) (:read b 0)])

(same "a bad count is refused with core's text" [a b]
  (def refused @[])
  (each n [-1 1.5 nil :some "5" [] (/ 0 0) math/inf 1e10 (- math/inf)]
    (each method [:read :chunk]
      (array/push refused (outcome (method b n)))))
  (array/push refused (outcome (:chunk b :all)))
  (each [status] refused (is= :error status))
  (is= [:error "bad slot #1, expected non-negative 32 bit signed integer, got -1"] (first refused))
  refused)

(same "a bad buffer is refused with core's text" [a b]
  (def refused (seq [what :in ["str" 5 :all {}]
                     method :in [:read :chunk]]
                 (outcome (method b 3 what))))
  (is= [:error "bad slot #2, expected buffer, got \"str\""] (first refused))
  (each [status] refused (is= :error status))
  refused)

(same "too few or too many arguments are refused" [a b]
  [(outcome (:read b)) (outcome (:read b 1 nil 1 1)) (outcome (:chunk b))
   (outcome (:chunk b 1 nil 1 1))])

(same ":all reads to the end" [a b]
  (def task (spawn (:read b :all)))
  (:write a "one")
  (turns)
  (:write a "two")
  (:close a)
  (is= [:ok @"onetwo"] (await task)))

(same ":all appends to a given buffer" [a b]
  (:write a "tail")
  (:close a)
  (def buffer @"head")
  (is (= buffer (:read b :all buffer)))
  (is= @"headtail" buffer))

(same ":all gives nil where the end comes first" [a b]
  (:close a)
  (is= nil (:read b :all)))

(same "a chunk is whole" [a b]
  (def task (spawn (:chunk b 6)))
  (:write a "one")
  (turns)
  (is (not (task :done)))
  (:write a "twothree")
  (is= [:ok @"onetwo"] (await task))
  (is= @"three" (:read b 10)))

(same "a chunk at the end is the part there is" [a b]
  (:write a "one")
  (:close a)
  (is= @"one" (:chunk b 6))
  (is= nil (:chunk b 6)))

(same "a chunk goes into a given buffer" [a b]
  (:write a "123456")
  (def buffer @"X")
  (is (= buffer (:chunk b 4 buffer)))
  (is= @"X1234" buffer))

(same "a chunk of many records is whole and in order" [a b]
  (def data (bytes-of (load 1000000)))
  (def task (spawn (:write a data)))
  (is (= data (string (:chunk b (length data)))))
  (is= [:ok nil] (await task)))

(same "huge counts reserve nothing" [a b]
  (:write a "x")
  (turns)
  (def task (spawn (:chunk b 0x7fffffff)))
  (turns)
  (:close a)
  (is= [:ok @"x"] (await task)))

(same "a read that times out raises, and the stream stays usable" [a b]
  (each method [:read :chunk]
    (is= [:error "timeout"] (outcome (method b 10 nil 0.01)))
    (is= [:error "timeout"] (outcome (method b 10 @"" 0))))
  (is= [:error "timeout"] (outcome (:read b :all nil 0.01)))
  (:write a "x")
  (is= @"x" (:read b 10 nil 5)))

(same "data that is there wins over a timeout of 0" [a b]
  (:write a "abcdef")
  (turns)
  (is= @"ab" (:read b 2 nil 0))
  (is= @"cd" (:chunk b 2 nil 0))
  (is= @"ef" (:read b 20 nil 0)))

(same "nil as a timeout means no timeout" [a b]
  (:write a "x")
  (is= @"x" (:read b 10 nil nil)))

(same "a timeout that is no number is refused" [a b]
  (each x ["1" :1 @[]]
    (is= :error (first (outcome (:read b 1 nil x)))))
  nil)

(each early [true false]
  (same (string "whatever the length, the end comes right after the last byte, "
                (if early "awaited" "found")) [a b]
    # around the sizes of records, of what is read ahead, of what a socket hands over
    (def lengths [1 5 4095 4096 4097 16383 16384 16385 16406 17408 32768 33000 65536 100000])
    (def data (bytes-of 100000))
    (defn try-length [n a b]
      (def reader (fn [] (def got @"") (while (:read b 16384 got)) got))
      (def task (if early (spawn (reader))))
      (turns 1)
      (def writer (spawn (:write a (string/slice data 0 n)) (:shutdown a :w)))
      (unless early (turns 2))
      (def [status got] (if early (await task) (outcome (reader))))
      (is= :ok status got)
      (is (= (string/slice data 0 n) (string got)) n)
      (await writer))
    (if (and (= :core/stream (type a))) (try-length 5 a b))
    (unless (= :core/stream (type a))
      (def kind (if (= "TLSv1.3" (:version a)) :tls13-unix :tls12))
      (each n lengths
        (def [c d] (pair kind))
        (try-length n c d)
        (:close c true)
        (:close d true)))
    nil))

(on-tls "a timeout is also taken as {:timeout n}" [a b]
  (is= [:error "timeout"] (outcome (:read b 10 nil {:timeout 0.01})))
  (is= [:error "timeout"] (outcome (:chunk b 10 nil @{:timeout 0})))
  (:write a "x")
  (is= @"x" (:read b 10 nil {:timeout 5}))
  (is= [:error "bad slot #3, expected number, got \"1\""] (outcome (:read b 10 nil "1")))
  (fails-with "did you mean :timeout" (:read b 10 nil {:timeuot 1})))

(on-tls "a negative timeout, or NaN, is refused" [a b]
  (:write a "x")
  (turns)
  (each t [-1 -0.001 (/ 0 0) (- math/inf)]
    (fails-with "bad slot #3, expected non-negative number of seconds" (:read b 10 nil t))
    (fails-with "bad slot #3, expected non-negative number of seconds" (:chunk b 10 nil t))
    (fails-with ":timeout" (:read b 10 nil {:timeout t}))
    (fails-with "bad slot #2, expected non-negative number of seconds" (:write b "x" t)))
  (is= @"x" (:read b 10 nil math/inf)))

(on-tls "a shared buffer is no harm to a chunk that is given back" [a b]
  (def buffer @"")
  (def task (spawn (:chunk b 4 buffer)))
  (turns)
  (:write a "12")
  (turns)
  (ev/cancel (task :fiber) "stop")
  (is= [:error "stop"] (await task))
  (is= @"12" buffer)
  (:write a "34")
  (is= @"1234" (:chunk b 2 buffer)))

(end)
