# What a DTLS server and client withstand: garbage, forgeries, floods, stalled peers.
(import ../support/check :prefix "")
(import ../support/datagrams :prefix "")
(import ../support/udp-proxy :prefix "")
(import ../support/hostile :prefix "")
(import ../support/pairs :prefix "" :only [spawn await turns outcome spin resident])
(import ../support/process :prefix "")
(import jsec/dtls)
(import jsec/dtls-stream)

(math/seedrandom 4711)

# ---- datagrams of our own making ----

(defn- u16 [bytes at] (+ (* 256 (bytes at)) (bytes (inc at))))

(defn- flights
  "What both sides of a handshake, and an echo after it, send: {:up [datagram ...] :down [...]}."
  [&opt options]
  (def seen {:up @[] :down @[]})
  (with-server [s]
    (with-udp-proxy [p (port-of s)
                     {:rule (fn [way n datagram] (array/push (seen way) datagram) :pass)}]
      (with [c (connect (p :port) options)] (ask c "echo"))))
  seen)

(def- recorded (flights))
(def- hello "A ClientHello without a cookie." (first (recorded :up)))
(def- hello-with-cookie "And one with, of another server." (get-in recorded [:up 1]))

(defn- hello-with
  "The hello as it answers a cookie's question."
  [question]
  (def cookie (string/slice question (+ 13 12 3)))
  (def random-end (+ 13 12 2 32))
  (def session-end (+ random-end 1 (hello random-end)))
  (def body (string (string/slice hello 25 session-end) (string/from-bytes (length cookie)) cookie
                    (string/slice hello (inc session-end))))
  (defn u24 [n] (string/from-bytes 0 (div n 256) (% n 256)))
  (string (string/slice hello 0 10) "\x01"
          (string (string/from-bytes (div (+ 12 (length body)) 256) (% (+ 12 (length body)) 256)))
          "\x01" (u24 (length body)) "\0\x01" "\0\0\0" (u24 (length body)) body))

(defn- alive
  "A server that has been badly treated still serves, and keeps no more than `sessions`."
  [s &opt sessions]
  (with [c (connect s)] (is= "alive" (string (ask c "alive"))))
  (if sessions (is (<= (length (dtls/peers s)) sessions))))

(defn- sessions-of
  "How many sessions a server has, those in the handshake included: what it prints as."
  [s]
  (scan-number (first (peg/match '(any (+ (* " " (<- :d+) " sessions") 1)) (string s)))))

(defn- until-alone
  "Wait for the end of the sessions that said goodbye: no others there must be."
  [s]
  (while (pos? (sessions-of s)) (ev/sleep 0.01)))

# ---- garbage ----

(test "garbage, empty and truncated datagrams leave a server as it was"
  (with-server [s]
    (with [socket (raw-socket (port-of s)) ev/close]
      (each datagram ["" "x" "garbage" (string/repeat "\0" 100) (string/repeat "\xff" 1500)
                      (string/repeat "x" 60000)
                      (os/cryptorand 65000) ;(cuts hello) ;(cuts hello-with-cookie)]
        (net/write socket datagram)
        (ev/sleep 0))
      (alive s)
      (until-alone s))))

(test "mutated hellos are answered with a cookie's question, or not at all"
  (with-server [s]
    (with [socket (raw-socket (port-of s)) ev/close]
      (repeat (load 3000)
        (net/write socket (scrambled hello (+ 1 (math/floor (* 6 (math/random))))))
        (while (def answer (recv socket 0))
          (def kind (string/slice answer 0 1))
          (is (or (= kind "\x16") (= kind "\x15")) "a handshake's datagram or an alert")
          (is (<= (length answer) (+ 2 (length hello))) "no amplification")))
      (alive s)
      (until-alone s))))

(test "mutated datagrams of a whole handshake end it, or are dropped; the server serves on"
  (with-server [s {:handshake-timeout 2}]
    (in-parallel (load 60) 20
      (fn [i]
        (def rng (math/rng i))
        (with-udp-proxy [p (port-of s)
                         {:rule (fn [way n datagram]
                                  (if (< (math/rng-uniform rng) 0.3)
                                    (do
                                      (def changed (buffer datagram))
                                      (put changed (math/rng-int rng (length changed))
                                           (math/rng-int rng 256))
                                      (string changed))
                                    :pass))}]
          (try
            (with [c (connect (p :port) {:handshake-timeout 2})]
              (:write c "hello")
              (if-let [answer (read-within c 0.2)] (is= "hello" (string answer))))
            ([err] (is (string/has-prefix? "dtls/" err) err))))))
    (alive s)))

# ---- cookies ----

(test "a hello counts only with the cookie of its own address and of this server"
  (with-server [s]
    (defn question [socket]
      (net/write socket hello)
      (recv socket 5))
    (with [a (raw-socket (port-of s)) ev/close]
      (with [b (raw-socket (port-of s)) ev/close]
        (def asked (question a))
        (def answer (hello-with asked))
        # from another address
        (net/write b answer)
        (def again (recv b 5))
        (is= 3 (again 13) "a HelloVerifyRequest")
        (is (not= (string/slice asked 28) (string/slice again 28)) "with another cookie")
        # another server's
        (net/write b hello-with-cookie)
        (is= 3 ((recv b 5) 13))
        # changed
        (def changed (buffer answer))
        (update changed (+ 13 12 2 32 1 (hello 59) 5) bxor 1)
        (net/write a changed)
        (is= 3 ((recv a 5) 13))
        (is= 0 (sessions-of s))
        # and the right one
        (net/write a answer)
        (is= 2 ((recv a 5) 13) "a ServerHello")
        (is= 1 (sessions-of s))))))

(test "a flood of hellos takes no memory, and answers are no longer than questions"
  (with-server [s]
    (def sockets (seq [_ :range [0 8]] (raw-socket (port-of s))))
    (defer (each socket sockets (ev/close socket))
      (defn flood [n]
        (for i 0 n
          (def socket (sockets (% i 8)))
          (net/write socket
                     (string (string/slice hello 0 30) (os/cryptorand 8) (string/slice hello 38)))
          (while (recv socket 0))))
      (flood (load 5000))
      (when-let [before (resident)]
        (flood 20000)
        (def grown (- (resident) before))
        (printf "# 20,000 hellos: %d KB" grown)
        (is (< grown 1000) "no memory for each"))
      (is= 0 (sessions-of s))
      (alive s))))

# ---- fragments ----

(defn- fragments
  "A ClientHello in fragments of `size` bytes, a datagram each."
  [whole size first-number]
  (def body (string/slice whole 25))
  (def header (string/slice whole 13 19))
  (defn u24 [n] (string/from-bytes 0 (div n 256) (% n 256)))
  (seq [[i at] :pairs (range 0 (length body) size)]
    (def part (string/slice body at (min (length body) (+ at size))))
    (string "\x16\xfe\xff\0\0\0\0\0\0\0"
            (string/from-bytes (+ first-number i) 0 (+ 12 (length part)))
            header (u24 at) (u24 (length part)) part)))

(test "hellos in fragments are put together, whatever the order after the first"
  (with-server [s]
    (each order [identity reverse]
      (with [socket (raw-socket (port-of s)) ev/close]
        (each fragment (fragments hello 100 0) (net/write socket fragment))
        (def question (recv socket 5))
        (is= 3 (question 13))
        (def [start & rest] (fragments (hello-with question) 100 10))
        (net/write socket start)
        (each fragment (if (= order reverse) (reverse rest) rest) (net/write socket fragment))
        (is= 2 ((recv socket 5) 13) "a ServerHello")))))

(test "clients whose hello does not fit into a datagram are served"
  (with-server [s {:alpn ["coap"]}]
    (each mtu [256 300 500]
      (with [c (connect s {:mtu mtu
                           :alpn [(string/repeat "long" 60) "coap" (string/repeat "er" 120)]})]
        (is= "hello" (string (ask c "hello")))))))

# ---- a peer that begins anew ----

(defn- from-one-port
  "Two sockets that come from one address and port, one after the other: {:open (fn [port]) ...}."
  [port]
  (def local (with [socket (listen-alone)] (string (get (net/localname socket) 1))))
  (fn [] (net/connect "127.0.0.1" port :datagram "127.0.0.1" local)))

(test "a peer that restarts on its address and port gets a new session, which replaces the old"
  (with-server [s]
    (def dial (from-one-port (port-of s)))
    (def first-client (dtls-stream/upgrade (dial) client-options))
    (ask first-client "first life")
    (def peers (dtls/peers s))
    (dtls/close first-client true) # it crashes: no close_notify
    (def second-client (dtls-stream/upgrade (dial) client-options))
    (is= "second life" (string (ask second-client "second life")))
    (is= peers (dtls/peers s) "the same address")
    (is= 1 (sessions-of s))
    (dtls/close second-client)))

(test "a session goes on while an attacker sends hellos from its address"
  (def from-peer (ev/chan 100))
  (with-server [s]
    # the proxy speaks with the client's address: it injects what an attacker with a forged address
    # sends
    (var slip nil)
    (with-udp-proxy [p (port-of s)
                     {:rule (fn [way n datagram]
                              (if (and slip (= way :up)) (slip datagram) :pass))}]
      (with [c (connect (p :port))]
        (ask c "before")
        (each forged [hello hello-with-cookie (scrambled hello 3)
                      "\x15\xfe\xfd\0\0\0\0\0\0\0\x20\0\x02\x02\x28"
                      "\x15\xfe\xfd\0\x01\0\0\0\0\x7f\x20\0\x02\x02\x28"
                      "\x14\xfe\xfd\0\0\0\0\0\0\0\x21\0\x01\x01"
                      (get-in recorded [:up 2]) (last (recorded :up)) ""]
          (set slip (fn [datagram] (set slip nil) forged))
          (:write c "what the forged one replaces")
          (ask c "still the same session"))
        (is= 1 (sessions-of s))))))

(test "a restart that stops half way leaves the old session alone"
  (with-server [s {:handshake-timeout 0.5}]
    (def dial (from-one-port (port-of s)))
    (var client nil)
    # a half-done handshake needs a socket at the same port: we speak for it over the client's own
    (with-udp-proxy [p (port-of s)]
      (set client (connect (p :port)))
      (ask client "before")
      (def upstream (first (values (p :clients))))
      (def server-address (net/address "127.0.0.1" (port-of s) :datagram false))
      (net/send-to upstream server-address hello)
      (while (not (find |(= $ [:down :pass]) (p :fates))) (ev/sleep 0.01))
      (ask client "in between")
      (is= 1 (sessions-of s))
      (dtls/close client))))

(test (string "a restart that shows a good cookie and is then abandoned ends alone, and the "
              "old session goes on")
  (def errors (ev/chan 10))
  (with-server [s {:handshake-timeout 0.5 :on-error |(ev/give errors $)}]
    (def answers (ev/chan 100)) # in the clear, to a peer that begins anew
    (defn told [way n datagram] (if (and (= way :down) (= 22 (datagram 0)) (= 0 (datagram 4)))
                                  (ev/give answers datagram)) :pass)
    (with-udp-proxy [p (port-of s) {:rule told}]
      (with [client (connect (p :port))]
        (ask client "before")
        (def peers (dtls/peers s))
        (while (pos? (ev/count answers)) (ev/take answers))
        (def upstream (first (values (p :clients))))
        (def server-address (net/address "127.0.0.1" (port-of s) :datagram false))
        (net/send-to upstream server-address hello)
        (def question (ev/take answers))
        (is= 3 (question 13) "a HelloVerifyRequest")
        (net/send-to upstream server-address (hello-with question))
        (is= 2 ((ev/take answers) 13) "a ServerHello")
        (ask client "while it lasts")
        (is (string/find "handshake timed out: the peer did not finish it within 0.5 s"
                         (ev/take errors)))
        (is= 1 (sessions-of s))
        (is= peers (dtls/peers s))
        (ask client "after it")))))

(test "a forged alert in the clear does not end a client's session"
  (with-server [s]
    (var slip nil)
    (with-udp-proxy [p (port-of s)
                     {:rule (fn [way n datagram]
                              (if (and slip (= way :down)) (slip datagram) :pass))}]
      (with [c (connect (p :port))]
        (ask c "before")
        (each forged ["\x15\xfe\xfd\0\0\0\0\0\0\0\x20\0\x02\x02\x28"
                      "\x15\xfe\xfd\0\0\0\0\0\0\0\x21\0\x02\x01\0" "garbage"
                      (first (recorded :down)) (get-in recorded [:down 1])]
          (set slip (fn [datagram] (set slip nil) forged))
          (ask c "still there"))))))

# ---- caps and times ----

(test "sessions are capped in all, and a place that gets free is given again"
  (with-server [s {:max-sessions 3}]
    (def clients (seq [_ :range [0 3]] (connect s)))
    (fails-with "handshake timed out" (connect s {:handshake-timeout 0.4}))
    (is= 3 (sessions-of s))
    (dtls/close (first clients))
    (with [c (connect s)] (ask c "in"))
    (each c (drop 1 clients) (ask c "still here") (dtls/close c))))

(test "sessions of one host are capped, handshakes included; a restarted peer is admitted"
  (with-server [s {:max-sessions-per-host 2 :handshake-timeout 0.5}]
    (def dial (from-one-port (port-of s)))
    (def c (dtls-stream/upgrade (dial) client-options))
    (with [socket (raw-socket (port-of s)) ev/close]
      (net/write socket hello)
      (net/write socket (hello-with (recv socket 5)))
      (is= 2 ((recv socket 5) 13))
      (is= 2 (sessions-of s))
      (fails-with "handshake timed out" (connect s {:handshake-timeout 0.3}))
      # the one that stalls is dropped after its time
      (while (> (sessions-of s) 1) (ev/sleep 0.01)))
    (dtls/close c true)
    (with [again (dtls-stream/upgrade (dial) client-options)] (ask again "restarted"))))

(test "a client that stalls in the handshake is told of, and forgotten"
  (def errors (ev/chan 10))
  (with-server [s {:handshake-timeout 0.3 :on-error |(ev/give errors $)}]
    (with [socket (raw-socket (port-of s)) ev/close]
      (net/write socket hello)
      (net/write socket (hello-with (recv socket 5)))
      (is (string/find "handshake timed out: the peer did not finish it within 0.3 s"
                       (ev/take errors)))
      (is= 0 (sessions-of s)))))

(test "a session ends with a close_notify when it was silent for :session-timeout"
  (with-server [s {:session-timeout 0.3}]
    (with [c (connect s)]
      (repeat 3 (ask c "awake") (ev/sleep 0.15))
      (is= nil (:read c 10))
      (is= 0 (sessions-of s)))))

(test "a handshake that takes longer than :session-timeout is no silence"
  (with-server [s {:session-timeout 0.5}]
    (with-udp-proxy [p (port-of s)
                     {:rule (fn [way n datagram] (if (and (= way :up) (<= 2 n 4)) :lose :pass))}]
      (with [c (connect (p :port) {:retransmit 0.2 :handshake-timing true})]
        (is (> (:handshake-time c) 1))
        (ask c "slowly")))))

(test "a client's handshake with a server that never answers ends after its time"
  (with [socket (listen-alone) ev/close]
    (def port (string (get (net/localname socket) 1)))
    (fails-with "dtls/connect: handshake timed out: the peer did not finish it within 0.3 s"
                (connect port {:handshake-timeout 0.3}))
    (fails-with "timeout" (connect port {:timeout 0.2}))))

# ---- sizes ----

(test "datagrams of up to 16 KB pass whole; longer ones are refused and nothing is sent"
  (with-server [s]
    (with [c (connect s)]
      (each size [1 1200 1473 9000 16384]
        (def data (string (os/cryptorand size)))
        (is= data (string (ask c data))))
      (fails-with "16385 bytes are more than a record of DTLS holds: expected 16384 at most"
                  (:write c (string/repeat "x" 16385)))
      (fails-with "16385 bytes are more"
                  (dtls/send-to s (first (dtls/peers s)) (string/repeat "x" 16385)))
      (is= 0 (:write c ""))
      (is= "fine" (string (ask c "fine"))))))

(test "several records in one datagram are several datagrams to the reader"
  (def heard (ev/chan 100))
  (with-server [s {} (fn [server peer datagram] (ev/give heard (string datagram)))]
    (def held @[])
    (with-udp-proxy [p (port-of s) {:rule (fn [way n datagram]
                                            (cond
                                              (or (= way :down) (not= 23 (datagram 0))) :pass
                                              (< (length held) 2)
                                              (do (array/push held datagram) :lose)
                                              (string (string/join held) datagram)))}]
      (with [c (connect (p :port))]
        (each word ["one" "two" "three"] (:write c word))
        (is= ["one" "two" "three"] (tuple (ev/take heard) (ev/take heard) (ev/take heard)))))))

(test "a reader is served though a flood of garbage came before its datagram"
  (with-server [s]
    (with [c (connect s)]
      (ask c "before")
      (with [socket (raw-socket (port-of s)) ev/close]
        (repeat 300 (net/write socket "garbage"))
        (:write c "after")
        (is= @"after" (:read c 10 nil 10))))))

# ---- waiting calls ----

(defmacro- with-pair [[client server peer] & body]
  ~(with [,server (dtls/listen "127.0.0.1" 0 server-options) dtls/close-server]
     (with [,client (connect ,server)]
       (:write ,client "hello")
       (def ,peer (dtls/recv-from ,server 100 @""))
       ,;body)))

(defn- drained
  "All datagrams that a server has for us, until `last` comes."
  [server last]
  (def all @[])
  (while (not= last (do
                      (def room @"")
                      (dtls/recv-from server 1000 room 10)
                      (array/push all (string room))
                      (string room))))
  all)

(test "a recv-from that is cancelled in the turn its datagram came loses nothing"
  (with-pair [c s peer]
    (for i 0 (load 50)
      (def task (spawn (dtls/recv-from s 100 @"")))
      (turns 1)
      (:write c (string i))
      (spin 0.002)
      (ev/go (fn [] (ev/cancel (task :fiber) "cancelled")))
      (def [status value] (await task))
      (:write c "last")
      (def rest (drained s "last"))
      (if (= status :ok) (is= ["last"] (tuple ;rest)) (is= [(string i) "last"] (tuple ;rest))))))

(test "a recv-from whose deadline fires as its datagram comes loses nothing"
  (with-pair [c s peer]
    (for i 0 (load 50)
      (def buf @"kept")
      (def task (spawn (ev/with-deadline 0.003 (dtls/recv-from s 100 buf))))
      (turns 1)
      (:write c (string i))
      (spin 0.004)
      (def [status value] (await task))
      (:write c "last")
      (def rest (drained s "last"))
      (if (= status :ok)
        (is= [(string "kept" i) ["last"]] [(string buf) (tuple ;rest)])
        (is= ["kept" [(string i) "last"]] [(string buf) (tuple ;rest)])))))

(test "several fibers in recv-from each get datagrams, none lost, none twice"
  (with-pair [c s peer]
    (def got (ev/chan 1000))
    (def readers
      (seq [_ :range [0 5]]
        (spawn (do (def room @"")
                 (while (dtls/recv-from s 100 (buffer/clear room)) (ev/give got (string room)))))))
    (def n (load 200))
    (for i 0 n (:write c (string i)) (if (= 0 (% i 20)) (ev/sleep 0)))
    (def seen (seq [_ :range [0 n]] (scan-number (ev/take got))))
    (is= (range n) (sorted seen))
    (dtls/close-server s)
    (each reader readers (is= [:ok nil] (await reader)))))

(test "a timeout is nil, and data that is there wins over a timeout of 0"
  (with-pair [c s peer]
    (is= nil (dtls/recv-from s 100 @"" 0.01))
    (is= nil (dtls/recv-from s 100 @"" {:timeout 0}))
    (:write c "there")
    (spin 0.01)
    (def room @"")
    (is= peer (dtls/recv-from s 100 room 0))
    (is= @"there" room)))

(test "closing a server wakes waiting fibers and ends sessions; a second close does nothing"
  (with-pair [c s peer]
    (def tasks (seq [_ :range [0 3]] (spawn (dtls/recv-from s 100 @""))))
    (turns)
    (is= s (dtls/close-server s))
    (each task tasks (is= [:ok nil] (await task)))
    (is= nil (:read c 100))
    (is= s (dtls/close-server s))
    (is= s (:close s))
    (fails-with "stream is closed" (dtls/recv-from s 100 @""))
    (fails-with "stream is closed" (dtls/send-to s peer "x"))
    (fails-with "stream is closed" (dtls/peers s))
    (fails-with "stream closed" (dtls/localname s))))

(test "what came before a fiber asked is kept, up to a bound, and the newest beyond it dropped"
  (with-pair [c s peer]
    (def big (string/repeat "x" 16000))
    (repeat 500 (:write c big) (ev/sleep 0))
    (var count 0)
    (while (dtls/recv-from s 20000 @"" 0.05) (++ count))
    (is (< 10 count 400) (string count))
    (:write c "on")
    (def room @"")
    (is= peer (dtls/recv-from s 100 room 10))
    (is= @"on" room)))

(test "servers and clients without references are collected, and their sockets closed"
  (if-not (os/stat "/proc/self/fd")
    (skip "descriptors" "can't be counted here")
    (do
      (defn descriptors [] (gccollect) (length (os/dir "/proc/self/fd")))
      (def before (descriptors))
      (repeat 50 (dtls/listen "127.0.0.1" 0 server-options))
      (with-server [s]
        (repeat 20 (connect s))
        (is (<= (descriptors) (+ before 5))))
      (is (<= (descriptors) (+ before 5))))))

(test "a server on any port shares it with no other"
  (def plain (seq [_ :range [0 150]] (net/listen "127.0.0.1" "0" :datagram)))
  (def ours (seq [_ :range [0 150]] (dtls/listen "127.0.0.1" 0 server-options)))
  (defer (do (each s plain (ev/close s)) (each s ours (dtls/close-server s)))
    (def taken (tabseq [s :in plain] (get (net/localname s) 1) true))
    (def ports (map |(get (dtls/localname $) 1) ours))
    (is= 150 (length (distinct ports)))
    (each port ports (is (not (taken port)) "not one of core's"))))

(test "a process that ends with calls pending ends well"
  (def preamble
    (string/format
      ``(import jsec/dtls)
        (def s (dtls/listen "127.0.0.1" 0 {:cert %q :key %q}))
        (def options {:trusted-cert %q :hostname "localhost"})
        (def c (dtls/connect "127.0.0.1" (get (dtls/localname s) 1) options))
        (ev/go (fn [] (dtls/recv-from s 10 @"")))
        (ev/go (fn [] (:read c 10)))
        (def options {:trusted-cert %q :hostname "localhost"})
        (ev/go (fn [] (dtls/connect "127.0.0.1" (get (dtls/localname s) 1) options)))
        (ev/sleep 0.01)``
      (identity :cert) (identity :key) (identity :cert) (identity :cert)))
  (is= "over\n" (run-code preamble `(print "over") (os/exit 0)`))
  (is= "over\n"
       (run-code preamble
                 `(print "over") (:close c) (ev/sleep 0.01) (dtls/close-server s) (os/exit 0)`)))

(test "servers and clients can't cross threads, and say so; addresses can"
  (with-pair [c s peer]
    (fails-with "a DTLS server can't be marshalled: it belongs to the thread that made it"
                (marshal s))
    (fails-with "a DTLS client can't be marshalled: it belongs to the thread that made it"
                (marshal c))
    (is= peer (unmarshal (marshal peer)))
    (def reply (ev/thread-chan 1))
    (ev/thread (fn [] (ev/give reply [peer (string peer)])) nil :n)
    (is= [peer (string peer)] (ev/take reply))))

(end)
