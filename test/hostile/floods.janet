# Peers that flood, stall by the dozen or never read: their cost is bounded, and other peers don't
# wait for them.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "")
(import ../support/peers :prefix "" :only [with-server echo sent-back refusal])
(import jsec/tls)

(def slowness (scan-number (os/getenv "JSEC_SLOW" "1")))
(def identified (merge {} server-options))

(defn bounded
  "What the body returns; it has left no more than that many kilobytes behind."
  [most f]
  (def before (resident))
  (def result (f))
  (if before (is (< (- (resident) before) most) (string before " KB before, " (resident) " after")))
  result)

(defn bystanders
  "A pair that says hello to and fro until it is told to stop: counts in :rounds."
  []
  (def others @{:rounds 0})
  (def [a b] (pair :tls13))
  (put others :task
       (spawn (defer (each s [a b] (:close s true))
                (while (not (others :enough))
                  (:write a "hello")
                  (:write b (:read b 5))
                  (:read a 5)
                  (++ (others :rounds))
                  (ev/sleep 0)))))
  others)

(defn dismiss [others]
  (put others :enough true)
  (is= :ok (first (await (others :task))))
  (others :rounds))

(def burst 100)

# ---- peers that ask and never read ----

(def asks [["key updates" "client" :tls13-unix |(:key-update $)]
           # of TLS 1.2 it is servers that can ask again and again: each question is answered with a
           # refusal
           ["hello requests" "server" :tls12-unix |(:renegotiate $)]])

(each [what role kind ask] asks
  (test (string "a " role " that sends " what
                " without end and never reads is cut off, and others are served meanwhile")
    :deadline 60
    (def [client server] (tls-pair kind {} (if (= what "hello requests") {:renegotiation true} {})))
    (def [attacker victim] (if (= role "client") [client server] [server client]))
    (def others (bystanders))
    (var bursts 0)
    (def ended
      (bounded 16000
        (fn []
          (def reading (spawn (:read victim 1)))
          (while (not (reading :done))
            (++ bursts)
            (protect (repeat burst (ask attacker)))
            (ev/sleep 0))
          (await reading))))
    (is= [:error "tls/read: output limit exceeded: the peer is not reading (4 MB pending)"] ended)
    (def rounds (dismiss others))
    (is (> rounds (/ bursts 10)) (string rounds " rounds of others in " bursts " bursts"))
    (each s [client server] (:close s true))))

# ---- peers that ask and read ----

(each role ["client" "server"]
  (test (string "thousands of key updates that a " role
                " asks for, and reads, cost no memory, and data flows between them")
    (def [client server] (tls-pair :tls13-unix))
    (def [attacker victim] (if (= role "client") [client server] [server client]))
    (def others (bystanders))
    (def echoing (spawn (echo victim)))
    (bounded 2000
      (fn []
        (repeat (load 200)
          (repeat burst (:key-update attacker))
          (:write attacker "x")
          (is= @"x" (:read attacker 1)))))
    (is (pos? (dismiss others)))
    (:close attacker)
    (await echoing)
    (:close victim true)))

(test "hundreds of renegotiations on one connection cost no memory, and data flows between them"
  (def [client server] (tls-pair :tls12-unix {:renegotiation true} {:renegotiation true}))
  (def others (bystanders))
  (def echoing (spawn (echo server)))
  (bounded 4000
    (fn []
      (repeat (load 300)
        (:renegotiate client)
        (:write client "x")
        (is= @"x" (:read client 1)))))
  (is (pos? (dismiss others)))
  (:close client)
  (await echoing)
  (:close server true))

(test (string "clients that ask for renegotiations where there are none lose their connection, "
              "and no other peer does")
  (with-server [s identified echo]
    (def options (merge client-options {:max-version :TLS1_2}))
    (with [bystander (tls/connect "127.0.0.1" (s :port) options)]
      (repeat (load 100)
        (with [c (tls/connect "127.0.0.1" (s :port) (merge options {:renegotiation true}))]
          (:renegotiate c)
          (fails-with "no renegotiation" (:read c 1))))
      (is= @"still here" (sent-back bystander "still here")))))

# ---- handshakes that stall ----

(defn- half-hello [] (string "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" (os/cryptorand 20)))

(test (string "of 300 handshakes at once 50 stall for ever: the others are done before the "
              "first of these times out")
  (def [sound stalled] [(load 250) (load 50)])
  (def limit (* 3 (min 3 slowness)))
  (with-server [s (merge identified {:handshake-timeout limit}) echo]
    (def began (os/clock :monotonic))
    (def mute (seq [i :range [0 stalled]] (plain-connect "127.0.0.1" (s :port))))
    (eachp [i plain] mute (if (odd? i) (:write plain (half-hello))))
    (def tasks
      (seq [i :range [0 sound]]
        (spawn
          (with [c (tls/connect "127.0.0.1" (s :port)
                                (merge client-options
                                       {:max-version (if (odd? i) :TLS1_2 :TLS1_3)}))]
            (sent-back c (string "client " i))))))
    (eachp [i task] tasks (is= [:ok (buffer "client " i)] (await task)))
    (is= 0 (ev/count (s :refused)) "none has timed out so far")
    (repeat stalled
      (is= (string/format
             "tls/accept-loop: handshake timed out: the peer did not finish it within %g s" limit)
           (refusal s)))
    (is (>= (- (os/clock :monotonic) began) limit))
    (each plain mute (is= nil (:read plain 1)) (:close plain))
    (with [c (tls/connect "127.0.0.1" (s :port) client-options)]
      (is= @"after" (sent-back c "after")))))

# ---- peers that never read ----

(each version [:TLS1_2 :TLS1_3]
  (test (string
          version
          ": writes to clients that never read end by their timeout, and others are served "
          "meanwhile")
    (def times (* slowness 0.5))
    (def data (string/repeat "x" 12000000))
    (def outcomes (ev/chan 100))
    (defn handler [stream]
      (if (= "mute" (string (:read stream 4)))
        (ev/give outcomes (outcome (:write stream data times)))
        (do (:write stream "echo") (echo stream))))
    (with-server [s identified handler]
      (def options (merge client-options {:max-version version}))
      (def mute (seq [_ :range [0 3]] (tls/connect "127.0.0.1" (s :port) options)))
      (each c mute (:write c "mute"))
      (repeat (load 50)
        (with [c (tls/connect "127.0.0.1" (s :port) options)]
          (:write c "talk")
          (is= @"echo" (:chunk c 4))
          (is= @"served" (sent-back c "served"))))
      (repeat 3 (is= [:error "timeout"] (ev/take outcomes)))
      (each c mute (:close c true)))))

(end)
