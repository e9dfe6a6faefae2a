# A child of test/hostile/memory.janet: janet oom-calls.janet OOM NATIVE RSA SCENARIO FROM MOST MANY
# runs a scenario again and again, with one of its allocations after the other failing from number
# FROM on (or some of them and the last, where there are more than MOST), and MANY in a row. It
# prints the number of each before, and what is wrong with what came of it after; last "all of N".
(def- [_ oom native-path rsa-file scenario-name] (dyn *args*))
(def- [from most many] (map scan-number (slice (dyn *args*) 5)))
(def- {'install {:value install} 'fail {:value fail} 'stop {:value stop}} (native oom))
(install native-path)
(import ./pairs :prefix "")
(import jsec/bio)
(import jsec/cert)
(import jsec/crypto)
(import jsec/tls)

(def- certificate (identity :cert))
(def- key (identity :key))
(def- rsa (parse (slurp rsa-file)))
(def- nonce (string/repeat "n" 12))
(def- secret (string/repeat "k" 32))
(def- sealed (crypto/encrypt :aes-256-gcm secret nonce "data"))
(def- signature (crypto/sign key "data"))
(def- bundle
  (crypto/create-pkcs12 certificate key {:password "pw" :iterations 1000 :chain (rsa :cert)}))
(def- several (crypto/cms-certs-only [certificate (rsa :cert)]))
(def- request (crypto/generate-csr key {:common-name "localhost"}))
(def- signed (crypto/cms-sign "data" certificate key))
(def- encrypted (crypto/cms-encrypt "data" (rsa :cert)))
(def- signed-mail (crypto/smime-sign "data" certificate key))
(def- sealed-mail (crypto/smime-encrypt "data" (rsa :cert)))
(def- locked (crypto/export-key key {:password "pw" :iterations 1000}))
(def- ssh-key (crypto/convert-key key :openssh))
(def- ssh-signature (crypto/ssh-sign key "data"))
(def- jwk (crypto/key-to-jwk (rsa :key) {:private true}))
(def- point (crypto/ec-point-mul :p256 (string/repeat "\x01" 32)))
(def- sealed-by-rsa (crypto/rsa-encrypt (rsa :key) "data"))
(def- issuer {:issuer-cert certificate :issuer-key key})
(def- revoking
  (cert/issue-crl (merge issuer {:revoked [{:cert certificate :reason :superseded :time 1000000000}
                                           {:serial 77 :time 1000000000}]})))
(def- extended
  {:common-name "a.example" :domain-component ["com" "example"]
   :crl-urls "http://a.example/" :ocsp-urls "http://b.example/" :policies "1.2.3"
   :name-constraints {:permitted ["a.example" "10.0.0.0/8"] :excluded "b.a.example"}
   :extensions [{:oid "1.3.6.1.5.5.7.1.24" :value "\x30\x03\x02\x01\x05"}]})
(def- both-trust {:trusted-cert certificate :verify true :cert certificate :key key})

(var- fresh 0)
(defn- uncached "Options that no cached context has." [options]
  (merge options {:session-timeout (+ 1000 (++ fresh))}))

(defn- echo
  "Send over a connection and read back. Returns the data."
  [client server]
  (defn closing [s f] (fn [] (try (f) ([err] (:close s true) (error err)))))
  (def tasks [(start (closing client (fn [] (:write client "ping") (:chunk client 4))))
              (start (closing server (fn [] (:write server (:chunk server 4)))))])
  (def results (map await tasks))
  (each [status why] results (if (= :error status) (error why)))
  (get-in results [0 1]))

(defn- connected
  "A handshake over plain streams made before, then `act` with both ends; closed hard."
  [version client-extra server-extra act]
  (def [a b] (core-pair true))
  (def short {:handshake-timeout 2 :max-version version})
  # a side that fails closes
  (defn shaking [plain f] (spawn (try (f) ([err] (protect (ev/close plain)) (error err)))))
  (def results (map await [(shaking a |(wrap-client a (merge short client-extra)))
                           (shaking b |(wrap-server b (merge short server-extra)))]))
  (def ends (map last (filter |(= :ok (first $)) results)))
  (defer (do (each s ends (protect (:close s true))) (each s [a b] (protect (ev/close s))))
    (each [status why] results (if (= :error status) (error why)))
    (act ;ends)))

(defn- held
  "A verdict is a result as well, and one that is not valid admits no peer; it must have a reason."
  [verdict]
  (if (verdict :valid) verdict (error (verdict :reason))))

(def- scenarios
  {"context"
   |(type (tls/new-context
            (uncached (merge server-options both-trust
                             {:alpn ["h2"] :ciphers "HIGH" :ticket-keys (string/repeat "k" 80)
                              :sni {"a.example" {:cert certificate :key key}}}))))
   "trusting"
   |(type (tls/new-context
            (uncached {:ca certificate :pins [(string "sha256//" (crypto/base64-encode secret))]})))
   "tls13" |(connected :TLS1_3 {} {} echo)
   "tls12" |(connected :TLS1_2 {} {} echo)
   "mutual" |(connected :TLS1_3 both-trust both-trust
                        (fn [a b]
                          [(get-in (:connection-info b) [:peer-certificate :subject]) (echo a b)]))
   "session" (fn []
               (def session
                 (connected :TLS1_3 {} {} (fn [a b] (:write b "x") (:read a 1) (:get-session a))))
               (connected :TLS1_3 {:session session} {} (fn [a b] (echo a b))))
   "virtual host" |(connected :TLS1_3 {} {:sni {"localhost" {:cert certificate :key key}}}
                              (fn [a b] [(get (:connection-info b) :server-name) (echo a b)]))
   "renewal" |(connected :TLS1_3 {} {} (fn [a b] (:key-update a) (echo a b)))
   "renegotiation" |(connected :TLS1_2 {:renegotiation true} {:renegotiation true}
                               (fn [a b] (:renegotiate a) (echo a b)))
   "information" |(connected :TLS1_3 {} {}
                             (fn [a b]
                               [(:peer-certificate a :der) (length (:peer-chain a :data))
                                (:verify-result a)]))
   "transfer" |(connected :TLS1_2 {} {} (fn [a b]
                                          (def reading
                                            (spawn (try
                                                     (:chunk b 300000)
                                                     ([err] (:close b true) (error err)))))
                                          (try
                                            (:write a (string/repeat "x" 300000))
                                            ([err] (:close a true) (error err)))
                                          (def [status got] (await reading))
                                          (if (= status :error) (error got) (length got))))
   # what is refused with memory is refused without
   "impostor" |(connected :TLS1_3 {:trusted-cert (rsa :cert)} {} echo)
   "stranger" |(connected :TLS1_2 {} both-trust echo)
   "stranger's message" |(held (crypto/cms-verify signed {:ca (rsa :cert)}))
   "stranger's certificate" |(held (cert/verify-chain certificate {:roots [(rsa :cert)]}))
   "other key" |(connected :TLS1_3 {:pins [(string "sha256//" (crypto/base64-encode secret))]} {}
                           echo)
   "other name" |(connected :TLS1_3 {:hostname "other.example"} {} echo)
   "hash" |[(crypto/digest :sha256 "data") (crypto/hmac :sha256 "key" "data")
            (crypto/digest :sha3-256 "data")]
   "derivation" |[(crypto/hkdf :sha256 "k" "s" "i" 32) (crypto/pbkdf2 :sha256 "pw" "salt" 10 32)
                  (crypto/scrypt "pw" "salt" 32 {:n 16})]
   "password" |(seq [opts :in [{:algorithm :scrypt :n 16} {:algorithm :pbkdf2 :iterations 1000}]]
                 (def stored (crypto/hash-password "pw" opts))
                 (map (fn [password] (crypto/verify-password password stored)) ["pw" "px"]))
   "cipher" |[(crypto/encrypt :aes-256-gcm secret nonce "data")
              (crypto/decrypt :aes-256-gcm secret nonce (sealed :ciphertext) (sealed :tag))
              (crypto/encrypt :chacha20-poly1305 secret nonce "data")
              (crypto/encrypt :xchacha20-poly1305 secret (string/repeat "n" 24) "data")
              (map |(crypto/encrypt :aes-128-siv secret nonce $) ["" "data"])
              (crypto/encrypt :aes-256-ccm secret nonce "data")
              (crypto/unwrap-key secret (crypto/wrap-key secret secret))]
   "pieces" |[(:finish (:copy (:update (crypto/new-digest :sha256) "data")))
              (:finish (:copy (:update (crypto/new-hmac :sha256 "key") "data")))
              (:verify (:update (crypto/new-verifier key) "data") signature)
              (length (:sign (:update (crypto/new-signer (rsa :key)) "data")))
              (let [c (crypto/new-encryptor :aes-256-gcm secret nonce "aad")]
                [(:update c "data") (:finish c)])
              (let [c (crypto/new-decryptor :aes-256-gcm secret nonce)]
                [(:update c (sealed :ciphertext)) (:finish c (sealed :tag))])
              (crypto/digest-file :sha256 "/etc/passwd")]
   "keys" |[(length (crypto/generate-key :ec-p256)) (length (crypto/generate-key :ed25519))
            (crypto/key-info locked "pw")
            (length (crypto/export-key key {:password "pw" :iterations 1000}))
            (crypto/export-public-key key)]
   "keys as data" |[(crypto/key-from-jwk jwk) (crypto/key-to-jwk key {:private true})
                    (crypto/jwk-thumbprint key) (crypto/jwk-thumbprint jwk)
                    (crypto/key-to-raw key) (describe (crypto/key key))
                    (crypto/key-from-raw :p256 (crypto/key-to-raw key {:compressed true}))]
   "ssh keys" |[(crypto/load-key ssh-key) (length (crypto/convert-key (rsa :key) :openssh))
                (crypto/ssh-verify key "data" ssh-signature)
                (crypto/ssh-verify key "data" (crypto/ssh-sign key "data"))
                (crypto/parse-ssh-signature ssh-signature)]
   "rsa" |[(string (crypto/rsa-decrypt (rsa :key) sealed-by-rsa))
           (length (crypto/rsa-encrypt (rsa :key) "data"))]
   "signature" |[(crypto/verify key "data" signature) (crypto/verify key "other" signature)
                 (crypto/verify key "data" (crypto/sign key "data"))
                 (crypto/verify key "data" (crypto/sign key "data" {:low-s true}) {:low-s true})]
   "recovery" |(let [signature (crypto/sign key "data" {:recovery true})]
                 [(crypto/verify key "data" signature {:recovery true})
                  (crypto/recover-public-key "data" signature {:curve :p256})])
   "hpke" |(let [{:enc enc :ciphertext text} (crypto/hpke-seal key "data" {:sender-key key})
                 sender (crypto/new-hpke-sender key)]
             [(crypto/hpke-open key enc text {:sender-key key})
              (:open (crypto/new-hpke-recipient key (:enc sender)) (:seal sender "data"))])
   "points" |[(crypto/ec-point-mul :p256 (string/repeat "\x01" 32))
              (crypto/ec-point-add :p256 point point)]
   "requests" |[(if (get (crypto/parse-csr request) :signature-valid)
                  (crypto/parse-csr request)
                  (error "signature not valid"))
                (type (crypto/generate-csr key {:common-name "a"}))]
   "certificates" |[(cert/parse certificate)
                    (held (cert/verify-chain certificate {:roots [certificate] :host "localhost"
                                                          :purpose :server}))
                    (type (cert/generate-self-signed-from-key key {:common-name "a.example"}))]
   "revocation" |[(cert/parse-crl revoking)
                  (cert/revoked? certificate revoking {:issuer-cert certificate})
                  (length ((cert/parse-crl (cert/issue-crl (merge issuer {:revoked [{:serial 5}]})))
                            :revoked))]
   "extensions" |[(length ((cert/parse (cert/generate-self-signed-from-key key extended))
                            :extensions))
                  (length ((crypto/parse-csr (crypto/generate-csr key extended)) :attributes))]
   "messages" |[(held (crypto/cms-verify signed {:ca certificate}))
                (string (crypto/cms-decrypt encrypted (rsa :cert) (rsa :key)))
                (type (crypto/cms-sign "data" certificate key))
                (type (crypto/cms-encrypt "data" (rsa :cert)))]
   "mail" |[(held (crypto/smime-verify signed-mail {:ca certificate}))
            (string (crypto/smime-decrypt sealed-mail (rsa :cert) (rsa :key)))
            (type (crypto/smime-sign "data" certificate key {:text true}))]
   "lists" |(crypto/cms-get-certs several)
   "bundles" |[(type (crypto/create-pkcs12 certificate key {:password "pw" :iterations 1000}))
               (crypto/parse-pkcs12 bundle "pw")]
   "memory" (fn []
              (def b (bio/new-mem))
              (bio/write b (string/repeat "x" 100000))
              (length (bio/read b 100000)))})

(defn- explained? [err] (and (bytes? err) (not (empty? err))))

(defn- describe-difference
  "The parts in which two results differ."
  [a b]
  (cond
    (deep= a b) "the same"
    (and (indexed? a) (indexed? b) (= (length a) (length b)))
    (string/join (seq [i :range [0 (length a)] :unless (deep= (a i) (b i))]
                   (string i ": " (describe-difference (a i) (b i)))) "; ")
    (and (dictionary? a) (dictionary? b))
    (string/join (seq [k :in (distinct [;(keys a) ;(keys b)]) :unless (deep= (a k) (b k))]
                   (string k ": " (describe-difference (a k) (b k)))) "; ")
    (string (slice (string/format "%q" a) 0 (min 80 (length (string/format "%q" a)))) " for "
            (string/format "%.40q" b))))

(defn- run [scenario]
  (def fiber (fiber/new scenario :ei))
  (ev/deadline 5 nil fiber)
  (def result (resume fiber))
  [(fiber/status fiber) result])

(def- scenario (scenarios scenario-name))
(unless scenario
  (each name (sorted (keys scenarios)) (print name))
  (os/exit 0))

# what is made once a process is made, and what is kept of it is kept
(def- [expected-status expected] (do (repeat 3 (run scenario)) (run scenario)))
(def- refused (index-of scenario-name ["impostor" "stranger" "stranger's message"
                                       "stranger's certificate" "other key" "other name"]))
(unless (= expected-status (if refused :error :dead))
  (errorf "scenario %s comes to %q" scenario-name expected))
(fail -1 0)
(run scenario)
(def- total (stop))

# results are made last, of many small pieces
(def- last-ones (range (max 0 (- total 40)) total))

(loop [n :in (sorted (distinct [;(range 0 total (math/ceil (/ total most))) ;last-ones])) :when
       (>= n from)]
  (print n)
  (flush)
  (fail n many)
  (def [status result] (run scenario))
  (stop)
  (cond
    (and (= status :error) (= result "deadline expired")) (print "hung at " n)
    (= status :error) (unless (explained? result) (printf "unexplained at %d: %.99q" n result))
    (and (= status expected-status) (deep= result expected)) nil
    (do (print "wrong at " n ": " (describe-difference result expected))))
  (if (zero? (% n 100)) (gccollect)))

(def- [status result] (run scenario))
(unless (or (= :error status expected-status) (deep= result expected))
  (printf "damaged: %.99q %.99q" status result))
(print "all of " total)
(flush)
(os/exit 0)
