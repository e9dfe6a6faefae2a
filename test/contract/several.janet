# Several fibers on one stream: rows 18 and 19 of docs/stream-contract.md. Core serves the last
# reader only; here all are served in order, and each write is whole.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "")

(same "a reader and a writer are independent" [a b]
  (def reader (spawn (:read a 10)))
  (turns)
  (:write a "out")
  (is= @"out" (:read b 10))
  (is (not (reader :done)))
  (:write b "in")
  (is= [:ok @"in"] (await reader)))

(same "both ends may write at once before either reads" [a b] {:plenty true}
  (def data (bytes-of plenty-size))
  (def writers [(spawn (:write a data)) (spawn (:write b data))])
  (turns)
  (def readers [(spawn (:chunk a (length data))) (spawn (:chunk b (length data)))])
  (each r readers (is (= data (string (last (await r))))))
  (each w writers (is= [:ok nil] (await w))))

(on-tls "readers are served in the order of their calls" [a b]
  (def readers (seq [i :range [0 6]] (spawn (:read b 2))))
  (turns)
  (:write a "0011")
  (turns)
  (:write a "22334455")
  (is= [@"00" @"11" @"22" @"33" @"44" @"55"] (tuple ;(map |(last (await $)) readers))))

(on-tls "a reader behind a chunk waits for its turn" [a b]
  (def chunk (spawn (:chunk b 6)))
  (def reader (spawn (:read b 10)))
  (turns)
  (:write a "abc")
  (turns)
  (is (not (reader :done)))
  (:write a "defghi")
  (is= [:ok @"abcdef"] (await chunk))
  (is= [:ok @"ghi"] (await reader)))

(on-tls "when a chunk is cancelled the reader behind it gets its bytes" [a b]
  (def chunk (spawn (:chunk b 6)))
  (def reader (spawn (:read b 10)))
  (turns)
  (:write a "abc")
  (turns)
  (ev/cancel (chunk :fiber) "stop")
  (is= [:error "stop"] (await chunk))
  (is= [:ok @"abc"] (await reader)))

(on-tls "when the first reader times out the second is served" [a b]
  (def one (spawn (:read b 10 nil 0.01)))
  (def two (spawn (:read b 10)))
  (is= [:error "timeout"] (await one))
  (:write a "x")
  (is= [:ok @"x"] (await two)))

(on-tls "the end reaches all readers" [a b]
  (def readers
    [(spawn (:read b 1)) (spawn (:chunk b 1)) (spawn (:read b :all)) (spawn (:read b 0))])
  (turns)
  (:close a)
  (each r readers (is= [:ok nil] (await r))))

(on-tls "an error reaches all readers" [a b]
  (def readers (seq [_ :range [0 3]] (spawn (:read b 1))))
  (turns)
  (:close a true)
  (each r readers
    (is= [:error "tls/read: connection truncated: the peer closed it without close_notify"]
         (await r))))

(on-tls "readers and writers of one stream in tens lose and mix nothing" [a b]
  (def rounds (load 200))
  (def got @"")
  (def readers (seq [_ :range [0 10]]
                 (spawn (while (def x (:read b 7)) (buffer/push got x)))))
  (def writers (seq [w :range [0 10]]
                 (spawn (repeat rounds (:write a (string "(" w ")"))))))
  (each w writers (is= [:ok nil] (await w)))
  (:close a)
  (each r readers (is= [:ok nil] (await r)))
  (is= (* 10 rounds 3) (length got))
  (is= (* 10 rounds) (length (string/find-all "(" got))))

(on-tls "each of several large writes is whole, in order" [a b] {:plenty true}
  (def size (div plenty-size 4))
  (def letters ["a" "b" "c" "d"])
  (def writers (seq [letter :in letters] (spawn (:write a (string/repeat letter size)))))
  (def got (string (:chunk b (* 4 size))))
  (is (= got (string ;(map |(string/repeat $ size) letters))))
  (each w writers (is= [:ok nil] (await w))))

(on-tls "when the first of several writers is cancelled the next one goes on" [a b] {:plenty true}
  (def size plenty-size)
  (def one (spawn (:write a (string/repeat "1" size))))
  (def two (spawn (:write a (string/repeat "2" size))))
  (def three (spawn (:write a "3")))
  (turns)
  (ev/cancel (one :fiber) "stop")
  (is= [:error "stop"] (await one))
  (def got @"")
  (while (not (string/has-suffix? "3" got)) (:read b 1000000 got))
  (is= [:ok nil] (await two))
  (is= [:ok nil] (await three))
  (def ones (string/find "2" got))
  (is (< ones size))
  (is (= (string/slice got ones) (string (string/repeat "2" size) "3"))))

(on-tls "a small write waits behind a large one" [a b] {:plenty true}
  (def large (spawn (:write a (string/repeat "x" plenty-size))))
  (turns)
  (is= [:error "timeout"] (outcome (:write a "y" 0.01)))
  (def small (spawn (:write a "z")))
  (def got (string (:chunk b (+ 1 plenty-size))))
  (is (string/has-suffix? "xz" got))
  (is= [:ok nil] (await large))
  (is= [:ok nil] (await small)))

(on-tls "a shutdown goes out behind the writes before it" [a b] {:plenty true}
  (def write (spawn (:write a (string/repeat "x" plenty-size))))
  (def shut (spawn (:shutdown a :w)))
  (turns)
  (is= [:error "timeout"] (outcome (:shutdown a :w 0.01)))
  (is= plenty-size (length (:read b :all)))
  (is= [:ok nil] (await write))
  (is= [:ok a] (await shut)))

(end)
