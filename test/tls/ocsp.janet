# OCSP stapling: responses made by the openssl command, given by our server, judged by our client
# and others.
(import ../support/check :prefix "")
(import jsec/cert)
(import jsec/crypto)
(import jsec/dtls)
(import jsec/tls)
(import jsec/tls-stream)

(def dir (tmpdir))
(defn- at [name] (string dir "/" name))
(def root (cert/generate-self-signed-cert {:common-name "root" :key-type :ec-p256}))
(defn- issue [name &opt opts]
  (cert/issue-cert
    (merge {:issuer-cert (root :cert) :issuer-key (root :key) :common-name name :key-type :ec-p256}
           (or opts {}))))
(def leaf (issue "a.example"))
(def identity {:cert (string (leaf :cert) (root :cert)) :key (leaf :key)})

(defn- run [& words]
  (with [null (file/open "/dev/null" :w)]
    (is= 0 (os/execute ["openssl" ;words] :p {:err null :out null}) (string/join words " "))))

(defn- respond
  "An OCSP response about the leaf, its status as the index says, signed by signer."
  [name status signer & words]
  (def serial (string/ascii-upper ((cert/parse (leaf :cert)) :serial)))
  (def padded (if (odd? (length serial)) (string "0" serial) serial))
  (spit (at "index") (string status "\t301231235959Z\t" (if (= status "R") "250101000000Z" "") "\t"
                             padded "\tunknown\t/CN=a.example\n"))
  (eachp [file text] {"root.pem" (root :cert) "leaf.pem" (leaf :cert) "signer.pem" (signer :cert)
                      "signer.key" (signer :key)}
    (spit (at file) text))
  (run "ocsp" "-index" (at "index") "-rsigner" (at "signer.pem") "-rkey" (at "signer.key") "-CA"
       (at "root.pem")
       "-issuer" (at "root.pem") "-cert" (at "leaf.pem") "-respout" (at name) "-ndays" "1" ;words)
  (slurp (at name)))

(defn- visit [server &opt client]
  (def listener (tls/listen "127.0.0.1" "0"))
  (defer (:close listener)
    (ev/go (fn [] (tls/accept-loop listener server (fn [s] (with [_ s] (:write s "ok"))))))
    (with [s (tls/connect "127.0.0.1" (in (net/localname listener) 1)
                          (merge {:hostname "a.example" :ca (root :cert)} (or client {})))]
      (string (:read s :all)))))

(unless (find-program "openssl")
  (skip "OCSP stapling" "no openssl to make responses with")
  (end)
  (os/exit 0))

(def good (respond "good.der" "V" root))
(def revoked (respond "revoked.der" "R" root))

(test "a good staple is accepted, asked for and required"
  (is= "ok" (visit (merge identity {:ocsp-response good}) {:ocsp true}))
  (is= "ok" (visit (merge identity {:ocsp-response good}) {:ocsp :require}))
  (is= "ok" (visit (merge identity {:ocsp-response (at "good.der")}) {:ocsp :require}))
  (is= "ok" (visit (merge identity {:ocsp-response (buffer good)})
                   {:ocsp :require :security {:max-version :TLS1_2}})))

(test "no staple is a failure only where it is required"
  (is= "ok" (visit identity {:ocsp true}))
  (fails-with "OCSP response required, and the server stapled none"
              (visit identity {:ocsp :require}))
  (fails-with "stapled none" (visit identity {:ocsp :require :security {:max-version :TLS1_2}})))

(test "a responder that failed, and a certificate without an issuer, are refused"
  (def try-later "\x30\x03\x0a\x01\x03")
  (fails-with "OCSP responder failed: trylater"
              (visit (merge identity {:ocsp-response try-later}) {:ocsp true}))
  (fails-with "the certificate was trusted by itself"
    (visit (merge identity {:cert (leaf :cert) :ocsp-response good})
           {:ocsp true :ca (leaf :cert) :trusted-cert (leaf :cert)})))

(test "a revoked certificate is refused, and not asked about it is not"
  (fails-with "certificate is revoked, as its stapled OCSP response says"
              (visit (merge identity {:ocsp-response revoked}) {:ocsp true}))
  (is= "ok" (visit (merge identity {:ocsp-response revoked}))))

(test "a response by an unauthorized signer is refused"
  (def stranger (cert/generate-self-signed-cert {:common-name "stranger" :key-type :ec-p256}))
  (def forged (respond "forged.der" "V" stranger))
  (fails-with "OCSP response: signer not authorized"
              (visit (merge identity {:ocsp-response forged}) {:ocsp true})))

(test "a delegated responder is accepted, one without the purpose is not"
  (def delegate (issue "responder" {:ext-key-usage [:OCSPSigning]}))
  (is= "ok" (visit (merge identity {:ocsp-response (respond "delegated.der" "V" delegate)})
                   {:ocsp :require}))
  (def other (issue "no responder"))
  (fails-with "OCSP response: signer not authorized"
              (visit (merge identity {:ocsp-response (respond "undelegated.der" "V" other)})
                     {:ocsp :require})))

# ---- age ----

(def week (* 7 86400))
(def old-root (cert/generate-self-signed-cert {:common-name "root" :key-type :rsa}))
(def old-leaf (cert/issue-cert {:issuer-cert (old-root :cert) :issuer-key (old-root :key)
                                :common-name "a.example" :key-type :rsa}))
(def old-identity {:cert (string (old-leaf :cert) (old-root :cert)) :key (old-leaf :key)})

(defn- der-length
  "The length at that place, and where the content begins."
  [der at]
  (case (der at)
    0x81 [(der (+ 1 at)) (+ 2 at)]
    0x82 [(+ (* 256 (der (+ 1 at))) (der (+ 2 at))) (+ 3 at)]
    [(der at) (inc at)]))

(defn- aged
  ``A response without nextUpdate whose times lie `seconds` back; signed again, since openssl
  knows only now.``
  [seconds]
  (eachp [file text] {"root.pem" (old-root :cert) "leaf.pem" (old-leaf :cert)
                      "signer.key" (old-root :key)} (spit (at file) text))
  (def serial (string/ascii-upper ((cert/parse (old-leaf :cert)) :serial)))
  (spit (at "index") (string "V\t301231235959Z\t\t" (if (odd? (length serial)) "0" "") serial
                             "\tunknown\t/CN=a.example\n"))
  (run "ocsp" "-index" (at "index") "-rsigner" (at "root.pem") "-rkey" (at "signer.key") "-CA"
       (at "root.pem")
       "-issuer" (at "root.pem") "-cert" (at "leaf.pem") "-respout" (at "aged.der")
       "-resp_no_certs")
  (def der (buffer (slurp (at "aged.der"))))
  (each place (peg/find-all '(* "\x18\x0f" (14 :d) "Z") der)
    (buffer/blit der (os/strftime "%Y%m%d%H%M%SZ" (- (os/time) seconds)) (+ 2 place)))
  # BasicOCSPResponse begins before it
  (def tbs (+ 4 (find |(= 0x30 (der $) (der (+ 4 $))) (range 20 60))))
  (def [n body] (der-length der (inc tbs)))
  (buffer/blit der (crypto/sign (old-root :key) (slice der tbs (+ body n)) {:digest :sha256})
               (- (length der) 256))
  (string der))

(test "a response that names no next update counts for 7 days, or for :ocsp-max-age"
  (defn outcome [seconds options]
    (protect (visit (merge old-identity {:ocsp-response (aged seconds)})
                    (merge {:ca (old-root :cert) :ocsp :require} options))))
  (def refused
    "OCSP response is out of date: it names no next update and is older than :ocsp-max-age")
  (each version [:TLS1_2 :TLS1_3]
    (def options {:security {:max-version version}})
    (is= [true "ok"] (outcome 0 options))
    (is= [true "ok"] (outcome (- week 60) options))
    (is (string/find refused (last (outcome (+ week 60) options))))
    (is= [true "ok"] (outcome (* 20 86400) (merge options {:ocsp-max-age (* 30 86400)})))
    (is (string/find refused (last (outcome 120 (merge options {:ocsp-max-age 60})))))
    (is (string/find "out of date" (last (outcome -3600 options))) "from the future")))

(test "a response about another certificate is refused"
  (def other (issue "a.example"))
  # a server on OpenSSL 3.6 does not even send it
  (fails-with '(+ "about another certificate" "the server stapled none")
    (visit {:cert (string (other :cert) (root :cert)) :key (other :key) :ocsp-response good}
           {:ocsp :require})))

(test "a damaged response is refused where it is given"
  (fails-with "not an OCSP response"
              (tls/new-context (merge identity {:ocsp-response (leaf :cert)})))
  (fails-with "OCSP response" (tls/new-context (merge identity {:ocsp-response (slice good 0 20)})))
  (fails-with "expected string, buffer or function"
              (tls/new-context (merge identity {:ocsp-response 12}))))

(test ":ocsp without verification is refused"
  (fails-with ":ocsp needs :verify true" (tls/connect "127.0.0.1" 1 {:verify false :ocsp true})))

(test "set-ocsp-response renews a context's staple while it serves"
  (def ctx (tls/new-context identity))
  (fails-with "stapled none" (visit ctx {:ocsp :require}))
  (is= ctx (tls-stream/set-ocsp-response ctx good))
  (is= "ok" (visit ctx {:ocsp :require}))
  (tls-stream/set-ocsp-response ctx revoked)
  (fails-with "certificate is revoked" (visit ctx {:ocsp :require}))
  (tls-stream/set-ocsp-response ctx nil)
  (fails-with "stapled none" (visit ctx {:ocsp :require})))

(test "set-ocsp-response staples to one connection before its handshake"
  (def listener (tls/listen "127.0.0.1" "0"))
  (defer (:close listener)
    (ev/go (fn [] (with [s (tls/accept listener (merge identity {:handshake false}))]
                    (:set-ocsp-response s good)
                    (:handshake s)
                    (def late (protect (:set-ocsp-response s good)))
                    (:write s (string (late 1))))))
    (with [s (tls/connect "127.0.0.1" (in (net/localname listener) 1)
                          {:hostname "a.example" :ca (root :cert) :ocsp :require})]
      (is (string/find "the handshake has begun" (:read s :all)))
      (fails-with "stapling is the server's" (:set-ocsp-response s good)))))

(test "a function gives the staple, for each handshake that asks"
  (var asked 0)
  (def server (merge identity {:ocsp-response (fn [] (++ asked) good)}))
  (is= "ok" (visit server {:ocsp :require}))
  (is= "ok" (visit server {:ocsp :require :security {:max-version :TLS1_2}}))
  (is= 2 asked)
  (is= "ok" (visit server))
  (is= 2 asked)
  (is= "ok" (visit (tls/new-context server) {:ocsp :require})))

(test "a function that waits holds up its own handshake, and no other"
  (var released 0)
  (def gate (ev/chan))
  (def server (merge identity {:ocsp-response (fn [] (ev/take gate) (++ released) good)}))
  (each version [:TLS1_2 :TLS1_3]
    (def results (ev/chan))
    (def options {:ocsp :require :security {:max-version version}})
    (def listener (tls/listen "127.0.0.1" "0"))
    (def port (in (net/localname listener) 1))
    (defn meet [options]
      (with [s (tls/connect "127.0.0.1" port
                            (merge {:hostname "a.example" :ca (root :cert)} options))]
        (string (:read s :all))))
    (defer (:close listener)
      (ev/go (fn [] (tls/accept-loop listener server (fn [s] (with [_ s] (:write s "ok"))))))
      (ev/go (fn [] (ev/give results (meet options))))
      (is= "ok" (meet {}) "a client that does not ask for a staple")
      (is= 0 (ev/count results))
      (ev/give gate :go)
      (is= "ok" (ev/take results))))
  (is= 2 released))

(test "a function gives the staple to DTLS clients, and may wait"
  (var asked 0)
  (defn give [wait] (fn [] (++ asked) (if wait (ev/sleep wait)) good))
  (each wait [nil 0 0.05]
    (with [server (dtls/listen "127.0.0.1" 0 (merge identity {:ocsp-response (give wait)}))]
      (def port (in (dtls/localname server) 1))
      (each ocsp [:require true false]
        (with [c (dtls/connect "127.0.0.1" port {:hostname "a.example" :ca (root :cert)
                                                 :ocsp ocsp})]
          (ev/write c "hello")
          (is (dtls/recv-from server 100 @""))))))
  (is= 6 asked))

(test "an answer after the handshake's time limit changes nothing"
  (def gate (ev/chan))
  (def answered (ev/chan))
  (def server (merge identity {:handshake-timeout 0.2
                               :ocsp-response (fn [] (ev/take gate) (ev/give answered true) good)}))
  (def listener (tls/listen "127.0.0.1" "0"))
  (defer (:close listener)
    (def errors (ev/chan 1))
    (ev/go (fn [] (tls/accept-loop listener server (fn [s] (:close s))
                                   {:on-error |(ev/give errors $)})))
    (def port (in (net/localname listener) 1))
    (fails-with "closed the connection"
                (tls/connect "127.0.0.1" port {:hostname "a.example" :ca (root :cert) :ocsp true}))
    (is (string/find "a function of the options gave no answer" (ev/take errors)))
    (ev/give gate :go)
    (is (ev/take answered))
    (ev/sleep 0)))

(test "a function that gives none or fails costs the staple, not the connection"
  (each f [(fn [] nil) (fn [] (error "no response at hand")) (fn [a] good) (fn [] "garbage")]
    (is= "ok" (visit (merge identity {:ocsp-response f}) {:ocsp true}))
    (fails-with "stapled none" (visit (merge identity {:ocsp-response f}) {:ocsp :require}))))

(test "openssl s_client gets our staple"
  (def listener (tls/listen "127.0.0.1" "0"))
  (defer (:close listener)
    (ev/go (fn [] (tls/accept-loop listener (merge identity {:ocsp-response good})
                                   (fn [s] (with [_ s] (:read s 100))))))
    (def client (os/spawn ["openssl" "s_client" "-connect"
                           (string "127.0.0.1:" (in (net/localname listener) 1))
                           "-servername" "a.example" "-status" "-CAfile" (at "root.pem")] :p
                          {:in :pipe :out :pipe :err :pipe}))
    (ev/close (client :in))
    (def said (ev/read (client :out) :all))
    (os/proc-wait client)
    (is (string/find "Cert Status: good" said) said)))

(end)
