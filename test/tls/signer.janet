# :signer: a function signs with a key that lives elsewhere, and may wait.
(import ../support/check :prefix "")
(import jsec/cert)
(import jsec/crypto)
(import jsec/dtls)
(import jsec/tls)

(def ca (cert/generate-self-signed-cert {:common-name "CA" :key-type :ec-p256}))
(defn issue [name type &opt more]
  (def made (cert/issue-cert (merge {:issuer-cert (ca :cert) :issuer-key (ca :key)
                                     :common-name name :san [(string "DNS:" name)] :key-type type}
                                    (or more {}))))
  {:cert (made :cert) :key (made :key)})

(def kinds "Key types and the versions that sign with them."
  {:ec-p256 [:TLS1_2 :TLS1_3] :ec-p384 [:TLS1_2 :TLS1_3] :rsa [:TLS1_2 :TLS1_3]
   :ed25519 [:TLS1_2 :TLS1_3] :ed448 [:TLS1_2 :TLS1_3] :rsa-pss [:TLS1_2 :TLS1_3]})
(def own (issue "own.example" :ec-p256))
(def client-own (issue "client" :ec-p256))

(defn sign-with
  "What a service with the key does."
  [key {:digest digest :message message :algorithm algorithm :padding padding}]
  (if message
    (crypto/sign key message)
    (crypto/sign key digest {:prehashed true :digest algorithm :padding padding})))

(defn remote
  "An identity whose key only `sign` has; `asked` collects the requests."
  [identity &opt asked]
  {:cert (identity :cert)
   :signer {:sign (fn [request]
                    (if asked (array/push asked request))
                    (ev/sleep 0.001)
                    (sign-with (identity :key) request))}})

(defn- serve [options &opt loop-options]
  (def listener (tls/listen "127.0.0.1" 0))
  (def errors (ev/chan 1000))
  (ev/go (fn [] (tls/accept-loop listener options
                                 (fn [s] (:write s "ok") (ev/close s))
                                 (merge {:on-error |(ev/give errors $)} (or loop-options {})))))
  {:listener listener :port (in (net/localname listener) 1) :errors errors})

(defn- meet [server &opt options]
  (with [s (tls/connect "127.0.0.1" (server :port)
                        (merge {:hostname "own.example" :ca (ca :cert)} (or options {})))]
    (is= "ok" (string (:read s :all)))
    (get-in (:peer-certificate s :data) [:subject :common-name])))

(defn- at [version] {:security {:max-version version}})

(defn- meet-all
  "Meet a server once with each version; what :on-error hears where that fails."
  [options why]
  (def server (serve options))
  (defer (:close (server :listener))
    (each version [:TLS1_2 :TLS1_3]
      (fails-with "internal error" (meet server (at version)))
      (def heard (ev/take (server :errors)))
      (is (string/find why heard) heard))))

(test "a server signs by a function that waits, with each type of key and version"
  (eachp [type versions] kinds
    (def asked @[])
    (def server (serve (remote (issue "own.example" type) asked)))
    (defer (:close (server :listener))
      (each version versions (is= "own.example" (meet server (at version))))
      (is= (length versions) (length asked) type))))

(test "the function sees a digest, or the message of EdDSA, and how to sign it"
  (defn seen [type version]
    (def asked @[])
    (def server (serve (remote (issue "own.example" type) asked)))
    (defer (:close (server :listener))
      (meet server (at version))
      (is= 1 (length asked))
      (first asked)))
  (defn check [want type version]
    (def request (seen type version))
    (is= want (table/to-struct (put (put (merge request) :digest nil) :message nil)))
    (is= (if (= type :ed25519) nil 32) (if (request :digest) (length (request :digest))))
    (is= (= type :ed25519) (not= nil (request :message))))
  (check {:key-type :ec :algorithm :sha256} :p-256 :TLS1_3)
  (check {:key-type :ec :algorithm :sha256} :p-256 :TLS1_2)
  (check {:key-type :rsa :algorithm :sha256 :padding :pss :salt-length 32} :rsa :TLS1_3)
  (check {:key-type :ed25519} :ed25519 :TLS1_3))

(test "PKCS#1 v1.5 is asked for where the client knows nothing else"
  (def asked @[])
  (def server (serve (remote (issue "own.example" :rsa) asked)))
  (defer (:close (server :listener))
    (when (find-program "openssl")
      (is= 0 (os/execute ["sh" "-c" (string "echo | openssl s_client -connect 127.0.0.1:"
                                            (server :port) " -tls1_2 -sigalgs RSA+SHA256"
                                            " >/dev/null 2>&1")] :p))
      (is= :pkcs1 ((first asked) :padding)))))

(test "a client signs by a function that waits"
  (each version [:TLS1_2 :TLS1_3]
    (eachp [type _] kinds
      (def server (serve (merge own {:verify true :ca (ca :cert)})))
      (def client (issue "client" type))
      (defer (:close (server :listener))
        (is= "own.example" (meet server (merge (at version) (remote client))))))))

(test "both ends sign by functions, and a resumed session asks none"
  (each version [:TLS1_2 :TLS1_3]
    (def [ours theirs] [@[] @[]])
    (def server (serve (merge (remote own ours) {:verify true :ca (ca :cert)})))
    (defn visit [&opt session]
      (with [s (tls/connect "127.0.0.1" (server :port)
                            (merge {:hostname "own.example" :ca (ca :cert) :session session}
                                   (remote client-own theirs) (at version)))]
        (:read s :all)
        [(:session-reused? s) (:get-session s)]))
    (defer (:close (server :listener))
      (def [reused session] (visit))
      (is= false reused)
      (is= true (first (visit session)))
      (is= [1 1] [(length ours) (length theirs)]))))

(test "a DTLS client signs by a function that waits"
  (def heard (ev/chan 1))
  (def server (dtls/listen "127.0.0.1" 0 (merge own {:verify true :ca (ca :cert)})))
  (defer (:close server)
    (ev/go (fn [] (def got @"") (def peer (dtls/recv-from server 100 got)) (ev/give heard got)))
    (with [s (dtls/connect "127.0.0.1" (in (net/localname server) 1)
                           (merge {:hostname "own.example" :ca (ca :cert)} (remote client-own)))]
      (:write s "hello")
      (is= @"hello" (ev/take heard)))))

(test "a DTLS server signs by a function that waits, for many clients at a time"
  (each type [:ec-p256 :rsa]
    (def heard (ev/chan 10))
    (def server (dtls/listen "127.0.0.1" 0 (remote (issue "own.example" type))))
    (defer (:close server)
      (ev/go (fn []
               (repeat 5
                 (def got @"")
                 (dtls/recv-from server 100 got)
                 (ev/give heard (string got)))))
      (repeat 5
        (ev/go (fn []
                 (with [s (dtls/connect "127.0.0.1" (in (net/localname server) 1)
                                        {:hostname "own.example" :ca (ca :cert)})]
                   (:write s "hello")))))
      (repeat 5 (is= "hello" (ev/take heard))))))

(test "a DTLS server whose function refuses, or gives a wrong signature, says why"
  (eachp [sign why] {(fn [_] (error "KMS is down")) ":signer: KMS is down"
                     (fn [_] "x") "not one of the key of :cert"}
    (def errors (ev/chan 10))
    (def server (dtls/listen "127.0.0.1" 0 {:cert (own :cert) :signer {:sign sign}
                                            :on-error |(ev/give errors $)}))
    (defer (:close server)
      (fails-with "internal error"
        (dtls/connect "127.0.0.1" (in (net/localname server) 1)
                      {:hostname "own.example" :ca (ca :cert)}))
      (def heard (ev/take errors))
      (is (string/find why heard) heard))))

(test "a signature of another key, or over something else, is refused before it is sent"
  (def other (issue "own.example" :ec-p256))
  (defn with-sign [sign] {:cert (own :cert) :signer {:sign sign}})
  (def why "not one of the key of :cert")
  (meet-all (with-sign |(sign-with (other :key) $)) why)
  (meet-all (with-sign |(crypto/sign (own :key) (string ($ :digest)))) why)
  (meet-all (with-sign (fn [_] "no signature at all")) why)
  (meet-all (with-sign (fn [_] (string/repeat "x" 100000))) why)
  (def rsa (issue "own.example" :rsa))
  (meet-all {:cert (rsa :cert) :signer {:sign |(crypto/sign (rsa :key) ($ :digest)
                                                            {:prehashed true :padding :pkcs1})}}
            why))

(test "a function that raises, or gives no signature, fails its own handshake only"
  (var answer nil)
  (def server (serve {:cert (own :cert) :signer {:sign |(answer $)}}))
  (defer (:close (server :listener))
    (each version [:TLS1_2 :TLS1_3]
      (eachp [how why] {(fn [_] (error "KMS is down")) ":signer: KMS is down"
                        (fn [_] nil) ":signer gave no signature"
                        (fn [_] "") ":signer gave no signature"
                        (fn [_] 12) ":signer gave no signature"}
        (set answer how)
        (fails-with "internal error" (meet server (at version)))
        (def heard (ev/take (server :errors)))
        (is (string/find why heard) heard))
      (set answer |(sign-with (own :key) $))
      (is= "own.example" (meet server (at version))))))

(test "one signature that never comes ends its handshake in time, beside others that go on"
  (def [gate answered] [(ev/chan) (ev/chan)])
  (var slow? true)
  (defn sign [request]
    (when slow?
      (set slow? false)
      (ev/take gate)
      (ev/give answered true))
    (sign-with (own :key) request))
  (def server (serve {:cert (own :cert) :signer {:sign sign}} {:handshake-timeout 0.2}))
  (defer (:close (server :listener))
    (each version [:TLS1_2 :TLS1_3]
      (set slow? true)
      (def slow (ev/chan))
      (ev/go (fn [] (ev/give slow (protect (meet server (at version))))))
      (while slow? (ev/sleep 0.001))
      (is= "own.example" (meet server (at version)))
      (is= false (first (ev/take slow)))
      (is (string/find "a function of the options gave no answer" (ev/take (server :errors))))
      (ev/give gate :late)
      (is (ev/take answered))
      (gccollect)
      (is= "own.example" (meet server (at version))))))

(test "an answer after the close, or the cancelling, of a handshake does nothing"
  (each end [:close :cancel]
    (def [called gate answered] [(ev/chan) (ev/chan) (ev/chan)])
    (defn sign [request]
      (ev/give called true)
      (ev/take gate)
      (ev/give answered true)
      (sign-with (own :key) request))
    (def listener (tls/listen "127.0.0.1" 0))
    (defer (:close listener)
      (ev/go (fn [] (protect (tls/connect "127.0.0.1" (in (net/localname listener) 1)
                                          {:hostname "own.example" :ca (ca :cert)}))))
      (def done (ev/chan))
      (def options {:cert (own :cert) :signer {:sign sign}})
      (if (= end :close)
        (let [s (tls/accept listener (merge options {:handshake false}))]
          (ev/go (fn [] (ev/give done (protect (:handshake s)))))
          (ev/take called)
          (:close s)
          (is= [false "stream closed"] (ev/take done)))
        (let [fiber (ev/go (fn [] (ev/give done (protect (tls/accept listener options)))))]
          (ev/take called)
          (ev/cancel fiber "enough")
          (is= [false "enough"] (ev/take done))))
      (gccollect)
      (ev/give gate true)
      (is (ev/take answered))
      (gccollect)
      (ev/sleep 0))))

(test "no more than :max-asking handshakes wait for signatures"
  (def gate (ev/chan))
  (def server (serve {:cert (own :cert) :max-asking 2
                      :signer {:sign (fn [request]
                                       (ev/take gate)
                                       (sign-with (own :key) request))}}))
  (defer (:close (server :listener))
    (def results (ev/chan 10))
    (repeat 3 (ev/go (fn [] (ev/give results (first (protect (meet server)))))))
    (is= false (ev/take results))
    (is (string/find ":max-asking others wait" (ev/take (server :errors))))
    (repeat 2 (ev/give gate :go))
    (is= [true true] [(ev/take results) (ev/take results)])))

(test "a hundred handshakes wait at the same time"
  (var [now top] [0 0])
  (defn sign [request]
    (++ now)
    (set top (max top now))
    (ev/sleep 0.05)
    (-- now)
    (sign-with (own :key) request))
  (def server (serve {:cert (own :cert) :signer {:sign sign}}))
  (defer (:close (server :listener))
    (def results (ev/chan 100))
    (def began (os/clock :monotonic))
    (repeat 100 (ev/go (fn [] (ev/give results (meet server)))))
    (repeat 100 (is= "own.example" (ev/take results)))
    (print "# 100 handshakes took " (- (os/clock :monotonic) began) " s, " top " waited at once")
    (is (> top 50))))

(test "virtual hosts and contexts of :on-hello have signers of their own"
  (def [one two three] (map |(issue $ :ec-p256) ["one.example" "two.example" "three.example"]))
  (def hosts {"one.example" (remote one) "two.example" (tls/new-context (remote two))})
  (defn meet-host [server name version]
    (is= name (meet server (merge {:hostname name} (at version)))))
  (each version [:TLS1_2 :TLS1_3]
    (def server (serve (merge (remote own) {:sni hosts})))
    (defer (:close (server :listener))
      (gccollect)
      (each name ["one.example" "two.example" "own.example"] (meet-host server name version)))
    (def made (tls/new-context (remote two)))
    (defn judge [{:server-name name}]
      (case name "one.example" one "two.example" made "three.example" (remote three) true))
    (def by-need (serve (merge own {:on-hello judge})))
    (defer (:close (by-need :listener))
      (each name ["one.example" "two.example" "three.example" "own.example"]
        (gccollect)
        (meet-host by-need name version)))))

(test "the function of a context that :on-hello made lives until it has signed"
  (def host (issue "three.example" :ec-p256))
  # P-256 alone makes the server ask for another hello between answer and signature
  (defn judge [_] (merge (remote host) {:curves "P-256"}))
  (def server (serve (merge own {:on-hello judge :curves "P-256"})))
  (var collecting true)
  (ev/go (fn [] (while collecting (gccollect) (ev/sleep 0))))
  (defer (do (set collecting false) (:close (server :listener)))
    (repeat 5 (is= "three.example" (meet server {:hostname "three.example"})))))

(test "certificates of two types have a signer each"
  (def rsa (issue "own.example" :rsa))
  (def [for-ec for-rsa] [@[] @[]])
  (def options {:cert [(own :cert) (rsa :cert)]
                :signer [((remote own for-ec) :signer) ((remote rsa for-rsa) :signer)]})
  (def server (serve options))
  (defer (:close (server :listener))
    (meet server {:security {:max-version :TLS1_2 :ciphers "ECDHE-RSA-AES256-GCM-SHA384"}})
    (is= [0 1] [(length for-ec) (length for-rsa)])
    (meet server {:security {:max-version :TLS1_2 :ciphers "ECDHE-ECDSA-AES256-GCM-SHA384"}})
    (is= [1 1] [(length for-ec) (length for-rsa)])))

(test "a reload brings another certificate with its signer, or a key"
  (def context (tls/new-context (remote own)))
  (def server (serve context))
  (defer (:close (server :listener))
    (is= "own.example" (meet server))
    (tls/reload context (remote (issue "own.example" :rsa)))
    (gccollect)
    (is= "own.example" (meet server))
    (tls/reload context)
    (is= "own.example" (meet server))
    (tls/reload context (issue "own.example" :ec-p256))
    (is= "own.example" (meet server))
    (fails-with "make the context with one" (tls/reload (tls/new-context own) (remote own)))))

(test "a handshake that began before a reload asks the function of before"
  (each version [:TLS1_2 :TLS1_3]
    (def asked @[])
    (def context (tls/new-context (remote own asked)))
    (def listener (tls/listen "127.0.0.1" 0))
    (defer (:close listener)
      (def names (ev/chan 1))
      (ev/go (fn []
               (with [c (tls/connect "127.0.0.1" (in (net/localname listener) 1)
                                     (merge {:hostname "own.example" :ca (ca :cert)} (at version)))]
                 (ev/give names (get-in (:peer-certificate c :data) [:key-type])))))
      (def s (tls/accept listener {:context context :handshake false}))
      (tls/reload context (remote (issue "own.example" :rsa)))
      (gccollect)
      (:handshake s)
      (is= :ec (ev/take names))
      (is= 1 (length asked))
      (:close s))))

(test "a reloaded virtual host signs by its new function"
  (def host (tls/new-context (remote (issue "one.example" :ec-p256))))
  (def server (serve (merge own {:sni {"one.example" host}})))
  (defer (:close (server :listener))
    (is= "one.example" (meet server {:hostname "one.example"}))
    (tls/reload host (remote (issue "one.example" :rsa)))
    (gccollect)
    (is= "one.example" (meet server {:hostname "one.example"}))))

(test "ten thousand handshakes that end while they wait take no memory"
  :deadline 60
  (defn resident []
    (scan-number (first (peg/match '(* :d+ " " (<- :d+)) (slurp "/proc/self/statm")))))
  (var asked 0)
  (def gate (ev/chan))
  (def server (serve {:cert (own :cert) :max-asking 10000
                      :signer {:sign (fn [_] (++ asked) (ev/take gate) nil)}}
                     {:max-handshakes-per-host 1000 :handshake-timeout 0.05}))
  (defn abandon [count]
    (def done (ev/chan count))
    (repeat count
      (ev/go (fn [] (ev/give done (protect (meet server))))))
    (repeat count (ev/take done))
    (repeat count (ev/take (server :errors)))
    (while (< 0 (ev/count gate)) (ev/sleep 0))
    (repeat asked (ev/give gate :late))
    (set asked 0))
  (defer (:close (server :listener))
    (repeat 10 (abandon 100))
    (gccollect)
    (def before (if (os/stat "/proc/self/statm") (resident) 0))
    (def rounds (max 5 (math/floor (* 40 (scan-number (os/getenv "JSEC_LOAD" "1"))))))
    (repeat rounds (abandon 100))
    (gccollect)
    (def grown (if (os/stat "/proc/self/statm") (- (resident) before) 0))
    (print "# " (* 100 rounds) " abandoned, " grown " pages more")
    # sanitizers keep what is freed
    (unless (os/getenv "JSEC_SLOW") (is (< grown 2000) (string grown " pages")))))

(test "what can't work is refused when the context is made"
  (def public (crypto/export-public-key (own :key)))
  (def other (issue "own.example" :ec-p256))
  (defn sign [request] nil)
  (defn refused [why options] (fails-with why (tls/new-context options)))
  (is (tls/new-context {:cert (own :cert) :signer {:public public :sign sign}}))
  (is (tls/new-context {:cert (own :cert) :signer {:public (own :cert) :sign sign}}))
  (is (tls/new-context {:cert (own :cert) :signer [{:public (crypto/key public) :sign sign}]}))
  (refused ":public is not the key of :cert"
           {:cert (own :cert) :signer {:public (other :cert) :sign sign}})
  (refused ":signer: :public" {:cert (own :cert) :signer {:public "-----BEGIN NONSENSE-----"
                                                          :sign sign}})
  (refused "give one of them" {:cert (own :cert) :key (own :key) :signer {:sign sign}})
  (refused ":signer without :cert" {:signer {:sign sign}})
  (refused ":cert without :key" {:cert (own :cert)})
  (refused "1 certificates in :cert, but 2 functions in :signer"
           {:cert (own :cert) :signer [{:sign sign} {:sign sign}]})
  (refused "table with a function as :sign" {:cert (own :cert) :signer {:public public}})
  (refused "expected table of :sign and :public" {:cert (own :cert) :signer sign})
  (refused "unknown option :private in :signer"
           {:cert (own :cert) :signer {:sign sign :private "x"}})
  (refused "expected function" {:cert (own :cert) :signer {:sign "kms"}})
  (refused ":renegotiation" {:cert (own :cert) :signer {:sign sign} :renegotiation true})
  (refused "kRSA" {:cert (own :cert) :signer {:sign sign} :ciphers "kRSA"})
  (fails-with "Ed25519" (dtls/new-context (remote (issue "own.example" :ed25519)))))

(test "a context with a signer stays in its thread"
  (fails-with "can't be marshalled" (marshal (tls/new-context (remote own)))))

(peer-test "openssl" "openssl s_client accepts what a signer signs"
  (def file (string (tmpdir) "/ca.pem"))
  (spit file (ca :cert))
  (each type [:ec-p256 :rsa :ed25519]
    (def server (serve (remote (issue "own.example" type))))
    (defer (:close (server :listener))
      (each version ["-tls1_2" "-tls1_3"]
        (def proc (os/spawn ["openssl" "s_client" "-connect" (string "127.0.0.1:" (server :port))
                             version "-CAfile" file "-verify_return_error"
                             "-quiet" "-servername" "own.example"] :p
                            {:in :pipe :out :pipe :err (file/open "/dev/null" :w)}))
        (is= "ok" (string (:read (proc :out) :all)))
        (:close (proc :in))
        (os/proc-wait proc)))))

(end)
