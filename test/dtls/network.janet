# DTLS on bad networks: datagrams get lost, come twice, late, and in another order.
(import ../support/check :prefix "")
(import ../support/datagrams :prefix "")
(import ../support/pairs :prefix "" :only [resident])
(import ../support/udp-proxy :prefix "")
(import jsec/dtls)
(import jsec/dtls-stream)

# ---- handshakes and echoes ----

(defn tagged
  "Datagram number i of a client: no two are the same, and each tells its whole content."
  [client i]
  (string/format "%d:%d:" client i
                 (string/repeat (string/from-bytes (+ 33 (% (+ client i) 90))) (* 7 (% i 150)))))

(defn noted
  "An echo that counts in a table how often each datagram came."
  [seen]
  (fn [server peer datagram]
    (def text (string datagram))
    (put seen text (inc (get seen text 0)))
    (dtls/send-to server peer text)))

(defn exchange
  "Send `n` tagged datagrams; a table of how often each came back."
  [client id n]
  (def seen @{})
  (defn note [got]
    (def text (string got))
    (put seen text (inc (get seen text 0))))
  (def ended (string "end " id))
  (defn sync []
    (ask client ended (fn [got] (if (= ended (string got)) true (do (note got) false)))))
  (for i 0 n
    (:write client (tagged id i))
    # no more at a time than sockets hold
    (if (= 15 (% i 16)) (sync)))
  (sync)
  # what was held back on the way comes a moment after it
  (while (def got (read-within client 0.1)) (unless (= ended (string got)) (note got)))
  seen)

(defn- check-seen [where seen expected least]
  (eachp [datagram times] seen
    (unless (or (expected datagram) (string/has-prefix? "end " datagram))
      (errorf "%s: %q was never sent" where datagram))
    (unless (or (= 1 times) (string/has-prefix? "end " datagram))
      (errorf "%s: %q came %d times" where datagram times)))
  (def arrived (length (filter expected (keys seen))))
  (is (>= arrived least) (string where ": " arrived " of " (length expected) " arrived")))

(each [name faults share]
      [["a good one" {} 1]
       ["where every second datagram overtakes" {:reorder 0.5} 1]
       ["where all datagrams come twice" {:double 1} 1]
       ["where datagrams take 5 to 25 ms" {:delay [0.005 0.025]} 1]
       ["that loses 10 %" {:lose 0.1} 0.6]
       ["that loses 20 %, doubles 20 % and reorders 20 %" {:lose 0.2 :double 0.2 :reorder 0.2} 0.4]
       ["that loses 30 %" {:lose 0.3} 0.3]]
  (test (string "no datagram is altered or given twice on a network " name)
    :deadline 60
    (def [clients datagrams] [6 (load 150)])
    (def at-server @{})
    (with-server [s {} (noted at-server)]
      (def all (in-parallel clients clients
                 (fn [id]
                   (with-udp-proxy [p (port-of s) (merge {:seed (+ 40 id)} faults)]
                     (with [c (connect (p :port))]
                       (exchange c id datagrams))))))
      (def sent (tabseq [id :range [0 clients] i :range [0 datagrams]] (tagged id i) true))
      (def least (* share clients datagrams))
      (check-seen "server" at-server sent least)
      (loop [id :range [0 clients]]
        (def own (tabseq [i :range [0 datagrams]] (tagged id i) true))
        (check-seen (string "client " id) (all id) own (* share share 0.8 datagrams))))))

(test "1,000 handshakes complete within 30 s each where 20 % of datagrams are lost"
  :deadline 170
  (with-server [s]
    (def times
      (in-parallel (load 1000) 100
        (fn [i]
          (with-udp-proxy [p (port-of s) {:seed i :lose 0.2}]
            (def start (os/clock :monotonic))
            (with [c (connect (p :port) {:handshake-timeout 30})]
              (def took (- (os/clock :monotonic) start))
              (ask c (string "hello " i))
              took)))))
    (sort times)
    (def n (length times))
    (defn at [share] (times (min (dec n) (math/floor (* share n)))))
    (printf
      (string "# %d handshakes at 20 %% loss: median %.2f s, 90 %% within %.2f, 99 %% within "
              "%.2f, all within %.2f")
      n (at 0.5) (at 0.9) (at 0.99) (last times))))

(test "a server forgets its peers when they say goodbye, or fall silent"
  (with-server [s {:session-timeout 4}]
    (in-parallel 40 40
      (fn [i]
        (with-udp-proxy [p (port-of s) {:seed i :lose 0.2}]
          (with [c (connect (p :port))] (ask c (string i))))))
    (while (next (dtls/peers s)) (ev/sleep 0.05))))

(if-not (resident)
  (skip "memory does not grow with handshakes and datagrams" "can't be measured here")
  (test "memory does not grow with handshakes and datagrams"
    :deadline 120
    (with-server [s]
      (defn round []
        (in-parallel 300 50
          (fn [i]
            (with [c (connect s)]
              (repeat 5 (:write c (string/repeat "x" 1000)))
              (ask c (string i)))))
        (while (next (dtls/peers s)) (ev/sleep 0.01))
        (resident))
      (repeat 4 (round))
      (def before (round))
      (repeat 2 (round))
      (def after (round))
      (printf "# resident: %d KB, %d KB after 900 more sessions" before after)
      (is (< (- after before) 3000) "less than 3.4 KB for each"))))

(test "a server speaks first to each of 150 peers, and each answers"
  (with-server [s {} (fn [&])]
    (def clients (seq [i :range [0 150]] (connect s)))
    (defer (each c clients (dtls/close c true))
      (while (< (length (dtls/peers s)) 150) (ev/sleep 0.01))
      (each peer (dtls/peers s) (dtls/send-to s peer "are you there?"))
      (each c clients (is= @"are you there?" (:read c 100)))
      (each c clients (is= 3 (:write c "yes"))))))

# ---- exactly one datagram is lost ----

(defn- lose-nth [way n]
  (fn [on i datagram] (if (and (= on way) (= i n)) :lose :pass)))

(defn- shaken
  "Make a connection over a proxy that loses one datagram, and use it. Returns the session."
  [s rule &opt options]
  (with-udp-proxy [p (port-of s) {:rule rule}]
    (with [c (connect (p :port) (merge {:retransmit 0.05} (or options {})))]
      (ask c "there?")
      (if (get options :session) (is (:session-reused? c)))
      (:get-session c))))

(each way [:up :down]
  (test (string "a full handshake gets over the loss of any one datagram, " way)
    (with-server [s {:retransmit 0.05}]
      (for n 0 6 (shaken s (lose-nth way n)))))
  (test (string "a full handshake with client certificates, in small datagrams, gets over it, " way)
    (with-server [s {:retransmit 0.05 :verify true :trusted-cert (identity :cert) :mtu 300}]
      (for n 0 14
        (shaken s (lose-nth way n) {:mtu 300 :cert (identity :cert) :key (identity :key)}))))
  (test (string "a resumed handshake gets over it, " way)
    (with-server [s {:retransmit 0.05}]
      (def session (shaken s (fn [&] :pass)))
      (for n 0 6 (shaken s (lose-nth way n) {:session session})))))

(test "a handshake goes on without a reader: a lost last flight is sent again on request"
  (with-server [s {:retransmit 0.05}]
    (def session (shaken s (fn [&] :pass)))
    # resumed, the client's last flight is the handshake's: the server asks for it again
    (with-udp-proxy [p (port-of s) {:rule (lose-nth :up 2)}]
      (with [c (connect (p :port) {:retransmit 0.05 :session session})]
        (is (:session-reused? c))
        # the client never reads, or writes
        (while (empty? (dtls/peers s)) (ev/sleep 0.01))))))

(test "a server's handshakes go on without a recv-from, by its own timer too"
  (with [s (dtls/listen "127.0.0.1" 0 (merge server-options {:retransmit 0.05})) dtls/close-server]
    (for n 0 4
      (with-udp-proxy [p (port-of s) {:rule (lose-nth :down n)}]
        (with [c (connect (p :port) {:retransmit 10})] # its own would come too late
          (is (= "DTLSv1.2" (:version c)))))
      # the cookie's question is asked once: only the client can ask for it again
      (if (= n 0) (break)))))

(test (string "the wait for an answer doubles from :retransmit on, and all tries fit into the "
              "handshake's time")
  (def times @[])
  (with [socket (listen-alone) ev/close]
    (def port (string (get (net/localname socket) 1)))
    (ev/go (fn []
             (try
               (while (net/recv-from socket 2000 @"") (array/push times (os/clock :monotonic)))
               ([_]))))
    (fails-with "handshake timed out" (connect port {:retransmit 0.05 :handshake-timeout 4})))
  (def waits (map - (drop 1 times) times))
  (def shown (string/format "%j" waits))
  (is (<= 10 (length waits) 12) shown)
  (each [i least] [[0 0.05] [1 0.1] [2 0.2] [3 0.3]]
    (is (< (* 0.9 least) (waits i)) shown)))

# ---- two network namespaces ----

(def- namespaces "test/support/namespaces.janet")

(def- fact
  "handshakes and echoes pass between two network namespaces that lose 20 % of all datagrams")
(if (may-make-namespaces "nft")
  (test fact
    :deadline 120
    (def proc
      (os/spawn ["unshare" "-n" (dyn *executable*) namespaces (string (load 100))] :p {:out :pipe}))
    (defer (:close proc)
      (def out (ev/read (proc :out) :all))
      (is= 0 (os/proc-wait proc) out)
      (prin "# " out)))
  (skip fact "it needs root, nft, ip and unshare"))

(end)
