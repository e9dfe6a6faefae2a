# :on-verify: a function judges the peer's certificate after its verification. It may wait, and it
# may refuse the peer, but it never accepts what verification refused.
(import ../support/check :prefix "")
(import jsec/cert)
(import jsec/dtls)
(import jsec/tls)

(def ca (cert/generate-self-signed-cert {:common-name "CA" :key-type :ec-p256}))
(def other-ca (cert/generate-self-signed-cert {:common-name "Other" :key-type :ec-p256}))
(defn issue [name &opt by]
  (default by ca)
  (def made (cert/issue-cert {:issuer-cert (by :cert) :issuer-key (by :key) :common-name name
                              :san [(string "DNS:" name) "IP:127.0.0.1"] :key-type :ec-p256}))
  {:cert (made :cert) :key (made :key)})
(def own (issue "own.example"))
(def alice (issue "alice"))
(def stranger (issue "stranger" other-ca))
(def versions [:TLS1_2 :TLS1_3])

# Systems whose libc can't switch stacks have clients with :on-verify, and no servers. This file
# runs once more as on such a system.
(def waits? ((tls/features) :async))

(defmacro server-test [fact & body]
  ~(if waits?
     (test ,fact ,;body)
     (skip ,fact "this system has no asynchronous jobs")))

(defn- serve [options &opt loop-options]
  (def listener (tls/listen "127.0.0.1" 0))
  (def errors (ev/chan 1000))
  (ev/go (fn [] (tls/accept-loop listener options
                                 (fn [s] (:write s "ok") (ev/close s))
                                 (merge {:on-error (fn [text facts] (ev/give errors [text facts]))}
                                        (or loop-options {})))))
  {:listener listener :port (in (net/localname listener) 1) :errors errors})

(defn- visit [server options]
  (with [s (tls/connect "127.0.0.1" (server :port)
                        (merge {:hostname "own.example" :ca (ca :cert)} options))]
    (is= "ok" (string (:read s :all)))
    [(:session-reused? s) (:get-session s)]))

(defn- at [version] {:security {:max-version version}})
(def demanding (merge own {:verify true :ca (ca :cert)}))

(defn- recorder
  "A function that gives the answer, and the facts that it was called with."
  [&opt answer]
  (def seen @[])
  [seen (fn [facts] (array/push seen facts) answer)])

# ---- clients ----

(test "a client's function sees the verified chain, and keeps the verdict by true or nil"
  (def server (serve own))
  (defer (:close (server :listener))
    (each version versions
      (each answer [true nil]
        (def [seen judge] (recorder answer))
        (visit server (merge (at version) {:on-verify judge}))
        (is= 1 (length seen))
        (def facts (first seen))
        (is= ["own.example" "CA"] (tuple ;(map |(get-in $ [:subject :common-name])
                                               (facts :chain))))
        (is= [true nil "own.example" :client]
             [(facts :ok) (facts :reason) (facts :host) (facts :role)])
        (is= ["127.0.0.1" (server :port)] (facts :peername))))))

(test "a client's function may wait, while other fibers go on"
  (def server (serve own))
  (var ticks 0)
  (defer (:close (server :listener))
    (each version versions
      (def gate (ev/chan))
      (def done (ev/chan))
      (def options (merge (at version) {:on-verify (fn [_] (ev/take gate))}))
      (ev/go (fn [] (ev/give done (protect (visit server options)))))
      (repeat 20 (++ ticks) (ev/sleep 0.001))
      (is= 0 (ev/count done))
      (ev/give gate true)
      (is= true (first (ev/take done))))
    (is= 40 ticks)))

(test "words refuse the server, which gets bad_certificate"
  (def server (serve own))
  (defer (:close (server :listener))
    (each version versions
      (def words "not in the directory")
      (each judge [(fn [_] words) (fn [_] (ev/sleep 0.001) (buffer words))]
        (fails-with "tls/connect: certificate verify failed: not in the directory"
                    (visit server (merge (at version) {:on-verify judge})))
        (is (string/find "bad certificate" (first (ev/take (server :errors))))))
      (each no [false ""]
        (fails-with ":on-verify refused the peer"
                    (visit server (merge (at version) {:on-verify (fn [_] no)})))
        (ev/take (server :errors))))))

(test "a function that raises or gives another value refuses, with internal_error"
  (def server (serve own))
  (defer (:close (server :listener))
    (each version versions
      (each [judge why] [[(fn [_] (error "no database")) ":on-verify: no database"]
                         [(fn [_] (ev/sleep 0) (error {:code 1})) ":on-verify: "]
                         [(fn [_] 12)
                          "bad answer: expected true, nil or a reason as string, got 12"]
                         [(fn [_] :yes) "bad answer: "]
                         [(fn [_] {}) "bad answer: "]]
        (fails-with why (visit server (merge (at version) {:on-verify judge})))
        (is (string/find "internal error" (first (ev/take (server :errors)))))))))

(test "no answer accepts a server that verification refused, or whose pins do not fit"
  (def pin [(string "sha256//" (string/repeat "A" 43) "=")])
  (each identity [stranger own]
    (def server (serve identity))
    (defer (:close (server :listener))
      (each version versions
        (each judge [(fn [_] true) (fn [_] nil) (fn [_] (ev/sleep 0.001) true)]
          (def options (if (= identity own)
                         {:hostname "other.example" :verify-hostname "other.example"} {}))
          (fails-with (if (= identity own) "hostname mismatch" "certificate verify failed")
                      (visit server (merge (at version) {:on-verify judge} options)))
          (fails-with "pin mismatch"
                      (visit server (merge (at version) {:on-verify judge :pins pin
                                                         :verify false}))))))))

(test "the function hears what verification refused"
  (def server (serve stranger))
  (defer (:close (server :listener))
    (each version versions
      (def [seen judge] (recorder true))
      (fails-with "certificate verify failed"
                  (visit server (merge (at version) {:on-verify judge})))
      (def facts (first seen))
      (is= false (facts :ok))
      (is (string/find "issuer" (facts :reason)))
      (is= "stranger" (get-in facts [:chain 0 :subject :common-name]))
      (fails-with "certificate verify failed: my words"
                  (visit server (merge (at version) {:on-verify (fn [_] "my words")}))))))

(test "with :verify false the function decides about a server that verification refused"
  (def server (serve stranger))
  (defer (:close (server :listener))
    (each version versions
      (def [seen judge] (recorder true))
      (visit server (merge (at version) {:on-verify judge :verify false}))
      (is= [false "own.example"] [((first seen) :ok) ((first seen) :host)])
      (visit server (merge (at version) {:on-verify judge :verify false :ca (other-ca :cert)
                                         :verify-hostname "stranger"}))
      (is= [true nil] [((seen 1) :ok) ((seen 1) :reason)])
      (fails-with "known-hosts: another key"
                  (visit server (merge (at version) {:on-verify (fn [_] "known-hosts: another key")
                                                     :verify false})))
      (ev/take (server :errors)))))

(test "a handshake whose function gives no answer ends in time, and a late one does nothing"
  (def server (serve own))
  (defer (:close (server :listener))
    (each version versions
      (def [gate answered] [(ev/chan) (ev/chan)])
      (defn judge [_] (ev/take gate) (ev/give answered true) "late")
      (fails-with "a function of the options gave no answer within 0.05 s"
                  (visit server (merge (at version) {:on-verify judge :handshake-timeout 0.05})))
      (ev/give gate true)
      (is (ev/take answered))
      (fails-with "timeout"
                  (visit server (merge (at version) {:on-verify judge :timeout 0.05})))
      (ev/give gate true)
      (is (ev/take answered))
      (visit server (at version)))))

(test "a cancelled connect, a closed stream and a collected one leave the function without effect"
  (def server (serve own))
  (defer (:close (server :listener))
    (each version versions
      (def [asked gate answered] [(ev/chan) (ev/chan) (ev/chan 10)])
      (defn judge [_] (ev/give asked true) (ev/take gate) (ev/give answered true) true)
      (def options (merge (at version) {:on-verify judge :ca (ca :cert) :hostname "own.example"}))
      (defn connect [&opt more]
        (tls/connect "127.0.0.1" (server :port) (merge options (or more {}))))
      (def done (ev/chan))
      (def connecting (ev/go (fn [] (ev/give done (protect (connect))))))
      (ev/take asked)
      (ev/cancel connecting "given up")
      (is= [false "given up"] (ev/take done))
      (def s (connect {:handshake false}))
      (ev/go (fn [] (ev/give done (protect (:handshake s)))))
      (ev/take asked)
      (:close s)
      (is= [false "stream closed"] (ev/take done))
      (repeat 2 (ev/give gate true))
      (repeat 2 (ev/take answered))
      (gccollect))))

(test "the fiber of a function can be cancelled, which refuses the peer"
  (def server (serve own))
  (defer (:close (server :listener))
    (each version versions
      (var fiber nil)
      (def asked (ev/chan))
      (defn judge [_] (set fiber (fiber/root)) (ev/give asked true) (ev/sleep 100))
      (def done (ev/chan))
      (ev/go (fn [] (ev/give done (protect (visit server (merge (at version)
                                                                {:on-verify judge}))))))
      (ev/take asked)
      (ev/cancel fiber "stopped by an operator")
      (def [fine why] (ev/take done))
      (is= false fine)
      (is (string/find ":on-verify: stopped by an operator" why)))))

(test "a function may close the stream that it judges, and may connect on its own"
  (def server (serve own))
  (defer (:close (server :listener))
    (each version versions
      (var s nil)
      (set s (tls/connect "127.0.0.1" (server :port)
                          (merge (at version)
                                 {:handshake false :ca (ca :cert) :hostname "own.example"
                                  :on-verify (fn [_] (:close s) true)})))
      (fails-with "stream closed" (:handshake s))
      (var inner nil)
      (defn judge [_] (set inner (visit server (at version))) true)
      (visit server (merge (at version) {:on-verify judge}))
      (is= false (first inner)))))

# ---- servers ----

(server-test "a server's function sees the client's chain, and decides by it"
  (def [seen judge] (recorder))
  (def server (serve (merge demanding {:on-verify judge})))
  (defer (:close (server :listener))
    (each version versions
      (array/clear seen)
      (visit server (merge (at version) alice))
      (is= 1 (length seen))
      (def facts (first seen))
      (is= ["alice" "CA"] (tuple ;(map |(get-in $ [:subject :common-name]) (facts :chain))))
      (is= [true nil "own.example" :server]
           [(facts :ok) (facts :reason) (facts :host) (facts :role)])
      (is= "127.0.0.1" (first (facts :peername))))))

(server-test "a refused client gets bad_certificate, and :on-error the words"
  (each wait [0 0.01]
    (def server (serve (merge demanding
                              {:on-verify (fn [facts]
                                            (ev/sleep wait)
                                            (def name (get-in facts [:chain 0 :subject
                                                                     :common-name]))
                                            (unless (= "alice" name)
                                              (string name " is not in the directory")))})))
    (def bob (issue "bob"))
    (defer (:close (server :listener))
      (each version versions
        (visit server (merge (at version) alice))
        (fails-with "bad certificate" (visit server (merge (at version) bob)))
        (def [text facts] (ev/take (server :errors)))
        (is= "tls/accept-loop: certificate verify failed: bob is not in the directory" text)
        (is= [:handshake "own.example" "127.0.0.1"]
             [(facts :stage) (facts :server-name) (first (facts :peername))])))))

(server-test "no answer admits a client that verification refused, or that has no certificate"
  (each judge [(fn [_] true) (fn [_] nil) (fn [_] (ev/sleep 0.01) true)]
    (var asked 0)
    (def server (serve (merge demanding {:on-verify (fn [facts] (++ asked) (judge facts))})))
    (defer (:close (server :listener))
      (each version versions
        (set asked 0)
        (fails-with "unknown ca" (visit server (merge (at version) stranger)))
        (is (string/find "certificate verify failed" (first (ev/take (server :errors)))))
        (is= 1 asked)
        (is= false (first (protect (visit server (at version)))))
        (is (string/find "the client gave no certificate" (first (ev/take (server :errors)))))
        (is= 1 asked)))))

(server-test "with :verify :optional a client without a certificate is not judged, and admitted"
  (def server (serve (merge demanding {:verify :optional :on-verify (fn [_] "nobody")})))
  (defer (:close (server :listener))
    (each version versions
      (visit server (at version))
      (fails-with "bad certificate" (visit server (merge (at version) alice)))
      (ev/take (server :errors)))))

(server-test "a function that raises refuses its own handshake only, with internal_error"
  (defn judge [facts]
    (if (= "bob" (get-in facts [:chain 0 :subject :common-name])) (error "no database")))
  (def server (serve (merge demanding {:on-verify judge})))
  (def bob (issue "bob"))
  (defer (:close (server :listener))
    (each version versions
      (fails-with "internal error" (visit server (merge (at version) bob)))
      (is= "tls/accept-loop: certificate verify failed: :on-verify: no database"
           (first (ev/take (server :errors))))
      (visit server (merge (at version) alice)))))

(server-test "a hundred handshakes wait at the same time, and no more than :max-asking"
  (var [now top] [0 0])
  (defn judge [_]
    (++ now)
    (set top (max top now))
    (ev/sleep 0.05)
    (-- now)
    nil)
  (def server (serve (merge demanding {:on-verify judge})))
  (def results (ev/chan 100))
  (defer (:close (server :listener))
    (def began (os/clock :monotonic))
    (repeat 100 (ev/go (fn [] (ev/give results (protect (visit server alice))))))
    (repeat 100 (is= true (first (ev/take results))))
    (print "# 100 handshakes took " (- (os/clock :monotonic) began) " s, " top " waited at once")
    (is (> top 50)))
  (def gate (ev/chan))
  (def few (serve (merge demanding {:max-asking 3 :on-verify (fn [_] (ev/take gate))})))
  (defer (:close (few :listener))
    (repeat 5 (ev/go (fn [] (ev/give results (first (protect (visit few alice)))))))
    (is= [false false] [(ev/take results) (ev/take results)])
    (is (string/find ":max-asking others wait for :on-verify" (first (ev/take (few :errors)))))
    (repeat 3 (ev/give gate true))
    (is= [true true true] [(ev/take results) (ev/take results) (ev/take results)])))

(server-test "a server's handshake that waits too long fails, and the late answer does nothing"
  (def [gate answered] [(ev/chan) (ev/chan)])
  (defn judge [facts]
    (when (= "bob" (get-in facts [:chain 0 :subject :common-name]))
      (ev/take gate)
      (ev/give answered true))
    true)
  (def server (serve (merge demanding {:on-verify judge}) {:handshake-timeout 0.2}))
  (def bob (issue "bob"))
  (defer (:close (server :listener))
    (each version versions
      (def slow (ev/chan))
      (ev/go (fn [] (ev/give slow (protect (visit server (merge (at version) bob))))))
      (visit server (merge (at version) alice))
      (is= false (first (ev/take slow)))
      (is (string/find "a function of the options gave no answer"
                       (first (ev/take (server :errors)))))
      (ev/give gate true)
      (is (ev/take answered))
      (visit server (merge (at version) alice)))))

(server-test "functions may reload their context and close their listener"
  (var [context server] [nil nil])
  (defn reload [_] (tls/reload context demanding) (gccollect) true)
  (set context (tls/new-context (merge demanding {:on-hello reload :on-verify reload})))
  (set server (serve context))
  (each version versions (visit server (merge (at version) alice)))
  (:close (server :listener))
  (set server (serve (merge demanding {:on-hello (fn [_] (:close (server :listener)) true)
                                       :on-verify (fn [_] (gccollect) nil)})))
  (visit server alice))

(server-test "a function that nothing can resume is collected, and its handshake times out"
  (each name [:on-hello :on-verify]
    (def server (serve (merge demanding {name (fn [_] (ev/take (ev/chan)))})
                       {:handshake-timeout 0.2}))
    (defer (:close (server :listener))
      (def done (ev/chan))
      (ev/go (fn [] (ev/give done (protect (visit server alice)))))
      (repeat 10 (gccollect) (ev/sleep 0.01))
      (is= false (first (ev/take done)))
      (is (string/find "gave no answer" (first (ev/take (server :errors))))))))

(server-test "both ends can judge each other, and :on-hello and a staple can wait before"
  (def log @[])
  (defn note [word]
    (fn [& _] (ev/sleep 0.001) (array/push log word) (if (= word :staple) nil true)))
  (def server (serve (merge demanding {:on-verify (note :server) :on-hello (note :hello)
                                       :ocsp-response (note :staple)})))
  (defer (:close (server :listener))
    (each version versions
      (array/clear log)
      (visit server (merge (at version) alice {:on-verify (note :client) :ocsp true}))
      (is= [:hello :staple :client :server] (tuple ;log)))))

(server-test "the listener's function judges for virtual hosts, and for contexts of :on-hello"
  (def [seen judge] (recorder "refused"))
  (def hosts {"own.example" demanding "lax.example" (issue "lax.example")})
  (each options [{:sni hosts} {:on-hello |(in hosts ($ :server-name))}
                 {:on-hello |(tls/new-context (in hosts ($ :server-name)))}]
    (def server (serve (merge options {:on-verify judge})))
    (defer (:close (server :listener))
      (each version versions
        (array/clear seen)
        (fails-with "bad certificate" (visit server (merge (at version) alice)))
        (is= ["own.example"] (tuple ;(map |($ :host) seen)))
        (visit server (merge (at version) {:hostname "lax.example"}))
        (is= 1 (length seen))))))

# ---- sessions ----

(server-test "a session is resumed under the same function only, in both roles"
  (def [seen judge] (recorder))
  (def keys {:ticket-keys [(string/repeat "k" 80)]})
  (defn server-with [function]
    (serve (merge demanding keys (if function {:on-verify function} {}))))
  (def same [(server-with judge) (server-with judge)])
  (def [other none] [(server-with (fn [_] nil)) (server-with nil)])
  (each version versions
    (array/clear seen)
    (def options (merge (at version) alice))
    (def [reused session] (visit (same 0) options))
    (is= false reused)
    (def again (merge options {:session session}))
    (is= true (first (visit (same 0) again)))
    (is= true (first (visit (same 1) again)))
    (is= 1 (length seen))
    (is= false (first (visit other again)))
    (is= false (first (visit none again)))
    (def [_ lax] (visit none options))
    (is= false (first (visit (same 0) (merge options {:session lax}))))
    (is= 2 (length seen)))
  (each s [;same other none] (:close (s :listener))))

(test "a client's session belongs to its function"
  (def server (serve own))
  (def [seen judge] (recorder))
  (defer (:close (server :listener))
    (each version versions
      (array/clear seen)
      (def options (merge (at version) {:on-verify judge}))
      (def [_ session] (visit server options))
      (is= true (first (visit server (merge options {:session session}))))
      (is= 1 (length seen))
      (each other [(at version) (merge options {:on-verify (fn [_] nil)})]
        (fails-with "other verification" (visit server (merge other {:session session}))))
      (def [_ lax] (visit server (at version)))
      (fails-with "other verification" (visit server (merge options {:session lax}))))))

(server-test "a virtual host's session belongs to the listener's function"
  (def keys {:ticket-keys [(string/repeat "k" 80)]})
  (def hosts {:sni {"own.example" (merge own {:verify true :ca (ca :cert)})}})
  (def [strict lax] [(serve (merge hosts keys {:on-verify (fn [_] "refused")}))
                     (serve (merge hosts keys))])
  (each version versions
    (def options (merge (at version) alice))
    (def [_ session] (visit lax options))
    (is= true (first (visit lax (merge options {:session session}))))
    (fails-with "bad certificate" (visit strict (merge options {:session session}))))
  (each s [strict lax] (:close (s :listener))))

# ---- options ----

(server-test "a reload keeps the function, and sessions live on"
  (def [seen judge] (recorder))
  (def context (tls/new-context (merge demanding {:on-verify judge})))
  (def server (serve context))
  (defer (:close (server :listener))
    (def [_ session] (visit server alice))
    (tls/reload context demanding)
    (is= true (first (visit server (merge alice {:session session}))))
    (visit server alice)
    (is= 2 (length seen))
    (fails-with "a reload keeps" (tls/reload context (merge demanding {:on-verify judge})))))

(server-test "what the function could not do is refused when a server is made"
  (def judge (fn [_] true))
  (fails-with "a server needs :verify true or :optional"
              (tls/accept-loop (tls/listen "127.0.0.1" 0) (merge own {:on-verify judge}) (fn [s])))
  (fails-with ":renegotiation" (tls/new-context (merge demanding {:on-verify judge
                                                                  :renegotiation true})))
  (fails-with "expected function" (tls/new-context (merge demanding {:on-verify true})))
  (fails-with "it is the listener's"
              (tls/new-context (merge own {:sni {"a.example" (merge demanding
                                                                    {:on-verify judge})}})))
  (fails-with "it is the listener's"
              (tls/new-context
                (merge own {:sni {"a.example" (tls/new-context (merge demanding
                                                                      {:on-verify judge}))}}))))

(server-test "a certificate after the handshake can't be judged, and is not asked for"
  (def listener (tls/listen "127.0.0.1" 0))
  (defer (:close listener)
    (def heard (ev/chan 1))
    (ev/go (fn []
             (with [s (tls/accept listener (merge demanding {:verify :optional
                                                             :on-verify (fn [_] nil)}))]
               (ev/give heard (protect (:request-certificate s)))
               (:write s "ok"))))
    (with [s (tls/connect "127.0.0.1" (in (net/localname listener) 1)
                          (merge alice {:hostname "own.example" :ca (ca :cert)
                                        :post-handshake-auth true}))]
      (is= "ok" (string (:read s 10)))
      (def [fine why] (ev/take heard))
      (is (string/find "a certificate after the handshake can't wait for :on-verify" (string why))
          why))))

(unless waits?
  (test "without asynchronous jobs a server with the function is refused"
    (fails-with "see :async of tls/features"
                (tls/accept-loop (tls/listen "127.0.0.1" 0)
                                 (merge demanding {:on-verify (fn [_] true)}) (fn [s])))))

# ---- memory ----

(defn- resident []
  (scan-number (first (peg/match '(* :d+ " " (<- :d+)) (slurp "/proc/self/statm")))))

(defn- grown
  "The pages that 90 percent of `count` calls add; the first tenth warms up."
  [count call]
  (call (math/ceil (/ count 10)))
  (gccollect)
  (def before (resident))
  (call (math/floor (* 0.9 count)))
  (gccollect)
  (- (resident) before))

(if (and waits? (os/stat "/proc/self/statm"))
  (test "ten thousand handshakes that are abandoned while they wait take no memory"
    :deadline 120
    (def gate (ev/chan))
    (var asked 0)
    (def server (serve own))
    (def context (tls/new-context {:ca (ca :cert)
                                   :on-verify (fn [_] (++ asked) (ev/take gate) true)}))
    (defn abandon [count]
      (def before asked)
      (def streams
        (seq [_ :range [0 count]]
          (tls/connect "127.0.0.1" (server :port)
                       {:context context :hostname "own.example" :handshake false})))
      (each s streams (ev/go (fn [] (protect (:handshake s)))))
      (while (< asked (+ before count)) (ev/sleep 0.001))
      (each s streams (:close s))
      (repeat count (ev/give gate true))
      (repeat count (ev/take (server :errors))))
    (defer (:close (server :listener))
      (def pages (grown (load 10000) (fn [n] (repeat (math/ceil (/ n 100)) (abandon 100)))))
      (print "# " asked " abandoned, " pages " pages more")
      # sanitizers keep what is freed; a leaked stack has 8 pages
      (unless (os/getenv "JSEC_SLOW") (is (< pages 2500) (string pages " pages")))))
  (skip "ten thousand handshakes that are abandoned while they wait take no memory"
        "no jobs or no /proc"))

(if (and waits? (not (os/getenv "JSEC_NO_ASYNC")))
  (test "all of it holds for clients without asynchronous jobs"
    :deadline 60
    (is= 0 (os/execute ["janet" (dyn *current-file*)] :pe
                       (merge (os/environ) {"JSEC_NO_ASYNC" "1"
                                            :out (file/open "/dev/null" :w)})))))

(end)
