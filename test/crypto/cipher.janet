# Symmetric encryption: published vectors, then what was changed or does not fit.
(import ../support/check :prefix "")
(import ../support/vectors :prefix "")
(import jsec/crypto)

(def aead [:aes-128-gcm :aes-192-gcm :aes-256-gcm :chacha20-poly1305])
(def cbc [:aes-128-cbc :aes-192-cbc :aes-256-cbc])

(defn decrypts
  ``A judge of a case: it encrypts to the ciphertext and decrypts to the message if valid, and
  raises if not.``
  [cipher-of]
  (fn [item]
    (def cipher (cipher-of (item :group)))
    (def [key nonce aad msg ct tag]
      (map |(if-let [text (item $)] (unhex text)) ["key" "iv" "aad" "msg" "ct" "tag"]))
    (def decrypted (protect (crypto/decrypt cipher key nonce ct tag aad)))
    (def sizes-fit (and (= (length key) ((crypto/cipher-info cipher) :key-length))
                        (= (length nonce) ((crypto/cipher-info cipher) :nonce-length))))
    (if (and (= "valid" (item "result")) sizes-fit)
      (let [{:ciphertext c :tag t} (crypto/encrypt cipher key nonce msg aad)]
        (and (deep= [true msg] decrypted) (deep= ct c) (deep= tag t)))
      (not (first decrypted)))))

(wycheproof "aes_gcm" (decrypts |(keyword "aes-" ($ "keySize") "-gcm")))
(wycheproof "chacha20_poly1305" (decrypts (fn [_] :chacha20-poly1305)))
(wycheproof "aes_cbc_pkcs5" (decrypts |(keyword "aes-" ($ "keySize") "-cbc")))

(each bits [128 256]
  (def cipher (keyword "aes-" bits "-gcm"))
  (vectors-of (string "nist/gcmEncryptExtIV" bits ".subset.rsp") read-rsp
              (fn [item]
                (if-not (item "Key") :skip
                  (let [[key nonce aad text] (map |(unhex (item $)) ["Key" "IV" "AAD" "PT"])
                        sealed (crypto/encrypt cipher key nonce text aad)]
                    (and (= (item "CT") (hex (sealed :ciphertext)))
                         (= (item "Tag") (hex (sealed :tag))))))))
  (vectors-of (string "nist/gcmDecrypt" bits ".subset.rsp") read-rsp
              (fn [item]
                (if-not (item "Key") :skip
                  (let [[key nonce aad ct tag] (map |(unhex (item $)) ["Key" "IV" "AAD" "CT" "Tag"])
                        [ok text] (protect (crypto/decrypt cipher key nonce ct tag aad))]
                    (if (item "FAIL") (not ok) (and ok (= (item "PT") (hex text))))))))
  # without padding there: the leading blocks are compared
  (vectors-of (string "nist/CBCMMT" bits ".rsp") read-rsp
              (fn [item]
                (if-not (item "KEY") :skip
                  (let [[key iv text] (map |(unhex (item $)) ["KEY" "IV" "PLAINTEXT"])
                        sealed (crypto/encrypt (keyword "aes-" bits "-cbc") key iv text)]
                    (string/has-prefix? (item "CIPHERTEXT") (hex (sealed :ciphertext))))))))

(each bits [128 256]
  (wycheproof (string "pbes2_hmacsha256_aes_" bits)
              (fn [item]
                (if (> (item "iterationCount") (load 200000)) :skip
                  (fits item
                        (fn []
                          (def key
                            (crypto/pbkdf2 :sha256 (unhex (item "password")) (unhex (item "salt"))
                                           (item "iterationCount") (div bits 8)))
                          (= (item "msg")
                             (hex (crypto/decrypt (keyword "aes-" bits "-cbc") key
                                                  (unhex (item "iv")) (unhex (item "ct"))
                                                  nil)))))))))

(test "the vector of RFC 8439, section 2.8.2"
  (def sealed (crypto/encrypt :chacha20-poly1305 (string/from-bytes ;(range 0x80 0xa0))
                              (unhex "070000004041424344454647")
                              (string
                                "Ladies and Gentlemen of the class of '99: If I could offer "
                                "you only one tip for "
                                "the future, sunscreen would be it.")
                              (unhex "50515253c0c1c2c3c4c5c6c7")))
  (is= "1ae10b594f09e26a7e902ecbd0600691" (hex (sealed :tag)))
  (is (string/has-prefix? "d31a8d34648e60db7b86afbc53ef7ec2" (hex (sealed :ciphertext)))))

(defn fresh [cipher]
  [(crypto/random-bytes ((crypto/cipher-info cipher) :key-length)) (crypto/generate-nonce cipher)])

(test "what is encrypted decrypts, at every length, as a struct of buffers"
  (each cipher [;aead ;cbc]
    (def [key nonce] (fresh cipher))
    (loop [n :range [0 70]]
      (def text (if (zero? n) @"" (crypto/random-bytes n)))
      (def sealed (crypto/encrypt cipher key nonce text))
      (is (struct? sealed))
      (is (buffer? (sealed :ciphertext)))
      (is= text (crypto/decrypt cipher key nonce (sealed :ciphertext) (sealed :tag))))))

(test "CBC pads by PKCS#7 and has no tag"
  (each cipher cbc
    (def [key nonce] (fresh cipher))
    (def sealed (crypto/encrypt cipher key nonce "0123456789abcdef"))
    (is= 32 (length (sealed :ciphertext)))
    (is= nil (sealed :tag))
    (is= @"0123456789abcdef" (crypto/decrypt cipher key nonce (sealed :ciphertext) nil))
    (is= @"0123456789abcdef" (crypto/decrypt cipher key nonce (sealed :ciphertext) ""))
    (is= @"0123456789abcdef" (crypto/decrypt cipher key nonce (sealed :ciphertext)))
    (fails-with "has no tag: give nil"
                (crypto/decrypt cipher key nonce (sealed :ciphertext) "0123456789abcdef"))
    (each bad ["" "x" (slice (sealed :ciphertext) 0 31) (string (sealed :ciphertext) "x")]
      (fails-with "crypto/decrypt: not decrypted" (crypto/decrypt cipher key nonce bad nil)))
    (fails-with "can't authenticate additional data" (crypto/encrypt cipher key nonce "x" "aad"))
    (fails-with "can't authenticate additional data"
                (crypto/decrypt cipher key nonce "x" nil "aad"))))

(test "any change is refused, and no plaintext is given"
  (each cipher aead
    (def [key nonce] (fresh cipher))
    (def {:ciphertext ct :tag tag} (crypto/encrypt cipher key nonce "attack at dawn" "to: us"))
    (defn flip [bytes i] (def b (buffer bytes)) (put b i (bxor 1 (b i))))
    (defn refused [& args]
      (fails-with "crypto/decrypt: not authentic" (crypto/decrypt cipher ;args)))
    (loop [i :range [0 16]] (refused key nonce ct (flip tag i) "to: us"))
    (loop [i :range [0 (length ct)]] (refused key nonce (flip ct i) tag "to: us"))
    (refused (flip key 0) nonce ct tag "to: us")
    (refused key (flip nonce 0) ct tag "to: us")
    (refused key nonce ct tag "to: uS")
    (refused key nonce ct tag)
    (refused key nonce (slice ct 0 -2) tag "to: us")
    (refused key nonce "" tag "to: us")
    (is= @"attack at dawn" (crypto/decrypt cipher key nonce ct tag "to: us"))))

(test "no call finds anything of the one before it, whatever that was"
  (def cases
    (seq [cipher :in [;aead ;cbc] n :in [0 1 17 64] aad :in
          (if (index-of cipher cbc) [nil] [nil "" "aad"])]
      (def info (crypto/cipher-info cipher))
      (def [key nonce]
        [(crypto/random-bytes (info :key-length)) (crypto/random-bytes (info :nonce-length))])
      (def text (string/repeat "x" n))
      (crypto/forget-keys)
      [cipher key nonce text aad (crypto/encrypt cipher key nonce text aad)]))
  (def rng (math/rng 7))
  (repeat (load 3000)
    (def [cipher key nonce text aad sealed] (in cases (math/rng-int rng (length cases))))
    (def tag (get sealed :tag))
    (case (math/rng-int rng 4)
      0 (is= sealed (crypto/encrypt cipher key nonce text aad))
      1 (is= (buffer text) (crypto/decrypt cipher key nonce (sealed :ciphertext) tag aad))
      2 (if tag
          (fails-with "not authentic" (crypto/decrypt cipher key nonce (sealed :ciphertext)
                                                      (string/repeat "t" 16) aad))
          (fails-with "not decrypted" (crypto/decrypt cipher key nonce "" nil)))
      3 (if (zero? (math/rng-int rng 50)) (crypto/forget-keys)))))

(test "lengths that don't fit are refused"
  (each cipher [;aead ;cbc]
    (def [key nonce] (fresh cipher))
    (each bad ["" (slice key 0 -2) (string key "x")]
      (fails-with "takes a key of" (crypto/encrypt cipher bad nonce "x"))
      (fails-with "takes a key of" (crypto/decrypt cipher bad nonce "x" nil)))
    (each bad ["" (slice nonce 0 -2) (string nonce "x")]
      (fails-with "takes a nonce of" (crypto/encrypt cipher key bad "x"))
      (fails-with "takes a nonce of" (crypto/decrypt cipher key bad "x" nil))))
  (def [key nonce] (fresh :aes-256-gcm))
  (def {:ciphertext ct :tag tag} (crypto/encrypt :aes-256-gcm key nonce "x"))
  (each bad [nil "" (slice tag 0 12) (slice tag 0 15) (string tag "x")]
    (fails-with "crypto/decrypt: aes-256-gcm takes a tag of 16 bytes"
                (crypto/decrypt :aes-256-gcm key nonce ct bad))))

(test "what is no cipher or no bytes is refused"
  (def [key nonce] (fresh :aes-256-gcm))
  (each name ["aes" :aes-256-ecb :aes-256-ctr "" :rc4 "aes-256-gcm\0"]
    (fails-with "unknown cipher" (crypto/encrypt name key nonce "x")))
  (each f [crypto/cipher-info crypto/generate-nonce] (fails-with "unknown cipher" (f :des)))
  (fails-with "bad slot #1, expected string or buffer, got nil"
              (crypto/encrypt :aes-256-gcm nil nonce "x"))
  (fails-with "bad slot #3" (crypto/encrypt :aes-256-gcm key nonce :text))
  (fails-with "bad slot #4" (crypto/encrypt :aes-256-gcm key nonce "x" 12)))

(test "ciphers tell what they need"
  (is= {:name "aes-256-gcm" :key-length 32 :nonce-length 12 :tag-length 16 :aead true}
       (crypto/cipher-info :aes-256-gcm))
  (is= (crypto/cipher-info "AES-256-GCM") (crypto/cipher-info :aes-256-gcm))
  (is= {:name "aes-128-cbc" :key-length 16 :nonce-length 16 :tag-length 0 :aead false}
       (crypto/cipher-info :aes-128-cbc))
  (is= 12 (length (crypto/generate-nonce :chacha20-poly1305)))
  (is= 16 (length (crypto/generate-nonce :aes-256-cbc)))
  (is (not= (string (crypto/generate-nonce :aes-256-gcm))
            (string (crypto/generate-nonce :aes-256-gcm)))))

(peer-test "openssl" "the openssl command decrypts our CBC, and we what it encrypts"
  (def dir (tmpdir))
  (defn at [name] (string dir "/" name))
  (def [key nonce] (fresh :aes-256-cbc))
  (def text (crypto/random-bytes 1000))
  (spit (at "ct") ((crypto/encrypt :aes-256-cbc key nonce text) :ciphertext))
  (os/execute ["openssl" "enc" "-d" "-aes-256-cbc" "-K" (hex key) "-iv" (hex nonce) "-in" (at "ct")
               "-out" (at "text")] :px)
  (is= (string text) (string (slurp (at "text"))))
  (os/execute ["openssl" "enc" "-aes-256-cbc" "-K" (hex key) "-iv" (hex nonce) "-in" (at "text")
               "-out" (at "ct")] :px)
  (is= text (crypto/decrypt :aes-256-cbc key nonce (slurp (at "ct")) nil)))

(test "many megabytes are worked beside other fibers"
  (def text (buffer/new-filled (* 16 1024 1024) 97))
  (var turns 0)
  (var done false)
  (ev/spawn (while (not done) (++ turns) (ev/sleep 0)))
  (each cipher [:aes-256-gcm :aes-256-cbc]
    (def [key nonce] (fresh cipher))
    (def {:ciphertext ct :tag tag} (crypto/encrypt cipher key nonce text))
    (is= text (crypto/decrypt cipher key nonce ct tag))
    (put ct 1000 (bxor 1 (ct 1000)))
    (if tag (fails-with "not authentic" (crypto/decrypt cipher key nonce ct tag))))
  (set done true)
  (is (pos? turns)))

(end)
