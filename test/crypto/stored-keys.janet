# Private keys in stores of OpenSSL's providers: files by their URI, and keys of a PKCS#11 token
# (softhsm2 with pkcs11-provider). A process reads its providers from openssl.cnf when it starts, so
# the facts about tokens run in a child.
(import ../support/check :prefix "")
(import jsec/cert)
(import jsec/crypto)
(import jsec/dtls)
(import jsec/tls)

(def pin "1234")
(def dir (or (os/getenv "JSEC_TOKEN_DIR") (tmpdir)))
(defn- at [name] (string dir "/" name))
(def ca (cert/generate-self-signed-cert {:common-name "CA" :key-type :ec-p256}))

(defn- shake
  "Make a TLS connection between a server and a client with these options."
  [server client]
  (def listener (tls/listen "127.0.0.1" 0))
  (def errors (ev/chan 10))
  (ev/go (fn [] (tls/accept-loop listener server (fn [s] (:write s "ok") (ev/close s))
                                 {:on-error |(ev/give errors $)})))
  (defer (:close listener)
    (with [s (tls/connect "127.0.0.1" (in (net/localname listener) 1)
                          (merge {:hostname "localhost" :ca (ca :cert)} client))]
      (is= "ok" (string (:read s :all))))))

(defn- certify
  "A certificate of the CA for a key."
  [key &opt options]
  (def made (cert/issue-cert (merge {:issuer-cert (ca :cert) :issuer-key (ca :key)
                                     :common-name "localhost" :san ["DNS:localhost"] :key key}
                                    (or options {}))))
  (made :cert))

# ---- files ----

(defn- state-file-facts []
  (def key (crypto/generate-key :p-256))
  (spit (at "plain.pem") key)
  (spit (at "secret.pem") (crypto/export-key key {:password "secret"}))
  (def [plain secret] [(string "file:" (at "plain.pem")) (string "file://" (at "secret.pem"))])

  (test "a key is read by the URI of its file, wherever a key is taken"
    (is (crypto/verify key "data" (crypto/sign plain "data")))
    (is (crypto/verify key "data" (crypto/sign secret "data" {:password "secret"})))
    (is (crypto/verify plain "data" (crypto/sign key "data")))
    (is= (crypto/export-public-key key) (crypto/export-public-key plain))
    (is (crypto/key plain))
    (is (crypto/parse-csr (crypto/generate-csr plain {:common-name "x"})))
    (each [uri options] [[plain {}] [secret {:password "secret"}]]
      (shake (merge {:cert (certify key) :key uri} options) {})))

  (test "a URI that gives no key raises, without showing it"
    (fails-with "asks for a PIN: give it as :password" (crypto/sign secret "data"))
    (def text (fails-with "not for this PIN"
                (crypto/sign secret "data" {:password "wrong-secret"})))
    (is (not (string/find "secret" text)) text)
    (def text (fails-with "no key of that URI" (crypto/sign "file:/none/such" "data")))
    (is (not (string/find "none/such" text)) text)
    (fails-with ":key: the key's store has no key of that URI"
      (tls/new-context {:cert (certify key) :key "file:/none/such"})))

  (test "a file that is replaced is read again"
    (def [one two] [(crypto/generate-key :p-256) (crypto/generate-key :p-256)])
    (def uri (string "file:" (at "replaced.pem")))
    (spit (at "replaced.pem") one)
    (is (crypto/verify one "data" (crypto/sign uri "data")))
    (spit (at "replaced.pem") two)
    (is (crypto/verify two "data" (crypto/sign uri "data"))))

  (test "a store without its provider is named, and a path with a colon is a path"
    (def text (fails-with "no provider of OpenSSL is active that has keys of \"tpm2:\""
                (crypto/sign "tpm2:pin=1234" "data")))
    (is (not (string/find "1234" text)) text)
    (spit (at "a:b.pem") key)
    (os/cd dir)
    (is (crypto/verify key "data" (crypto/sign "a:b.pem" "data")))))

# ---- a token ----

(def uris {:ec "pkcs11:token=jsec;object=ec" :rsa "pkcs11:token=jsec;object=rsa"})
(def with-pin {:password pin})
(defn- own-key "What was put into the token." [name] (slurp (at (string name ".pem"))))

(defn- state-token-facts []
  (test "a token without its PIN gives no key, and asks no terminal"
    (fails-with "store" (crypto/sign (uris :ec) "data")))

  (test "a token signs, and all other keys stay with OpenSSL's own provider"
    (tls/new-context {}) # knows all providers' algorithms
    (eachp [name uri] uris
      (def key (own-key name))
      (is (crypto/verify key "data" (crypto/sign uri "data" with-pin)) name)
      (is (crypto/verify key "data" (crypto/sign uri "data" (merge with-pin {:digest :sha384}))
                         {:digest :sha384}))
      (is (crypto/verify (crypto/export-public-key key) "data" (crypto/sign key "data"))))
    (each padding [:pkcs1 :pss]
      (def options (merge with-pin {:padding padding}))
      (is (crypto/verify (own-key :rsa) "data" (crypto/sign (uris :rsa) "data" options)
                         {:padding padding})))
    (each type [:p-256 :rsa :ed25519]
      (def key (crypto/generate-key type))
      (is (crypto/verify (crypto/export-public-key key) "data" (crypto/sign key "data")))))

  (test "a scheme that the token can't be asked for is refused"
    (each options [{:padding :pss :mgf1-digest :sha1} {:padding :pss :salt-length 20}]
      (def all (merge with-pin options))
      (def [fine signature] (protect (crypto/sign (uris :rsa) "data" all)))
      (if fine (is (crypto/verify (own-key :rsa) "data" signature options)))
      (is= (nil? (options :mgf1-digest)) fine)))

  (test "a PIN in the URI opens the token, and many fibers sign at once"
    (def uri (string (uris :ec) "?pin-value=" pin))
    (def key (own-key :ec))
    (def results (ev/chan 100))
    (repeat 100 (ev/go (fn [] (ev/give results (crypto/sign uri "data")))))
    (repeat 100 (is (crypto/verify key "data" (ev/take results)))))

  (test "the loop goes on while the token signs"
    (var turns 0)
    (var busy true)
    (ev/go (fn [] (while busy (++ turns) (ev/sleep 0))))
    (repeat 5 (crypto/sign (uris :rsa) "data" with-pin))
    (set busy false)
    (is (pos? turns)))

  (test "a URI of no key or of several raises"
    (fails-with "the URI stands for 2 keys" (crypto/sign "pkcs11:token=jsec" "data" with-pin))
    (fails-with "the key's store has no key of that URI"
      (crypto/sign "pkcs11:token=jsec;object=none" "data" with-pin)))

  (test "the private half never leaves the token"
    (def uri (string (uris :ec) "?pin-value=" pin))
    (fails-with "the key stays in its store" (crypto/key uri))
    (fails-with "the key stays in its store" (crypto/export-key uri))
    (fails-with "the key stays in its store" (crypto/convert-key uri :der))
    (is= (crypto/export-public-key (own-key :ec)) (crypto/export-public-key uri)))

  (test "certificates, requests, revocation lists and messages are signed in the token"
    (eachp [name uri] uris
      (def issuer (cert/issue-cert {:issuer-cert (ca :cert) :issuer-key (ca :key)
                                    :common-name "token" :key (own-key name) :ca true}))
      (def made (cert/issue-cert {:issuer-cert (issuer :cert) :issuer-key uri
                                  :issuer-password pin :common-name "leaf" :key-type :p-256}))
      (is ((cert/verify-chain (made :cert) {:roots (issuer :cert) :purpose :any}) :valid) name)
      (def csr (crypto/generate-csr uri {:common-name "leaf" :password pin}))
      (is ((crypto/parse-csr csr) :signature-valid) name)
      (def crl (cert/issue-crl {:issuer-cert (issuer :cert) :issuer-key uri
                                :issuer-password pin :revoked [(made :cert)]}))
      (is (cert/revoked? (made :cert) crl {:issuer-cert (issuer :cert)}))
      (def message (crypto/cms-sign "data" (certify (own-key name)) uri with-pin))
      (is= "data" (string ((crypto/cms-verify message {:roots (ca :cert) :purpose :any}) :content)))
      (def signer (crypto/new-signer (string uri "?pin-value=" pin)))
      (:update signer "da")
      (:update signer "ta")
      (is (crypto/verify (own-key name) "data" (:sign signer)))))

  (test "servers and clients of TLS and DTLS use the token"
    (eachp [name uri] uris
      (def made (certify (own-key name)))
      (def own (certify (ca :key)))
      (def from-token {:cert made :key uri :password pin})
      (each version [:TLS1_2 :TLS1_3]
        (shake from-token {:max-version version})
        (shake {:cert own :key (ca :key) :verify true :ca (ca :cert)}
               (merge from-token {:max-version version})))
      (def heard (ev/chan 1))
      (def server (dtls/listen "127.0.0.1" 0 (merge from-token {:verify true :ca (ca :cert)})))
      (defer (:close server)
        (ev/go (fn [] (def got @"") (dtls/recv-from server 100 got) (ev/give heard got)))
        (with [s (dtls/connect "127.0.0.1" (in (net/localname server) 1)
                               (merge {:hostname "localhost" :ca (ca :cert)} from-token))]
          (:write s "hello")
          (is= @"hello" (ev/take heard))))))

  (test "a key of the token that does not belong to the certificate is refused at once"
    (fails-with ":key does not belong to :cert"
      (tls/new-context {:cert (certify (own-key :rsa)) :key (uris :ec) :password pin})))

  (test "a hundred handshakes use the token at the same time"
    (def listener (tls/listen "127.0.0.1" 0))
    (def options {:cert (certify (own-key :ec)) :key (uris :ec) :password pin})
    (ev/go (fn [] (tls/accept-loop listener options (fn [s] (:write s "ok") (ev/close s)))))
    (defer (:close listener)
      (def results (ev/chan 100))
      (repeat (load 100)
        (ev/go (fn []
                 (with [s (tls/connect "127.0.0.1" (in (net/localname listener) 1)
                                       {:hostname "localhost" :ca (ca :cert)})]
                   (ev/give results (string (:read s :all)))))))
      (repeat (load 100) (is= "ok" (ev/take results))))))

(defn- state-wrong-pin []
  (test "a wrong PIN gives no key, and is not shown"
    (def text (fails-with "store" (crypto/sign (uris :ec) "data" {:password "987654"})))
    (is (not (string/find "987654" text)) text)))

# ---- the token's making ----

(defn- find-provider
  "The path of pkcs11-provider's module."
  []
  (def folders [(os/getenv "OPENSSL_MODULES") "/usr/lib/x86_64-linux-gnu/ossl-modules"
                "/usr/lib/aarch64-linux-gnu/ossl-modules" "/usr/lib64/ossl-modules"])
  (def modules (map |(string $ "/pkcs11.so") (filter string? folders)))
  (find |(and $ (os/stat $)) [(os/getenv "JSEC_PKCS11_PROVIDER") ;modules]))

(defn- find-softhsm []
  (find os/stat ["/usr/lib/softhsm/libsofthsm2.so" "/usr/lib64/pkcs11/libsofthsm2.so"]))

(defn- run [& words]
  (with [null (file/open "/dev/null" :w)]
    (is= 0 (os/execute words :p {:err null :out null}) (string/join words " "))))

(defn- make-token [provider]
  (os/mkdir (at "tokens"))
  (spit (at "softhsm2.conf") (string "directories.tokendir = " (at "tokens")
                                     "\nobjectstore.backend = file\nlog.level = ERROR\n"))
  (os/setenv "SOFTHSM2_CONF" (at "softhsm2.conf"))
  (run "softhsm2-util" "--init-token" "--free" "--label" "jsec" "--pin" pin "--so-pin" "5678")
  (each [name type id] [[:ec :p-256 "01"] [:rsa :rsa "02"]]
    (spit (at (string name ".pem")) (crypto/generate-key type))
    (run "softhsm2-util" "--import" (at (string name ".pem")) "--token" "jsec" "--label"
         (string name) "--id" id "--pin" pin))
  (spit (at "openssl.cnf")
        (string "openssl_conf = init\n[init]\nproviders = providers\n"
                "[providers]\ndefault = own\npkcs11 = token\n[own]\nactivate = 1\n"
                "[token]\nmodule = " provider "\npkcs11-module-path = " (find-softhsm)
                "\npkcs11-module-cache-keys = false\nactivate = 1\n")))

(defn- run-child [part]
  (def env (merge (os/environ) {"OPENSSL_CONF" (at "openssl.cnf") "JSEC_TOKEN_DIR" dir
                                "SOFTHSM2_CONF" (at "softhsm2.conf") "JSEC_TOKEN_PART" part}))
  (def child (os/spawn [(dyn *executable*) "test/crypto/stored-keys.janet"] :pe
                       (merge env {:out :pipe :err :pipe})))
  (def errors (ev/chan 1))
  (ev/go (fn [] (ev/give errors (string (:read (child :err) :all)))))
  (def output (string (:read (child :out) :all)))
  (test (string "part " part ": the terminal is not asked")
    (def text (ev/take errors))
    (is (not (string/find "PIN" text)) text))
  (def status (os/proc-wait child))
  (each line (string/split "\n" output)
    (if-let [[fact] (peg/match '(* "ok - " (<- (to -1))) line)] (test fact))
    (if-let [[fact] (peg/match '(* "not ok - " (<- (to -1))) line)] (test fact (error output))))
  (if (string/find "# end" output) nil (test (string "the part " part " ends") (error output))))

(case (os/getenv "JSEC_TOKEN_PART")
  "facts" (state-token-facts)
  "wrong" (state-wrong-pin)
  (do
    (def here (os/cwd))
    (state-file-facts)
    (os/cd here)
    (def provider (find-provider))
    (cond
      (not (and (find-program "softhsm2-util") (find-softhsm)))
      (skip "keys in a PKCS#11 token" "softhsm2 is not installed")
      (not provider) (skip "keys in a PKCS#11 token" "there is no pkcs11-provider")
      (do
        (make-token provider)
        (run-child "wrong")
        (run-child "facts")))))

(end)
