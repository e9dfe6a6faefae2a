# RSA encryption: with the public key, everyone can encrypt for the holder of the private key.
(import jsec/crypto)

(def private-key (crypto/generate-key :rsa 3072)) # on a thread; other fibers run
(def public-key (crypto/export-public-key private-key))

# A short text directly, with OAEP and SHA-256.
(print "at most " (crypto/rsa-max-plaintext public-key) " bytes fit, "
       (crypto/rsa-max-plaintext public-key {:padding :oaep-sha512}) " with SHA-512")
(def sealed (crypto/rsa-encrypt public-key "a short secret"))
(print "ciphertext of " (length sealed) " bytes, decrypted: "
       (crypto/rsa-decrypt private-key sealed))

# Long data: a fresh key with RSA, the data with a symmetric cipher.
(def cipher :aes-256-gcm)

(defn seal [public-key text]
  (def key (crypto/random-bytes ((crypto/cipher-info cipher) :key-length)))
  (def nonce (crypto/generate-nonce cipher))
  (merge (crypto/encrypt cipher key nonce text)
         {:nonce nonce :key (crypto/rsa-encrypt public-key key)}))

(defn open-sealed [private-key message]
  (def key (crypto/rsa-decrypt private-key (message :key)))
  (crypto/decrypt cipher key (message :nonce) (message :ciphertext) (message :tag)))

(def long-text (string/repeat "all work and no play " 1000))
(assert (= long-text (string (open-sealed private-key (seal public-key long-text)))))
(print (length long-text) " bytes went through a hybrid of RSA and " cipher)

# Another key decrypts nothing.
(def [ok reason] (protect (crypto/rsa-decrypt (crypto/generate-key :rsa 3072) sealed)))
(assert (not ok))
(print "another key: " reason)
