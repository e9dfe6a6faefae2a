# ### crypto/digest
(crypto/hex-encode (crypto/digest :sha256 "abc"))
# ### crypto/hmac
(length (crypto/hmac :sha256 "key" "data")) # => 32
# ### crypto/new-digest
(def digest (crypto/new-digest :sha256))
(each piece ["a" "b" "c"] (:update digest piece))
(= (string (crypto/digest :sha256 "abc")) (string (:finish digest))) # => true
# ### crypto/new-hmac
(def hmac (crypto/new-hmac :sha256 "key"))
(length (:finish (:update hmac "data"))) # => 32
# ### crypto/new-signer
(def key (crypto/generate-key :ec-p256))
(def signer (crypto/new-signer key))
(each piece ["da" "ta"] (:update signer piece))
(crypto/verify key "data" (:sign signer)) # => true
# ### crypto/new-verifier
(def key (crypto/generate-key :ec-p256))
(def signature (crypto/sign key "data"))
(def verifier (crypto/new-verifier (crypto/export-public-key key)))
(each piece ["da" "ta"] (:update verifier piece))
(:verify verifier signature) # => true
# ### crypto/new-encryptor
(def nonce (crypto/generate-nonce :aes-256-gcm))
(def encryptor (crypto/new-encryptor :aes-256-gcm (crypto/random-bytes 32) nonce))
(length (:update encryptor "piece")) # => 5
(length (:finish encryptor)) # => 16
# ### crypto/new-decryptor
(def [key nonce] [(crypto/random-bytes 32) (crypto/generate-nonce :aes-256-gcm)])
(def sealed (crypto/encrypt :aes-256-gcm key nonce "data"))
(def decryptor (crypto/new-decryptor :aes-256-gcm key nonce))
(def text (:update decryptor (sealed :ciphertext))) # not authentic yet
(:finish decryptor (sealed :tag))                   # raises unless it is
(string text) # => "data"
# ### crypto/digest-file
(crypto/hex-encode (crypto/digest-file :sha256 "ca.pem"))
# ### crypto/digest-stream
(def from-stream (with [file (file/open "ca.pem" :rb)] (crypto/digest-stream :sha256 file)))
(string from-stream) # => (string (crypto/digest-file :sha256 "ca.pem"))
# ### crypto/seal-stream
(with [in (file/open "ca.pem" :rb)]
  (with [out (file/open "ca.sealed" :wb)]
    (crypto/seal-stream (crypto/random-bytes 32) in out)))
# ### crypto/open-stream
(def key (crypto/random-bytes 32))
(with [in (file/open "ca.pem" :rb)]
  (with [out (file/open "ca.sealed" :wb)]
    (crypto/seal-stream key in out)))
(with [in (file/open "ca.sealed" :rb)]
  (with [out (file/open "ca.copy" :wb)]
    (crypto/open-stream key in out)))
(string (slurp "ca.copy")) # => (string (slurp "ca.pem"))
# ### crypto/random-bytes
(length (crypto/random-bytes 16)) # => 16
# ### crypto/generate-challenge
(length (crypto/generate-challenge)) # => 32
# ### crypto/constant-time=
(crypto/constant-time= "secret" "Secret") # => false
# ### crypto/generate-key
(def key (crypto/generate-key :ec-p256))
# ### crypto/export-public-key
(crypto/export-public-key (crypto/generate-key :ed25519))
# ### crypto/forget-keys
(crypto/forget-keys)
# ### crypto/key
(def key (crypto/key (crypto/generate-key :ed25519)))
(crypto/sign key "data")
# ### crypto/key-to-jwk
(crypto/key-to-jwk (crypto/export-public-key (crypto/generate-key :ec-p256)))
# ### crypto/key-from-jwk
(crypto/key-from-jwk (crypto/key-to-jwk (crypto/generate-key :ed25519)))
# ### crypto/jwk-thumbprint
(crypto/jwk-thumbprint (crypto/generate-key :ec-p256))
# ### crypto/key-to-raw
(crypto/key-to-raw (crypto/generate-key :ed25519))
# ### crypto/key-from-raw
(crypto/key-from-raw :ed25519 (crypto/random-bytes 32))
# ### crypto/sign
(def key (crypto/generate-key :ed25519))
(length (crypto/sign key "data")) # => 64
# ### crypto/verify
(def key (crypto/generate-key :ed25519))
(def signature (crypto/sign key "data"))
(crypto/verify (crypto/export-public-key key) "data" signature) # => true
# ### crypto/recover-public-key
(def key (crypto/generate-key :secp256k1))
(def signature (crypto/sign key "data" {:low-s true :recovery true}))
(= (crypto/export-public-key key) (crypto/recover-public-key "data" signature)) # => true
# ### crypto/ssh-sign
(crypto/ssh-sign (crypto/generate-key :ed25519) "data" {:namespace "file"})
# ### crypto/ssh-verify
(def key (crypto/generate-key :ed25519))
(def signature (crypto/ssh-sign key "data" {:namespace "file"}))
(truthy? (crypto/ssh-verify (crypto/export-public-key key) "data" signature
                            {:namespace "file"})) # => true
# ### crypto/parse-ssh-signature
(def signature (crypto/ssh-sign (crypto/generate-key :ed25519) "data" {:namespace "file"}))
((crypto/parse-ssh-signature signature) :namespace) # => "file"
# ### crypto/derive
(def [mine theirs] [(crypto/generate-key :x25519) (crypto/generate-key :x25519)])
(def secret (crypto/derive mine (crypto/export-public-key theirs)))
# ### crypto/encapsulate
(import jsec/tls)
(when ((tls/features) :post-quantum) # OpenSSL 3.5
  (def key (crypto/generate-key :ml-kem-768))
  (def {:secret secret :ciphertext ciphertext}
    (crypto/encapsulate (crypto/export-public-key key)))
  (deep= secret (crypto/decapsulate key ciphertext)))
# ### crypto/decapsulate
(import jsec/tls)
(when ((tls/features) :post-quantum) # OpenSSL 3.5
  (def key (crypto/generate-key :ml-kem-512))
  (def {:ciphertext ciphertext} (crypto/encapsulate key))
  (length (crypto/decapsulate key ciphertext)))
# ### crypto/hpke-seal
(def key (crypto/generate-key :x25519))
(def {:enc enc :ciphertext ciphertext}
  (crypto/hpke-seal (crypto/export-public-key key) "data" {:info "a protocol"}))
(crypto/hpke-open key enc ciphertext {:info "a protocol"}) # => @"data"
# ### crypto/hpke-open
(def key (crypto/generate-key :p-256))
(def {:enc enc :ciphertext ciphertext} (crypto/hpke-seal key "data"))
(crypto/hpke-open key enc ciphertext) # => @"data"
# ### crypto/new-hpke-sender
(def key (crypto/generate-key :x25519))
(def sender (crypto/new-hpke-sender (crypto/export-public-key key)))
(def recipient (crypto/new-hpke-recipient key (:enc sender)))
(:open recipient (:seal sender "first")) # => @"first"
# ### crypto/new-hpke-recipient
(def key (crypto/generate-key :x25519))
(def sender (crypto/new-hpke-sender key))
(def recipient (crypto/new-hpke-recipient key (:enc sender)))
(deep= (:export sender "answers" 32) (:export recipient "answers" 32)) # => true
# ### crypto/hkdf
(length (crypto/hkdf :sha256 "secret" "salt" "purpose" 32)) # => 32
# ### crypto/pbkdf2
(length (crypto/pbkdf2 :sha256 "password" (crypto/random-bytes 16) 100000 32)) # => 32
# ### crypto/scrypt
(length (crypto/scrypt "password" (crypto/random-bytes 16) 32)) # => 32
# ### crypto/hash-password
(def stored (crypto/hash-password "correct horse"))
# ### crypto/verify-password
(def stored (crypto/hash-password "correct horse"))
(crypto/verify-password "correct horse" stored) # => true
(crypto/verify-password "battery staple" stored) # => false
# ### crypto/needs-rehash?
(def stored (crypto/hash-password "correct horse" {:algorithm :pbkdf2}))
(crypto/needs-rehash? stored {:algorithm :pbkdf2}) # => false
(crypto/needs-rehash? stored {:algorithm :pbkdf2 :iterations 1000000}) # => true
# ### crypto/hotp
(crypto/hotp "12345678901234567890" 0) # => "755224"
# ### crypto/totp
(crypto/totp "12345678901234567890" {:time 59 :digits 8}) # => "94287082"
# ### crypto/verify-totp
(def last-step (crypto/verify-totp "12345678901234567890" "287082" {:time 59})) # => 1
(crypto/verify-totp "12345678901234567890" "287082" {:time 59 :after last-step}) # => nil
# ### crypto/otp-uri
(crypto/otp-uri "12345678901234567890" "ada" {:issuer "Shop"})
# ### crypto/encrypt
(def [key nonce] [(crypto/random-bytes 32) (crypto/generate-nonce :aes-256-gcm)])
(def {:ciphertext ciphertext :tag tag} (crypto/encrypt :aes-256-gcm key nonce "data"))
# ### crypto/decrypt
(def [key nonce] [(crypto/random-bytes 32) (crypto/generate-nonce :aes-256-gcm)])
(def {:ciphertext ciphertext :tag tag} (crypto/encrypt :aes-256-gcm key nonce "data"))
(crypto/decrypt :aes-256-gcm key nonce ciphertext tag) # => @"data"
# ### crypto/generate-nonce
(length (crypto/generate-nonce :chacha20-poly1305)) # => 12
# ### crypto/cipher-info
((crypto/cipher-info :aes-256-gcm) :key-length) # => 32
# ### crypto/wrap-key
(def kek (crypto/random-bytes 32))
(length (crypto/wrap-key kek (crypto/random-bytes 32))) # => 40
# ### crypto/unwrap-key
(def kek (crypto/random-bytes 32))
(def wrapped (crypto/wrap-key kek "a key of any length" {:padding true}))
(crypto/unwrap-key kek wrapped {:padding true}) # => @"a key of any length"
# ### crypto/rsa-encrypt
(crypto/rsa-encrypt (crypto/export-public-key (crypto/generate-key :rsa)) "data")
# ### crypto/rsa-decrypt
(def key (crypto/generate-key :rsa))
(crypto/rsa-decrypt key (crypto/rsa-encrypt key "data")) # => @"data"
# ### crypto/rsa-max-plaintext
(crypto/rsa-max-plaintext (crypto/generate-key :rsa 2048)) # => 190
# ### crypto/ec-generate-scalar
(length (crypto/ec-generate-scalar :p-256)) # => 32
# ### crypto/ec-point-mul
(def {:x x :y y} (crypto/ec-point-mul :p-256 (crypto/ec-generate-scalar :p-256)))
# ### crypto/ec-point-add
(def [g two] [(crypto/ec-point-mul :p-256 "\x01") (crypto/ec-point-mul :p-256 "\x02")])
(deep= two (crypto/ec-point-add :p-256 g g)) # => true
# ### crypto/ec-point-to-bytes
(length (crypto/ec-point-to-bytes :p-256 (crypto/ec-point-mul :p-256 "\x01")
                                  {:compressed true})) # => 33
# ### crypto/ec-point-from-bytes
(def point (crypto/ec-point-mul :p-256 "\x01"))
(deep= point
       (crypto/ec-point-from-bytes :p-256 (crypto/ec-point-to-bytes :p-256 point))) # => true
# ### crypto/generate-csr
(crypto/generate-csr (crypto/generate-key :ec-p256) {:common-name "www.example.org"})
# ### crypto/parse-csr
(def csr (crypto/generate-csr (crypto/generate-key :ec-p256) {:common-name "www.example.org"}))
((crypto/parse-csr csr) :subject-text) # => "CN=www.example.org"
# ### crypto/cms-sign
(crypto/cms-sign "data" (slurp "localhost.pem") (slurp "localhost.key"))
# ### crypto/cms-verify
(def message (crypto/cms-sign "data" (slurp "localhost.pem") (slurp "localhost.key")))
((crypto/cms-verify message {:ca (slurp "ca.pem") :purpose :any}) :valid) # => true
# ### crypto/cms-encrypt
(crypto/cms-encrypt "data" [(slurp "localhost.pem")])
# ### crypto/cms-decrypt
(def message (crypto/cms-encrypt "data" [(slurp "localhost.pem")]))
(crypto/cms-decrypt message (slurp "localhost.pem") (slurp "localhost.key")) # => @"data"
# ### crypto/cms-certs-only
(crypto/cms-certs-only [(slurp "ca.pem")])
# ### crypto/cms-get-certs
(length (crypto/cms-get-certs (crypto/cms-certs-only [(slurp "ca.pem")]))) # => 1
# ### crypto/smime-sign
(crypto/smime-sign "Content-Type: text/plain\r\n\r\nhello\r\n" (slurp "localhost.pem")
                   (slurp "localhost.key"))
# ### crypto/smime-verify
(def mail (crypto/smime-sign "Content-Type: text/plain\r\n\r\nhello\r\n" (slurp "localhost.pem")
                             (slurp "localhost.key")))
((crypto/smime-verify mail {:ca (slurp "ca.pem") :purpose :any}) :valid) # => true
# ### crypto/smime-encrypt
(crypto/smime-encrypt "Content-Type: text/plain\r\n\r\nhello\r\n" [(slurp "localhost.pem")])
# ### crypto/smime-decrypt
(def mail
  (crypto/smime-encrypt "Content-Type: text/plain\r\n\r\nhello\r\n" [(slurp "localhost.pem")]))
(crypto/smime-decrypt mail (slurp "localhost.pem") (slurp "localhost.key"))
# ### crypto/create-pkcs12
(crypto/create-pkcs12 (slurp "localhost.pem") (slurp "localhost.key") {:password "secret"})
# ### crypto/parse-pkcs12
(def bundle
  (crypto/create-pkcs12 (slurp "localhost.pem") (slurp "localhost.key") {:password "secret"}))
(def {:cert cert :key key} (crypto/parse-pkcs12 bundle "secret"))
# ### crypto/convert-key
(crypto/convert-key (crypto/generate-key :ec-p256) :der)
# ### crypto/convert-cert
(crypto/convert-cert (slurp "ca.pem") :der)
# ### crypto/detect-format
(crypto/detect-format (slurp "ca.pem")) # => :pem
# ### crypto/load-key
(def locked (crypto/export-key (crypto/generate-key :ed25519) {:password "secret"}))
(crypto/load-key locked "secret")
# ### crypto/export-key
(crypto/export-key (crypto/generate-key :ed25519) {:password "secret"})
# ### crypto/key-info
((crypto/key-info (crypto/generate-key :ec-p256)) :type) # => :ec
# ### crypto/base64-encode
(string (crypto/base64-encode "hello")) # => "aGVsbG8="
# ### crypto/base64-decode
(crypto/base64-decode "aGVsbG8=") # => @"hello"
# ### crypto/base64url-encode
(string (crypto/base64url-encode "\xff\xfe")) # => "__4"
# ### crypto/base64url-decode
(crypto/base64url-decode "__4") # => @"\xff\xfe"
# ### crypto/base32-encode
(string (crypto/base32-encode "hello")) # => "NBSWY3DP"
# ### crypto/base32-decode
(crypto/base32-decode "NBSWY3DP") # => @"hello"
# ### crypto/hex-encode
(string (crypto/hex-encode "\x01\xff")) # => "01ff"
# ### crypto/hex-decode
(crypto/hex-decode "01ff") # => @"\x01\xff"
