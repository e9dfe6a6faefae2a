# ML-KEM, ML-DSA and SLH-DSA: Wycheproof's vectors, other implementations, certificates, and what an
# older OpenSSL says of them.
(import ../support/check :prefix "")
(import ../support/judges :prefix "")
(import ../support/vectors :prefix "")
(import jsec/cert)
(import jsec/crypto)

(def kems {:ml-kem-512 [800 768 1632] :ml-kem-768 [1184 1088 2400] :ml-kem-1024 [1568 1568 3168]})
(def dsas {:ml-dsa-44 [1312 2420 2560] :ml-dsa-65 [1952 3309 4032] :ml-dsa-87 [2592 4627 4896]})
(def slhs
  (tabseq [family :in ["sha2" "shake"] [size bytes] :in [["128s" 7856] ["128f" 17088] ["192s" 16224]
                                                         ["192f" 35664] ["256s" 29792]
                                                         ["256f" 49856]]]
    (keyword "slh-dsa-" family "-" size) bytes))

(def offered (first (protect (crypto/generate-key :ml-kem-768))))

# A private key from its seed (RFC 9881 and RFC 9935), and a public key of SLH-DSA.
(def seeded
  {:ml-dsa-44 (string (unhex "3034020100300b06096086480165030403110422") "\x80\x20"
                      (string/from-bytes ;(range 32)))
   :ml-kem-512 (string (unhex "3054020100300b06096086480165030404010442") "\x80\x40"
                       (string/from-bytes ;(range 64)))})
(def slh-public
  (string (unhex "3030300b06096086480165030403140321") "\0" (string/repeat "\x17" 32)))

(defmacro fact
  "A test of an OpenSSL that has these algorithms."
  [text & body]
  ~(if offered (test ,text ,;body) (skip ,text "this OpenSSL is older than 3.5")))

(unless offered
  (test "an older OpenSSL's errors give the algorithm and the version that has it"
    (each kind [;(keys kems) ;(keys dsas) ;(keys slhs)]
      (def needs (string kind " needs openssl 3.5 or later: this is openssl 3."))
      (each call [|(crypto/generate-key kind) |(crypto/key-from-raw kind (string/repeat "x" 64))
                  |(cert/generate-self-signed-cert {:common-name "a.example" :key-type kind})]
        (def [_ text] (protect (call)))
        (is (string/find needs (string/ascii-lower text)) text))))
  (test "an older OpenSSL's errors name the kind of a key that it can't read"
    (eachp [kind der] seeded
      (def needs (string (string/ascii-upper kind) " needs OpenSSL 3.5 or later"))
      (def pem (string "-----BEGIN PRIVATE KEY-----\n" (crypto/base64-encode der)
                       "\n-----END PRIVATE KEY-----\n"))
      (each key [der pem]
        (each call [crypto/key crypto/key-info crypto/load-key |(crypto/sign $ "x")
                    crypto/export-public-key crypto/key-to-raw |(crypto/decapsulate $ "x")]
          (fails-with needs (call key)))))
    (each call [|(crypto/verify $ "x" "y") crypto/encapsulate crypto/key-info]
      (fails-with "SLH-DSA-SHA2-128s needs OpenSSL 3.5 or later" (call slh-public)))))

# --- encapsulation ---

(fact "both sides get the same secret, from a private key, a public one, or an object"
  (eachp [kind [_ bytes]] kems
    (def key (crypto/generate-key kind))
    (def public (crypto/export-public-key key))
    (each to [public key (crypto/key public)]
      (def {:secret secret :ciphertext ciphertext} (crypto/encapsulate to))
      (is= [32 bytes] [(length secret) (length ciphertext)])
      (is= secret (crypto/decapsulate key ciphertext))
      (is= secret (crypto/decapsulate (crypto/key key) (string ciphertext)))
      (is (not= (string secret) (string ((crypto/encapsulate to) :secret)))))))

(fact "a changed ciphertext gives another secret, the same each time, and no error"
  (eachp [kind _] kems
    (def key (crypto/generate-key kind))
    (def {:secret secret :ciphertext ciphertext} (crypto/encapsulate key))
    (update ciphertext 100 bxor 1)
    (def other (crypto/decapsulate key ciphertext))
    (is (not (deep= secret other)))
    (is= other (crypto/decapsulate key ciphertext))
    (is (not (deep= other (crypto/decapsulate (crypto/generate-key kind) ciphertext))))))

(fact "other keys and other lengths are refused"
  (def key (crypto/generate-key :ml-kem-512))
  (each bad ["" "x" (string/repeat "x" 767) (string/repeat "x" 769) (string/repeat "x" 100000)]
    (fails-with (string "a ciphertext of ML-KEM-512 has 768 bytes, got " (length bad))
                (crypto/decapsulate key bad)))
  (each kind [:x25519 :p256 :rsa :ed25519 :ml-dsa-44]
    (def other (crypto/generate-key kind))
    (fails-with "keys don't encapsulate: ML-KEM keys do" (crypto/encapsulate other))
    (fails-with "keys don't encapsulate: ML-KEM keys do" (crypto/decapsulate other "x")))
  (fails-with "crypto/decapsulate: not a private key"
              (crypto/decapsulate (crypto/export-public-key key) "x"))
  (fails-with "ML-KEM-512 keys don't sign" (crypto/sign key "x"))
  (fails-with "ML-KEM-512 keys don't agree" (crypto/derive key key)))

(test "arguments of encapsulation are checked"
  (fails-with "bad slot #0, expected string, buffer or key, got nil" (crypto/encapsulate nil))
  (fails-with "crypto/encapsulate: not a public key" (crypto/encapsulate "0"))
  (fails-with "bad slot #1, expected string or buffer, got nil" (crypto/decapsulate "key" nil)))

# --- signatures ---

(defn- state-signatures [kind key bytes]
  (def public (crypto/export-public-key key))
  (def signature (crypto/sign key "message"))
  (is= bytes (length signature))
  (is= true (crypto/verify public "message" signature))
  (is= false (crypto/verify public "messagE" signature))
  (is= false (crypto/verify (crypto/generate-key kind) "message" signature))
  (each bad ["" (slice signature 0 -2) (string signature "\0")]
    (is= false (crypto/verify public "message" bad)))
  (each i [0 (div bytes 2) (dec bytes)]
    (def forged (buffer signature))
    (update forged i bxor 1)
    (is= false (crypto/verify public "message" forged))))

(fact "every key signs, and verifies only what it signed"
  :deadline 120
  (eachp [kind [_ bytes]] dsas (state-signatures kind (crypto/generate-key kind) bytes))
  (eachp [kind bytes] slhs (state-signatures kind (crypto/generate-key kind) bytes)))

(fact "a context is a part of what is signed"
  (each kind [:ml-dsa-65 :slh-dsa-sha2-128f]
    (def key (crypto/generate-key kind))
    (each context ["a" "b\0" (string/repeat "c" 255) @"buffer"]
      (def signature (crypto/sign key "x" {:context context}))
      (is= true (crypto/verify key "x" signature {:context context}))
      (is= false (crypto/verify key "x" signature))
      (is= false (crypto/verify key "x" signature {:context "d"})))
    (is= true (crypto/verify key "x" (crypto/sign key "x" {:context ""})))
    (fails-with "bad option :context, expected string or buffer of at most 255 bytes"
                (crypto/sign key "x" {:context (string/repeat "c" 256)}))))

(fact "signatures are random, unless :deterministic is true"
  (each kind [:ml-dsa-44 :slh-dsa-sha2-128f]
    (def key (crypto/generate-key kind))
    (def sign |(string (crypto/sign key "x" {:deterministic $})))
    (is (not= (sign false) (sign false)))
    (is= (sign true) (sign true))
    (is (not= (sign true) (sign false)))
    (is= true (crypto/verify key "x" (sign true) {:deterministic true}))))

(test "options that other keys lack are refused"
  (def ed25519 (crypto/generate-key :ed25519))
  (each key [ed25519 (crypto/generate-key :p256) (crypto/generate-key :rsa)]
    (fails-with ":context is for ML-DSA and SLH-DSA keys, this one is"
                (crypto/sign key "x" {:context "a"})))
  (fails-with ":deterministic is for EC, ML-DSA and SLH-DSA keys, this one is ED25519"
              (crypto/sign ed25519 "x" {:deterministic true}))
  (fails-with "bad option :context, expected string or buffer, got 5"
              (crypto/sign ed25519 "x" {:context 5})))

(fact "digests, padding and formats of other keys are refused"
  (def key (crypto/generate-key :ml-dsa-44))
  (fails-with "ML-DSA-44 signs the message itself" (crypto/sign key "x" {:digest :sha256}))
  (fails-with "ML-DSA-44 signs the message itself" (crypto/sign key "x" {:prehashed true}))
  (fails-with ":format is for EC keys, this one is ML-DSA-44" (crypto/sign key "x" {:format :raw}))
  (fails-with ":low-s and :recovery are for EC keys" (crypto/sign key "x" {:low-s true}))
  (fails-with "ML-DSA-44 signs all data in one call" (crypto/new-signer key)))

(fact "other fibers run while SLH-DSA signs"
  (def key (crypto/generate-key :slh-dsa-sha2-128s))
  (var turns 0)
  (var done false)
  (ev/spawn (while (not done) (++ turns) (ev/sleep 0)))
  (is (crypto/verify key "x" (crypto/sign key "x")))
  (set done true)
  (is (> turns 10)))

# --- forms of keys ---

(fact "every key goes through each form, encrypted too, and objects"
  (each kind [;(keys kems) ;(keys dsas) :slh-dsa-sha2-128f :slh-dsa-shake-256f]
    (def key (crypto/generate-key kind))
    (def public (crypto/export-public-key key))
    (is= key (crypto/convert-key (crypto/convert-key key :der) :pem))
    (is= key (crypto/load-key (crypto/export-key key {:password "pw" :iterations 1000}) "pw"))
    (is= public (crypto/export-public-key (crypto/key key)))
    (is= kind ((crypto/key-info key) :type))
    (is= kind ((crypto/key-info public) :type))
    (is= public (crypto/key-from-raw kind (crypto/key-to-raw key)))
    (is= key (crypto/key-from-raw kind (crypto/key-to-raw key {:private true}) {:private true}))
    (fails-with "no JWK" (crypto/key-to-jwk public))))

(fact "the seed of a private key is kept, given as its plain bytes, and shown by key-info"
  (eachp [kind der] seeded
    (def seed (string/slice der (if (= kind :ml-dsa-44) -33 -65)))
    (is= seed (string (crypto/key-to-raw der {:private true})))
    (def key (crypto/key-from-raw kind seed {:private true}))
    (is= (crypto/export-public-key key) (crypto/export-public-key der))
    (is= true ((crypto/key-info key) :seed))
    (is= nil ((crypto/key-info (crypto/export-public-key key)) :seed))))

(fact "plain bytes of a wrong length or value are refused"
  (each [kinds seed] [[kems 64] [dsas 32]]
    (eachp [kind [public _ private]] kinds
      (each size [0 1 (dec public) (inc public)]
        (fails-with (string/format "have %d bytes, got %d" public size)
                    (crypto/key-from-raw kind (string/repeat "x" size))))
      (each size [0 (dec private) (inc private)]
        (fails-with (string/format "have %d bytes, their seeds %d, got %d" private seed size)
                    (crypto/key-from-raw kind (string/repeat "x" size) {:private true})))))
  (fails-with "private keys of SLH-DSA-SHA2-128s have 64 bytes, got 63"
              (crypto/key-from-raw :slh-dsa-sha2-128s (string/repeat "x" 63) {:private true}))
  (fails-with "not a usable key" (crypto/key-from-raw :ml-kem-512 (string/repeat "\xff" 800))))

# --- certificates ---

(fact "certificates and requests are signed with each, and chains verify"
  (each [ca-kind kind] [[:ml-dsa-65 :ml-dsa-44] [:slh-dsa-sha2-128f :ml-dsa-87]
                        [:p256 :ml-dsa-44] [:ml-dsa-44 :ml-kem-768]]
    (def ca-key (crypto/generate-key ca-kind))
    (def key (crypto/generate-key kind))
    (def ca (cert/generate-self-signed-from-key ca-key {:common-name "CA" :ca true}))
    (def {:cert leaf}
      (cert/issue-cert {:issuer-cert ca :issuer-key ca-key :key (crypto/export-public-key key)
                        :common-name "a.example"}))
    (is= true ((cert/verify-chain leaf {:roots ca :host "a.example"}) :valid))
    (is= kind ((cert/parse leaf) :key-type))))

(fact "a request is signed by each kind that signs"
  (each kind [:ml-dsa-44 :slh-dsa-sha2-128f]
    (def csr (crypto/generate-csr (crypto/generate-key kind) {:common-name "a.example"}))
    (is= true ((crypto/parse-csr csr) :signature-valid))))

# --- another implementation ---

(defn- noble-name [kind]
  (def [family of size] (string/split "-" kind))
  (if (= family "ml") (string "ml_" of size) (string/replace-all "-" "_" kind)))

(def- noble-program
  ``
  import * as kem from '@noble/post-quantum/ml-kem.js';
  import * as dsa from '@noble/post-quantum/ml-dsa.js';
  import * as slh from '@noble/post-quantum/slh-dsa.js';
  const all = {...kem, ...dsa, ...slh};
  const bytes = text => Uint8Array.from(Buffer.from(text, 'hex'));
  const hex = bytes => Buffer.from(bytes).toString('hex');
  const [name, secret, given] = input.split(' ');
  const algorithm = all[name];
  const kept = bytes(secret), message = bytes('6d657373616765');
  const opts = {context: bytes('00ff')}, fixed = {...opts, extraEntropy: false};
  if (name.startsWith('ml_kem')) {
    const {publicKey, secretKey} = algorithm.keygen(kept);
    const {cipherText, sharedSecret} = algorithm.encapsulate(publicKey);
    console.log([hex(publicKey), hex(algorithm.decapsulate(bytes(given), secretKey)),
                 hex(cipherText), hex(sharedSecret)].join(' '));
  } else {
    const secretKey = name.startsWith('ml_dsa') ? algorithm.keygen(kept).secretKey : kept;
    const publicKey = algorithm.getPublicKey(secretKey);
    console.log([hex(publicKey), algorithm.verify(bytes(given), message, publicKey, opts),
                 hex(algorithm.sign(message, secretKey, opts)),
                 hex(algorithm.sign(message, secretKey, fixed))].join(' '));
  }
  ``)

(defn- ask-noble [kind & words]
  (string/split " " (string/trim (ask-npm noble-program
                                          (string/join [(noble-name kind) ;words] " ")))))

(when offered
  (npm-test "@noble/post-quantum" "noble learns our secrets, and we learn its"
    (each kind (keys kems)
      (def key (crypto/generate-key kind))
      (def {:secret secret :ciphertext ciphertext} (crypto/encapsulate key))
      (def [public ours its-ciphertext its]
        (ask-noble kind (hex (crypto/key-to-raw key {:private true})) (hex ciphertext)))
      (is= (hex (crypto/key-to-raw key)) public)
      (is= (hex secret) ours)
      (is= its (hex (crypto/decapsulate key (unhex its-ciphertext))))))

  (npm-test "@noble/post-quantum" "noble verifies our signatures, we verify its, and all are equal"
    :deadline 120
    (def opts {:context "\0\xff"})
    (each kind [;(keys dsas) :slh-dsa-sha2-128f :slh-dsa-shake-192f]
      (def key (crypto/generate-key kind))
      (def [public valid its fixed]
        (ask-noble kind (hex (crypto/key-to-raw key {:private true}))
                   (hex (crypto/sign key "message" opts))))
      (is= (hex (crypto/key-to-raw key)) public)
      (is= "true" valid)
      (is= true (crypto/verify key "message" (unhex its) opts))
      (is= fixed (hex (crypto/sign key "message" (merge opts {:deterministic true})))))))

# --- Wycheproof ---

(defn- name-of [kind] (string/replace-all "-" "_" (string/replace "ml-" "ml" kind)))
(defn- bytes-of [item name] (unhex (get item name "")))
(defn- kind-of [item] (keyword (string/ascii-lower (get-in item [:group "parameterSet"] ""))))

(defn- same-secret [item key]
  (= (item "K") (hex (crypto/decapsulate key (bytes-of item "c")))))

(defn- decapsulates [kind]
  (fn [item]
    (fits item (fn []
                 (def key (crypto/key-from-raw kind (bytes-of item "seed") {:private true}))
                 (and (same-secret item key) (= (item "ek") (hex (crypto/key-to-raw key))))))))

(defn- decapsulates-expanded [kind]
  (fn [item]
    (fits item |(same-secret item (crypto/key-from-raw kind (bytes-of item "dk")
                                                       {:private true})))))

# The random bytes of encapsulation can't be given: only the keys are judged.
(defn- encapsulates [kind]
  (fn [item]
    (fits item |(= 32 (length ((crypto/encapsulate (crypto/key-from-raw kind (bytes-of item "ek")))
                               :secret))))))

(defn- expands [kind]
  (fn [item]
    (def key (crypto/key-from-raw kind (bytes-of item "seed") {:private true}))
    (def expanded (crypto/key-from-raw kind (bytes-of item "dk") {:private true}))
    (and (= (item "ek") (hex (crypto/key-to-raw key)))
         (= (item "dk") (hex (crypto/key-to-raw expanded {:private true})))
         (= (item "ek") (hex (crypto/key-to-raw expanded))))))

(defn- context-of [item] (if-let [context (item "ctx")] {:context (unhex context)} {}))

(defn- signs [kind member]
  (fn [item]
    (cond
      (nil? (item "msg")) :skip # of the internal interface: the digest alone
      (index-of "Randomized" (get item "flags" [])) :skip
      (fits item
            (fn []
              (def key (crypto/key-from-raw kind (unhex (get-in item [:group member]))
                                            {:private true}))
              (= (item "sig")
                 (hex (crypto/sign key (bytes-of item "msg")
                                   (merge (context-of item) {:deterministic true})))))))))

(defn- verifies [kind]
  (fn [item]
    (fits item
          (fn []
            (def key (crypto/key-from-raw kind (unhex (get-in item [:group "publicKey"]))))
            (crypto/verify key (bytes-of item "msg") (bytes-of item "sig") (context-of item))))))

(defn- quantum-vectors [name judge]
  (if offered (wycheproof name judge) (skip name "this OpenSSL is older than 3.5")))

(each kind (keys kems)
  (quantum-vectors (name-of kind) (decapsulates kind))
  (quantum-vectors (string (name-of kind) "_encaps") (encapsulates kind))
  (quantum-vectors (string (name-of kind) "_keygen_seed") (expands kind))
  (quantum-vectors (string (name-of kind) "_semi_expanded_decaps") (decapsulates-expanded kind)))
(each kind (keys dsas)
  (quantum-vectors (string (name-of kind) "_sign_seed") (signs kind "privateSeed"))
  (quantum-vectors (string (name-of kind) "_sign_noseed") (signs kind "privateKey"))
  (quantum-vectors (string (name-of kind) "_verify") (verifies kind)))

(end)
