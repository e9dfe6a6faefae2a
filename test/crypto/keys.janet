# Making keys, their public halves, and the keys that are kept parsed.
(import ../support/check :prefix "")
(import ../support/vectors :prefix "")
(import jsec/crypto)

(defn openssl
  "What the openssl command prints for these arguments, `input` given on its standard input."
  [input & args]
  (def dir (tmpdir))
  (spit (string dir "/in") input)
  (def code (with [in (file/open (string dir "/in"))]
              (with [out (file/open (string dir "/out") :w)]
                (os/execute ["openssl" ;args] :p {:in in :out out :err out}))))
  (def text (string (slurp (string dir "/out"))))
  (if (zero? code) text (error text)))

(def spellings
  {"ED25519" [:ed25519 "Ed25519"] "ED448" [:ed448] "X25519" [:x25519] "X448" [:x448]
   "prime256v1" [:p256 :p-256 :ec-p256 "P-256" :secp256r1 "prime256v1"]
   "secp384r1" [:p384 :p-384 :ec-p384]
   "secp521r1" [:p521 :p-521 :ec-p521] "secp256k1" [:secp256k1 "SECP256K1"] "secp224r1" [:p224]
   "brainpoolP256r1" [:brainpoolP256r1 "brainpoolp256r1"]})

(peer-test "openssl" "every spelling of an algorithm makes the key that openssl names so"
  (eachp [shown names] spellings
    (each name names
      (def key (crypto/generate-key name))
      (is (string? key))
      (is (string/has-prefix? "-----BEGIN PRIVATE KEY-----\n" key))
      (is (string/find shown (openssl key "pkey" "-noout" "-text")) name)
      (is= (openssl key "pkey" "-pubout") (crypto/export-public-key key)))))

(peer-test "openssl" "an RSA key has 2048 bits, or as many as asked"
  (is (string/find "(2048 bit" (openssl (crypto/generate-key :rsa) "pkey" "-noout" "-text")))
  (is (string/find "(2048 bit" (openssl (crypto/generate-key "RSA" nil) "pkey" "-noout" "-text")))
  (is (string/find "(1024 bit" (openssl (crypto/generate-key :rsa 1024) "pkey" "-noout" "-text")))
  (is (string/find "(1536 bit"
                   (openssl (crypto/generate-key :rsa-pss 1536) "pkey" "-noout" "-text"))))

(test "two keys differ"
  (each name [:ed25519 :p256 :x25519]
    (is (not= (crypto/generate-key name) (crypto/generate-key name)))))

(test "an RSA key is made beside other fibers"
  (var turns 0)
  (var done false)
  (ev/spawn (while (not done) (++ turns) (ev/sleep 0.001)))
  (crypto/generate-key :rsa 3072)
  (set done true)
  (is (pos? turns)))

(test "several RSA keys are made at once"
  (def answers (ev/chan 3))
  (repeat 3 (ev/spawn (ev/give answers (crypto/generate-key :rsa 1024))))
  (is= 3 (length (distinct (seq [_ :range [0 3]] (ev/take answers))))))

(test "sizes and algorithms that can't be are refused"
  (each bits [0 -1 512 1023 1024.5 16385 1e12 "2048" math/nan]
    (fails-with "bad slot #1, expected integer from 1024 to 16384" (crypto/generate-key :rsa bits)))
  (fails-with "crypto/generate-key: :ed25519 keys have one size: leave out bits"
              (crypto/generate-key :ed25519 256))
  (fails-with `unknown key algorithm, expected one of rsa` (crypto/generate-key :dsa))
  (fails-with "bad slot #0, expected keyword or string, got 2048" (crypto/generate-key 2048))
  (fails-with "arity" (crypto/generate-key)))

(peer-test "openssl" "the public half is read from every form of key"
  (def key (crypto/generate-key :p256))
  (def public (crypto/export-public-key key))
  (def cert (openssl key "req" "-x509" "-new" "-key" "/dev/stdin" "-subj" "/CN=a" "-days" "1"))
  (each form [key public cert (openssl key "pkey" "-outform" "DER") (openssl key "ec") (buffer key)
              (openssl public "pkey" "-pubin" "-outform" "DER")
              (openssl cert "x509" "-outform" "DER")]
    (is= public (crypto/export-public-key form)))
  (def rsa (crypto/generate-key :rsa))
  (each form [(openssl rsa "rsa" "-traditional") (openssl rsa "rsa" "-RSAPublicKey_out")]
    (is= (crypto/export-public-key rsa) (crypto/export-public-key form))))

(test "bytes that are neither PEM nor DER cost no time"
  (def bytes (string/repeat "\x30\x80" 60000))
  (def start (os/clock :cputime))
  (repeat 5
    (fails-with "not a private key: neither PEM nor DER" (crypto/sign bytes "x"))
    (fails-with "neither PEM nor DER" (crypto/verify bytes "x" "signature")))
  (is (< (- (os/clock :cputime) start) (* 0.2 (scan-number (os/getenv "JSEC_SLOW" "1"))))))

(test "a key of more than 128 KB is refused unread"
  (def key (crypto/generate-key :p256))
  (is (crypto/sign (string (string/repeat "#\n" 60000) key) "x"))
  (each large [(string (string/repeat "#\n" 70000) key)
               (string "\x30\x83\x0f\x42\x3b" (string/repeat "\0" 999995))]
    (fails-with "crypto/sign: not a key: larger than 128 KB" (crypto/sign large "x"))
    (fails-with "not a key: larger than 128 KB" (crypto/verify large "x" "signature"))))

(peer-test "openssl" "an encrypted key needs its password and never prompts for it"
  (def key (crypto/generate-key :p256))
  (def encrypted (openssl key "pkey" "-aes-256-cbc" "-passout" "pass:secret"))
  (fails-with "private key is encrypted" (crypto/export-public-key encrypted))
  (fails-with "crypto/sign: private key is encrypted: give its password"
              (crypto/sign encrypted "x"))
  (fails-with "wrong password" (crypto/sign encrypted "x" {:password "Secret"}))
  (def signature (crypto/sign encrypted "x" {:password "secret"}))
  (is (crypto/verify key "x" signature))
  # the cache knows nothing of it
  (fails-with "give its password" (crypto/sign encrypted "x")))

(peer-test "openssl" "the openssl command verifies what we sign, and we what it signs"
  (def dir (tmpdir))
  (defn at [name] (string dir "/" name))
  (spit (at "data") "some data")
  (each [kind ours & theirs]
    [[:rsa {} "-sha256"]
     [:rsa {:digest :sha512} "-sha512"]
     [:rsa {:padding :pss} "-sha256" "-sigopt" "rsa_padding_mode:pss" "-sigopt"
      "rsa_pss_saltlen:digest"]
     [:p256 {} "-sha256"]
     [:p384 {:digest :sha384} "-sha384"]
     [:secp256k1 {:digest :sha3-256} "-sha3-256"]]
    (def key (crypto/generate-key kind))
    (spit (at "key") key)
    (spit (at "pub") (crypto/export-public-key key))
    (spit (at "sig") (crypto/sign key "some data" ours))
    (is (string/find "Verified OK" (openssl "" "dgst" ;theirs "-verify" (at "pub") "-signature"
                                            (at "sig") (at "data"))) kind)
    (openssl "" "dgst" ;theirs "-sign" (at "key") "-out" (at "sig") (at "data"))
    (is= true (crypto/verify (slurp (at "pub")) "some data" (slurp (at "sig")) ours) kind))
  (each kind [:ed25519 :ed448]
    (def key (crypto/generate-key kind))
    (spit (at "key") key)
    (spit (at "sig") (crypto/sign key "some data"))
    (openssl "" "pkeyutl" "-verify" "-inkey" (at "key") "-rawin" "-in" (at "data") "-sigfile"
             (at "sig"))
    (openssl "" "pkeyutl" "-sign" "-inkey" (at "key") "-rawin" "-in" (at "data") "-out" (at "sig"))
    (is (crypto/verify key "some data" (slurp (at "sig"))))))

(peer-test "openssl" "an EC key with curve parameters of its own is refused"
  (def key (openssl "" "ecparam" "-name" "prime256v1" "-genkey" "-noout" "-param_enc" "explicit"))
  (fails-with "only named curves are taken" (crypto/sign key "x"))
  (fails-with "only named curves are taken" (crypto/verify key "x" "y")))

# --- keys that are kept ---

(test "one key signs and verifies over any digest, in any form, one after the other"
  (def rng (math/rng 7))
  (each kind [:p256 :p521]
    (def key (crypto/generate-key kind))
    (def public (crypto/export-public-key key))
    (def schemes
      (seq [digest :in [:sha1 :sha256 :sha512] format :in [:der :raw] prehashed :in [true false]]
        {:digest digest :format format :prehashed prehashed}))
    (repeat (load 200)
      (def scheme (in schemes (math/rng-int rng (length schemes))))
      (def data (if (scheme :prehashed) (crypto/digest (scheme :digest) "data") "data"))
      (def signature (crypto/sign key data scheme))
      (each by [public key]
        (is (crypto/verify by data signature scheme))
        (is (not (crypto/verify by data (string/repeat "x" (length signature)) scheme))))
      (fails-with "the digest is" (crypto/sign key "short" (merge scheme {:prehashed true})))
      (if (zero? (math/rng-int rng 20)) (crypto/forget-keys)))))

(test "more keys than the cache holds, and forget-keys, affect the speed only"
  (def keys (seq [_ :range [0 150]] (crypto/generate-key :ed25519)))
  (def signatures (map |(crypto/sign $ "x") keys))
  (repeat 2
    (loop [i :range [0 150]]
      (is= (signatures i) (crypto/sign (keys i) "x"))
      (is (crypto/verify (keys i) "x" (signatures i)))
      (is= false (crypto/verify (keys i) "x" (signatures (mod (inc i) 150)))))
    (is= nil (crypto/forget-keys))))

(test "a key that is kept for verifying does not sign"
  (def key (crypto/generate-key :p256))
  (def public (crypto/export-public-key key))
  (crypto/verify public "x" "y")
  (fails-with "not a private key" (crypto/sign public "x"))
  (crypto/verify key "x" "y")
  (is (crypto/sign key "x")))

(test "threads share kept keys"
  (def key (crypto/generate-key :p256))
  (def answers (ev/thread-chan 4))
  (repeat 4
    (ev/spawn-thread
      (var right 0)
      (repeat 200
        (if (crypto/verify key "x" (crypto/sign key "x")) (++ right))
        (crypto/sign (crypto/generate-key :ed25519) "x")
        (if (zero? (mod right 50)) (crypto/forget-keys)))
      (ev/give answers right)))
  (is= [200 200 200 200] (tuple ;(seq [_ :range [0 4]] (ev/take answers)))))

(end)
