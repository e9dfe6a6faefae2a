# Symmetric encryption: published vectors, then what was changed or does not fit.
(import ../support/check :prefix "")
(import ../support/judges)
(import ../support/vectors :prefix "")
(import jsec/crypto)

(defn offered [ciphers] (filter |(first (protect (crypto/cipher-info $))) ciphers))

(def gcm [:aes-128-gcm :aes-192-gcm :aes-256-gcm])
(def ccm [:aes-128-ccm :aes-192-ccm :aes-256-ccm])
(def siv [:aes-128-siv :aes-192-siv :aes-256-siv])
(def gcm-siv (offered [:aes-128-gcm-siv :aes-192-gcm-siv :aes-256-gcm-siv]))
(def aead [;gcm :chacha20-poly1305 :xchacha20-poly1305 ;ccm ;siv ;gcm-siv])
(def cbc [:aes-128-cbc :aes-192-cbc :aes-256-cbc])
(def ctr [:aes-128-ctr :aes-192-ctr :aes-256-ctr])
(def unauthenticated [;cbc ;ctr])

(defn fields [item]
  (map |(if-let [text (item $)] (unhex text)) ["key" "iv" "aad" "msg" "ct" "tag"]))

(defn fits-cipher? [info key nonce tag]
  (and (= (length key) (info :key-length))
       (<= (info :min-nonce-length) (length nonce) (info :max-nonce-length))
       (or (nil? tag) (<= (info :min-tag-length) (length tag) (info :tag-length)))))

(defn decrypts
  ``A judge of a case: it encrypts to the ciphertext and decrypts to the message if valid, and
  raises if not.``
  [cipher-of]
  (fn [item]
    (def cipher (cipher-of (item :group)))
    (def [key nonce aad msg ct tag] (fields item))
    (def [known info] (protect (crypto/cipher-info cipher)))
    (def opts (if (and tag (<= 4 (length tag) 16)) {:tag-length (length tag)}))
    (def decrypted (protect (crypto/decrypt cipher key nonce ct tag aad opts)))
    (cond
      (not known) :skip
      (and (= "valid" (item "result")) (fits-cipher? info key nonce tag))
      (let [{:ciphertext c :tag t} (crypto/encrypt cipher key nonce msg aad opts)]
        (and (deep= [true msg] decrypted) (deep= ct c) (deep= tag t)))
      (not (first decrypted)))))

(defn aes [mode] |(keyword "aes-" ($ "keySize") "-" mode))

(wycheproof "aes_gcm" (decrypts (aes "gcm")))
(wycheproof "aes_ccm" (decrypts (aes "ccm")))
(if (next gcm-siv)
  (wycheproof "aes_gcm_siv" (decrypts (aes "gcm-siv")))
  (skip "wycheproof/aes_gcm_siv" "this OpenSSL lacks GCM-SIV"))
(wycheproof "aead_aes_siv_cmac" (decrypts |(keyword "aes-" (/ ($ "keySize") 2) "-siv")))
(wycheproof "chacha20_poly1305" (decrypts (fn [_] :chacha20-poly1305)))
(wycheproof "xchacha20_poly1305" (decrypts (fn [_] :xchacha20-poly1305)))

# without a nonce; the tag stands before the ciphertext
(wycheproof "aes_siv_cmac"
            (fn [item]
              (def cipher (keyword "aes-" (/ (get-in item [:group "keySize"]) 2) "-siv"))
              (def [key _ aad msg ct] (fields item))
              (def [tag text] (map |(string/slice ct ;$) [[0 16] [16]]))
              (def decrypted (protect (crypto/decrypt cipher key nil text tag aad)))
              (if (= "valid" (item "result"))
                (let [{:ciphertext c :tag t} (crypto/encrypt cipher key nil msg aad)]
                  (and (deep= [true msg] decrypted) (deep= ct (buffer t c))))
                (not (first decrypted)))))

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

(def ladies (string "Ladies and Gentlemen of the class of '99: If I could offer you only one tip "
                    "for the future, sunscreen would be it."))

(def published
  "[source cipher key nonce aad text ciphertext tag], in hex, of ciphers that need no vector file."
  [["draft-irtf-cfrg-xchacha, A.3.1" :xchacha20-poly1305
    "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
    "404142434445464748494a4b4c4d4e4f5051525354555657" "50515253c0c1c2c3c4c5c6c7" (hex ladies)
    (string "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
            "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
            "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
            "21f9664c97637da9768812f615c68b13b52e")
    "c0875924c1c7987947deafd8780acf49"]
   ["RFC 3610, packet vector 1" :aes-128-ccm "c0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
    "00000003020100a0a1a2a3a4a5" "0001020304050607"
    "08090a0b0c0d0e0f101112131415161718191a1b1c1d1e"
    "588c979a61c663d2f066d0c2c0f989806d5f6b61dac384" "17e8d12cfdf926e0"]
   ["RFC 5297, A.1" :aes-128-siv "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
    nil "101112131415161718191a1b1c1d1e1f2021222324252627" "112233445566778899aabbccddee"
    "40c02b9690c4dc04daef7f6afe5c" "85632d07c6e8f37f950acd320a2ecc93"]
   ["RFC 8452, C.1" :aes-128-gcm-siv "01000000000000000000000000000000"
    "030000000000000000000000" "" "0100000000000000" "b5d839330ac7b786"
    "578782fff6013b815b287c22493a364c"]
   ["SP 800-38A, F.5.1" :aes-128-ctr "2b7e151628aed2a6abf7158809cf4f3c"
    "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff" nil "6bc1bee22e409f96e93d7e117393172a"
    "874d6191b620e3261bef6864990db6ce" nil]
   ["the GCM specification, test case 6" :aes-128-gcm "feffe9928665731c6d6a8f9467308308"
    (string "9313225df88406e555909c5aff5269aa6a7a9538534f7da1e4c303d2a318a728c3c0c95156809539"
            "fcf0e2429a6b525416aedbf5a0de6a57a637b39b")
    "feedfacedeadbeeffeedfacedeadbeefabaddad2"
    (string "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c9595680953"
            "2fcf0e2449a6b525b16aedf5aa0de657ba637b39")
    (string "8ce24998625615b603a033aca13fb894be9112a5c3a211a8ba262a3cca7e2ca701e4a9a4fba43c90"
            "ccdcb281d48c7c6fd62875d2aca417034c34aee5")
    "619cc5aefffe0bfa462af43c1699d050"]])

(each [source cipher & values] published
  (def fact (string "the vector of " source))
  (if-not (first (protect (crypto/cipher-info cipher)))
    (skip fact (string "this OpenSSL lacks " cipher))
    (test fact
      (def [key nonce aad text ct tag] (map |(if $ (unhex $)) values))
      (def opts (if tag {:tag-length (length tag)}))
      (is= {:ciphertext ct :tag tag} (crypto/encrypt cipher key nonce text aad opts))
      (is= text (crypto/decrypt cipher key nonce ct tag aad opts)))))

(defn fresh [cipher]
  [(crypto/random-bytes ((crypto/cipher-info cipher) :key-length)) (crypto/generate-nonce cipher)])

(test "what is encrypted decrypts, at every length, as a struct of buffers"
  (each cipher [;aead ;unauthenticated]
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
    (seq [cipher :in [;aead ;unauthenticated] n :in [0 1 17 64] aad :in
          (if (index-of cipher unauthenticated) [nil] [nil "" "aad"])]
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
      2 (cond
          tag (fails-with "not authentic" (crypto/decrypt cipher key nonce (sealed :ciphertext)
                                                          (string/repeat "t" 16) aad))
          (index-of cipher cbc)
          (fails-with "not decrypted" (crypto/decrypt cipher key nonce "" nil)))
      3 (if (zero? (math/rng-int rng 50)) (crypto/forget-keys)))))

(test "lengths that don't fit are refused"
  (each cipher [;aead ;unauthenticated]
    (def info (crypto/cipher-info cipher))
    (def [key nonce] (fresh cipher))
    (each bad ["" (slice key 0 -2) (string key "x")]
      (fails-with "takes a key of" (crypto/encrypt cipher bad nonce "x"))
      (fails-with "takes a key of" (crypto/decrypt cipher bad nonce "x" nil)))
    (each size [(dec (info :min-nonce-length)) (inc (info :max-nonce-length))]
      (def bad (string/repeat "n" size))
      (fails-with "takes a nonce of" (crypto/encrypt cipher key bad "x"))
      (fails-with "takes a nonce of" (crypto/decrypt cipher key bad "x" nil))))
  (each cipher aead
    (def [key nonce] (fresh cipher))
    (def {:ciphertext ct :tag tag} (crypto/encrypt cipher key nonce "x"))
    (each bad [nil "" (slice tag 0 12) (slice tag 0 15) (string tag "x")]
      (fails-with (string "crypto/decrypt: " cipher " takes a tag of 16 bytes")
                  (crypto/decrypt cipher key nonce ct bad)))))

(test "nonces of all lengths that a cipher takes give different results, which decrypt"
  (each cipher [;gcm ;ccm ;siv]
    (def {:key-length size :min-nonce-length low :max-nonce-length high}
      (crypto/cipher-info cipher))
    (def key (crypto/random-bytes size))
    (def seen @{})
    (for n low (inc high)
      (def nonce (string/repeat "n" n))
      (def {:ciphertext ct :tag tag} (crypto/encrypt cipher key nonce "attack at dawn" "aad"))
      (is= @"attack at dawn" (crypto/decrypt cipher key nonce ct tag "aad"))
      (put seen (string ct) true))
    (is= (- (inc high) low) (length seen))))

(test "a short tag has to be asked for on both sides"
  (each [cipher lengths] [[:aes-256-gcm [12 13 14 15 16]] [:aes-128-ccm [4 6 8 10 12 14 16]]]
    (def [key nonce] (fresh cipher))
    (def whole (crypto/encrypt cipher key nonce "text" "aad"))
    (each n lengths
      (def {:ciphertext ct :tag tag} (crypto/encrypt cipher key nonce "text" "aad" {:tag-length n}))
      (is= n (length tag))
      (if (= cipher :aes-256-gcm) (is= (buffer/slice (whole :tag) 0 n) tag))
      (is= @"text" (crypto/decrypt cipher key nonce ct tag "aad" {:tag-length n}))
      (put tag (dec n) (bxor 1 (last tag)))
      (fails-with "not authentic" (crypto/decrypt cipher key nonce ct tag "aad" {:tag-length n}))
      (unless (= n 16)
        (fails-with "takes a tag of 16 bytes" (crypto/decrypt cipher key nonce ct tag "aad"))
        (fails-with (string "takes a tag of " n " bytes, got 16")
                    (crypto/decrypt cipher key nonce ct (whole :tag) "aad" {:tag-length n})))))
  (def [key nonce] (fresh :aes-256-gcm))
  (fails-with "crypto/encrypt: bad option :tag-length, aes-256-gcm takes 12 to 16, got 11"
              (crypto/encrypt :aes-256-gcm key nonce "x" nil {:tag-length 11}))
  (fails-with "bad option :tag-length, expected integer from 4 to 16"
              (crypto/encrypt :aes-256-gcm key nonce "x" nil {:tag-length 17}))
  (fails-with "bad option :tag-length, aes-256-ccm takes an even number from 4 to 16, got 7"
              (crypto/encrypt :aes-256-ccm key nonce "x" nil {:tag-length 7}))
  (fails-with "bad option :tag-length, chacha20-poly1305 takes 16 to 16, got 12"
              (crypto/encrypt :chacha20-poly1305 key nonce "x" nil {:tag-length 12}))
  (fails-with "aes-256-ctr has no tag: leave out :tag-length"
              (crypto/encrypt :aes-256-ctr key (string/repeat "n" 16) "x" nil {:tag-length 16})))

(test "SIV without a nonce is deterministic, and tells empty additional data from none"
  (each cipher siv
    (def key (crypto/random-bytes ((crypto/cipher-info cipher) :key-length)))
    (def sealed (map |(crypto/encrypt cipher key nil "text" $) [nil "" "aad"]))
    (is= (sealed 0) (crypto/encrypt cipher key nil "text"))
    (is= 3 (length (distinct (map |(string ($ :tag)) sealed))))
    (eachp [i aad] [nil "" "aad"]
      (is= @"text"
           (crypto/decrypt cipher key nil ((sealed i) :ciphertext) ((sealed i) :tag) aad)))
    (fails-with "not authentic" (crypto/decrypt cipher key nil ((sealed 0) :ciphertext)
                                                ((sealed 0) :tag) ""))))

(test "CCM's nonce bounds the length of the data"
  (def key (string/repeat "k" 16))
  (def most (string/repeat "x" 65535))
  (def {:ciphertext ct :tag tag} (crypto/encrypt :aes-128-ccm key (string/repeat "n" 13) most))
  (is= (buffer most) (crypto/decrypt :aes-128-ccm key (string/repeat "n" 13) ct tag))
  (fails-with (string "crypto/encrypt: aes-128-ccm with a nonce of 13 bytes takes 65535 bytes of "
                      "data at most, got 65536: use a shorter nonce")
              (crypto/encrypt :aes-128-ccm key (string/repeat "n" 13) (string most "x")))
  (fails-with "takes 65535 bytes of data at most, got 65536"
              (crypto/decrypt :aes-128-ccm key (string/repeat "n" 13) (string most "x") tag))
  (is (crypto/encrypt :aes-128-ccm key (string/repeat "n" 12) (string most "x"))))

(test "what is no cipher or no bytes is refused"
  (def [key nonce] (fresh :aes-256-gcm))
  (each name ["aes" :aes-256-ecb :aes-256-xts "" :rc4 "aes-256-gcm\0"]
    (fails-with "unknown cipher" (crypto/encrypt name key nonce "x")))
  (each f [crypto/cipher-info crypto/generate-nonce] (fails-with "unknown cipher" (f :des)))
  (fails-with "bad slot #1, expected string or buffer, got nil"
              (crypto/encrypt :aes-256-gcm nil nonce "x"))
  (fails-with "nonce: bad slot #2, expected string or buffer, got nil"
              (crypto/encrypt :aes-256-gcm key nil "x"))
  (fails-with "bad slot #3" (crypto/encrypt :aes-256-gcm key nonce :text))
  (fails-with "bad slot #4" (crypto/encrypt :aes-256-gcm key nonce "x" 12))
  (fails-with "did you mean :tag-length"
              (crypto/encrypt :aes-256-gcm key nonce "x" nil {:tag-lenght 12})))

(if (empty? gcm-siv)
  (test "a cipher that this OpenSSL lacks is refused with the version that has it"
    (each f [crypto/cipher-info crypto/generate-nonce]
      (fails-with "aes-256-gcm-siv needs OpenSSL 3.2 or later: this is OpenSSL 3."
                  (f :aes-256-gcm-siv)))))

(test "ciphers tell what they take"
  (is= {:name "aes-256-gcm" :key-length 32 :nonce-length 12 :min-nonce-length 8
        :max-nonce-length 128 :tag-length 16 :min-tag-length 12 :aead true :pieces true}
       (crypto/cipher-info :aes-256-gcm))
  (is= (crypto/cipher-info "AES-256-GCM") (crypto/cipher-info :aes-256-gcm))
  (is= {:name "aes-128-cbc" :key-length 16 :nonce-length 16 :min-nonce-length 16
        :max-nonce-length 16 :tag-length 0 :min-tag-length 0 :aead false :pieces true}
       (crypto/cipher-info :aes-128-cbc))
  (is= {:name "aes-256-siv" :key-length 64 :nonce-length 16 :min-nonce-length 1
        :max-nonce-length 128 :tag-length 16 :min-tag-length 16 :aead true :pieces false}
       (crypto/cipher-info :aes-256-siv))
  (is= 12 (length (crypto/generate-nonce :chacha20-poly1305)))
  (is= 24 (length (crypto/generate-nonce :xchacha20-poly1305)))
  (is= 16 (length (crypto/generate-nonce :aes-256-cbc)))
  (is (not= (string (crypto/generate-nonce :aes-256-gcm))
            (string (crypto/generate-nonce :aes-256-gcm)))))

(peer-test "openssl" "the openssl command computes the same CTR"
  (def dir (tmpdir))
  (each cipher ctr
    (def [key nonce] (fresh cipher))
    (def text (crypto/random-bytes 1001))
    (spit (string dir "/text") text)
    (os/execute ["openssl" "enc" (string "-" cipher) "-K" (hex key) "-iv" (hex nonce) "-in"
                 (string dir "/text") "-out" (string dir "/ct")] :px)
    (is= (buffer (slurp (string dir "/ct"))) ((crypto/encrypt cipher key nonce text) :ciphertext))))

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

# ---- other libraries: the same ciphertext and tag means that each opens the other's ----

(defn sealed-alike
  "What `ask` prints for key, nonce, additional data and text, in hex, is what we make."
  [ciphers ask-of]
  (each cipher ciphers
    (def info (crypto/cipher-info cipher))
    (def [key nonce] (fresh cipher))
    (each n [1 16 1000]
      (def text (crypto/random-bytes n))
      (def {:ciphertext ct :tag tag}
        (crypto/encrypt cipher key nonce text (if (info :aead) "aad")))
      # SIV's tag stands first
      (is= (hex (if (index-of cipher siv) (buffer tag ct) (buffer ct (or tag ""))))
           (string/trim ((ask-of cipher) (string/join (map hex [key nonce "aad" text]) " ")))
           cipher))))

(def noble
  {:aes-256-gcm "gcm(key, nonce, aad)" :aes-128-gcm-siv "gcmsiv(key, nonce, aad)"
   :aes-256-gcm-siv "gcmsiv(key, nonce, aad)" :aes-128-siv "aessiv(key, aad, nonce)"
   :aes-256-siv "aessiv(key, aad, nonce)" :aes-256-ctr "ctr(key, nonce)"
   :chacha20-poly1305 "chacha20poly1305(key, nonce, aad)"
   :xchacha20-poly1305 "xchacha20poly1305(key, nonce, aad)"})

(judges/npm-test "@noble/ciphers" "noble encrypts to the same ciphertext and tag"
  (sealed-alike (offered (sorted (keys noble)))
                (fn [cipher]
                  |(judges/ask-npm
                     (string "import { ctr, gcm, gcmsiv, aessiv } from '@noble/ciphers/aes.js';"
                             "import { chacha20poly1305, xchacha20poly1305 } from "
                             "'@noble/ciphers/chacha.js';"
                             "const [key, nonce, aad, text] = input.split(' ')"
                             ".map((hex) => new Uint8Array(Buffer.from(hex, 'hex')));"
                             "console.log(Buffer.from(" (noble cipher) ".encrypt(text))"
                             ".toString('hex'))") $))))

(def pyca
  {:aes-128-ccm "AESCCM(key).encrypt(nonce, text, aad)"
   :aes-256-ccm "AESCCM(key).encrypt(nonce, text, aad)"
   :aes-128-siv "AESSIV(key).encrypt(text, [aad, nonce])"
   :aes-256-siv "AESSIV(key).encrypt(text, [aad, nonce])"
   :aes-192-gcm "AESGCM(key).encrypt(nonce, text, aad)"
   :aes-192-ctr "Cipher(AES(key), CTR(nonce)).encryptor().update(text)"})

(peer-test judges/pyca "python3-cryptography encrypts to the same ciphertext and tag"
  (sealed-alike (sorted (keys pyca))
                (fn [cipher]
                  |(judges/ask-pyca
                     (string "from cryptography.hazmat.primitives.ciphers import Cipher\n"
                             "from cryptography.hazmat.primitives.ciphers.algorithms import AES\n"
                             "from cryptography.hazmat.primitives.ciphers.modes import CTR\n"
                             "from cryptography.hazmat.primitives.ciphers.aead import *\n"
                             "key, nonce, aad, text = map(bytes.fromhex, data.decode().split())\n"
                             "print((" (pyca cipher) ").hex())") $))))

(test "many megabytes are worked beside other fibers"
  (def text (buffer/new-filled (* 16 1024 1024) 97))
  (var turns 0)
  (var done false)
  (ev/spawn (while (not done) (++ turns) (ev/sleep 0)))
  (each cipher [:aes-256-gcm :aes-256-cbc :aes-256-siv :xchacha20-poly1305]
    (def [key nonce] (fresh cipher))
    (def {:ciphertext ct :tag tag} (crypto/encrypt cipher key nonce text))
    (is= text (crypto/decrypt cipher key nonce ct tag))
    (put ct 1000 (bxor 1 (ct 1000)))
    (if tag (fails-with "not authentic" (crypto/decrypt cipher key nonce ct tag))))
  (set done true)
  (is (pos? turns)))

(end)
