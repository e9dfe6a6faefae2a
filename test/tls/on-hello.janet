# :on-hello: a function judges each ClientHello, may wait, and says with what the server goes on.
(import ../support/check :prefix "")
(import jsec/cert)
(import jsec/tls)

(def ca (cert/generate-self-signed-cert {:common-name "CA" :key-type :ec-p256}))
(defn issue [name]
  (def made (cert/issue-cert {:issuer-cert (ca :cert) :issuer-key (ca :key) :common-name name
                              :san [(string "DNS:" name)] :key-type :ec-p256}))
  {:cert (made :cert) :key (made :key)})
(def own (issue "own.example"))
(def versions [:TLS1_2 :TLS1_3])

(defn- serve
  "A loop that greets clients: its port, and a channel of what :on-error hears."
  [options &opt loop-options]
  (def listener (tls/listen "127.0.0.1" 0))
  (def errors (ev/chan 1000))
  (ev/go (fn [] (tls/accept-loop listener options
                                 (fn [s] (:write s "ok") (ev/close s))
                                 (merge {:on-error |(ev/give errors $)} (or loop-options {})))))
  {:listener listener :port (in (net/localname listener) 1) :errors errors})

(defn- meet
  "Ask for a name; the common name of the certificate that the server shows."
  [server name &opt options]
  (with [s (tls/connect "127.0.0.1" (server :port)
                        (merge {:hostname name :ca (ca :cert)} (or options {})))]
    (is= "ok" (string (:read s :all)))
    (get-in (:peer-certificate s :data) [:subject :common-name])))

(defn- at [version] {:security {:max-version version}})

(test "the function's context serves, made by need, with or without a certificate of the listener"
  (each base [{} own]
    (def made @{})
    (defn judge [hello]
      (def name (hello :server-name))
      (ev/sleep 0.001)
      (or (made name) (put made name (tls/new-context (issue name))))
      (made name))
    (def server (serve (merge base {:on-hello judge})))
    (defer (:close (server :listener))
      (each version versions
        (is= "a.example" (meet server "a.example" (at version)))
        (is= "b.example" (meet server "B.Example" (at version))))
      (is= 2 (length made)))))

(test "options serve as a context does, and true goes on with the listener's"
  (def other (issue "a.example"))
  (def server (serve (merge own {:on-hello |(if (= "a.example" ($ :server-name)) other true)})))
  (defer (:close (server :listener))
    (each version versions
      (is= "a.example" (meet server "a.example" (at version)))
      (is= "own.example" (meet server "own.example" (at version))))))

(test "true goes on with the virtual hosts, and refuses where nothing serves the name"
  (def server (serve {:sni {"a.example" (issue "a.example")} :on-hello (fn [hello] true)}))
  (defer (:close (server :listener))
    (is= "a.example" (meet server "a.example"))
    (fails-with "no host of the name" (meet server "b.example"))))

(test "a refusal sends the alert it names, and nil unrecognized_name"
  (def answers {"nil.example" nil "false.example" false "denied.example" {:alert :access-denied}
                "alpn.example" {:alert :no-application-protocol}})
  (def server (serve (merge own {:on-hello |(in answers ($ :server-name))})))
  (defer (:close (server :listener))
    (each version versions
      (each [name why] [["nil.example" "serves no host of the name"]
                        ["false.example" "serves no host of the name"]
                        ["denied.example" "access denied"]
                        ["alpn.example" "knows none of our :alpn protocols"]]
        (fails-with why (meet server name (at version)))
        (is= "tls/accept-loop: handshake failed: :on-hello refused the client"
             (ev/take (server :errors)))))))

(test ":on-error hears the name that was refused"
  (def facts (ev/chan 1))
  (def server (serve (merge own {:on-hello (fn [_] nil)})
                     {:on-error (fn [text about] (ev/give facts about))}))
  (defer (:close (server :listener))
    (fails-with "serves no host" (meet server "Refused.example"))
    (def about (ev/take facts))
    (is= [:handshake "refused.example" "127.0.0.1"]
         [(about :stage) (about :server-name) (first (about :peername))])))

(test "a function that raises, or gives what can't serve, fails its own handshake only"
  (def answers {"raise.example" (fn [] (error "no database"))
                "number.example" (fn [] 12)
                "alert.example" (fn [] {:alert :no-such})
                "bare.example" (fn [] (tls/new-context {:ca (ca :cert)}))
                "option.example" (fn [] {:certificate "x"})
                "hosts.example" (fn [] (tls/new-context {:sni {"hosts.example" own}}))
                "own.example" (fn [] true)})
  (def server (serve (merge own {:on-hello |((in answers ($ :server-name)))})))
  (defer (:close (server :listener))
    (each version versions
      (each [name why] [["raise.example" ":on-hello: no database"]
                        ["number.example" ":on-hello: bad answer"]
                        ["alert.example" "no alert has this name: :no-such"]
                        ["bare.example" "a server needs a certificate"]
                        ["option.example" ":certificate"]
                        ["hosts.example" "which are the listener's"]]
        (fails-with "internal error" (meet server name (at version)))
        (def heard (ev/take (server :errors)))
        (is (string/find why heard) heard))
      (is= "own.example" (meet server "own.example" (at version))))))

(test "options in an answer that only a listener uses are refused by name"
  (def listeners {:ticket-keys [(string/repeat "k" 80)] :session-cache-size 10 :session-timeout 60
                  :handshake-timeout 5 :close-timeout 5 :buffer-size 4096 :max-asking 5
                  :sni {"a.example" own} :on-hello (fn [_] true) :on-verify (fn [_] true)})
  (var answer nil)
  (def server (serve {:on-hello (fn [_] answer)}))
  (defer (:close (server :listener))
    (eachp [name value] listeners
      (set answer (merge own {name value}))
      (fails-with "internal error" (meet server "own.example"))
      (def heard (ev/take (server :errors)))
      (is (string/find (string "option :" name " in an answer: it is the listener's") heard) heard))
    (set answer (tls/new-context (merge own {:verify true :ca (ca :cert)
                                             :on-verify (fn [_] true)})))
    (fails-with "internal error" (meet server "own.example"))
    (is (string/find "which are the listener's" (ev/take (server :errors))))
    (set answer own)
    (is= "own.example" (meet server "own.example"))))

(test "one handshake that waits forever ends at its time limit, beside others that go on"
  (def gate (ev/chan))
  (def answered (ev/chan))
  (defn judge [hello]
    (when (= "slow.example" (hello :server-name))
      (ev/take gate)
      (ev/give answered true))
    true)
  (def server (serve (merge own {:on-hello judge}) {:handshake-timeout 0.2}))
  (defer (:close (server :listener))
    (each version versions
      (def slow (ev/chan))
      (ev/go (fn [] (ev/give slow (protect (meet server "slow.example" (at version))))))
      (is= "own.example" (meet server "own.example" (at version)))
      (is= false (first (ev/take slow)))
      (is (string/find "a function of the options gave no answer" (ev/take (server :errors))))
      (ev/give gate :late)
      (is (ev/take answered))
      (is= "own.example" (meet server "own.example" (at version))))))

(test "an answer after the stream's close does nothing"
  (def [called gate answered] [(ev/chan) (ev/chan) (ev/chan)])
  (def listener (tls/listen "127.0.0.1" 0))
  (defn judge [hello] (ev/give called true) (ev/take gate) (ev/give answered true) own)
  (defer (:close listener)
    (def client (ev/go (fn [] (protect (tls/connect "127.0.0.1" (in (net/localname listener) 1)
                                                    {:hostname "a.example" :ca (ca :cert)})))))
    (def s (tls/accept listener {:on-hello judge :handshake false}))
    (def done (ev/chan))
    (ev/go (fn [] (ev/give done (protect (:handshake s)))))
    (ev/take called)
    (:close s)
    (is= [false "stream closed"] (ev/take done))
    (ev/give gate true)
    (is (ev/take answered))
    (gccollect)
    (ev/sleep 0)))

(test "no more than :max-asking handshakes wait"
  (def gate (ev/chan))
  (var asked 0)
  (def server (serve (merge own {:max-asking 3 :on-hello (fn [_] (++ asked) (ev/take gate) true)})))
  (defer (:close (server :listener))
    (def results (ev/chan 10))
    (repeat 5 (ev/go (fn [] (ev/give results (first (protect (meet server "own.example")))))))
    (is= [false false] [(ev/take results) (ev/take results)])
    (is (string/find ":max-asking others wait" (ev/take (server :errors))))
    (is= 3 asked)
    (repeat 3 (ev/give gate :go))
    (is= [true true true] [(ev/take results) (ev/take results) (ev/take results)])
    (ev/go (fn [] (ev/give gate :go)))
    (is= "own.example" (meet server "own.example"))))

(test "a hundred handshakes wait at the same time"
  (var [now top] [0 0])
  (defn judge [hello]
    (++ now)
    (set top (max top now))
    (ev/sleep 0.05)
    (-- now)
    true)
  (def server (serve (merge own {:on-hello judge})))
  (defer (:close (server :listener))
    (def results (ev/chan 100))
    (def began (os/clock :monotonic))
    (repeat 100 (ev/go (fn [] (ev/give results (meet server "own.example")))))
    (repeat 100 (is= "own.example" (ev/take results)))
    (print "# 100 handshakes took " (- (os/clock :monotonic) began) " s, " top " waited at once")
    (is (> top 50))))

(test "resumed sessions are judged, and not resumed under a context that verifies more"
  (def lax (issue "a.example"))
  (var answer lax)
  (def asked @[])
  (defn judge [hello] (array/push asked (hello :session?)) answer)
  (def server (serve {:on-hello judge}))
  (defn visit [options]
    (with [s (tls/connect "127.0.0.1" (server :port)
                          (merge {:hostname "a.example" :ca (ca :cert)} options))]
      (:read s :all)
      [(:session-reused? s) (:get-session s)]))
  (defer (:close (server :listener))
    (each version versions
      (array/clear asked)
      (set answer lax)
      (def [reused session] (visit (at version)))
      (is= false reused)
      (def again (merge (at version) {:session session}))
      (is= true (first (visit again)))
      (set answer (merge lax {:verify :optional :ca (ca :cert)}))
      (is= false (first (visit again)))
      (is= [false true true] (tuple ;asked)))))

# ---- what the function sees ----

(defn- u16 [n] (string/from-bytes (div n 256) (% n 256)))
(defn- vector16 [& parts] (def body (string ;parts)) (string (u16 (length body)) body))
(defn- extension [type & parts] (string (u16 type) (vector16 ;parts)))
(defn- numbers [& list] (string ;(map u16 list)))

(defn- raw-hello
  ``The record of a ClientHello with the ciphers and extensions of Chrome, and GREASE. Without a
  share of a key the server asks for another hello (HelloRetryRequest).``
  [name &opt shares]
  (default shares (string (u16 0x1d) (vector16 (string/repeat "k" 32))))
  (def extensions
    [(extension 0x0a0a) (extension 0 (vector16 "\0" (vector16 name)))
     (extension 0x17) (extension 0xff01 "\0")
     (extension 0x0a (vector16 (numbers 0x2a2a 0x1d 0x17 0x18))) (extension 0x0b "\x01\0")
     (extension 0x23) (extension 0x10 (vector16 "\x02h2\x08http/1.1"))
     (extension 5 "\x01\0\0\0\0")
     (extension 0x0d (vector16 (numbers 0x0403 0x0804 0x0401 0x0503 0x0805 0x0501 0x0806 0x0601)))
     (extension 0x12) (extension 0x33 (vector16 shares))
     (extension 0x2d "\x01\x01") (extension 0x2b "\x06\x3a\x3a\x03\x04\x03\x03")
     (extension 0x1b "\x02\0\x02") (extension 0x4469 (vector16 "\x02h2"))
     (extension 0x15 "\0\0")])
  (def body (string "\x03\x03" (string/repeat "r" 32) "\0"
                    (vector16 (numbers 0x1a1a 0x1301 0x1302 0x1303 0xc02b 0xc02f 0xc02c 0xc030
                                       0xcca9 0xcca8 0xc013 0xc014 0x9c 0x9d 0x2f 0x35))
                    "\x01\0" (vector16 ;extensions)))
  (string "\x16\x03\x01" (vector16 "\x01\0" (vector16 body))))

(defn- send-raw [server bytes]
  (with [s (net/connect "127.0.0.1" (string (server :port)))]
    (:write s bytes)
    (:read s 4096 nil 5)))

(test "the function sees what the client offers, without GREASE"
  (var seen nil)
  (def server (serve (merge own {:on-hello (fn [hello] (set seen hello) nil)})))
  (defer (:close (server :listener))
    (is= "\x15\x03\x03\0\x02\x02\x70" (string (send-raw server (raw-hello "A.Example")))))
  (is= "a.example" (seen :server-name))
  (is= ["h2" "http/1.1"] (seen :alpn))
  (is= ["TLSv1.3" "TLSv1.2"] (seen :versions))
  (is= "TLS_AES_128_GCM_SHA256" (first (seen :ciphers)))
  (is= 15 (length (seen :ciphers)))
  (is= ["x25519" "secp256r1" "secp384r1"] (seen :groups))
  (is= "ecdsa_secp256r1_sha256" (first (seen :signature-algorithms)))
  (is= [0 0x17 0xff01 0x0a 0x0b 0x23 0x10 5 0x0d 0x12 0x33 0x2d 0x2b 0x1b 0x4469 0x15]
       (tuple ;(seen :extensions)))
  (is= false (seen :session?))
  (is= "127.0.0.1" (first (seen :peername)))
  # FoxIO's own example, of Chrome
  (is= "t13d1516h2_8daaf6152771_e5627efa2ab1" (seen :ja4)))

(test "a later ClientHello can't ask for another host"
  (each answer [true (tls/new-context own)]
    (var asked 0)
    (def server (serve (merge own {:on-hello (fn [hello] (++ asked) answer)})))
    (defn second-hello [name]
      (with [s (net/connect "127.0.0.1" (string (server :port)))]
        (:write s (raw-hello "a.example" ""))
        (is= "\x16" (string (:chunk s 1 nil 5)) "a HelloRetryRequest")
        (def length (:chunk s 4 nil 5))
        (:chunk s (+ (* 256 (length 2)) (length 3)) nil 5)
        (is= "\x14\x03\x03\0\x01\x01" (string (:chunk s 6 nil 5)))
        (:write s (raw-hello name))
        (string (:chunk s 7 nil 5))))
    (defer (:close (server :listener))
      (is= "\x16" (string/slice (second-hello "a.example") 0 1))
      (is= "\x15\x03\x03\0\x02\x02\x2f" (second-hello "b.example"))
      (is= 2 asked)
      (var heard (ev/take (server :errors)))
      (unless (string/find "another host" heard) (set heard (ev/take (server :errors))))
      (is (string/find "asks for another host than before" heard)))))

(test "names that are no host names never reach the function"
  (var asked 0)
  (def server (serve (merge own {:on-hello (fn [hello] (++ asked) true)})))
  (defer (:close (server :listener))
    (each name ["" "a\0b" "../etc/passwd" "a..b" "a b" "\xffexample"
                (string/repeat "a" 300) "a.example\n" "a;rm"]
      (def got (string (send-raw server (raw-hello name))))
      (is= "\x15" (string/slice got 0 1) (describe name))
      (is (string/find "names no sound host" (ev/take (server :errors))))))
  (is= 0 asked))

(test "ten thousand handshakes that clients abandon while they wait take no memory"
  :deadline 60
  (defn resident []
    (scan-number (first (peg/match '(* :d+ " " (<- :d+)) (slurp "/proc/self/statm")))))
  (var asked 0)
  (def gate (ev/chan))
  (def server (serve (merge own {:on-hello (fn [_] (++ asked) (ev/take gate) nil)})
                     {:max-handshakes-per-host 1000}))
  (def hello (raw-hello "own.example"))
  (defn abandon [count]
    (def before asked)
    (def clients (seq [_ :range [0 count]] (net/connect "127.0.0.1" (string (server :port)))))
    (each c clients (:write c hello))
    (while (< asked (+ before count)) (ev/sleep 0.001))
    (each c clients (:close c))
    (repeat count (ev/give gate :late))
    (repeat count (ev/take (server :errors))))
  (defer (:close (server :listener))
    (repeat 10 (abandon 100))
    (gccollect)
    (def before (if (os/stat "/proc/self/statm") (resident) 0))
    (repeat (max 5 (math/floor (* 90 (scan-number (os/getenv "JSEC_LOAD" "1"))))) (abandon 100))
    (gccollect)
    (def grown (if (os/stat "/proc/self/statm") (- (resident) before) 0))
    (print "# " asked " abandoned, " grown " pages more")
    # sanitizers keep what is freed
    (unless (os/getenv "JSEC_SLOW") (is (< grown 2000) (string grown " pages")))))

(test "a reload keeps the function"
  (var asked 0)
  (def context (tls/new-context (merge own {:on-hello (fn [_] (++ asked) true)})))
  (def server (serve context))
  (defer (:close (server :listener))
    (is= "own.example" (meet server "own.example"))
    (tls/reload context (issue "a.example"))
    (is= "a.example" (meet server "a.example"))
    (is= 2 asked)
    (fails-with "a reload keeps" (tls/reload context (merge own {:on-hello (fn [_] nil)})))
    (fails-with "a reload keeps" (tls/reload context (merge own {:max-asking 1})))))

(test ":on-hello is the listener's, and a server's"
  (fails-with "it is the listener's"
    (tls/new-context (merge own {:sni {"a.example" {:on-hello (fn [_] true)}}})))
  (fails-with "it is the listener's"
    (tls/new-context (merge own {:sni {"a.example" (tls/new-context {:on-hello (fn [_] true)})}})))
  (fails-with "expected function" (tls/new-context (merge own {:on-hello 1})))
  (fails-with "max-asking" (tls/new-context (merge own {:max-asking 0})))
  (fails-with ":on-hello" (tls/connect "127.0.0.1" 1 {:on-hello (fn [_] true)})))

(end)
