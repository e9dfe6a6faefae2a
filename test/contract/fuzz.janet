# Thousands of reads of all kinds against thousands of writes, ended by cancels, deadlines and
# timeouts at random moments: what is read, in order, is what was written. JSEC_SEED repeats a run.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "")

(def seed (scan-number (os/getenv "JSEC_SEED" (string (math/floor (* 1000 (os/clock :realtime)))))))
(def rng (math/rng (mod seed 0x7fffffff)))
(defn below [n] (math/rng-int rng n))
(defn one-of [list] (list (below (length list))))

(defn read-once
  ``One call in a task of its own, which may be ended any time. Returns what it took out of the
  stream; nil: the end.``
  [s n]
  (def buffer (if (zero? (below 2)) @""))
  (def chunk (zero? (below 2)))
  (def timeout (if (zero? (below 3)) (* 0.001 (below 3))))
  (def task
    (spawn
      (defn call [] (if chunk (:chunk s n buffer timeout) (:read s n buffer timeout)))
      (if (zero? (below 3)) (ev/with-deadline (* 0.001 (below 3)) (call)) (call))))
  (case (below 4)
    0 (do (turns (+ 1 (below 3))) (unless (task :done) (ev/cancel (task :fiber) "stop")))
    1 (do
        (spin (* 0.001 (below 2)))
        (turns 1)
        (unless (task :done) (ev/cancel (task :fiber) "stop"))))
  (def [status value] (await task))
  (when (= :error status)
    (unless (index-of value ["stop" "timeout" "deadline expired"]) (error value)))
  (cond
    buffer (if (and (= :ok status) (nil? value)) (if (empty? buffer) nil buffer) buffer)
    (= :ok status) value
    @""))

(defn read-all [s]
  (def got @"")
  (while (def piece (read-once s (+ 1 (one-of [(below 10) (below 1000) (below 40000)]))))
    (buffer/push got piece))
  got)

(defn write-all
  "Write it in pieces, at times in two tasks, at times with a pause."
  [s data]
  (var at 0)
  (while (< at (length data))
    (def piece (string/slice data at
                             (min (length data)
                                  (+ at 1 (one-of [(below 10) (below 3000) (below 100000)])))))
    (+= at (length piece))
    (:write s (if (zero? (below 2)) piece (buffer piece)))
    (if (zero? (below 3)) (ev/sleep (* 0.0005 (below 3)))))
  (:shutdown s :w))

(defn differs
  "Where two strings part."
  [a b]
  (var i 0)
  (while (and (< i (length a)) (= (in a i) (in b i))) (++ i))
  (string "parts at " i " of " (length a) " and " (length b)))

(each kind [:tls13 :tls12-unix :tls12]
  (test (string "no byte is lost, doubled or out of place (" kind ", JSEC_SEED=" seed ")")
    (def [a b] (pair kind))
    (def data (bytes-of (load 3000000)))
    (def writers [(spawn (write-all a data)) (spawn (write-all b data))])
    (def readers [(spawn (read-all b)) (spawn (read-all a))])
    (each r readers
      (def [status got] (await r))
      (is= :ok status got)
      (unless (= data (string got)) (error (differs data got))))
    (each w writers (is= :ok (first (await w))))
    (each s [a b] (:close s true))))

(defn write-marked
  ``Write records `<id>…</id>` of random lengths, each call ended at random; a record is there
  whole, in part or not at all.``
  [s rounds]
  (for id 0 rounds
    (def record (string "<" id ">"
                        (string/repeat "x" (one-of [(below 10) (below 3000) (below 300000)])) "</"
                        id ">"))
    (def task (spawn (:write s record (if (zero? (below 3)) (* 0.001 (below 3))))))
    (when (zero? (below 4))
      (turns (+ 1 (below 3)))
      (unless (task :done) (ev/cancel (task :fiber) "stop")))
    (await task))
  (:write s "END"))

(each kind [:tls13 :tls12-unix]
  (test (string "writes that end early leave no gap in what follows (" kind ", JSEC_SEED=" seed ")")
    (def [a b] (pair kind))
    (def rounds (load 200))
    (def writer (spawn (write-marked a rounds)))
    (def got @"")
    (while (not (string/has-suffix? "END" got))
      (:read b 50000 got)
      (if (zero? (below 5)) (ev/sleep 0.002)))
    (is= :ok (first (await writer)))
    # records begin in order, and each is itself up to where it was cut
    (def cut '(* "<" (number :d+) ">" (any "x") (? (* "<" (not :d) (? (* "/" :d* (? ">")))))))
    (def ids (peg/match ~(* (any (if-not "END" ,cut)) "END" -1) got))
    (is ids)
    (is (or (empty? ids) (< ;ids)))
    (each s [a b] (:close s true))))

(end)
