# Facts about a wall clock that jumps, for test/hostile/clock.janet, which runs this with support/clock.c preloaded:
# clock.janet MODULE
(import ./check :prefix "")
(import ./datagrams :as datagrams)
(import ./pairs :prefix "")
(import ./udp-proxy :prefix "")
(import jsec/cert)
(import jsec/dtls)
(import jsec/tls)

(def module (native (get (dyn *args*) 1)))
(def shift (get-in module ['shift :value]))

(def slowness (scan-number (os/getenv "JSEC_SLOW" "1")))
(def hour 3600)
(def year (* 365 24 hour))

(defmacro at
  "The body, with the wall clock moved by so many seconds."
  [seconds & body]
  ~(do (,shift ,seconds) (defer (,shift 0) ,;body)))

(def jumps "Forward and back." [(* 20 year) (- hour)])
(def lasting "Of identities that are valid before and after all jumps." {:not-before "1990-01-01" :days-valid 36500})
(def own (cert/generate-self-signed-cert (merge lasting {:key-type :ec-p256 :common-name "localhost" :san ["DNS:localhost" "IP:127.0.0.1"]})))
(def serving {:cert (own :cert) :key (own :key) :close-timeout 0.02})
(def asking {:trusted-cert (own :cert) :hostname "localhost" :close-timeout 0.02})

(defn seconds-of [f]
  (def began (os/clock :monotonic))
  (f)
  (- (os/clock :monotonic) began))

(test "the clock that jumps is the one that Janet and OpenSSL ask"
  (def now (os/time))
  (at hour (is (<= (+ now hour) (os/time) (+ now hour 10))))
  (def asked (shift 0))
  (cert/issue-cert {:issuer-cert (identity :cert) :issuer-key (identity :key) :common-name "x" :key-type :ec-p256})
  (cert/verify-chain (identity :cert) {:roots (identity :cert)})
  (is (> (shift 0) asked)))

# ---- times out ----

(each kind [:tls13 :tls12]
  (each jump jumps
    (test (string kind ": timeouts of reads, writes and closes go by the monotonic clock when the other jumps by " jump " s")
      (def [a b] (pair kind {:close-timeout 0.3}))
      (def reading (spawn (:read a 1 nil (* 0.4 slowness))))
      (def patient (spawn (:read b 10 nil (* 60 slowness))))
      (def sleeping (spawn (ev/with-deadline (* 0.4 slowness) (:read a 1))))
      (turns)
      (at jump
        (def took (seconds-of |(do (is= [:error "timeout"] (await reading)) (is= [:error "deadline expired"] (await sleeping)))))
        (is (<= 0.2 took (* 4 slowness)) took)
        (is= nil (patient :done) "does not fire early")
        (:write a "there")
        (is= [:ok @"there"] (await patient))
        # nobody answers the close
        (def took (seconds-of |(:close a)))
        (is (<= 0.25 took (* 4 slowness)) took))
      (:close b true))))

(each jump jumps
  (test (string "a handshake that stalls ends after its time, and one that does not goes on, when the clock jumps by " jump " s")
    (def limit (* 0.4 slowness))
    (with [listener (tls/listen "127.0.0.1" 0)]
      (def [host port] (address-of listener))
      (def errors (ev/chan 10))
      (ev/go (fn [] (tls/accept-loop listener server-options (fn [s] (with [s s] (:write s "hi")))
                                     {:handshake-timeout limit :on-error |(ev/give errors $)})))
      (def stalled (net/connect host port))
      (ev/sleep 0)
      (def [near far] (core-pair))
      (def client (spawn (wrap-client near {:handshake-timeout (* 60 slowness) :verify false})))
      (turns)
      (def server (at jump
                    (def took (seconds-of |(is (string/find "handshake timed out" (ev/take errors)))))
                    (is (<= 0.2 took (* 4 slowness)) took)
                    (wrap-server far)))
      (def [status stream] (await client))
      (is= :ok status)
      (each s [stream server] (:close s true))
      (:close stalled))))

# ---- certificates ----

(test "a certificate is judged by the clock as it is at that moment, in both roles"
  (def ca (cert/generate-self-signed-cert (merge lasting {:common-name "CA" :key-type :ec-p256})))
  (defn issue [& options]
    (cert/issue-cert (merge {:issuer-cert (ca :cert) :issuer-key (ca :key) :common-name "localhost" :san ["DNS:localhost"]
                             :key-type :ec-p256} ;options)))
  (def [brief long] [(issue {:days-valid 1}) (issue lasting)])
  (defn meet
    "What a client and a server with these certificates say of each other."
    [client server]
    (def [near far] (core-pair))
    (def accepting (spawn (let [s (wrap-server far {:cert (server :cert) :key (server :key) :verify true :ca-file (ca :cert)})]
                            (:read s 1)
                            (:close s true)
                            "fine")))
    (def asked (outcome (let [c (tls/wrap near "localhost" {:ca-file (ca :cert) :cert (client :cert) :key (client :key)})]
                          (:write c "x")
                          (:close c true)
                          "fine")))
    [(string (last asked)) (string (last (await accepting)))])
  (def [expired early] ["certificate has expired" "certificate is not yet valid"])
  (is= ["fine" "fine"] (meet brief brief))
  (each [jump why] [[(* 2 24 hour) expired] [(* -2 24 hour) early]]
    (at jump
      (is= ["fine" "fine"] (meet long long))
      (is (string/find why (first (meet long brief))) jump)
      (is (string/find why (last (meet brief long))) jump)))
  (is= ["fine" "fine"] (meet brief brief)))

# ---- sessions ----

(each version [:TLS1_3 :TLS1_2]
  (test (string version ": a session is resumed within its time only, by the clock as it is then, and is a full handshake else")
    (with [listener (tls/listen "127.0.0.1" 0)]
      (def [host port] (address-of listener))
      (def options (merge serving {:session-timeout 1000}))
      (ev/go (fn [] (tls/accept-loop listener options (fn [s] (with [s s] (:write s "hi") (:read s 1))))))
      (defn visit [session]
        (with [c (tls/connect host port (merge asking {:max-version version :session session}))]
          (is= @"hi" (:read c 2))
          [(:session-reused? c) (:get-session c)]))
      (def [_ session] (visit nil))
      (is= true (first (visit session)))
      (each [jump reused] [[500 true] [2000 false] [(* 20 year) false] [0 true]]
        (is= reused (first (at jump (visit session))) jump))
      # whether a session of the future counts is OpenSSL's to say
      (at (- hour) (visit session)))))

# ---- DTLS ----

(each jump jumps
  (test (string "a session of DTLS that is silent outlives the jump by " jump " s, and ends after its own time")
    (with [s (dtls/listen "127.0.0.1" 0 (merge datagrams/server-options {:session-timeout (* 0.8 slowness)})) dtls/close-server]
      (ev/go (fn [] (datagrams/serve s)))
      (with [c (datagrams/connect s)]
        (datagrams/ask c "before")
        (at jump
          (datagrams/ask c "after")
          (def took (seconds-of |(is= nil (:read c 1 nil (* 10 slowness)))))
          (is (<= 0.5 took (* 4 slowness)) took))))))

(defn- shaken
  "Make a handshake in whose midst the clock jumps, as the client's second hello passes, and its fate is decided."
  [jump fate]
  (datagrams/with-server [s]
    (def rule (fn [way n datagram] (if (and (= way :up) (= n 1)) (do (shift jump) fate) :pass)))
    (with-udp-proxy [p (datagrams/port-of s) {:rule rule}]
      (defer (shift 0)
        (with [c (datagrams/connect (p :port) {:handshake-timeout (* 1.5 slowness) :verify false :retransmit 0.1})]
          (datagrams/ask c "there"))))))

(each jump jumps
  (test (string "a handshake of DTLS goes on when the clock jumps by " jump " s in the midst of it")
    (shaken jump :pass)))

(test "a datagram of the handshake that is lost is sent again when the clock has jumped forward"
  (shaken (* 20 year) :lose))

# OpenSSL measures the wait for an answer by the wall clock, and nothing makes it send before that is over
(test "when the clock has jumped back, a handshake of which a datagram is lost ends after its time, and the next one is sound"
  (def took (seconds-of |(fails-with "handshake timed out" (shaken (- hour) :lose))))
  (is (<= (* 1.2 slowness) took (* 5 slowness)) took)
  (shaken 0 :lose))

(end)
