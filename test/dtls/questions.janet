# Functions that a DTLS handshake asks and waits for: :on-hello and :on-verify. The staples are in
# tls/ocsp.
(import ../support/check :prefix "")
(import ../support/dtls :prefix "")
(import jsec/dtls)
(import jsec/tls)

(def waits? ((tls/features) :async))

(defn- meet
  "Connect, echo, and return the common name of the server's certificate."
  [server &opt options]
  (with-client [c server (merge plain (or options {}))]
    (echoes c)
    (get-in (:peer-certificate c :data) [:subject :common-name])))

(defn- collector [] (def errors (ev/chan 1000))
  [errors (fn [text facts] (ev/give errors [text facts]))])

# ---- :on-hello ----

(def a-example (issue "a.example"))
(def served-a {:cert (a-example :cert) :key (a-example :key)})

(test "a function of the ClientHello chooses the context, at once or after a wait"
  (each wait [nil 0 0.05]
    (each base [{} served]
      (def seen @[])
      (defn judge [hello]
        (array/push seen hello)
        (if wait (ev/sleep wait))
        (if (= "a.example" (hello :server-name)) served-a (dtls/new-context served)))
      (with-server [server (merge base {:on-hello judge})]
        (is= "a.example" (meet server {:hostname "A.Example" :verify-hostname "a.example"}))
        (is= "server.example" (meet server {:hostname "server.example"}))
        (is= 2 (length seen))
        (def hello (first seen))
        (is= "a.example" (hello :server-name))
        (is (index-of "DTLSv1.2" (hello :versions)))
        (is (index-of "x25519" (hello :groups)))
        (is (index-of 0 (hello :extensions)))
        (is (index-of 10 (hello :extensions)))
        (is= false (hello :session?))
        (is= "127.0.0.1" (first (hello :peername)))
        (is (peg/match '(* "dd2d" :d :d :d :d "00_" (12 :h) "_" (12 :h) -1) (hello :ja4))
            (hello :ja4))))))

(test "a refusal sends the alert, and a function that raises fails its own handshake"
  (def answers {"nil.example" (fn [] nil) "denied.example" (fn [] {:alert :access-denied})
                "raise.example" (fn [] (error "no database")) "server.example" (fn [] true)
                "number.example" (fn [] 12)})
  (def [errors on-error] (collector))
  (defn judge [hello] ((in answers (hello :server-name))))
  (with-server [server (merge served {:on-hello judge :on-error on-error})]
    (each [name why told] [["nil.example" "serves no host" ":on-hello refused the client"]
                           ["denied.example" "access denied" ":on-hello refused the client"]
                           ["raise.example" "internal error" ":on-hello: no database"]
                           ["number.example" "internal error" ":on-hello: bad answer"]]
      (fails-with why (meet server {:hostname name}))
      (def [text facts] (ev/take errors))
      (is (string/find told text) text)
      (is= [:handshake name] [(facts :stage) (facts :server-name)])
      (is= "server.example" (meet server {:hostname "server.example"})))))

(test "a function that waits too long costs its own handshake only"
  (def [gate answered] [(ev/chan) (ev/chan)])
  (defn judge [hello]
    (when (= "slow.example" (hello :server-name)) (ev/take gate) (ev/give answered true))
    true)
  (def [errors on-error] (collector))
  (with-server [server (merge served {:on-hello judge :on-error on-error :handshake-timeout 0.3})]
    (def slow (ev/chan))
    (ev/go (fn [] (ev/give slow (protect (meet server {:hostname "slow.example"
                                                       :handshake-timeout 0.6})))))
    (is= "server.example" (meet server {:hostname "server.example"}))
    (is= false (first (ev/take slow)))
    (is (string/find "gave no answer within 0.3 s" (first (ev/take errors))))
    (ev/give gate true)
    (is (ev/take answered))
    (is= "server.example" (meet server {:hostname "server.example"}))))

(test "a server that closes, or is collected, while functions wait leaves them without effect"
  (def [asked gate answered] [(ev/chan) (ev/chan) (ev/chan)])
  (defn judge [_] (ev/give asked true) (ev/take gate) (ev/give answered true) true)
  (def server (dtls/listen "127.0.0.1" 0 (merge served {:on-hello judge})))
  (def done (ev/chan))
  (def port (port-of server))
  (ev/go (fn [] (ev/give done (protect (dtls/connect "127.0.0.1" port
                                                     (merge plain {:handshake-timeout 0.3}))))))
  (ev/take asked)
  (ev/close server)
  (ev/give gate true)
  (is (ev/take answered))
  (is= false (first (ev/take done)))
  (gccollect))

(test "a hundred handshakes wait at the same time, and more than :max-asking are refused"
  (var [now top] [0 0])
  (defn judge [_] (++ now) (set top (max top now)) (ev/sleep 0.05) (-- now) true)
  (def results (ev/chan 100))
  (with-server [server (merge served {:on-hello judge})]
    (repeat 100 (ev/go (fn [] (ev/give results (first (protect (meet server)))))))
    (repeat 100 (is= true (ev/take results)))
    (is (> top 50) top))
  (def gate (ev/chan))
  (with-server [server (merge served {:on-hello (fn [_] (ev/take gate) true) :max-asking 1})]
    (repeat 3 (ev/go (fn [] (ev/give results (first (protect (meet server)))))))
    (is= [false false] [(ev/take results) (ev/take results)])
    (ev/give gate true)
    (is= true (ev/take results))))

# ---- :on-verify ----

(def with-cert (merge plain {:cert (client-cert :cert) :key (client-cert :key)}))
(def demanding (merge served {:verify true :ca (root :cert)}))

(test "a client's function judges the server, and may wait"
  (with-server [server served]
    (each wait [nil 0 0.4] # 0.4: longer than the first retransmission
      (def seen @[])
      (defn judge [facts] (array/push seen facts) (if wait (ev/sleep wait)) true)
      (is= "server.example" (meet server {:on-verify judge}))
      (is= @[[true "127.0.0.1" :client]] (map |[($ :ok) ($ :host) ($ :role)] seen))
      (is= ["server.example" "root"]
           (tuple ;(map |(get-in $ [:subject :common-name]) ((first seen) :chain)))))
    (fails-with "certificate verify failed: not known"
                (meet server {:on-verify (fn [_] "not known")}))
    (fails-with ":on-verify: no database"
                (meet server {:on-verify (fn [_] (ev/sleep 0) (error "no database"))}))
    (fails-with "gave no answer" (meet server {:on-verify (fn [_] (ev/sleep 1) true)
                                               :handshake-timeout 0.1}))
    (fails-with "certificate verify failed"
                (meet server {:on-verify (fn [_] true) :ca (self-signed :cert)}))))

(if waits?
  (do
    (test "a server's function judges clients, and may wait"
      (def chain (string (client-cert :cert) (string/repeat (root :cert) 6))) # several datagrams
      (each wait [nil 0 0.4]
        (def seen @[])
        (defn judge [facts] (array/push seen facts) (if wait (ev/sleep wait)) nil)
        (with-server [server (merge demanding {:on-verify judge})]
          (is= "server.example" (meet server (merge with-cert {:hostname "server.example"})))
          (is= "server.example" (meet server (merge with-cert {:cert chain})))
          (is= [true :server "server.example" "127.0.0.1" "client.example"]
               (let [facts (first seen)]
                 [(facts :ok) (facts :role) (facts :host) (first (facts :peername))
                  (get-in facts [:chain 0 :subject :common-name])]))
          (is= 2 (length seen)))))
    (test "datagrams that come while the function waits are not lost"
      (def chain (string (client-cert :cert) (string/repeat (root :cert) 6)))
      (with-server [server (merge demanding {:on-verify (fn [_] (ev/sleep 0.02) nil)})]
        (def began (os/clock :monotonic))
        (repeat 5 (meet server (merge with-cert {:cert chain :retransmit 10})))
        (is (< (- (os/clock :monotonic) began) 5))))
    (test "a client that the function refuses gets an alert, and no answer admits a bad one"
      (def [errors on-error] (collector))
      (each judge [(fn [_] "not in the directory")
                   (fn [_] (ev/sleep 0.01) "not in the directory")]
        (with-server [server (merge demanding {:on-verify judge :on-error on-error})]
          (fails-with "bad certificate" (meet server with-cert))
          (is (string/find "certificate verify failed: not in the directory"
                           (first (ev/take errors))))))
      (with-server [server (merge demanding {:on-verify (fn [_] (ev/sleep 0) true)
                                             :on-error on-error})]
        (fails-with "handshake failed" (meet server (merge plain {:cert (self-signed :cert)
                                                                   :key (self-signed :key)})))
        (is (string/find "certificate verify failed" (first (ev/take errors))))
        (fails-with "handshake failed" (meet server))
        (ev/take errors)))
    (test "handshakes that end while a server's function waits take no memory"
      :deadline 60
      (def gate (ev/chan))
      (var asked 0)
      (defn judge [_] (++ asked) (ev/take gate) true)
      (defn abandon [count]
        (def before asked)
        (with [server (dtls/listen "127.0.0.1" 0 (merge demanding {:on-verify judge}))]
          (def clients (seq [_ :range [0 count]] (ev/go (fn [] (protect (meet server with-cert))))))
          (while (< asked (+ before count)) (ev/sleep 0.001))
          (each c clients (ev/cancel c "enough")))
        (repeat count (ev/give gate true)))
      (defn resident []
        (scan-number (first (peg/match '(* :d+ " " (<- :d+)) (slurp "/proc/self/statm")))))
      (when (os/stat "/proc/self/statm")
        (repeat 2 (abandon 50))
        (gccollect)
        (def before (resident))
        (repeat 5 (abandon 50))
        (gccollect)
        (def pages (- (resident) before))
        (print "# " asked " handshakes, " pages " pages more")
        (unless (os/getenv "JSEC_SLOW") (is (< pages 1000) (string pages " pages"))))))
  (skip "servers judge clients" "this system has no asynchronous jobs"))

(end)
