# Facts about a wall clock that jumps, for test/hostile/clock.janet, which runs this with
# support/clock.c preloaded: clock.janet MODULE
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
(def lasting "Of identities that are valid before and after all jumps."
  {:not-before "1990-01-01" :days-valid 36500})
(def own
  (cert/generate-self-signed-cert (merge lasting {:key-type :ec-p256 :common-name "localhost"
                                                  :san ["DNS:localhost" "IP:127.0.0.1"]})))
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
  (cert/issue-cert {:issuer-cert (identity :cert) :issuer-key (identity :key) :common-name "x"
                    :key-type :ec-p256})
  (cert/verify-chain (identity :cert) {:roots (identity :cert)})
  (is (> (shift 0) asked)))

# ---- times out ----

(each kind [:tls13 :tls12]
  (each jump jumps
    (test (string
            kind
            ": timeouts of reads, writes and closes go by the monotonic clock when the other "
            "jumps by " jump " s")
      (def [a b] (pair kind))
      (def [c d] (full-pair (keyword kind "-unix") {:close-timeout 0.3}))
      (def reading (spawn (:read a 1 nil (* 0.4 slowness))))
      (def patient (spawn (:read b 10 nil (* 60 slowness))))
      (def sleeping (spawn (ev/with-deadline (* 0.4 slowness) (:read a 1))))
      (turns)
      (at jump
        (def took (seconds-of |(do
                                 (is= [:error "timeout"] (await reading))
                                 (is= [:error "deadline expired"] (await sleeping)))))
        (is (<= 0.2 took (* 4 slowness)) took)
        (is= nil (patient :done) "does not fire early")
        (:write a "there")
        (is= [:ok @"there"] (await patient))
        (def took (seconds-of |(fails-with "did not read all that was written" (:close c))))
        (is (<= 0.25 took (* 4 slowness)) took))
      (each s [a b d] (:close s true)))))

(each jump jumps
  (test (string
          "a handshake that stalls ends after its time, and one that does not goes on, when "
          "the clock jumps by " jump " s")
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
                    (def took
                      (seconds-of |(is (string/find "handshake timed out" (ev/take errors)))))
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
    (cert/issue-cert (merge {:issuer-cert (ca :cert) :issuer-key (ca :key) :common-name "localhost"
                             :san ["DNS:localhost"]
                             :key-type :ec-p256} ;options)))
  (def [brief long] [(issue {:days-valid 1}) (issue lasting)])
  (defn meet
    "What a client and a server with these certificates say of each other."
    [client server]
    (def [near far] (core-pair))
    (def accepting
      (spawn
        (let [s (wrap-server far {:cert (server :cert) :key (server :key) :verify true
                                  :ca-file (ca :cert)})]
          (:read s 1)
          (:close s true)
          "fine")))
    (def asked
      (outcome
        (let [c (tls/wrap near "localhost"
                          {:ca-file (ca :cert) :cert (client :cert) :key (client :key)})]
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

(def ca (cert/generate-self-signed-cert (merge lasting {:common-name "CA" :key-type :ec-p256})))
(defn- issue
  "An identity for localhost, issued by `issuer`."
  [issuer & options]
  (cert/issue-cert (merge {:issuer-cert (issuer :cert) :issuer-key (issuer :key) :key-type :ec-p256
                           :common-name "localhost" :san ["DNS:localhost" "IP:127.0.0.1"]}
                          ;options)))
(def long-lived (issue ca lasting))
(def brief (issue ca {:days-valid 1}))
(def brief-ca (issue ca {:days-valid 1 :ca true :common-name "Brief CA" :san []}))
(def below-brief-ca
  (let [leaf (issue brief-ca lasting {:outlive-ca true})]
    {:cert (string (leaf :cert) (brief-ca :cert)) :key (leaf :key)}))
(defn- identity-of [made] {:cert (made :cert) :key (made :key)})

(defn- keys-of
  "Ticket keys by the letters that they consist of, the one that seals first."
  [letters]
  (map |(string/repeat $ 80) letters))

(defn- answer-tls [options on-context f]
  (def ctx (tls/new-context options))
  (on-context |(tls/set-ticket-keys ctx $))
  (with [listener (tls/listen "127.0.0.1" 0)]
    (ev/go (fn [] (tls/accept-loop listener ctx (fn [s] (:write s "hi") (:read s 1) (:close s)))))
    (f (address-of listener))))

(defn- answer-dtls [options on-context f]
  (def ctx (dtls/new-context options))
  (on-context |(dtls/set-ticket-keys ctx $))
  (with [s (dtls/listen "127.0.0.1" 0 ctx) dtls/close-server]
    (ev/go (fn [] (datagrams/serve s)))
    (f (dtls/localname s))))

(defn- visit-tls [version [host port] options]
  (with [c (tls/connect host port
                        (merge {:ca-file (ca :cert) :hostname "localhost" :max-version version}
                               options))]
    (is= @"hi" (:read c 2))
    [(:session-reused? c) (:get-session c)]))

(defn- visit-dtls [[host port] options]
  (with [c (dtls/connect host port (merge {:ca-file (ca :cert) :hostname "localhost"} options))]
    (datagrams/ask c "there")
    [(:session-reused? c) (:get-session c)]))

# [protocol, option of the lifetime, server, client]
(def protocols
  [["TLS 1.3" :session-timeout answer-tls (partial visit-tls :TLS1_3)]
   ["TLS 1.2" :session-timeout answer-tls (partial visit-tls :TLS1_2)]
   ["DTLS" :session-lifetime answer-dtls visit-dtls]])

(defn- beside
  ``Call `(f visit set-ticket-keys address)` beside a server; `(visit seconds session options)` at
  that time.``
  [[_ _ answer visit] options f]
  (var set-keys nil)
  (answer (merge (identity-of long-lived) options)
          |(set set-keys $)
          (fn [address]
            (f (fn [seconds session &opt options]
                 (at seconds (visit address (merge {:session session} (or options {})))))
               |(set-keys (keys-of $))
               address))))

(each protocol protocols
  (def [name lifetime] protocol)

  (test (string name ": a session is resumed within its time only, by the clock as it is then")
    (beside protocol {lifetime 1000}
      (fn [visit &]
        (def [_ session] (visit 0 nil))
        (each [seconds reused] [[500 true] [980 true] [1010 false] [(* 20 year) false] [0 true]]
          (is= reused (first (visit seconds session)) seconds)))))

  (test (string name ": a ticket that is issued on resumption does not extend the session's life")
    (beside protocol {lifetime 1000 :ticket-keys (keys-of ["k"])}
      (fn [visit set-keys &]
        (def [_ first-session] (visit 0 nil))
        (set-keys ["l" "k"]) # a ticket under an old key is replaced
        (def [again second-session] (visit 600 first-session))
        (is= true again)
        (is (not= first-session second-session))
        (is= true (first (visit 900 second-session)))
        (is= false (first (visit 1200 second-session))))))

  (test (string name
                ": a client ends its session after its own time, whatever the server's tickets say")
    (beside protocol {lifetime 604800 :ticket-keys (keys-of ["k"])}
      (fn [visit set-keys &]
        (def own {lifetime 1000})
        (def [_ first-session] (visit 0 nil own))
        (set-keys ["l" "k"])
        (def [again second-session] (visit 600 first-session own))
        (is= true again)
        (is= false (first (visit 1200 second-session own)))
        (is= true (first (visit 1200 second-session {lifetime 604800}))))))

  (test (string
          name
          ": a listener that shares the ticket keys resumes within its own time, and within "
          "the issuer's")
    (def shared {:ticket-keys (keys-of ["k"])})
    (defn session-of [seconds]
      (beside protocol (merge shared {lifetime seconds}) (fn [visit &] ((visit 0 nil) 1))))
    (def [brief-session long-session] (map session-of [1000 10000]))
    (def patient {lifetime 604800})
    (beside protocol (merge shared {lifetime 1000})
      (fn [visit &]
        (is= @[true false] (map |(first (visit $ long-session patient)) [900 1100]))))
    (beside protocol (merge shared {lifetime 10000})
      (fn [visit &]
        (is= @[true false] (map |(first (visit $ brief-session patient)) [900 1100])))))

  (each [what made] [["certificate" brief] ["intermediate CA" below-brief-ca]]
    (test (string name ": a client does not resume with a server whose " what " has expired since")
      (beside protocol (merge (identity-of made) {lifetime 604800})
        (fn [visit &]
          (def own {lifetime 604800})
          (def [_ session] (visit 0 nil own))
          (is= true (first (visit (* 20 hour) session own)))
          (fails-with "certificate has expired" (visit (* 25 hour) session own))
          # nor with a ticket that was issued on resumption
          (def [_ renewed] (visit (* 20 hour) session own))
          (fails-with "certificate has expired" (visit (* 25 hour) renewed own)))))

    (test (string name ": a server does not resume with a client whose " what " has expired since")
      (beside protocol
              {:verify true :ca-file (ca :cert) lifetime 604800 :ticket-keys (keys-of ["k"])}
        (fn [visit set-keys &]
          (def own (merge (identity-of made) {lifetime 604800}))
          (def [_ session] (visit 0 nil own))
          (set-keys ["l" "k"])
          (def [again renewed] (visit (* 20 hour) session own))
          (is= true again)
          (each offered [session renewed]
            (is= false (first (protect (visit (* 25 hour) offered own)))))
          # the session was refused for that alone: with a good certificate the same time is fine
          (is= false (first (visit (* 25 hour) session (merge own (identity-of long-lived)))))))))

  (test (string name ": a session offered before a deferred handshake is judged when that begins")
    (beside protocol {lifetime 604800}
      (fn [visit _ address]
        (def own {lifetime 1000})
        (def [_ session] (visit 0 nil own))
        (defn resumed? [seconds]
          (def connect (if (= name "DTLS") dtls/connect tls/connect))
          (def version (if (= name "TLS 1.2") {:max-version :TLS1_2} {}))
          (with [c (connect ;address (merge {:ca-file (ca :cert) :hostname "localhost"
                                             :handshake false}
                                            version own))]
            (:set-session c session)
            (at seconds (:handshake c))
            (:session-reused? c)))
        (is= [true false] [(resumed? 900) (resumed? 1100)]))))

  (test (string
          name
          ": with :verify-time sessions do not end with the certificate, nor without verification")
    (beside protocol (merge (identity-of brief) {lifetime 604800})
      (fn [visit &]
        (each own [{:verify-time (os/time)} {:verify false}]
          (def options (merge {lifetime 604800} own))
          (def [_ session] (visit 0 nil options))
          (is= true (first (visit (* 25 hour) session options))))))))

# ---- DTLS ----

(each jump jumps
  (test (string "a session of DTLS that is silent outlives the jump by " jump
                " s, and ends after its own time")
    (with [s (dtls/listen "127.0.0.1" 0
                          (merge datagrams/server-options {:session-timeout (* 0.8 slowness)}))
           dtls/close-server]
      (ev/go (fn [] (datagrams/serve s)))
      (with [c (datagrams/connect s)]
        (datagrams/ask c "before")
        (at jump
          (datagrams/ask c "after")
          (def took (seconds-of |(is= nil (:read c 1 nil (* 10 slowness)))))
          (is (<= 0.5 took (* 4 slowness)) took))))))

(defn- shaken
  ``Make a handshake in whose midst the clock jumps, as the client's second hello passes, and its
  fate is decided.``
  [jump fate]
  (datagrams/with-server [s]
    (def rule (fn [way n datagram] (if (and (= way :up) (= n 1)) (do (shift jump) fate) :pass)))
    (with-udp-proxy [p (datagrams/port-of s) {:rule rule}]
      (defer (shift 0)
        (with [c (datagrams/connect (p :port) {:handshake-timeout (* 1.5 slowness) :verify false
                                               :retransmit 0.1})]
          (datagrams/ask c "there"))))))

(each jump jumps
  (test (string "a handshake of DTLS goes on when the clock jumps by " jump " s in the midst of it")
    (shaken jump :pass)))

(test "a datagram of the handshake that is lost is sent again when the clock has jumped forward"
  (shaken (* 20 year) :lose))

# OpenSSL measures the wait for an answer by the wall clock, and nothing makes it send before that
# is over
(test (string "when the clock has jumped back, a handshake of which a datagram is lost ends "
              "after its time, and the next one is sound")
  (def took (seconds-of |(fails-with "handshake timed out" (shaken (- hour) :lose))))
  (is (<= (* 1.2 slowness) took (* 5 slowness)) took)
  (shaken 0 :lose))

(end)
