# RSA encryption.
(import ../support/check :prefix "")
(import ../support/vectors :prefix "")
(import jsec/crypto)

(defn digest-word [name] (string/ascii-lower (string/replace "-" "" name)))

(defn oaep
  "A judge of decryption with the padding, mask and label of the file."
  [item]
  (def group (item :group))
  (def opts {:padding (keyword "oaep-" (digest-word (group "sha"))) :mgf1-digest (group "mgfSha")
             :label (unhex (item "label"))})
  (fits item
        (fn [] (= (item "msg")
                  (hex (crypto/rsa-decrypt (group "privateKeyPem") (unhex (item "ct")) opts))))))

(each name ["rsa_oaep_2048_sha1_mgf1sha1" "rsa_oaep_2048_sha256_mgf1sha1"
            "rsa_oaep_2048_sha256_mgf1sha256"
            "rsa_oaep_2048_sha384_mgf1sha384" "rsa_oaep_2048_sha512_mgf1sha512"
            "rsa_oaep_3072_sha256_mgf1sha256"
            "rsa_oaep_4096_sha512_mgf1sha512" "rsa_three_primes_oaep_2048_sha1_mgf1sha1"]
  (wycheproof name oaep))

(each name ["rsa_pkcs1_2048" "rsa_pkcs1_3072"]
  (wycheproof name
              (fn [item]
                # OpenSSL 3.2 and newer give other bytes for the invalid ones instead of an error
                (def key (unhex (get-in item [:group "privateKeyPkcs8"])))
                (fits item
                      (fn []
                        (= (item "msg")
                           (hex (crypto/rsa-decrypt key (unhex (item "ct"))
                                                    {:padding :pkcs1}))))))))

(def key (crypto/generate-key :rsa))
(def public (crypto/export-public-key key))
(def paddings
  {:oaep-sha256 190 :oaep-sha384 158 :oaep-sha512 126 :oaep-sha224 198 :oaep-sha1 214 :pkcs1 245})

(test "what is encrypted decrypts, with every padding, up to its limit"
  (eachp [padding most] paddings
    (is= most (crypto/rsa-max-plaintext public {:padding padding}) padding)
    (each n [0 1 32 most]
      (def text (if (zero? n) @"" (crypto/random-bytes n)))
      (def sealed (crypto/rsa-encrypt public text {:padding padding}))
      (is= 256 (length sealed))
      (is= text (crypto/rsa-decrypt key sealed {:padding padding}) padding))
    (fails-with (string (inc most) " bytes are too many: with this key and padding " most
                        " at most")
                (crypto/rsa-encrypt public (crypto/random-bytes (inc most)) {:padding padding}))))

(test "OAEP over SHA-256 is the default, strings name paddings too"
  (is= 190 (crypto/rsa-max-plaintext key))
  (is= @"x" (crypto/rsa-decrypt key (crypto/rsa-encrypt key "x") {:padding "oaep-sha256"}))
  (is= @"x" (crypto/rsa-decrypt key (crypto/rsa-encrypt public @"x" {:padding :OAEP-SHA256}))))

(test "the same text is encrypted to other bytes each time"
  (is (not= (string (crypto/rsa-encrypt public "x")) (string (crypto/rsa-encrypt public "x")))))

(def refused "crypto/rsa-decrypt: not decrypted: wrong key, padding or ciphertext")

(test "what was changed, or encrypted otherwise, is refused in one way"
  (def sealed (crypto/rsa-encrypt public "secret"))
  (loop [i :in [0 1 100 255]]
    (def forged (buffer sealed))
    (put forged i (bxor 1 (forged i)))
    (fails-with refused (crypto/rsa-decrypt key forged)))
  (fails-with refused (crypto/rsa-decrypt (crypto/generate-key :rsa) sealed))
  (fails-with refused (crypto/rsa-decrypt key sealed {:padding :oaep-sha1}))
  (fails-with refused (crypto/rsa-decrypt key sealed {:label "x"}))
  (fails-with refused (crypto/rsa-decrypt key sealed {:mgf1-digest :sha1}))
  (each bad [(buffer/new-filled 256 0) (buffer/new-filled 256 255)]
    (fails-with refused (crypto/rsa-decrypt key bad))))

(test "all damages of a PKCS#1 v1.5 padding look alike"
  # the padded message by hand: encrypting with the raw key is what `openssl pkeyutl -encrypt
  # rsa_padding_mode:none` does
  (def texts @{})
  (def sealed (crypto/rsa-encrypt public "secret" {:padding :pkcs1}))
  (loop [i :range [0 40]]
    (def forged (buffer sealed))
    (put forged (* 6 i) (bxor 1 (forged (* 6 i))))
    (def [ok result] (protect (crypto/rsa-decrypt key forged {:padding :pkcs1})))
    (if ok (is (not= "secret" (string result))) (put texts result true)))
  (is (<= (length texts) 1) (keys texts)))

(test "a ciphertext of another length is refused"
  (def sealed (crypto/rsa-encrypt public "secret"))
  (each bad ["" "x" (slice sealed 0 -2) (string sealed "x")]
    (fails-with "a ciphertext for this key has 256 bytes" (crypto/rsa-decrypt key bad))))

(test "labels and masks are options"
  (def opts {:padding :oaep-sha384 :mgf1-digest :sha1 :label "a\0b"})
  (is= @"x" (crypto/rsa-decrypt key (crypto/rsa-encrypt key "x" opts) opts))
  (fails-with ":label and :mgf1-digest go with OAEP"
              (crypto/rsa-encrypt key "x" {:padding :pkcs1 :label "x"}))
  (fails-with "masks are not made by shake128"
              (crypto/rsa-encrypt key "x" {:mgf1-digest :shake128})))

(test "keys and options that don't suit are refused"
  (def p256 (crypto/generate-key :p256))
  (each f [|(crypto/rsa-encrypt $ "x") |(crypto/rsa-decrypt $ "x") crypto/rsa-max-plaintext]
    (fails-with "EC key given, only RSA keys encrypt" (f p256))
    (fails-with "not a " (f "no key"))
    (fails-with "bad slot #0" (f nil)))
  (fails-with "RSA-PSS key given" (crypto/rsa-encrypt (crypto/generate-key :rsa-pss 1024) "x"))
  (fails-with "not a private key" (crypto/rsa-decrypt public (crypto/rsa-encrypt key "x")))
  (fails-with "a key of 1024 bits is too small for this padding"
              (crypto/rsa-max-plaintext (crypto/generate-key :rsa 1024) {:padding :oaep-sha512}))
  (fails-with "bad option :padding, expected one of :oaep-sha256"
              (crypto/rsa-encrypt key "x" {:padding :none}))
  (fails-with "unknown option :pading, did you mean :padding"
              (crypto/rsa-decrypt key "x" {:pading :pkcs1}))
  (fails-with "bad slot #1" (crypto/rsa-encrypt key nil)))

(peer-test "openssl" "the openssl command decrypts what we encrypt, and we what it encrypts"
  (def dir (tmpdir))
  (defn at [name] (string dir "/" name))
  (spit (at "key") key)
  (spit (at "text") "some text")
  (each [opts & theirs]
    [[{} "rsa_padding_mode:oaep" "rsa_oaep_md:sha256" "rsa_mgf1_md:sha256"]
     [{:padding :oaep-sha512} "rsa_padding_mode:oaep" "rsa_oaep_md:sha512" "rsa_mgf1_md:sha512"]
     [{:padding :oaep-sha1 :label "L"} "rsa_padding_mode:oaep" "rsa_oaep_label:4c"]
     [{:padding :pkcs1} "rsa_padding_mode:pkcs1"]]
    (def flags (mapcat |["-pkeyopt" $] theirs))
    (spit (at "sealed") (crypto/rsa-encrypt public "some text" opts))
    (os/execute ["openssl" "pkeyutl" "-decrypt" "-inkey" (at "key") "-in" (at "sealed") "-out"
                 (at "out") ;flags] :px)
    (is= "some text" (string (slurp (at "out"))))
    (os/execute ["openssl" "pkeyutl" "-encrypt" "-inkey" (at "key") "-in" (at "text") "-out"
                 (at "sealed") ;flags] :px)
    (is= @"some text" (crypto/rsa-decrypt key (slurp (at "sealed")) opts))))

(end)
