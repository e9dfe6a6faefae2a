# What a DTLS server and client withstand: garbage, forgeries, floods, stalled peers.
(import ../support/check :prefix "")
(import ../support/datagrams :prefix "")
(import ../support/udp-proxy :prefix "")
(import ../support/hostile :prefix "")
(import ../support/pairs :prefix "" :only [resident])
(import jsec/dtls)
(import jsec/dtls-stream)

(math/seedrandom 4711)

# ---- crafted datagrams ----

# The layout of a datagram with one handshake message (RFC 6347, 4.1 and 4.2.2)
(def- record-header "Type, version, epoch, sequence number, length." 13)
(def- message-header "Type, length, message number, fragment's offset and length." 12)
(def- body-at (+ record-header message-header))
(def- client-random-at "In a ClientHello, after the version." (+ body-at 2))
(def- session-id-at "In a ClientHello; its first byte is its length." (+ client-random-at 32))
(def- cookie-at "In a HelloVerifyRequest, after version and length." (+ body-at 3))
(def- server-hello 2)
(def- hello-verify-request 3)

(defn- message-type [datagram] (datagram record-header))

(defn- u24 [n] (string/from-bytes 0 (div n 256) (% n 256)))

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
  (def cookie (string/slice question cookie-at))
  (def session-id-end (+ session-id-at 1 (hello session-id-at)))
  (def body (string (string/slice hello body-at session-id-end)
                    (string/from-bytes (length cookie)) cookie
                    (string/slice hello (inc session-id-end))))
  (def [size record-size] [(length body) (+ message-header (length body))])
  # record 1 with message 1, unfragmented
  (string (string/slice hello 0 (- record-header 3)) "\x01"
          (string/from-bytes (div record-size 256) (% record-size 256))
          "\x01" (u24 size) "\0\x01" (u24 0) (u24 size) body))

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

(test "garbage, empty and truncated datagrams do not affect a server"
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
        (is= hello-verify-request (message-type again))
        (is (not= (string/slice asked cookie-at) (string/slice again cookie-at)) "another cookie")
        # another server's
        (net/write b hello-with-cookie)
        (is= hello-verify-request (message-type (recv b 5)))
        # a changed one
        (def changed (buffer answer))
        (def cookie-of-answer (+ session-id-at 1 (hello session-id-at) 1))
        (update changed (+ cookie-of-answer 4) bxor 1)
        (net/write a changed)
        (is= hello-verify-request (message-type (recv a 5)))
        (is= 0 (sessions-of s))
        # and the right one
        (net/write a answer)
        (is= server-hello (message-type (recv a 5)))
        (is= 1 (sessions-of s))))))

(test "a flood of hellos takes no memory, and answers are no longer than questions"
  (with-server [s]
    (def sockets (seq [_ :range [0 8]] (raw-socket (port-of s))))
    (defer (each socket sockets (ev/close socket))
      (defn flood [n]
        (for i 0 n
          (def socket (sockets (% i 8)))
          (def random-at (+ client-random-at 3))
          (net/write socket (string (string/slice hello 0 random-at) (os/cryptorand 8)
                                    (string/slice hello (+ random-at 8))))
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
  (def body (string/slice whole body-at))
  (def type-length-number (string/slice whole record-header (+ record-header 6)))
  (seq [[i at] :pairs (range 0 (length body) size)]
    (def part (string/slice body at (min (length body) (+ at size))))
    (string "\x16\xfe\xff\0\0\0\0\0\0\0"
            (string/from-bytes (+ first-number i) 0 (+ message-header (length part)))
            type-length-number (u24 at) (u24 (length part)) part)))

(test "hellos in fragments are put together, whatever the order after the first"
  (with-server [s]
    (each order [identity reverse]
      (with [socket (raw-socket (port-of s)) ev/close]
        (each fragment (fragments hello 100 0) (net/write socket fragment))
        (def question (recv socket 5))
        (is= hello-verify-request (message-type question))
        (def [start & rest] (fragments (hello-with question) 100 10))
        (net/write socket start)
        (each fragment (if (= order reverse) (reverse rest) rest) (net/write socket fragment))
        (is= server-hello (message-type (recv socket 5)))))))

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
        (is= hello-verify-request (message-type question))
        (net/send-to upstream server-address (hello-with question))
        (is= server-hello (message-type (ev/take answers)))
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
      (is= server-hello (message-type (recv socket 5)))
      (is= 2 (sessions-of s))
      (fails-with "handshake timed out" (connect s {:handshake-timeout 0.3}))
      # the one that stalls is dropped after its time
      (while (> (sessions-of s) 1) (ev/sleep 0.01)))
    (dtls/close c true)
    (with [again (dtls-stream/upgrade (dial) client-options)] (ask again "restarted"))))

(test "a client that stalls in the handshake is reported, and forgotten"
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

(test "a handshake longer than :session-timeout does not count as idle time"
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

(end)
