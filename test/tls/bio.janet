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

(test "a read takes the available data and never waits for more"
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
  (is= [:close :end :read :to-string :wait :write] (tuple ;(sorted (keys b)))))

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

(defn- task [f]
  (def done (ev/chan 1))
  [(ev/go (fn [] (ev/give done (protect (f))))) done])

(test "wait returns at once where there are bytes, else when they come"
  (def b (bio/new-mem))
  (bio/write b "ab")
  (is= 2 (bio/wait b))
  (bio/read b 2)
  (def waiting (seq [_ :range [0 2]] (last (task |(:wait b 5)))))
  (ev/sleep 0)
  (bio/write b "abc")
  (each done waiting (is= [true 3] (ev/take done))))

(test "wait times out, and can be cancelled"
  (def b (bio/new-mem))
  (fails-with "timeout" (bio/wait b 0.01))
  (fails-with "timeout" (bio/wait b {:timeout 0}))
  (fails-with "non-negative" (bio/wait b -1))
  (def [fiber done] (task |(bio/wait b)))
  (ev/sleep 0)
  (ev/cancel fiber "stop")
  (is= [false "stop"] (ev/take done))
  (bio/write b "x")
  (is= 1 (bio/wait b)))

(test "what is in a queue that has ended is still read, then wait returns nil"
  (def b (bio/new-mem))
  (bio/write b "last words")
  (repeat 2 (is= b (bio/end b)))
  (is= 10 (bio/wait b))
  (is= "last words" (bio/to-string b))
  (is= nil (bio/wait b))
  (is= nil (bio/read b 1))
  (fails-with "bio/write: bio has ended" (bio/write b "more")))

(test "end and close wake waiting fibers"
  (each finish [bio/end bio/close]
    (def b (bio/new-mem))
    (def [_ done] (task |(bio/wait b)))
    (ev/sleep 0)
    (finish b)
    (is= [true nil] (ev/take done))
    (is= nil (bio/wait b)))
  (def b (bio/new-mem))
  (bio/close b)
  (fails-with "bio/end: bio is closed" (bio/end b)))

(test "thousands are collected"
  (repeat (load 20000) (bio/write (bio/new-mem) "some bytes"))
  (gccollect))

(end)
