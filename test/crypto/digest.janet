# Digests and HMAC: the published vectors, then what users and attackers try.
(import ../support/check :prefix "")
(import ../support/vectors :prefix "")
(import jsec/crypto)

(defn message
  "The message of a NIST case: length 0 is written as one byte."
  [item]
  (if (= "0" (item "Len")) "" (unhex (item "Msg"))))

(each [file algorithm]
  [["SHA1ShortMsg" :sha1] ["SHA224ShortMsg" :sha224] ["SHA256ShortMsg" :sha256]
   ["SHA384ShortMsg" :sha384]
   ["SHA512ShortMsg" :sha512] ["SHA512_256ShortMsg" :sha512-256]]
  (vectors-of (string "nist/" file ".rsp") read-rsp
              (fn [item] (if (item "Msg")
                           (= (item "MD") (hex (crypto/digest algorithm (message item))))
                           :skip))))

(defn monte
  "NIST's thousand hashes of hashes, for each count; slow runs do fewer counts."
  [algorithm cases]
  (var seed (unhex ((find |($ "Seed") cases) "Seed")))
  (def wrong @[])
  (def counts (filter |($ "COUNT") cases))
  (each item (take (load (length counts)) counts)
    (def last @[seed seed seed])
    (repeat 1000
      (array/push last (crypto/digest algorithm (string ;last)))
      (array/remove last 0))
    (set seed (last 2))
    (unless (= (item "MD") (hex seed)) (array/push wrong (item "COUNT"))))
  wrong)

(each [file algorithm] [["SHA1Monte" :sha1] ["SHA256Monte" :sha256]]
  (def name (string "nist/" file ".rsp"))
  (if-let [path (vectors name)]
    (test (string name ": all counts") (is= @[] (monte algorithm (read-rsp path))))
    (skip name "no vectors here")))

(test "the vectors of RFC 1321 and FIPS 180"
  (is= "d41d8cd98f00b204e9800998ecf8427e" (hex (crypto/digest :md5 "")))
  (is= "f96b697d7cb7938d525a2f31aaf161d0" (hex (crypto/digest :md5 "message digest")))
  (is= "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
       (hex (crypto/digest :sha256 "abc"))))

(test "every spelling of an algorithm means the same"
  (def right (crypto/digest :sha256 "abc"))
  (each name [:sha256 "sha256" "SHA256" "SHA-256" :sha-256 "sha2-256" "SHA2_256" @"sha256" 'sha256]
    (is= right (crypto/digest name "abc") name))
  (is= (crypto/digest :sha512-256 "x") (crypto/digest "SHA512/256" "x")))

(test "the result is a fresh buffer"
  (def first (crypto/digest :sha256 "abc"))
  (is (buffer? first))
  (buffer/clear first)
  (is= 32 (length (crypto/digest :sha256 "abc"))))

(test "strings, buffers, empty ones and NULs are hashed alike"
  (is= (crypto/digest :sha1 "") (crypto/digest :sha1 @""))
  (is= (crypto/digest :sha1 "a\0b") (crypto/digest :sha1 @"a\0b"))
  (is (not= (string (crypto/digest :sha1 "a\0b")) (string (crypto/digest :sha1 "a")))))

(peer-test "openssl" "the openssl command agrees on every digest"
  (def dir (tmpdir))
  (def data (crypto/random-bytes 1000))
  (spit (string dir "/data") data)
  (each name [:md5 :sha1 :sha224 :sha256 :sha384 :sha512 :sha512-224 :sha512-256 :sha3-224 :sha3-256
              :sha3-384 :sha3-512
              :blake2b512 :blake2s256 :ripemd160]
    (os/execute ["openssl" "dgst" "-binary" "-out" (string dir "/out") (string "-" name)
                 (string dir "/data")] :px)
    (is= (hex (slurp (string dir "/out"))) (hex (crypto/digest name data)) name)))

(test "SHAKE gives as many bytes as asked"
  # FIPS 202 example values of the empty message
  (is= "7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26"
       (hex (crypto/digest :shake128 "" {:length 32})))
  (is= "46b9dd2b0ba88d13" (hex (crypto/digest "SHAKE-256" "" {:length 8})))
  (is= 100000 (length (crypto/digest :shake256 "x" {:length 100000})))
  (fails-with "crypto/digest: shake256 has no length of its own: give {:length n}"
              (crypto/digest :shake256 "x")))

(test "a length that can't be is refused"
  (each n [0 -1 1.5 1e12 math/nan math/inf "8" (inc (* 64 1024 1024))]
    (fails-with "bad option :length" (crypto/digest :shake128 "x" {:length n})))
  (fails-with "sha256 gives 32 bytes, not 20" (crypto/digest :sha256 "x" {:length 20}))
  (is= 32 (length (crypto/digest :sha256 "x" {:length 32}))))

(test "what is no algorithm is named in the error"
  (def error (fails-with "crypto/digest: unknown digest, expected one of sha256"
                         (crypto/digest :sha257 "")))
  (is (string/has-suffix? "md5, got :sha257" error) error)
  (each name ["" "sha256\0" "sha" (string/repeat "x" 100000) "\xff\n"]
    (fails-with "unknown digest" (crypto/digest name "x")))
  (fails-with "bad slot #0, expected keyword or string, got 12" (crypto/digest 12 "x"))
  (fails-with "did you mean :length" (crypto/digest :sha256 "x" {:lenght 32})))

(test "a key in the place of an algorithm does not appear in the error, in no part"
  (def key (string (crypto/random-bytes 32)))
  (each secret [key (crypto/base64-encode key) (crypto/generate-key :ed25519)]
    (each call [|(crypto/hmac $ :sha256 "data") |(crypto/pbkdf2 $ :sha256 "salt" 1 32)
                |(crypto/encrypt $ :aes-256-gcm "nonce" "text") |(crypto/generate-key $)
                |(crypto/ec-point-mul $ :p-256)]
      (def [fine err] (protect (call secret)))
      (is (not fine))
      (is (string/find "unknown" err) err)
      (is (not (string/find (string/slice secret 0 8) err)) err))))

(test "what holds no bytes is refused"
  (each data [nil 12 :keyword 'symbol [] @{} print]
    (fails-with "bad slot #1, expected string or buffer" (crypto/digest :sha256 data))
    (fails-with "bad slot #2, expected string or buffer" (crypto/hmac :sha256 "k" data)))
  (fails-with "arity" (crypto/digest :sha256)))

(test "large inputs are hashed beside other fibers, with the same result"
  (def data (buffer/new-filled (* 64 1024 1024) 97))
  (var turns 0)
  (var done false)
  (ev/spawn (while (not done) (++ turns) (ev/sleep 0)))
  (def whole (crypto/digest :sha256 data))
  (set done true)
  (is (pos? turns) "other fibers went on")
  # of the same bytes by `head -c 67108864 /dev/zero | tr '\0' a | sha256sum`
  (is= "fae972222d455a2eaee1661ad9625502ec3bfc5ec38b87a6eec5afd5107331b5" (hex whole)))

(test "an input that changes while a thread hashes it does no harm"
  (def data (buffer/new-filled (* 8 1024 1024) 97))
  (def expected (crypto/digest :sha256 (string data)))
  (def answer (ev/chan 1))
  (ev/spawn (ev/give answer (crypto/digest :sha256 data)))
  (ev/sleep 0)
  (buffer/clear data)
  (buffer/trim data)
  (gccollect)
  (is= expected (ev/take answer)))

(test "a fiber that is cancelled while a thread works is not woken by it, not even in its next wait"
  (def data (buffer/new-filled (* 16 1024 1024) 97))
  (def answer (ev/chan 1))
  (def fiber (ev/spawn (try
                         (crypto/digest :sha1 data)
                         ([e] (ev/give answer [e (crypto/digest :sha512 data)])))))
  (ev/sleep 0)
  (ev/cancel fiber "enough")
  (def [reason digest] (ev/take answer))
  (is= "enough" reason)
  (is= 64 (length digest)))

# --- HMAC ---

(each [file algorithm]
  [["hmac_sha1" :sha1] ["hmac_sha224" :sha224] ["hmac_sha256" :sha256] ["hmac_sha384" :sha384]
   ["hmac_sha512" :sha512]
   ["hmac_sha512_256" :sha512-256] ["hmac_sha3_256" :sha3-256] ["hmac_sha3_512" :sha3-512]]
  (wycheproof file
              (fn [item]
                (def bytes (div (get-in item [:group "tagSize"]) 8))
                (fits item (fn []
                             (def tag
                               (crypto/hmac algorithm (unhex (item "key")) (unhex (item "msg"))))
                             (crypto/constant-time= (unhex (item "tag")) (slice tag 0 bytes)))))))

(each [file algorithm]
  [["rfc-2202-md5" :md5] ["rfc-2202-sha1" :sha1] ["rfc-2286-ripemd160" :ripemd160]
   ["rfc-4231-sha224" :sha224]
   ["rfc-4231-sha256" :sha256] ["rfc-4231-sha384" :sha384] ["rfc-4231-sha512" :sha512]]
  (vectors-of (string "pyca/hmac/" file ".txt") read-rsp
              (fn [item]
                (if (item "Key")
                  (= (item "MD")
                     (hex (crypto/hmac algorithm (unhex (item "Key")) (unhex (item "Msg")))))
                  :skip))))

(test "an empty key and a key longer than a block are keys"
  (is= "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"
       (hex (crypto/hmac :sha256 "" "")))
  (is= (crypto/hmac :sha256 (crypto/digest :sha256 (string/repeat "k" 65)) "x")
       (crypto/hmac :sha256 (string/repeat "k" 65) "x"))
  (is= (crypto/hmac :sha256 "k" "x") (crypto/hmac "SHA-256" @"k" @"x")))

(test "no HMAC finds anything of the one before it"
  (def cases
    (seq [algorithm :in [:sha256 :sha512 :md5] key :in ["" "key" (string/repeat "k" 200)] data :in
          ["" "data" (string/repeat "d" 300)]]
      (crypto/forget-keys)
      [algorithm key data (crypto/hmac algorithm key data)]))
  (def rng (math/rng 7))
  (repeat (load 1000)
    (def [algorithm key data expected] (in cases (math/rng-int rng (length cases))))
    (is= expected (crypto/hmac algorithm key data))
    (is= 32 (length (crypto/digest :sha256 data)))))

(test "HMAC over a digest without a length is refused"
  (fails-with "HMAC is not defined over shake256" (crypto/hmac :shake256 "k" "x"))
  (fails-with "bad slot #1" (crypto/hmac :sha256 nil "x")))

(test "constant-time= compares bytes"
  (is (crypto/constant-time= "" @""))
  (is (crypto/constant-time= "a\0b" @"a\0b"))
  (is= false (crypto/constant-time= "a\0b" "a\0c"))
  (is= false (crypto/constant-time= "ab" "abc"))
  (fails-with "bad slot #1" (crypto/constant-time= "ab" nil)))

(test "functions carry their documentation"
  (def text (get (dyn (quote crypto/digest)) :doc))
  (is (string/has-prefix? "(crypto/digest algorithm data &opt opts)" text))
  (is (string/find "`:length`" text)))

(end)
