# Memory BIOs.
(import ../support/check :prefix "")
(import jsec/bio)

(test "what is written comes out in the same order"
  (def b (bio/new-mem))
  (is= 5 (bio/write b "hello"))
  (is= 6 (bio/write b @" world"))
  (is= @"hello" (bio/read b 5))
  (is= " world" (bio/to-string b))
  (is= nil (bio/read b 5)))

(test "an empty one gives nil, and an empty string"
  (def b (bio/new-mem))
  (is= nil (bio/read b 1))
  (is= "" (bio/to-string b))
  (is= 0 (bio/write b ""))
  (is= nil (bio/read b 1)))

(test "reading takes what is there, never waits for more"
  (def b (bio/new-mem))
  (bio/write b "abc")
  (is= @"abc" (bio/read b 1e12))
  (is= nil (bio/read b 1)))

(test "bytes of every value pass, megabytes too"
  (def b (bio/new-mem))
  (def all (string/from-bytes ;(range 256)))
  (repeat 20000 (bio/write b all))
  (is= (* 256 20000) (length b))
  (repeat 10 (is= all (string (bio/read b 256))))
  (is= (string/repeat all 19990) (bio/to-string b)))

(test "functions are methods as well"
  (def b (bio/new-mem))
  (is= 2 (:write b "ab"))
  (is= @"a" (:read b 1))
  (is= "b" (:to-string b))
  (is= nil (:close b))
  (is= [:close :read :to-string :write] (tuple ;(sorted (keys b)))))

(test "a closed one refuses all but closing"
  (def b (bio/new-mem))
  (bio/write b "secret")
  (is= nil (bio/close b))
  (is= nil (bio/close b))
  (is= 0 (length b))
  (fails-with "bio/read: bio is closed" (bio/read b 1))
  (fails-with "bio/write: bio is closed" (bio/write b "x"))
  (fails-with "bio/to-string: bio is closed" (bio/to-string b)))

(test "wrong arguments are refused"
  (def b (bio/new-mem))
  (each n [0 -1 1.5 math/nan "3" nil]
    (fails-with "bad slot #1, expected positive integer" (bio/read b n)))
  (fails-with "bad slot #1, expected string or buffer, got 12" (bio/write b 12))
  (fails-with "bad slot #1, expected string or buffer" (bio/write b :keyword))
  (each f [bio/close bio/to-string |(bio/read $ 1) |(bio/write $ "x")]
    (fails-with "bad slot #0, expected jsec/bio, got 3" (f 3)))
  (fails-with "arity" (bio/new-mem 1)))

(test "thousands are collected"
  (repeat (load 20000) (bio/write (bio/new-mem) "some bytes"))
  (gccollect))

(end)
