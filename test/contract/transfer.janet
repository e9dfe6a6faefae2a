# Much data, many streams, and fairness.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "")
(import jsec/crypto)

(defn read-hashed
  "Read to the end, in pieces of about n bytes; how many bytes, and their SHA-256."
  [s n]
  (def got @"")
  (while (:read s n got))
  [(length got) (crypto/digest :sha256 got)])

(each [size piece] (map |[(load ($ 0)) ($ 1)] [[2000000 1000] [10000000 16384] [10000000 1000000]])
  (same (string (/ size 1e6) " MB both ways at once, in pieces of " piece " bytes") [a b]
    (def up (crypto/random-bytes size))
    (def down (crypto/random-bytes size))
    (defn send [s data]
      (spawn
        (each i (range 0 (length data) piece)
          (:write s (string/slice data i (min (length data) (+ i piece)))))
        (:shutdown s :w)))
    (def writers [(send a up) (send b down)])
    (def readers [(spawn (read-hashed b piece)) (spawn (read-hashed a (* 3 piece)))])
    (is= [[:ok [size (crypto/digest :sha256 up)]] [:ok [size (crypto/digest :sha256 down)]]]
         (tuple ;(map await readers)))
    (each w writers (is= :ok (first (await w))))
    nil))

(on-tls "the smallest :buffer-size moves as much" [a b]
        {:client {:buffer-size 1024} :server {:buffer-size 1024}}
  (def data (bytes-of (load 1000000)))
  (def writer (spawn (:write a data)))
  (is (= data (string (:chunk b (length data)))))
  (await writer))

(test "many streams at once each have their own data"
  (def pairs (seq [i :range [0 (load 100)]] (pair (in [:tls13 :tls12 :tls13-unix] (mod i 3)))))
  (def tasks
    (seq [[i [a b]] :pairs pairs]
      (spawn
        (repeat 20
          (:write a (string i ","))
          (def got (string (:chunk b (length (string i ",")))))
          (is= (string i ",") got)
          (:write b got)
          (is= got (string (:chunk a (length got))))))))
  (each t tasks (is= [:ok nil] (await t)))
  (each [a b] pairs (:close a true) (:close b true)))

# ---- fairness ----

(defn longest-gap
  "The longest time that other tasks had to wait while `f` ran."
  [f]
  (var longest 0)
  (var last-tick (os/clock :monotonic))
  (var over false)
  (def ticker (spawn (while (not over)
                       (ev/sleep 0)
                       (def now (os/clock :monotonic))
                       (set longest (max longest (- now last-tick)))
                       (set last-tick now))))
  (f)
  (set over true)
  (await ticker)
  longest)

(defn peer-thread
  ``A thread that is the TLS server on a unix socket, and writes n megabytes or reads. It is a
  function of its own, since a closure would take along streams, which can't go to a thread.``
  [what n path syspath identity]
  (ev/thread
    (fn [&]
      (setdyn *syspath* syspath)
      (def wrap (((require "jsec/tls") 'wrap) :value))
      (def s (wrap (net/connect :unix path) identity))
      (def piece (string/repeat "x" 1000000))
      (if (= what :writes)
        (do (repeat n (:write s piece)) (:shutdown s :w) (:read s 1))
        (do (def got @"") (while (:read s 1000000 (buffer/clear got)))))
      (:close s))
    nil :n))

(defn thread-peer
  "A client's stream to such a thread."
  [what n]
  (def path (fresh-path))
  (with [listener (net/listen :unix path)]
    (peer-thread what n path (dyn *syspath*) {:cert (identity :cert) :key (identity :key)})
    (wrap-client (net/accept listener))))

(each [what call] [["chunk" |(:chunk $ 100000000)] [":all" |(:read $ :all)]]
  (test (string "a " what " of 100 MB from a fast peer does not hold the event loop")
    (def n (load 100))
    (def s (thread-peer :writes n))
    (def gap (longest-gap |(is= (* n 1000000) (length (call s)))))
    (:close s)
    (is (< gap (* 0.25 (if (os/getenv "JSEC_SLOW") 20 1))) gap)))

(test "a write of 100 MB to a fast peer does not hold the event loop"
  (def s (thread-peer :reads 0))
  (def data (string/repeat "x" (load 100000000)))
  (def gap (longest-gap |(:write s data)))
  (:close s)
  (is (< gap (* 0.25 (if (os/getenv "JSEC_SLOW") 20 1))) gap))

(test "streams that wait, whatever for, cost no time"
  (defn busy "CPU seconds of a while." []
    (turns 5)
    (def before (os/clock :cputime))
    (ev/sleep 0.3)
    (- (os/clock :cputime) before))
  (each [what prepare]
    [["unread data" (fn [a b] (:write a "unread"))]
     ["an unread end" (fn [a b] (:shutdown a :w))]
     ["an unread cut" (fn [a b] (:close a true))]
     ["a parked write" (fn [a b] (spawn (:write a (string/repeat "x" 9000000))))]
     ["a parked write to a peer that has said its end"
      (fn [a b] (:shutdown b :w) (spawn (:write a (string/repeat "x" 9000000))))]
     ["a part of a chunk" (fn [a b] (:write a "part") (spawn (try (:chunk b 9) ([_]))))]
     ["several readers" (fn [a b] (repeat 3 (spawn (try (:read b 9) ([_])))))]
     ["bytes given back" (fn [a b] (:write a "part") (try (:chunk b 9 nil 0.01) ([_])))]
     ["a close" (fn [a b] (spawn (:close a)))]]
    (def [a b] (pair :tls13 {:close-timeout 10}))
    (prepare a b)
    (def took (busy))
    (is (< took (if (os/getenv "JSEC_SLOW") 0.25 0.1)) [what took])
    (each s [a b] (:close s true))))

(test "a task that always finds data does not starve the others"
  (def [a b] (pair :tls13))
  (:write a (bytes-of 15000))
  (turns)
  (var ticks 0)
  (def ticker (spawn (forever (ev/sleep 0) (++ ticks))))
  (repeat 10000 (:read b 1))
  (is (> ticks 10) ticks)
  (ev/cancel (ticker :fiber) "stop")
  (each s [a b] (:close s true)))

(end)
