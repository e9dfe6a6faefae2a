# CMS: signed and encrypted messages, and bags of certificates.
(import ../support/check :prefix "")
(import ../support/hostile :prefix "")
(import jsec/cert)
(import jsec/crypto)

(def root (cert/generate-self-signed-cert {:key-type :p256 :common-name "Root CA"}))
(defn issue [opts]
  (cert/issue-cert (merge {:issuer-cert (root :cert) :issuer-key (root :key) :key-type :p256}
                          opts)))
(def middle (issue {:common-name "Middle CA" :ca true}))
(def signer (cert/issue-cert {:issuer-cert (middle :cert) :issuer-key (middle :key)
                              :common-name "Signer" :key-type :p256}))
(def [rsa ec ec384] (map |(issue {:common-name "Recipient" :key-type $}) [:rsa :p256 :p384]))
(def data "line\nline\r\n\0\xff")

(defn sign [&opt opts]
  (crypto/cms-sign data (string (signer :cert) (middle :cert)) (signer :key) (or opts {})))
(defn verify [message &opt opts]
  (crypto/cms-verify message (merge {:ca (root :cert)} (or opts {}))))

# ---- signing and verifying ----

(test "a signed message verifies, and gives its content byte for byte"
  (def result (verify (sign)))
  (is (table? result))
  (is= [true data nil] [(result :valid) (result :content) (result :reason)])
  (is= @[(signer :cert)] (result :signers))
  (is= (sorted [(signer :cert) (middle :cert)]) (sorted (result :certs))))

(test "a detached signature verifies over its data alone"
  (def message (sign {:detached true}))
  (is (not (string/find "line" (crypto/cms-sign data (signer :cert) (signer :key)
                                                {:detached true :format :der}))))
  (is= [true data]
       (let [result (verify message {:detached data})] [(result :valid) (result :content)]))
  (is= true ((verify message {:detached (buffer data)}) :valid))
  (def wrong (verify message {:detached (string data "x")}))
  (is= false (wrong :valid))
  (is (string/find "signature does not verify" (wrong :reason)))
  (fails-with "give its data as :detached" (verify message))
  (fails-with "leave out :detached" (verify (sign) {:detached data})))

(each kind [:rsa :p256 :p384 :p521]
  (test (string "a " kind " key signs")
    (def made (cert/generate-self-signed-cert {:key-type kind}))
    (is ((crypto/cms-verify (crypto/cms-sign data (made :cert) (made :key))
                            {:ca (made :cert)}) :valid))))

(test "PEM in gives PEM out, unless said otherwise; both are read"
  (def der (crypto/convert-cert (signer :cert) :der))
  (each [cert opts format] [[(signer :cert) {} :pem] [der {} :der]
                            [(signer :cert) {:format :der} :der] [der {:format "PEM"} :pem]]
    (def message (crypto/cms-sign data cert (signer :key) opts))
    (is (string? message))
    (is= format (crypto/detect-format message))
    (is ((verify (buffer message) {:certs [(middle :cert)]}) :valid))))

(test "no chain is valid without a trust anchor"
  (each opts [nil {} {:ca []}]
    (def result (crypto/cms-verify (sign) opts))
    (is= false (result :valid))
    (is (string/find "no certificate is trusted" (result :reason))))
  (is= true ((crypto/cms-verify (sign) {:verify false}) :valid)))

(test "a signer that the anchors do not vouch for is not valid"
  (def other (cert/generate-self-signed-cert {:key-type :p256 :common-name "Root CA"}))
  (def result (verify (sign) {:ca (other :cert)}))
  (is= [false data] [(result :valid) (result :content)])
  (is (string/find "signer's certificate not trusted: " (result :reason)))
  (is= false ((verify (crypto/cms-sign data (signer :cert) (signer :key))) :valid)
       "without the intermediate")
  (is= true
       ((verify (crypto/cms-sign data (signer :cert) (signer :key))
                {:certs (middle :cert)}) :valid))
  (is= true ((verify (sign) {:ca (middle :cert)}) :valid))
  (is= true ((crypto/cms-verify (sign) {:roots (middle :cert)}) :valid))
  (is= false ((verify (sign) {:ca (middle :cert) :partial-chain false}) :valid)))

(test "an expired signer, and one for another purpose, are not valid"
  (is (string/find "has expired" ((verify (sign) {:time "2037-01-01"}) :reason)))
  (def server (issue {:common-name "a.example" :ext-key-usage [:server-auth]}))
  (def message (crypto/cms-sign data (server :cert) (server :key)))
  (is (string/find "unsuitable certificate purpose" ((verify message) :reason)))
  (is ((verify message {:purpose :server}) :valid))
  (is ((verify message {:purpose :any}) :valid)))

(test "a message that was changed anywhere is never valid with other content"
  (def whole (sign {:format :der}))
  (each given (flips whole 400 1)
    (def [ok result] (protect (verify given)))
    (when (and ok (result :valid)) (is= data (result :content))))
  (def forged (buffer whole))
  (put forged (string/find "line" whole) 76)
  (is (string/find "signature does not verify" ((verify forged) :reason)))
  (is= false ((verify forged {:verify false}) :valid)))

(test "messages that are cut off are refused"
  (def whole (sign {:format :der}))
  (each given (cuts whole) (fails-with "not a CMS message" (verify given))))

(test "a message without a signature is not valid"
  (def result (verify (crypto/cms-certs-only [(signer :cert)]) {:verify false}))
  (is= [false "the message has no signature"] [(result :valid) (result :reason)]))

(test "a key that does not fit is refused"
  (fails-with "the key does not match the certificate"
              (crypto/cms-sign data (signer :cert) (root :key)))
  (def ed (cert/generate-self-signed-cert {:key-type :ed25519}))
  (def [ok message] (protect (crypto/cms-sign data (ed :cert) (ed :key))))
  (if ok
    (is ((crypto/cms-verify message {:ca (ed :cert)}) :valid))
    (is (string/find "ED25519 keys sign no CMS messages in this OpenSSL" message)))
  (def sealed (crypto/export-key (signer :key) {:password "pw" :iterations 1000}))
  (fails-with "give its password" (crypto/cms-sign data (signer :cert) sealed))
  (is (crypto/cms-sign data (signer :cert) sealed {:password "pw"})))

# ---- encrypting and decrypting ----

(defn decrypt [message who] (crypto/cms-decrypt message (who :cert) (who :key)))

(each cipher [:aes-256-cbc :aes-192-cbc "aes-128-cbc" :aes-256-gcm :aes-192-gcm :AES-128-GCM
              :des-ede3-cbc]
  (test (string cipher " is encrypted for RSA and EC recipients, and each decrypts it")
    (def message (crypto/cms-encrypt data (map |($ :cert) [rsa ec ec384]) {:cipher cipher}))
    (each who [rsa ec ec384]
      (def plain (decrypt message who))
      (is (buffer? plain))
      (is= data (string plain)))
    (fails-with "not for this certificate" (decrypt message signer))))

(test "empty and large data go through; the event loop runs on"
  (var [ticks done] [0 false])
  (ev/go (fn [] (while (not done) (ev/sleep 0.001) (++ ticks))))
  (def large (string/repeat "0123456789abcdef" (* 65536 (load 32))))
  (each plain ["" large]
    (is (= plain (string (decrypt (crypto/cms-encrypt plain (rsa :cert)) rsa))))
    (is (= plain
           ((verify (crypto/cms-sign plain (string (signer :cert) (middle :cert)) (signer :key)))
            :content))))
  (set done true)
  (is (> ticks 3)))

(test "RSA recipients may have OAEP"
  (each padding [:pkcs1 :oaep-sha256]
    (is= data (string (decrypt (crypto/cms-encrypt data [(rsa :cert)] {:padding padding}) rsa)))))

(test "the format is the first certificate's, unless said otherwise"
  (def der (crypto/convert-cert (rsa :cert) :der))
  (is= :pem (crypto/detect-format (crypto/cms-encrypt data (rsa :cert))))
  (is= :der (crypto/detect-format (crypto/cms-encrypt data @[der (ec :cert)])))
  (is= :pem (crypto/detect-format (crypto/cms-encrypt data der {:format :pem})))
  (is= :der (crypto/detect-format (crypto/cms-encrypt data (rsa :cert) {:format :der}))))

(test "an authenticated message that was changed is refused"
  (def whole
    (crypto/cms-encrypt (string/repeat "x" 64) (ec :cert) {:cipher :aes-256-gcm :format :der}))
  (for back 1 80
    (def changed (buffer whole))
    (def at (- (length whole) back))
    (put changed at (bxor 1 (changed at)))
    (fails-with "crypto/cms-decrypt: not" (decrypt changed ec)))
  (each given (cuts whole) (fails-with "crypto/cms-decrypt: not" (decrypt given ec))))

(test "changed bytes never crash"
  (def whole (crypto/cms-encrypt data [(rsa :cert) (ec :cert)] {:format :der}))
  (repeat (load 500)
    (def changed (scrambled whole 2))
    (protect (decrypt changed rsa))
    (protect (decrypt changed ec))))

(test "recipients that can't be are refused"
  (def ed (cert/generate-self-signed-cert {:key-type :ed25519}))
  (fails-with "a recipient's key is ED25519, expected RSA or EC"
              (crypto/cms-encrypt data [(rsa :cert) (ed :cert)]))
  (each certs [nil 5 [] {} [5] [nil]] (fails-with "bad slot #1" (crypto/cms-encrypt data certs)))
  (fails-with "not a certificate" (crypto/cms-encrypt data ["x"]))
  (fails-with "bad option :cipher" (crypto/cms-encrypt data (rsa :cert) {:cipher :rot13}))
  (fails-with "the key does not match the certificate"
              (crypto/cms-decrypt (crypto/cms-encrypt data (rsa :cert)) (rsa :cert) (ec :key)))
  (fails-with "not an encrypted message" (decrypt (sign) rsa))
  (fails-with "not a signed message" (verify (crypto/cms-encrypt data (rsa :cert)))))

# ---- certificates alone ----

(test "certificates go into a message and come out"
  (def certs [(rsa :cert) (ec :cert) (root :cert)])
  (def message (crypto/cms-certs-only certs))
  (is (string/has-prefix? "-----BEGIN PKCS7-----" message))
  (is (array? (crypto/cms-get-certs message)))
  (is= (sorted certs) (sorted (crypto/cms-get-certs message)))
  (is= (sorted certs) (sorted (crypto/cms-get-certs (crypto/cms-certs-only certs {:format :der}))))
  (is= @[(rsa :cert)] (crypto/cms-get-certs (crypto/cms-certs-only (rsa :cert))))
  (is= (sorted [(signer :cert) (middle :cert)]) (sorted (crypto/cms-get-certs (sign))))
  (each certs [nil 5 [] [5]] (fails-with "bad slot #0" (crypto/cms-certs-only certs)))
  (each given ["" "x" (rsa :cert) "\x30\x80"]
    (fails-with "not a CMS message" (crypto/cms-get-certs given)))
  (fails-with "crypto/cms-get-certs: not a CMS message: empty" (crypto/cms-get-certs ""))
  # where OpenSSL gives a reason (3.5), it is that one
  (fails-with '(* "crypto/cms-get-certs: not a CMS message: "
                  (+ "damaged, or cut off" "not enough data")) (crypto/cms-get-certs "\x30\x80"))
  (fails-with "neither a signed message nor one of certificates"
              (crypto/cms-get-certs (crypto/cms-encrypt data (rsa :cert)))))

# ---- others ----

(def dir (tmpdir))
(each [name text] [["root" (root :cert)] ["middle" (middle :cert)] ["cert" (signer :cert)]
                   ["key" (signer :key)] ["data" data]
                   ["rsa" (string (rsa :cert) (rsa :key))] ["ec" (string (ec :cert) (ec :key))]]
  (spit (string dir "/" name) text))
(defn openssl-cms [& args]
  (os/execute ["sh" "-c" (string `cd "$0" && openssl cms ` (string/join args " ") ` 2>err`) dir]
              :p))

(peer-test "openssl" "the openssl command verifies ours, and we what it signs"
  (each opts [{} {:detached true}]
    (spit (string dir "/msg") (sign opts))
    (is= 0 (openssl-cms "-verify -inform PEM -binary -CAfile root -in msg -out out"
                        (if (opts :detached) "-content data" "")))
    (is= data (string (slurp (string dir "/out")))))
  (each [args opts] [["" {:detached data}] ["-nodetach" {}] ["-nodetach -noattr -stream" {}]
                     ["-nodetach -md sha512 -keyid" {}]]
    (is= 0 (openssl-cms
             "-sign -binary -in data -signer cert -inkey key -certfile middle -outform DER -out msg"
             args))
    (is= [true data] (let [result (verify (slurp (string dir "/msg")) opts)]
                       [(result :valid) (result :content)]) args)))

(peer-test "openssl"
  "a signature over a digest that is too weak is not valid, unless that is allowed"
  (each [digest who args] [["SHA1" signer "-signer cert -inkey key -certfile middle"]
                           ["SHA1" signer "-signer cert -inkey key -certfile middle -noattr"]
                           ["MD5" rsa "-signer rsa -inkey rsa"]]
    (is= 0 (openssl-cms "-sign -binary -nodetach -in data -outform DER -out msg" args "-md" digest))
    (def message (slurp (string dir "/msg")))
    (each opts [{} {:verify false} {:security-level 1}]
      (def result (verify message opts))
      (is= [false data @[(who :cert)]] [(result :valid) (result :content) (result :signers)])
      (is= (string "signature over a digest that is too weak: " digest
                   ": allow that with :security-level 0") (result :reason)))
    (each opts [{:security-level 0} {:security-level 0 :verify false}]
      (is= true ((verify message opts) :valid))))
  (is= true ((verify (sign) {:security-level 3}) :valid))
  (is (string/find "SHA256: allow that with :security-level 2"
                   ((verify (sign) {:security-level 4}) :reason)))
  (each level [-1 6 1.5 :x]
    (fails-with "bad option :security-level" (verify (sign) {:security-level level}))))

(peer-test "openssl" "the openssl command decrypts ours, and we what it encrypts"
  (each cipher ["aes-256-cbc" "aes-128-gcm"]
    (spit (string dir "/msg") (crypto/cms-encrypt data [(rsa :cert) (ec :cert)] {:cipher cipher}))
    (each who ["rsa" "ec"]
      (is= 0 (openssl-cms "-decrypt -binary -inform PEM -in msg -out out -recip" who "-inkey" who))
      (is= data (string (slurp (string dir "/out")))))
    (is= 0 (openssl-cms "-encrypt -binary -in data -outform DER -out msg" (string "-" cipher)
                        "rsa ec"))
    (each who [rsa ec] (is= data (string (decrypt (slurp (string dir "/msg")) who))))))

(if-let [folder (vectors "pyca/pkcs7")]
  (test "pyca/pkcs7: 4 of 4 are read or refused as they should be"
    (defn names [file]
      (map |((cert/parse $) :subject-text) (crypto/cms-get-certs (slurp (string folder "/" file)))))
    (is= @["CN=ISRG Root X1,O=Internet Security Research Group,C=US"] (names "isrg.pem"))
    (each file ["amazon-roots.p7b" "amazon-roots.der"]
      (is= @["CN=Amazon Root CA 2,O=Amazon,C=US" "CN=Amazon Root CA 3,O=Amazon,C=US"]
           (sorted (names file)) file))
    (fails-with "neither a signed message nor one of certificates" (names "enveloped.pem")))
  (skip "pyca/pkcs7" "no vectors here"))

(end)
