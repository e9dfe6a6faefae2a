# Signatures: the published vectors, options, and forgeries.
(import ../support/check :prefix "")
(import ../support/vectors :prefix "")
(import jsec/crypto)

# --- vectors ---

(defn digest-of
  "The digest's name as a file writes it; nil where the key has its own."
  [item]
  (get-in item [:group "sha"]))

(defn verifies
  ``A judge of verification with these options: valid ones are true, invalid ones false, and
  nothing raises.``
  [opts]
  (fn [item]
    (def signature (unhex (item "sig")))
    (def all (if-let [digest (digest-of item)] (merge {:digest digest} opts) opts))
    (def answer
      (crypto/verify (get-in item [:group "publicKeyPem"]) (unhex (item "msg")) signature all))
    (def by-der (crypto/verify (unhex (get-in item [:group "publicKeyDer"])) (unhex (item "msg"))
                               signature all))
    (and (boolean? answer) (= answer by-der)
         (case (item "result") "valid" answer "invalid" (not answer) true))))

(each name ["ecdsa_secp256k1_sha256" "ecdsa_secp256r1_sha256" "ecdsa_secp256r1_sha512"
            "ecdsa_secp384r1_sha256"
            "ecdsa_secp384r1_sha384" "ecdsa_secp521r1_sha512" "ed25519" "rsa_signature_2048_sha256"
            "rsa_signature_2048_sha384" "rsa_signature_2048_sha512" "rsa_signature_3072_sha256"
            "rsa_signature_4096_sha256"]
  (wycheproof name (verifies {})))

(wycheproof "rsa_pss_2048_sha256_mgf1_32"
            (verifies {:padding :pss :mgf1-digest :sha256 :salt-length 32}))

(wycheproof "rsa_pkcs1_2048_sig_gen"
            (fn [item]
              (def signature (crypto/sign (get-in item [:group "privateKeyPem"])
                                          (unhex (item "msg")) {:digest (digest-of item)}))
              (= (item "sig") (hex signature))))

(test "Ed25519 and Ed448 sign as RFC 8032 has it"
  # sections 7.1 and 7.4: secret keys in PKCS#8
  (defn ed25519 [secret] (unhex (string "302e020100300506032b657004220420" secret)))
  (defn ed448 [secret] (unhex (string "3047020100300506032b6571043b0439" secret)))
  (is= (string "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
               "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b")
       (hex (crypto/sign
              (ed25519 "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60") "")))
  (is= (string "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
               "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")
       (hex (crypto/sign
              (ed25519 "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb") "\x72")))
  (is= (string
         "533a37f6bbe457251f023c0d88f976ae2dfb504a843e34d2074fd823d41a591f"
         "2b233f034f628281f2fd7a22ddd47d7828c59bd0a21bfd3980"
         "ff0d2028d4b18a9df63e006c5d1c2d345b925d8dc00b4104852db99ac5c7cdda"
         "8530a113a0f4dbb61149f05a7363268c71d95808ff2e652600")
       (hex (crypto/sign
              (ed448
                (string "6c82a562cb808d10d632be89c8513ebf6c929f34ddfa8c9f63c9960ef6e348a3"
                        "528c8a3fcc2f044e39a3fc5b94492f8f032e7549a20098f95b")) ""))))

# --- every kind of key ---

(def rsa (crypto/generate-key :rsa))
(def p256 (crypto/generate-key :p256))
(def ed25519 (crypto/generate-key :ed25519))
(def keys-by-kind {:rsa rsa :rsa-pss (crypto/generate-key :rsa-pss) :p256 p256 :ed25519 ed25519
                   :ed448 (crypto/generate-key :ed448)
                   :p384 (crypto/generate-key :p384) :p521 (crypto/generate-key :p521)
                   :p224 (crypto/generate-key :p224)
                   :secp256k1 (crypto/generate-key :secp256k1)
                   :brainpool (crypto/generate-key :brainpoolP256r1)})

(test "what a private key signs, its public key verifies, and nothing else"
  (eachp [kind key] keys-by-kind
    (def public (crypto/export-public-key key))
    (def signature (crypto/sign key "message"))
    (is (buffer? signature))
    (is= true (crypto/verify public "message" signature) kind)
    (is= true (crypto/verify key @"message" (string signature)) kind)
    (is= false (crypto/verify public "messagE" signature) kind)
    (is= false (crypto/verify public "" signature) kind)
    (loop [i :in [0 (div (length signature) 2) (dec (length signature))]]
      (def forged (buffer signature))
      (put forged i (bxor 1 (forged i)))
      (is= false (crypto/verify public "message" forged) kind))
    (each bad ["" "x" (slice signature 0 -2) (string signature "\0") (buffer/new-filled 5000 0)
               (buffer/new-filled 256 255)]
      (is= false (crypto/verify public "message" bad) kind))))

(test "another key of the same kind does not verify"
  (def signature (crypto/sign p256 "x"))
  (is= false (crypto/verify (crypto/generate-key :p256) "x" signature))
  (is= false (crypto/verify (crypto/generate-key :p384) "x" signature))
  (is= false (crypto/verify ed25519 "x" signature))
  (is= false (crypto/verify rsa "x" signature)))

(test "an empty message and NULs are signed"
  (each key [rsa p256 ed25519]
    (each message ["" @"" "\0" "a\0b"] (is (crypto/verify key message (crypto/sign key message))))
    (is= false (crypto/verify key "a" (crypto/sign key "a\0")))))

(test "each digest gives another signature, which needs the same digest"
  (each key [rsa p256]
    (each digest [:sha256 "SHA-384" :sha512 :sha3-256 :sha1]
      (def signature (crypto/sign key "x" {:digest digest}))
      (is (crypto/verify key "x" signature {:digest digest}))
      (is= false (crypto/verify key "x" signature {:digest :sha224})))))

(test "the default digest is SHA-256"
  (each key [rsa p256 (keys-by-kind :p521)]
    (is (crypto/verify key "x" (crypto/sign key "x") {:digest :sha256}))))

(test "PSS has the digest's length of salt unless another is asked for"
  (def pss {:padding :pss})
  (is (crypto/verify rsa "x" (crypto/sign rsa "x" pss) {:padding :pss :salt-length 32}))
  (is (crypto/verify rsa "x" (crypto/sign rsa "x" {:padding :pss :salt-length :digest})
                     {:padding :pss :salt-length 32}))
  (is= false (crypto/verify rsa "x" (crypto/sign rsa "x" {:padding :pss :salt-length 20}) pss))
  (is (crypto/verify rsa "x" (crypto/sign rsa "x" {:padding :pss :salt-length 20})
                     {:padding :pss :salt-length :auto}))
  (is (crypto/verify rsa "x" (crypto/sign rsa "x" {:padding :pss :salt-length 0})
                     {:padding :pss :salt-length 0}))
  (is (crypto/verify rsa "x" (crypto/sign rsa "x" {:padding :pss :salt-length :max})
                     {:padding :pss :salt-length 222}))
  (is (crypto/verify rsa "x"
                     (crypto/sign rsa "x" {:padding :pss :digest :sha512 :mgf1-digest :sha1})
                     {:padding :pss :digest :sha512 :mgf1-digest :sha1}))
  (is= false (crypto/verify rsa "x" (crypto/sign rsa "x") pss))
  (is= false (crypto/verify rsa "x" (crypto/sign rsa "x" pss))))

(test "raw ECDSA signatures are r and s of the order's length"
  (each [kind bytes] [[:p224 56] [:p256 64] [:p384 96] [:p521 132] [:secp256k1 64]]
    (def key (keys-by-kind kind))
    (repeat 20 # r or s is short now and then
      (def signature (crypto/sign key "x" {:format :raw}))
      (is= bytes (length signature))
      (is (crypto/verify key "x" signature {:format :raw}))
      (is= false (crypto/verify key "x" signature))
      (is= false (crypto/verify key "y" signature {:format :raw}))
      (each bad [(slice signature 0 -2) (string "\0" signature) "" (buffer/new-filled bytes 0)
                 (buffer/new-filled bytes 255)]
        (is= false (crypto/verify key "x" bad {:format :raw}))))
    (is= false (crypto/verify key "x" (crypto/sign key "x") {:format :raw}))))

(test "RFC 7515's ES256 example verifies in raw form"
  # appendix A.3; the public key as SubjectPublicKeyInfo
  (def key (string (unhex "3059301306072a8648ce3d020106082a8648ce3d03010703420004")
                   (crypto/base64url-decode "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU")
                   (crypto/base64url-decode "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")))
  (def signed
    (string
      "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODA"
      "sDQogImh0dHA6Ly9leGFtcGxlLmNvbS9p"
      "c19yb290Ijp0cnVlfQ"))
  (def signature (crypto/base64url-decode
                   (string "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA"
                           "pmWQxfKTUJqPP3-Kg6NU1Q")))
  (is (crypto/verify key signed signature {:format :raw}))
  (is= false (crypto/verify key (string signed "x") signature {:format :raw})))

(test "a precomputed digest is signed unchanged"
  (each key [rsa p256]
    (def digest (crypto/digest :sha384 "x"))
    (def signature (crypto/sign key digest {:digest :sha384 :prehashed true}))
    (is (crypto/verify key "x" signature {:digest :sha384}))
    (is (crypto/verify key digest signature {:digest :sha384 :prehashed true}))
    (fails-with "the digest is 32 bytes, the data given as :prehashed 48"
                (crypto/sign key digest {:prehashed true}))))

(test "options that don't suit the key are refused"
  (each f [(fn [key opts] (crypto/sign key "x" opts))
           (fn [key opts] (crypto/verify key "x" "s" opts))]
    (fails-with "ED25519 signs the message itself" (f ed25519 {:digest :sha256}))
    (fails-with "ED25519 signs the message itself" (f ed25519 {:prehashed true}))
    (fails-with ":padding is for RSA keys, this one is EC" (f p256 {:padding :pss}))
    (fails-with ":format is for EC keys, this one is RSA" (f rsa {:format :raw}))
    (fails-with ":salt-length and :mgf1-digest go with :padding :pss" (f rsa {:salt-length 20}))
    (fails-with "an RSA-PSS key takes :padding :pss only"
                (f (keys-by-kind :rsa-pss) {:padding :pkcs1}))
    (fails-with "not made over shake256" (f rsa {:digest :shake256}))
    (fails-with "unknown digest" (f rsa {:digest :sha257}))
    (fails-with "expected one of :pkcs1 :pss, got :oaep" (f rsa {:padding :oaep}))
    (fails-with "unknown option :paddin, did you mean :padding" (f rsa {:paddin :pss}))
    (each n [-1 1.5 4000 "20" :some]
      (fails-with "bad option :salt-length" (f rsa {:padding :pss :salt-length n})))
    (fails-with "X25519 keys don't sign" (f (crypto/generate-key :x25519) {}))
    (fails-with "bad options" (f rsa 12)))
  (fails-with ":auto is for verifying" (crypto/sign rsa "x" {:padding :pss :salt-length :auto})))

(test "what is no key is refused"
  (each bad ["" "x" @"" "-----BEGIN PRIVATE KEY-----" (slice p256 0 100) (crypto/random-bytes 100)
             "0\x80" "\0"
             (string/repeat "A" 2000000) (string/replace "MIG" "MIH" p256)]
    (fails-with "crypto/sign: not a" (crypto/sign bad "x"))
    (fails-with "crypto/verify: not a" (crypto/verify bad "x" "y")))
  (fails-with "crypto/sign: not a private key" (crypto/sign (crypto/export-public-key p256) "x"))
  (fails-with "bad slot #0, expected string, buffer or key, got nil" (crypto/sign nil "x"))
  (fails-with "bad slot #1, expected string or buffer, got 12" (crypto/sign p256 12))
  (fails-with "bad slot #2, expected string or buffer, got nil" (crypto/verify p256 "x" nil)))

(test "large data is signed and verified beside other fibers"
  (def data (buffer/new-filled (* 8 1024 1024) 120))
  (var turns 0)
  (var done false)
  (ev/spawn (while (not done) (++ turns) (ev/sleep 0)))
  (each key [p256 ed25519] (is (crypto/verify key data (crypto/sign key data))))
  (set done true)
  (is (pos? turns)))


(test "the event loop runs on while the password of a key is stretched"
  (def key (crypto/generate-key :rsa))
  (def sealed (crypto/export-key key {:password "pw" :iterations 600000}))
  (def text (crypto/rsa-encrypt key "hello"))
  (each [expected call] [[(crypto/sign key "data") |(crypto/sign sealed "data" {:password "pw"})]
                         [@"hello" |(crypto/rsa-decrypt sealed text {:password "pw"})]]
    (var [ticks done] [0 false])
    (ev/go (fn [] (while (not done) (ev/sleep 0.001) (++ ticks))))
    (is= expected (call))
    (set done true)
    (is (> ticks 3)))
  (fails-with "wrong password" (crypto/sign sealed "data" {:password "no"}))
  (fails-with "a ciphertext for this key has 256 bytes, got 5"
              (crypto/rsa-decrypt sealed "short" {:password "pw"}))
  (fails-with "go with :padding :pss" (crypto/sign sealed "data" {:password "pw" :salt-length 3})))

(end)
