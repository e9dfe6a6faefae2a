# A network that splits, merges and delays, and that stalls, ends or resets a transfer at each of
# its bytes: a reader gets what was written up to there, and no side takes a cut for an end.
# JSEC_SEED repeats a run.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "")
(import ../support/tcp-proxy :prefix "")
(import jsec/tls)

(def slowness (scan-number (os/getenv "JSEC_SLOW" "1")))
(def seed
  (scan-number (os/getenv "JSEC_SEED"
                          (string (mod (math/floor (* 1000 (os/clock :realtime))) 1000000)))))
(def versions [:TLS1_3 :TLS1_2])

(defmacro with-ends
  ``Run `body` with a client's and a server's stream that a proxy connects: `(with-ends [p client
  server] version faults …)`.``
  [[proxy client server] version faults & body]
  (with-syms [listener accepted]
    ~(with [,listener (tls/listen "127.0.0.1" 0)]
       (with-tcp-proxy [,proxy (last (address-of ,listener)) ,faults]
         (def ,accepted
           (spawn (tls/accept ,listener (merge server-options {:max-version ,version}))))
         (def ,client
           (tls/connect "127.0.0.1" (,proxy :port) (merge client-options {:max-version ,version})))
         (def ,server (get (await ,accepted) 1))
         (defer (each s [,client ,server] (:close s true))
           ,;body)))))

# ---- bytes that come otherwise than they were sent ----

(defn send-in-pieces [rng s data]
  (var at 0)
  (while (< at (length data))
    (def next-at (min (length data) (+ at 1 (math/rng-int rng 30000))))
    (:write s (string/slice data at next-at))
    (set at next-at))
  (:shutdown s :w))

(defn read-in-pieces [rng s]
  (def got @"")
  (while (:read s (+ 1 (math/rng-int rng 40000)) got))
  (string got))

(each [what faults size]
      [["single bytes" {:most 1} 20000]
       ["small pieces, some of them late" {:most 700 :delay 0.05} 100000]
       ["merged pieces" {:merge 0.003} 3000000]
       ["pieces of all sizes, merged and late" {:most 50000 :merge 0.001 :delay 0.1} 1000000]]
  (each version versions
    (test (string version ": " what " are the same data, both ways at once (JSEC_SEED=" seed ")")
      (with-ends [p client server] version (merge faults {:seed seed})
        (def [up down] [(bytes-of (load size)) (string/reverse (bytes-of (load size)))])
        (def rng (math/rng seed))
        (def tasks [(spawn (send-in-pieces rng client up)) (spawn (send-in-pieces rng server down))
                    (spawn (read-in-pieces rng server)) (spawn (read-in-pieces rng client))])
        (def [_ _ [_ got-up] [_ got-down]] (map await tasks))
        (is (= up got-up))
        (is (= down got-down))))))

# ---- a transfer cut at each byte ----

(def message "Three records, which are read together with what ends them, or not at all.")

(defn say-all
  "Write the message as three records and then the end."
  [s]
  (each part [[0 25] [25 50] [50]] (:write s (string/slice message ;part)))
  (:shutdown s :w))

(defn hear-all
  "Read to the end: what was read, and how it ended."
  [s]
  (def got @"")
  (def [status why] (outcome (while (:read s 7 got 5))))
  [(string got) status why])

(defn wire-length
  "How many bytes of a direction the message takes."
  [version way]
  (with-ends [p client server] version {}
    (def [speaker hearer] (if (= way :up) [client server] [server client]))
    # tickets of the server's go before
    (:write server "x")
    (:read client 1)
    (def before ((p :link) way))
    (say-all speaker)
    (is= [message :ok nil] (hear-all hearer))
    (- ((p :link) way) before)))

(defn cut-at
  "What the other side hears of the message when its direction is cut after n bytes."
  [version way n how]
  (with-ends [p client server] version {}
    (def [speaker hearer] (if (= way :up) [client server] [server client]))
    (:write server "x")
    (:read client 1)
    (cut p way n how)
    # to be reset, one has to have written what the network does not take
    (if (= how :reset) (:write hearer "y"))
    (def speaking (spawn (say-all speaker)))
    (def heard (hear-all hearer))
    (await speaking)
    heard))

(defn each-offset
  ``Call f with each number below n (in slow runs with some of them), twenty at a time; the first
  error is raised.``
  [n f]
  (def step (math/floor (/ n (load n))))
  (def tasks (seq [i :range [0 20]] (spawn (loop [at :range [(* i step) n (* 20 step)]] (f at)))))
  (each [status why] (map await tasks) (if (= :error status) (error why))))

(each version versions
  (each way [:up :down]
    (def whole (wire-length version way))
    (each how [:end :reset]
      (test (string version ": a transfer " (case how :end "cut" :reset "reset") " at any byte " way
                    " is a prefix and an error, never an end")
        (each-offset whole
          (fn [n]
            (def [got status why] (cut-at version way n how))
            (is (string/has-prefix? got message) n)
            (is= :error status (string n ": " got))
            (is (peg/match '(+ "tls/read: connection truncated" "Connection reset by peer"
                               "Broken pipe") why) [n why])))
        (is= [message :ok nil] (cut-at version way whole :end))))))

(each version versions
  (test (string version
                ": a transfer that stalls at any byte times out, and goes on when the network does")
    (def whole (wire-length version :up))
    (each-offset whole
      (fn [n]
        (with-ends [p client server] version {}
          (cut p :up n :stall)
          (def speaking (spawn (say-all client)))
          (def got @"")
          (fails-with "timeout" (while (:read server 7 got 0.03)))
          (is (string/has-prefix? got message))
          (go-on p)
          (while (:read server 7 got 5))
          (is= message (string got))
          (await speaking))))))

(test (string "a large write that the network cuts raises, wherever (JSEC_SEED=" seed
              ")") :deadline 60
  (def rng (math/rng seed))
  (def data (string/repeat "x" 9000000))
  (repeat (load 40)
    (def version (versions (math/rng-int rng 2)))
    (with-ends [p client server] version {:seed seed}
      (cut p :up (math/rng-int rng 3000000) :end)
      (def reading (spawn (hear-all server)))
      (fails-with '(+ "Broken pipe" "Connection reset by peer" "connection truncated")
                  (:write client data))
      (def [_ [got status _]] (await reading))
      (is= :error status)
      (is (string/has-prefix? got data)))))

(end)
