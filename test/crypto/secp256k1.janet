# ECDSA as Bitcoin and Ethereum use it: the lower s, the recovery byte, deterministic signatures and
# Keccak-256.
(import ../support/check :prefix "")
(import ../support/judges :prefix "")
(import ../support/vectors :prefix "")
(import jsec/crypto)

(def key (crypto/generate-key :secp256k1))
(def public (crypto/export-public-key key))
(def has-3.2 (first (protect (crypto/digest :keccak-256 ""))))

(defmacro fact [text & body]
  ~(if has-3.2 (test ,text ,;body) (skip ,text "this OpenSSL is older than 3.2")))

# The orders of the curves, halved.
(def half-orders
  {:secp256k1 "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0"
   :p256 "7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8"})

(defn- low? [kind signature]
  (<= (compare (hex (slice signature 32 64)) (half-orders kind)) 0))

(defn- twin
  "The raw signature with the other s."
  [signature]
  (def order (unhex "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"))
  (def other (buffer/new-filled 32))
  (var borrow 0)
  (loop [i :down-to [31 0]]
    (def difference (- (order i) (signature (+ 32 i)) borrow))
    (put other i (mod difference 256))
    (set borrow (if (neg? difference) 1 0)))
  (string (slice signature 0 32) other))

# --- the lower s ---

(test "with :low-s every signature has the lower s, in either format"
  (each kind [:secp256k1 :p256]
    (def key (crypto/generate-key kind))
    (def highs (count |(not (low? kind (crypto/sign key (string $) {:format :raw}))) (range 40)))
    (is (< 5 highs 35) "about half are high otherwise")
    (each i (range 40)
      (def raw (crypto/sign key "x" {:format :raw :low-s true}))
      (is (low? kind raw))
      (is= true (crypto/verify key "x" raw {:format :raw :low-s true}))
      (is= true (crypto/verify key "x" raw {:format :raw}))
      (def der (crypto/sign key "x" {:low-s true}))
      (is= true (crypto/verify key "x" der {:low-s true}))
      (is= true (crypto/verify key "x" der)))))

(test "a signature with the higher s verifies only without :low-s"
  (each i (range 10)
    (def high (twin (crypto/sign key "x" {:format :raw :low-s true})))
    (is= true (crypto/verify public "x" high {:format :raw}))
    (is= false (crypto/verify public "x" high {:format :raw :low-s true}))))

(test "malformed signatures are false with :low-s too"
  (each opts [{:low-s true} {:low-s true :format :raw} {:recovery true}]
    (each bad ["" "x" (string/repeat "\0" 64) (string/repeat "\0" 65) (string/repeat "\xff" 64)
               (string/repeat "\xff" 65) (string/repeat "x" 1000) "0\x06\x02\x01\x01\x02\x01\x01"]
      (is= false (crypto/verify public "x" bad opts)))))

# --- the recovery byte ---

(test "the recovery byte leads to the key, and to no other"
  (each kind [:secp256k1 :p256 :p384 :p521 :brainpoolP256r1]
    (def key (crypto/generate-key kind))
    (def public (crypto/export-public-key key))
    (each opts [{} {:low-s true} {:digest :sha512} {:digest :sha1}]
      (def all (merge opts {:recovery true}))
      (def opts-of-recovery {:curve kind :digest (get opts :digest :sha256)})
      (repeat 10
        (def signature (crypto/sign key "message" all))
        (def id (last signature))
        (is (<= 0 id 3))
        (is= true (crypto/verify public "message" signature all))
        (is= true (crypto/verify public "message" (slice signature 0 -2)
                                 (merge opts {:format :raw})))
        (is= public (crypto/recover-public-key "message" signature opts-of-recovery))
        (each other (filter |(not= id $) (range 4))
          (def changed (buffer signature))
          (put changed (dec (length changed)) other)
          (is= false (crypto/verify public "message" changed all))
          (def [ok found] (protect (crypto/recover-public-key "message" changed opts-of-recovery)))
          (is (not= public found)))))))

(test "a digest made beforehand leads to the key, too"
  (def digest (crypto/digest :sha256 "message"))
  (def signature (crypto/sign key digest {:prehashed true :recovery true}))
  (is= public (crypto/recover-public-key digest signature {:prehashed true}))
  (is= public (crypto/recover-public-key "message" signature)))

(test "signatures that no key made are refused"
  (def signature (crypto/sign key "x" {:recovery true}))
  (each bad [(string (string/repeat "\0" 32) (slice signature 32))
             (string (slice signature 0 32) (string/repeat "\0" 32) "\0")
             (string (string/repeat "\xff" 64) "\0")
             # the point with this x is on the curve only without the order added
             (string (slice signature 0 64) "\x02")]
    (fails-with "crypto/recover-public-key: no key: the signature is not one of any key"
                (crypto/recover-public-key "x" bad)))
  (each size [0 64 66 1000]
    (fails-with (string/format "a signature with its recovery byte has 65 bytes, got %d" size)
                (crypto/recover-public-key "x" (string/repeat "x" size))))
  (each id [4 27 28 255]
    (fails-with (string/format "the recovery byte must be 0 to 3, got %d" id)
                (crypto/recover-public-key "x" (string (slice signature 0 64)
                                                       (string/from-bytes id))))))

(test "options and keys that don't fit are refused"
  (each f [(fn [key opts] (crypto/sign key "x" opts))
           (fn [key opts] (crypto/verify key "x" "s" opts))]
    (each opts [{:low-s true} {:recovery true}]
      (fails-with ":low-s and :recovery are for EC keys, this one is ED25519"
                  (f (crypto/generate-key :ed25519) opts)))
    (fails-with ":recovery goes with :format :raw" (f key {:recovery true :format :der}))
    (fails-with "bad option :low-s, expected boolean" (f key {:low-s 1})))
  (fails-with "bad option :curve, expected curve of generate-key, got :x25519"
              (crypto/recover-public-key "x" "s" {:curve :x25519}))
  (fails-with "bad option :curve" (crypto/recover-public-key "x" "s" {:curve 5}))
  (fails-with "unknown option :format" (crypto/recover-public-key "x" "s" {:format :raw}))
  (fails-with "bad slot #1" (crypto/recover-public-key "x" nil)))

(test "signers and verifiers of data in pieces take the options"
  (def signer (crypto/new-signer key {:recovery true :low-s true}))
  (each piece ["mes" "sage"] (:update signer piece))
  (def signature (:sign signer))
  (is= public (crypto/recover-public-key "message" signature))
  (def verifier (crypto/new-verifier public {:recovery true :low-s true}))
  (is= true (:verify (:update verifier "message") signature)))

# --- deterministic signatures ---

(fact "RFC 6979's examples for P-256 come out"
  # appendix A.2.5
  (def key (crypto/key-from-raw
             :p256 (unhex "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721")
             {:private true}))
  (each [message digest r s]
    [["sample" :sha256 "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
      "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"]
     ["sample" :sha512 "8496a60b5e9b47c825488827e0495b0e3fa109ec4568fd3f8d1097678eb97f00"
      "2362ab1adbe2b8adf9cb9edab740ea6049c028114f2460f96554f61fae3302fe"]
     ["test" :sha256 "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
      "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083"]]
    (def opts {:digest digest :format :raw :deterministic true})
    (is= (string r s) (hex (crypto/sign key message opts)))
    (is= true (crypto/verify key message (crypto/sign key message opts) opts))
    # the context that is kept for the key stays random
    (def sign |(string (crypto/sign key message {:digest digest :format :raw})))
    (is (not= (sign) (sign)))))

(unless has-3.2
  (test "an older OpenSSL's errors give the version that has it"
    (fails-with "deterministic ECDSA needs OpenSSL 3.2 or later: this is OpenSSL 3."
                (crypto/sign key "x" {:deterministic true}))
    (fails-with "keccak-256 needs OpenSSL 3.2 or later: this is OpenSSL 3."
                (crypto/digest :keccak-256 "x"))))

# --- Ethereum ---

(fact "Keccak-256 is not SHA3-256"
  (each [text digest] [["" "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"]
                       ["abc" "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"]]
    (is= digest (hex (crypto/digest :keccak-256 text)))
    (is= digest (hex (:finish (:update (crypto/new-digest "Keccak256") text))))))

# web3.js's documentation of eth.accounts.sign
(def account
  (crypto/key-from-raw
    :secp256k1 (unhex "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318")
    {:private true}))
(def message-hash (unhex "1da44b586eb0729ff70a73c326926f6ed5a25f5b056e7f47fbc6e58d86871655"))
(def signed
  (string (unhex "b91467e570a6466aa9e9876cbcd013baba02900b8979d43fe208a4a4f339f5fd")
          (unhex "6007e74cd82e037b800186422fc2da167c747ef045e5d18a5f5d4300f8e1a029") "\x01"))

(test "the signer of a message of Ethereum is found"
  (is= (crypto/export-public-key account)
       (crypto/recover-public-key message-hash signed {:prehashed true})))

(fact "an account's address and its signature of a message are Ethereum's"
  (def point (slice (crypto/key-to-raw account) 1))
  (is= "2c7536e3605d9c16a7a3d7b1898e529396a65c23"
       (hex (slice (crypto/digest :keccak-256 point) 12)))
  (is= (hex message-hash)
       (hex (crypto/digest :keccak-256 "\x19Ethereum Signed Message:\n9Some data")))
  (is= (hex signed)
       (hex (crypto/sign account message-hash
                         {:prehashed true :low-s true :recovery true :deterministic true}))))

(fact "Keccak-256 is a digest of signatures"
  (def opts {:digest :keccak-256 :recovery true :low-s true})
  (def signature (crypto/sign key "message" opts))
  (is= true (crypto/verify public "message" signature opts))
  (is= public (crypto/recover-public-key "message" signature {:digest :keccak-256}))
  (is= public (crypto/recover-public-key (crypto/digest :keccak-256 "message") signature
                                         {:prehashed true})))

# --- another implementation ---

(npm-test "@noble/curves" "noble's signatures are ours, to the last byte, and it recovers our keys"
  (def program
    ``
    import { secp256k1 } from '@noble/curves/secp256k1.js';
    const bytes = text => Uint8Array.from(Buffer.from(text, 'hex'));
    const hex = bytes => Buffer.from(bytes).toString('hex');
    const [secret, digest, ours] = input.split(' ');
    const opts = {prehash: false, lowS: true};
    const theirs = secp256k1.sign(bytes(digest), bytes(secret), {...opts, format: 'recovered'});
    const [id, ...rs] = [bytes(ours)[64], ...bytes(ours).slice(0, 64)];
    const found = secp256k1.recoverPublicKey(Uint8Array.from([id, ...rs]), bytes(digest), opts);
    const fixed = [...theirs.slice(1), theirs[0]];
    console.log([hex(secp256k1.getPublicKey(bytes(secret), false)), hex(found),
                 hex(Uint8Array.from(fixed))].join(' '));
    ``)
  (repeat 5
    (def key (crypto/generate-key :secp256k1))
    (def public (hex (crypto/key-to-raw key)))
    (def digest (crypto/random-bytes 32))
    (def opts {:prehashed true :low-s true :recovery true})
    (def [its found theirs]
      (string/split " " (string/trim
                          (ask-npm program (string (hex (crypto/key-to-raw key {:private true})) " "
                                                   (hex digest) " "
                                                   (hex (crypto/sign key digest opts)))))))
    (is= public its)
    (is= public (hex (crypto/key-to-raw (crypto/recover-public-key digest (unhex theirs)
                                                                   {:prehashed true}))))
    (is= found (hex (crypto/key-to-raw (crypto/export-public-key key) {:compressed true})))
    (if has-3.2
      (is= theirs (hex (crypto/sign key digest (merge opts {:deterministic true})))))))

# --- Wycheproof ---

(defn- verifies [opts]
  (fn [item]
    (def digest (get-in item [:group "sha"]))
    (def answer (crypto/verify (get-in item [:group "publicKeyPem"]) (unhex (item "msg"))
                               (unhex (item "sig")) (merge opts {:digest digest})))
    (= answer (= "valid" (item "result")))))

(wycheproof "ecdsa_secp256k1_sha256_bitcoin" (verifies {:low-s true}))
(each digest ["sha256" "sha512"]
  (wycheproof (string "ecdsa_secp256k1_" digest "_p1363") (verifies {:format :raw})))

(end)
