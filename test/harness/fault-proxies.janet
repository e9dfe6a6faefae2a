# The proxies that other tests put between the ends of a connection do to its bytes what they say.
(import ../support/check :prefix "")
(import ../support/udp-proxy :prefix "")

(def slowness (scan-number (os/getenv "JSEC_SLOW" "1")))

# ---- datagrams ----

(defn- collect
  "All datagrams that come until none has come for a while."
  [socket]
  (def got @[])
  (def room @"")
  (while (protect (net/recv-from socket 2000 (buffer/clear room) (* slowness 0.2)))
    (if (empty? room) (break))
    (array/push got (string room)))
  got)

(defn- through
  "What arrives of `n` datagrams, \"0\" to \"n-1\", and what became of each."
  [n options &opt host]
  (def host (or host "127.0.0.1"))
  (with [server (net/listen host "0" :datagram)]
    (with-udp-proxy [p (get (net/localname server) 1) (merge {:host host} options)]
      (with [client (net/listen host "0" :datagram)]
        (def to (net/address host (p :port) :datagram false))
        (def got (ev/chan 1))
        (ev/go (fn [] (ev/give got (collect server))))
        (for i 0 n (net/send-to client to (string i)) (ev/sleep 0))
        [(ev/take got) (map last (p :fates))]))))

(defn- numbers [n] (map string (range n)))

(each host ["127.0.0.1" "::1"]
  (if-not (first (protect (:close (net/listen host "0" :datagram))))
    (skip (string "datagrams pass at " host) "this host has no such address")
    (test (string "datagrams pass a proxy that does nothing, both ways, at " host)
      (is= [(numbers 50) (map (fn [_] :pass) (range 50))] (through 50 {} host))
      (with [server (net/listen host "0" :datagram)]
        (with-udp-proxy [p (get (net/localname server) 1) {:host host}]
          (def to (net/address host (p :port) :datagram false))
          (def clients (seq [_ :range [0 3]] (net/listen host "0" :datagram)))
          (eachp [i client] clients
            (net/send-to client to (string "from " i))
            (def room @"")
            (def from (net/recv-from server 100 room 5))
            (is= (string "from " i) (string room))
            (net/send-to server from (string "to " i)))
          (eachp [i client] clients
            (def room @"")
            (net/recv-from client 100 room 5)
            (is= (string "to " i) (string room))
            (:close client))
          (is= [3 3] [(p :up) (p :down)]))))))

(test "a share of the datagrams is lost, doubled and held back, and each is named"
  (def [got fates] (through 300 {:seed 3 :lose 0.2 :double 0.2 :reorder 0.2}))
  (def counts (frequencies fates))
  (each fate [:lose :double :hold :pass] (is (< 20 (counts fate) 200) fate))
  (is= (- (+ 300 (counts :double)) (counts :lose)) (length got))
  (eachp [name copies] (frequencies got)
    (is= (if (= :double (in fates (scan-number name))) 2 1) copies name))
  (is (not= got (sorted-by scan-number got)) "none came out of order"))

(test "a seed decides alike each time, another seed otherwise"
  (defn fates [seed] (last (through 100 {:seed seed :lose 0.3 :double 0.3 :reorder 0.3})))
  (is= (fates 1) (fates 1))
  (is (not= (fates 1) (fates 2))))

(test "a delayed datagram comes after the next one, or alone if there is none"
  (defn held [at] (fn [way n _] (if (= n at) :hold :pass)))
  (is= @["0" "2" "1" "3"] (first (through 4 {:rule (held 1)})))
  (is= @["0" "1" "2" "3"] (first (through 4 {:rule (held 3)}))))

(test "a rule loses, doubles, delays and changes the datagrams it names"
  (defn rule [way n datagram] (case n 1 :lose 2 :double 3 0.03 4 (string datagram "!") :pass))
  (is= @["0" "2" "2" "4!" "5" "3"] (first (through 6 {:rule rule}))))

(test "a delay holds for all that passes"
  (def before (os/clock :monotonic))
  (is= 5 (length (first (through 5 {:delay [0.02 0.05]}))))
  (is (> (- (os/clock :monotonic) before) 0.02)))

(end)
