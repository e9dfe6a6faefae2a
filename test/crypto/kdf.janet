# Key agreement and derivation: published vectors, then hostile parameters.
(import ../support/check :prefix "")
(import ../support/vectors :prefix "")
(import jsec/crypto)

# --- HKDF ---

(each [name algorithm] [["hkdf_sha1" :sha1] ["hkdf_sha256" :sha256] ["hkdf_sha384" :sha384]
                        ["hkdf_sha512" :sha512]]
  (wycheproof name
              (fn [item]
                (fits item (fn []
                             (= (item "okm")
                                (hex (crypto/hkdf algorithm (unhex (item "ikm"))
                                                  (unhex (item "salt")) (unhex (item "info"))
                                                  (item "size")))))))))

(each [name algorithm] [["rfc-5869-HKDF-SHA1" :sha1] ["rfc-5869-HKDF-SHA256" :sha256]]
  (vectors-of (string "pyca/kdf/" name ".txt") |(read-rsp $ "COUNT")
              (fn [item]
                (= (item "OKM")
                   (hex (crypto/hkdf algorithm (unhex (item "IKM")) (unhex (get item "salt" ""))
                                     (unhex (get item "info" ""))
                                     (scan-number (item "L"))))))))

(test "an empty salt, none, and zeros are the same; so are an empty info and none"
  (def okm (crypto/hkdf :sha256 "key" "" "" 32))
  (is (buffer? okm))
  (is= okm (crypto/hkdf "SHA-256" @"key" nil nil 32))
  (is= okm (crypto/hkdf :sha256 "key" (buffer/new-filled 32 0) @"" 32))
  (is (not= (string okm) (string (crypto/hkdf :sha256 "key" "" "x" 32)))))

(test "HKDF of an empty key is computed"
  # the same from HMAC, as RFC 5869 defines it
  (def prk (crypto/hmac :sha256 "salt" ""))
  (is= (crypto/hmac :sha256 prk "info\x01") (crypto/hkdf :sha256 "" "salt" "info" 32)))

(test "lengths that can't be are refused"
  (each n [0 -1 1.5 8161 1e12 math/nan "32" nil]
    (fails-with "bad slot #4, expected integer from 1 to 8160" (crypto/hkdf :sha256 "k" "s" "i" n)))
  (is= 8160 (length (crypto/hkdf :sha256 "k" "s" "i" 8160)))
  (is (crypto/hkdf :sha256 "k" "s" (string/repeat "i" 32768) 16))
  (fails-with "crypto/hkdf: info too long: at most 32768 bytes, got 32769"
              (crypto/hkdf :sha256 "k" "s" (string/repeat "i" 32769) 16))
  (fails-with "bad slot #1" (crypto/hkdf :sha256 nil "s" "i" 32))
  (fails-with "HMAC is not defined over shake128" (crypto/hkdf :shake128 "k" "s" "i" 32)))

# --- PBKDF2 ---

(each [name algorithm] [["pbkdf2_hmacsha1" :sha1] ["pbkdf2_hmacsha224" :sha224]
                        ["pbkdf2_hmacsha256" :sha256]
                        ["pbkdf2_hmacsha384" :sha384] ["pbkdf2_hmacsha512" :sha512]]
  (wycheproof name
              (fn [item]
                (if (> (item "iterationCount") (load 200000)) :skip # would take many seconds
                  (fits item (fn []
                               (= (item "dk")
                                  (hex (crypto/pbkdf2 algorithm (unhex (item "password"))
                                                      (unhex (item "salt"))
                                                      (item "iterationCount")
                                                      (item "dkLen"))))))))))

(vectors-of "pyca/kdf/rfc-6070-PBKDF2-SHA1.txt" read-rsp
            (fn [item]
              (defn text [name] (string/replace-all "\\0" "\0" (item name)))
              (def rounds (scan-number (item "ITERATIONS")))
              (if (> rounds (load 200000)) :skip
                (= (item "DERIVED_KEY")
                   (hex (crypto/pbkdf2 :sha1 (text "PASSWORD") (text "SALT") rounds
                                       (scan-number (item "LENGTH"))))))))

(test "many rounds are worked beside other fibers"
  (var turns 0)
  (var done false)
  (ev/spawn (while (not done) (++ turns) (ev/sleep 0.001)))
  (def slow (crypto/pbkdf2 :sha256 "password" "salt" (load 1000000) 32))
  (set done true)
  (is (pos? turns))
  (is= 32 (length slow)))

(test "impossible numbers are refused, empty passwords are not"
  (is= 16 (length (crypto/pbkdf2 :sha256 "" "" 1 16)))
  (each n [0 -1 1.5 1e12 math/nan "1000" nil]
    (fails-with "bad slot #3, expected integer from 1" (crypto/pbkdf2 :sha256 "p" "s" n 16))
    (fails-with "bad slot #4, expected integer from 1" (crypto/pbkdf2 :sha256 "p" "s" 1 n)))
  (fails-with "bad slot #2" (crypto/pbkdf2 :sha256 "p" nil 1 16)))

# --- scrypt ---

(test "the vectors of RFC 7914"
  (def small (crypto/scrypt "" "" 64 {:n 16 :r 1 :p 1}))
  (is= (string "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
               "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906") (hex small))
  (is= (string "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
               "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640")
       (hex (crypto/scrypt "password" "NaCl" 64 {:n 1024 :r 8 :p 16})))
  (is= (string "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
               "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887")
       (hex (crypto/scrypt "pleaseletmein" "SodiumChloride" 64 {:n 16384 :r 8 :p 1}))))

(test "scrypt's defaults are n 131072, r 8, p 1"
  (is= (crypto/scrypt "p" "salt" 32 {:n 131072 :r 8 :p 1}) (crypto/scrypt "p" "salt" 32)))

(test "scrypt stays within the memory it is given, exactly"
  (each [n r p] [[16 1 1] [1024 8 1] [2 4096 3]]
    (def needed (* 128 r (+ n p)))
    (is= 16 (length (crypto/scrypt "p" "s" 16 {:n n :r r :p p :max-memory needed})))
    (fails-with "of memory needed"
                (crypto/scrypt "p" "s" 16 {:n n :r r :p p :max-memory (dec needed)}))))

(test "scrypt's parameters are checked"
  (fails-with "bad option :n, expected a power of 2, got 1000" (crypto/scrypt "p" "s" 32 {:n 1000}))
  (each n [0 1 -2 1.5 1e12 "1024"] (fails-with "bad option :n" (crypto/scrypt "p" "s" 32 {:n n})))
  (each n [0 -1 1.5 1e12] (fails-with "bad option :r" (crypto/scrypt "p" "s" 32 {:n 16 :r n})))
  (fails-with "2048 MB of memory needed: give a larger :max-memory"
              (crypto/scrypt "p" "s" 32 {:n (* 2 1024 1024)}))
  (fails-with "MB of memory needed" (crypto/scrypt "p" "s" 32 {:n 1024 :max-memory 1000}))
  (fails-with ":r times :p" (crypto/scrypt "p" "s" 32 {:n 2 :r 16000000 :p 16000000}))
  (fails-with "bad slot #2" (crypto/scrypt "p" "s" 0)))

# --- key agreement ---

(defn agreed [item private public]
  (fits item (fn [] (= (item "shared") (hex (crypto/derive private public))))))

(each name ["ecdh_secp256r1_pem" "x25519_pem"]
  (wycheproof name (fn [item] (agreed item (item "private") (item "public")))))

(wycheproof "x25519_asn" (fn [item] (agreed item (unhex (item "private")) (unhex (item "public")))))

(defn secp256k1-key
  "PKCS#8 of a number in hex."
  [number]
  (def digits (string (string/repeat "0" 64) number))
  (unhex (string "303e020100301006072a8648ce3d020106052b8104000a042730250201010420"
                 (slice digits -65))))

(wycheproof "ecdh_secp256k1"
            (fn [item] (agreed item (secp256k1-key (item "private")) (unhex (item "public")))))

(test "both sides derive the same secret"
  (each [kind bytes] [[:x25519 32] [:x448 56] [:p256 32] [:p384 48] [:p521 66] [:secp256k1 32]
                      [:p224 28]]
    (def [a b] [(crypto/generate-key kind) (crypto/generate-key kind)])
    (def secret (crypto/derive a (crypto/export-public-key b)))
    (is= bytes (length secret) kind)
    (is= secret (crypto/derive b (crypto/export-public-key a)) kind)
    (is= secret (crypto/derive (buffer a) b) kind)))

(vectors-of "pyca/keys/X25519/rfc7748.txt" read-rsp
            (fn [item]
              # the scalar as PKCS#8, the coordinate as SubjectPublicKeyInfo
              (if (item "OUTPUT_U")
                (= (item "OUTPUT_U")
                   (hex (crypto/derive
                          (unhex (string "302e020100300506032b656e04220420" (item "INPUT_SCALAR")))
                          (unhex (string "302a300506032b656e032100" (item "INPUT_U"))))))
                :skip)))

(test "keys of different kinds and curves are distinguished"
  (def p256 (crypto/generate-key :p256))
  (fails-with "crypto/derive: the keys are not of the same curve: EC and EC"
              (crypto/derive p256 (crypto/generate-key :p384)))
  (fails-with "the keys are not of the same kind: EC and X25519"
              (crypto/derive p256 (crypto/generate-key :x25519)))
  (fails-with "ED25519 keys don't agree on secrets"
              (crypto/derive (crypto/generate-key :ed25519) p256))
  (fails-with "not a private key" (crypto/derive (crypto/export-public-key p256) p256))
  (fails-with "bad slot #1" (crypto/derive p256 nil)))

(end)
