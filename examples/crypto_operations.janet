# Hashes, message authentication, key derivation, passwords, key agreement, random bytes, Base64.
(import jsec/crypto)

(defn hex [bytes] (string/join (map |(string/format "%02x" $) bytes)))

# --- hashes ---
(print "SHA-256 of abc:      " (hex (crypto/digest :sha256 "abc")))
(print "SHA3-256 of abc:     " (hex (crypto/digest :sha3-256 "abc")))
(print "SHAKE256, 16 bytes:  " (hex (crypto/digest :shake256 "abc" {:length 16})))

# --- message authentication: both sides know the key ---
(def mac-key (crypto/random-bytes 32))
(def tag (crypto/hmac :sha256 mac-key "a message"))
(assert (crypto/constant-time= tag (crypto/hmac :sha256 mac-key "a message")))
(assert (not (crypto/constant-time= tag (crypto/hmac :sha256 mac-key "another"))))
(print "HMAC-SHA256:         " (hex tag))

# --- passwords: slow on purpose, on a thread, so that other fibers run ---
(defn hash-password [password]
  (def salt (crypto/random-bytes 16))
  {:salt salt :hash (crypto/scrypt password salt 32)})

(defn password-right? [password {:salt salt :hash hash}]
  (crypto/constant-time= hash (crypto/scrypt password salt 32)))

(def stored (hash-password "correct horse"))
(assert (password-right? "correct horse" stored))
(assert (not (password-right? "wrong horse" stored)))
(print "scrypt of password:  " (hex (stored :hash)))
(print "PBKDF2 of it:        "
       (hex (crypto/pbkdf2 :sha256 "correct horse" (stored :salt) 600000 32)))

# --- key agreement: a secret from two key pairs, then keys from the secret ---
(def alice (crypto/generate-key :x25519))
(def bob (crypto/generate-key :x25519))
(def secret (crypto/derive alice (crypto/export-public-key bob)))
(assert (= (string secret) (string (crypto/derive bob (crypto/export-public-key alice)))))
(def key-to-bob (crypto/hkdf :sha256 secret "" "alice to bob" 32))
(def key-to-alice (crypto/hkdf :sha256 secret "" "bob to alice" 32))
(assert (not= (string key-to-bob) (string key-to-alice)))
(print "key to Bob:          " (hex key-to-bob))

# --- Base64 ---
(def bytes "\xfb\xff\0")
(print "Base64, base64url:   " (crypto/base64-encode bytes) "  " (crypto/base64url-encode bytes))
(assert (= bytes (string (crypto/base64-decode (crypto/base64-encode bytes)))))
(assert (= bytes (string (crypto/base64url-decode (crypto/base64url-encode bytes)))))
