# Data in pieces: digests, HMAC, signatures and ciphers give what one call gives, at every split.
(import ../support/check :prefix "")
(import ../support/vectors :prefix "")
(import jsec/crypto)

(def data (string (crypto/random-bytes 300)))
(def key (crypto/random-bytes 32))

(defn- splits
  "Each way to cut the data in two, and some ways to cut it in many."
  []
  (def rng (math/rng 21))
  (array/concat
    (seq [i :range-to [0 (length data)]] [(string/slice data 0 i) (string/slice data i)])
    (seq [_ :range [0 50]]
      (def pieces @[])
      (var at 0)
      (while (< at (length data))
        (def next (min (length data) (+ at (math/rng-int rng 70))))
        (array/push pieces (string/slice data at next))
        (set at next))
      pieces)))

(def all-splits (splits))

(defn- fed [object pieces] (each piece pieces (:update object piece)) object)

(def digests
  [:sha256 :sha384 :sha512 :sha224 :sha512-224 :sha512-256 :sha3-224 :sha3-256 :sha3-384 :sha3-512
   :blake2b512 :blake2s256 :ripemd160 :sha1 :md5])

(each algorithm digests
  (test (string algorithm " and its HMAC in pieces are those of one call, at every split")
    (def digest (crypto/digest algorithm data))
    (def mac (crypto/hmac algorithm key data))
    (each pieces all-splits
      (is= digest (:finish (fed (crypto/new-digest algorithm) pieces)))
      (is= mac (:finish (fed (crypto/new-hmac algorithm key) pieces))))))

(test "SHAKE in pieces has the length that was asked for, at every split"
  (each pieces all-splits
    (is= (crypto/digest :shake256 data {:length 77})
         (:finish (fed (crypto/new-digest :shake256 {:length 77}) pieces))))
  (fails-with "crypto/new-digest: shake256 has no length of its own"
              (crypto/new-digest :shake256)))

(test "no data at all has the digest of the empty string"
  (is= (crypto/digest :sha256 "") (:finish (crypto/new-digest :sha256)))
  (is= (crypto/hmac :sha256 "" "") (:finish (crypto/new-hmac :sha256 ""))))

(test "update returns its object, and takes strings and buffers"
  (def digest (crypto/new-digest :sha256))
  (is (= digest (:update digest "a")))
  (is= (crypto/digest :sha256 "abc") (:finish (:update (:update digest @"b") "c"))))

(test "a copy has seen the same data and goes on alone"
  (each make [|(crypto/new-digest :sha256) |(crypto/new-hmac :sha256 "key")
              |(crypto/new-digest :shake128 {:length 40})]
    (def first (:update (make) "a"))
    (def second (:copy first))
    (:update first "b")
    (is= (:finish (:update (make) "ac")) (:finish (:update second "c")))
    (is= (:finish (:update (make) "ab")) (:finish first))))

(test "a finished digest raises, whatever is called"
  (each digest [(crypto/new-digest :sha256) (crypto/new-hmac :sha256 "key")]
    (:finish digest)
    (def why "the digest is finished: make a new one")
    (fails-with (string "digest/finish: " why) (:finish digest))
    (fails-with (string "digest/update: " why) (:update digest "x"))
    (fails-with (string "digest/copy: " why) (:copy digest))))

(test "a wrong argument of a method is named"
  (fails-with "digest/update: data: bad slot #1, expected string or buffer, got 5"
              (:update (crypto/new-digest :sha256) 5))
  (def digest (crypto/new-digest :sha256))
  (fails-with "digest/update: digest: bad slot #0" ((get digest :update) "x" "y"))
  (fails-with "digest/finish: arity mismatch" (:finish digest "x")))

(test "an object of cryptography in progress can't be marshalled"
  (def p256 (crypto/generate-key :p256))
  (each object [(crypto/new-digest :sha256) (crypto/new-hmac :sha256 "hunter2")
                (crypto/new-signer p256) (crypto/new-verifier p256)
                (crypto/new-encryptor :aes-256-gcm key (string/repeat "n" 12))
                (crypto/new-decryptor :aes-256-gcm key (string/repeat "n" 12))]
    (fails-with "cannot marshal" (marshal object))
    (is (not (string/find "hunter2" (string/format "%q %v" object object))))
    (is= true (truthy? (next object)))))

# --- signatures ---

(def rsa (crypto/generate-key :rsa))

(each [name key options] [["EC" (crypto/generate-key :p256) {}]
                          ["EC with raw signatures" (crypto/generate-key :p384) {:format :raw}]
                          ["RSA" rsa {:digest :sha512}]
                          ["RSA-PSS" rsa {:padding :pss :salt-length :max}]]
  (def public (crypto/export-public-key key))
  (test (string name ": signatures of pieces and of one call verify each other, at every split")
    (def whole (crypto/sign key data options))
    (def step (if (= name "EC") 1 20))
    (loop [i :range [0 (length all-splits) step] :let [pieces (all-splits i)]]
      (is (crypto/verify public data (:sign (fed (crypto/new-signer key options) pieces)) options))
      (is (:verify (fed (crypto/new-verifier public options) pieces) whole)))
    (is= false (:verify (:update (crypto/new-verifier public options) "other") whole))
    (is= false (:verify (fed (crypto/new-verifier public options) [data]) "malformed"))))

(test "a finished signer or verifier raises"
  (def key (crypto/generate-key :p256))
  (def signer (:update (crypto/new-signer key) data))
  (def signature (:sign signer))
  (fails-with "signer/sign: it is finished: make a new one" (:sign signer))
  (fails-with "signer/update: it is finished" (:update signer "x"))
  (def verifier (:update (crypto/new-verifier key) data))
  (is (:verify verifier signature))
  (fails-with "verifier/verify: it is finished" (:verify verifier signature))
  (fails-with "verifier/update: it is finished" (:update verifier "x")))

(test "keys that sign all data in one call are refused in pieces"
  (each algorithm [:ed25519 :ed448]
    (def key (crypto/generate-key algorithm))
    (fails-with "signs all data in one call: use crypto/sign" (crypto/new-signer key))
    (fails-with "signs all data in one call: use crypto/sign"
                (crypto/new-verifier (crypto/export-public-key key))))
  (fails-with "crypto/new-signer: " (crypto/new-signer (crypto/generate-key :x25519)))
  (fails-with "bad option :prehashed" (crypto/new-signer rsa {:prehashed true}))
  (fails-with "crypto/new-signer: " (crypto/new-signer (crypto/export-public-key rsa))))

(test "a long RSA key signs on a worker, while its signer is collected"
  (def key (crypto/generate-key :rsa 4608))
  (var turns 0)
  (var done false)
  (ev/spawn (while (not done) (++ turns) (gccollect) (ev/sleep 0)))
  (def signature (:sign (:update (crypto/new-signer key) data)))
  (set done true)
  (is (pos? turns))
  (is (crypto/verify key data signature)))

# --- ciphers ---

(def ciphers
  [:aes-128-gcm :aes-192-gcm :aes-256-gcm :chacha20-poly1305 :xchacha20-poly1305 :aes-128-cbc
   :aes-192-cbc :aes-256-cbc :aes-128-ctr :aes-256-ctr])

(each algo ciphers
  (def info (crypto/cipher-info algo))
  (def key (crypto/random-bytes (info :key-length)))
  (def nonce (crypto/generate-nonce algo))
  (def aad (if (info :aead) "additional data"))
  (def whole (crypto/encrypt algo key nonce data aad))

  (test (string algo " in pieces is that of one call, in both directions, at every split")
    (each pieces all-splits
      (def encryptor (crypto/new-encryptor algo key nonce aad))
      (def text @"")
      (each piece pieces (buffer/push text (:update encryptor piece)))
      (def end (:finish encryptor))
      (if (info :aead)
        (is= (whole :tag) end)
        (buffer/push text end))
      (is= (whole :ciphertext) text)
      (def decryptor (crypto/new-decryptor algo key nonce aad))
      (def cut (min (length text) (length (first pieces))))
      (def plain (buffer (:update decryptor (string/slice text 0 cut))
                         (:update decryptor (string/slice text cut))
                         (:finish decryptor (whole :tag))))
      (is= data (string plain)))))

(each algo [:aes-256-gcm :chacha20-poly1305 :xchacha20-poly1305]
  (def nonce (crypto/generate-nonce algo))
  (def {:ciphertext text :tag tag} (crypto/encrypt algo key nonce data "aad"))
  (defn- finish [key nonce aad text tag]
    (def decryptor (crypto/new-decryptor algo key nonce aad))
    (:update decryptor text)
    (:finish decryptor tag))
  (defn- changed [bytes at] (put (buffer bytes) at (bxor 1 (get bytes at))))

  (test (string algo ": finish raises when anything was changed, and so does a second finish")
    (is (finish key nonce "aad" text tag))
    (each arguments [[(changed key 31) nonce "aad" text tag] [key (changed nonce 0) "aad" text tag]
                     [key nonce "aae" text tag] [key nonce nil text tag]
                     [key nonce "aad" (changed text 7) tag] [key nonce "aad" text (changed tag 15)]
                     [key nonce "aad" (slice text 0 -2) tag]]
      (fails-with "decryptor/finish: not authentic: drop all plaintext of this decryptor"
                  (finish ;arguments)))
    (def decryptor (crypto/new-decryptor algo key nonce "aad"))
    (:update decryptor text)
    (fails-with "takes a tag of 16 bytes, got 8" (:finish decryptor (slice tag 0 8)))
    (fails-with "takes a tag of 16 bytes, got 0" (:finish decryptor))
    (is= "" (string (:finish decryptor tag)))
    (fails-with "the cipher is finished: make a new one" (:finish decryptor tag))
    (fails-with "the cipher is finished" (:update decryptor "x"))
    (def encryptor (crypto/new-encryptor algo key nonce))
    (:finish encryptor)
    (fails-with "encryptor/finish: the cipher is finished" (:finish encryptor))
    (fails-with "encryptor/update: the cipher is finished" (:update encryptor "x"))))

(test "lengths and additional data are checked as in one call"
  (fails-with "crypto/new-encryptor: aes-256-gcm takes a key of 32 bytes, got 1"
              (crypto/new-encryptor :aes-256-gcm "k" "n"))
  (fails-with "takes a nonce of 8 to 128 bytes, got 1" (crypto/new-decryptor :aes-256-gcm key "n"))
  (fails-with "can't authenticate additional data"
              (crypto/new-encryptor :aes-256-cbc key (string/repeat "i" 16) "aad"))
  (def decryptor (crypto/new-decryptor :aes-256-cbc key (string/repeat "i" 16)))
  (fails-with "aes-256-cbc has no tag: give nil" (:finish decryptor "tag"))
  (fails-with "not authentic" (:finish decryptor)))

(test "nonces and tags of other lengths are those of one call"
  (each [nonce n] [["12345678" 12] [(string/repeat "n" 16) 16] [(string/repeat "n" 128) 13]]
    (def opts {:tag-length n})
    (def whole (crypto/encrypt :aes-256-gcm key nonce "the text" "aad" opts))
    (def encryptor (crypto/new-encryptor :aes-256-gcm key nonce "aad" opts))
    (is= (whole :ciphertext) (buffer (:update encryptor "the ") (:update encryptor "text")))
    (is= (whole :tag) (:finish encryptor))
    (def decryptor (crypto/new-decryptor :aes-256-gcm key nonce "aad" opts))
    (is= @"the text" (:update decryptor (whole :ciphertext)))
    (if (< n 16)
      (fails-with (string "takes a tag of " n " bytes, got 16")
                  (:finish decryptor (string/repeat "t" 16))))
    (is= @"" (:finish decryptor (whole :tag)))))

(test "ciphers that need all data at once are refused"
  (each [algo size] [[:aes-128-siv 32] [:aes-256-ccm 32]]
    (each new [crypto/new-encryptor crypto/new-decryptor]
      (fails-with (string algo " takes all data in one call: use crypto/encrypt, crypto/decrypt")
                  (new algo (string/repeat "k" size) (string/repeat "n" 12))))))

(each [file algo] [["aes_gcm" nil] ["chacha20_poly1305" :chacha20-poly1305]]
  (wycheproof file
              (fn [item]
                (def bits (get-in item [:group "keySize"]))
                (def algo (or algo (keyword "aes-" bits "-gcm")))
                (if (and (= 96 (get-in item [:group "ivSize"]))
                         (= 128 (get-in item [:group "tagSize"])))
                  (fits item
                        (fn []
                          (def decryptor
                            (crypto/new-decryptor algo (unhex (item "key")) (unhex (item "iv"))
                                                  (unhex (item "aad"))))
                          (def text @"")
                          (each byte (unhex (item "ct"))
                            (buffer/push text (:update decryptor (string/from-bytes byte))))
                          (buffer/push text (:finish decryptor (unhex (item "tag"))))
                          (= (string text) (string (unhex (item "msg"))))))
                  :skip))))

# --- other programs ---

(peer-test "openssl" "the openssl command verifies signatures of pieces, and ours verify its own"
  (def dir (tmpdir))
  (def key (crypto/generate-key :p256))
  (defn- file [name] (string dir "/" name))
  (spit (file "key") key)
  (spit (file "public") (crypto/export-public-key key))
  (spit (file "data") data)
  (spit (file "signature") (:sign (fed (crypto/new-signer key) (all-splits 100))))
  (os/execute ["openssl" "dgst" "-sha256" "-verify" (file "public") "-signature" (file "signature")
               "-out" (file "verdict") (file "data")] :px)
  (is= "Verified OK" (string/trim (slurp (file "verdict"))))
  (os/execute ["openssl" "dgst" "-sha256" "-sign" (file "key") "-out" (file "theirs")
               (file "data")] :px)
  (is (:verify (fed (crypto/new-verifier (slurp (file "public"))) (all-splits 50))
               (slurp (file "theirs")))))

(def- python ``
import sys
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
key, nonce, text, tag = (bytes.fromhex(word) for word in sys.argv[1:5])
decryptor = Cipher(algorithms.AES(key), modes.GCM(nonce, tag)).decryptor()
decryptor.authenticate_additional_data(b"aad")
pieces = b"".join(decryptor.update(text[i:i + 7]) for i in range(0, len(text), 7))
print((pieces + decryptor.finalize()).hex())
encryptor = Cipher(algorithms.AES(key), modes.GCM(nonce)).encryptor()
encryptor.authenticate_additional_data(b"aad")
print((encryptor.update(pieces) + encryptor.finalize()).hex(), encryptor.tag.hex())
``)

(peer-test "python3" "python3-cryptography opens what an encryptor wrote, and seals the same"
  (def nonce (crypto/generate-nonce :aes-256-gcm))
  (def encryptor (crypto/new-encryptor :aes-256-gcm key nonce "aad"))
  (def text (buffer ;(map |(:update encryptor $) (all-splits 33))))
  (def tag (:finish encryptor))
  (if (not= 0 (os/execute ["python3" "-c" "import cryptography"] :p
                          {:err (file/open "/dev/null" :w)}))
    (print "  python3-cryptography is not installed")
    (with [process (os/spawn ["python3" "-c" python ;(map hex [key nonce text tag])] :p
                             {:out :pipe})]
      (def said (ev/read (process :out) :all))
      (os/proc-wait process)
      (is= (string (hex data) "\n" (hex text) " " (hex tag) "\n") (string said)))))

(end)
