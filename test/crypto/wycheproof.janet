# Wycheproof's files on algorithms of ours that no other test names: all that are in the folder, by
# the type of their groups. The whole set is github.com/C2SP/wycheproof, testvectors_v1, as the
# folder wycheproof/ of JSEC_VECTORS.
(import ../support/check :prefix "")
(import ../support/vectors :prefix "")
(import jsec/crypto)

(defn- of-group [item name] (get-in item [:group name]))
(defn- bytes-of [item name] (unhex (item name)))

(defn- may-have-digest
  "SHAKE has no length of its own: no signature of ours is made over it."
  [item]
  (not (string/has-prefix? "SHAKE" (of-group item "sha"))))

# --- signatures ---

(defn- verifies
  "A judge of signatures: the answer for an acceptable one may be either."
  [options]
  (fn [item]
    (if-not (or (nil? (of-group item "sha")) (may-have-digest item)) (break :skip))
    (def digest (if-let [digest (of-group item "sha")] {:digest digest} {}))
    (def valid (crypto/verify (of-group item "publicKeyPem") (bytes-of item "msg")
                              (bytes-of item "sig") (merge digest (options item))))
    (case (item "result") "valid" valid "invalid" (not valid) true)))

(defn- pss [item]
  {:padding :pss :mgf1-digest (of-group item "mgfSha") :salt-length (of-group item "sLen")})

# The parameters of such a key prescribe digests and salt.
(defn- pss-of-key [item]
  {:salt-length (of-group item "sLen") :mgf1-digest (of-group item "mgfSha")})

(defn- signs-pkcs1 [item]
  (= (item "sig") (hex (crypto/sign (of-group item "privateKeyPem") (bytes-of item "msg")
                                    {:digest (of-group item "sha")}))))

# --- message authentication ---

(defn- authenticates [digest]
  (fn [item]
    (def size (/ (of-group item "tagSize") 8))
    (fits item |(= (item "tag") (hex (slice (crypto/hmac digest (bytes-of item "key")
                                                         (bytes-of item "msg")) 0 size))))))

# --- key agreement ---

(defn- agrees [read-private read-public]
  (fn [item]
    (fits item |(= (item "shared") (hex (crypto/derive (read-private item (item "private"))
                                                       (read-public item (item "public"))))))))

(defn- curve-of [item] (keyword (of-group item "curve")))
(defn- plain-kind [item] (keyword (string/replace "curve" "x" (of-group item "curve"))))

(defn- scalar
  "A private key of a curve from its number, of any length."
  [item digits]
  (def curve (curve-of item))
  (def size (length (crypto/ec-generate-scalar curve)))
  (def all (string (string/repeat "0" (* 2 size)) digits))
  (crypto/key-from-raw curve (unhex (slice all (- (inc (* 2 size))))) {:private true}))

(defn- is-known [item] (first (protect (crypto/ec-generate-scalar (curve-of item)))))
(defn- on-known-curve [judge] (fn [item] (if (is-known item) (judge item) :skip)))

(defn- plain [private]
  (fn [item text] (crypto/key-from-raw (plain-kind item) (unhex text) {:private private})))
(defn- jwk [_ members] (crypto/key-from-jwk members))
(defn- text-of [_ text] text)
(defn- der-of [_ text] (unhex text))
(defn- point-of [item text] (crypto/key-from-raw (curve-of item) (unhex text)))

# --- encryption ---

(defn- digest-word [name] (string/ascii-lower (string/replace "-" "" name)))

(defn- decrypts-oaep [item]
  (def options {:padding :oaep-sha256 :label (bytes-of item "label")
                :mgf1-digest (of-group item "mgfSha")})
  (def padding (keyword "oaep-" (digest-word (of-group item "sha"))))
  (if-not (index-of padding [:oaep-sha1 :oaep-sha224 :oaep-sha256 :oaep-sha384 :oaep-sha512])
    (break :skip))
  (fits item |(= (item "msg") (hex (crypto/rsa-decrypt (of-group item "privateKeyPem")
                                                       (bytes-of item "ct")
                                                       (merge options {:padding padding}))))))

(defn- decrypts-pkcs1 [item]
  (fits item |(= (item "msg") (hex (crypto/rsa-decrypt (of-group item "privateKeyPem")
                                                       (bytes-of item "ct") {:padding :pkcs1})))))

(defn- decrypts-pbes2 [digest bits]
  (fn [item]
    (if (> (item "iterationCount") (load 20000)) (break :skip))
    (fits item
          (fn []
            (def key (crypto/pbkdf2 digest (bytes-of item "password") (bytes-of item "salt")
                                    (item "iterationCount") (div bits 8)))
            (def cipher (keyword "aes-" bits "-cbc"))
            (= (item "msg") (hex (crypto/decrypt cipher key (bytes-of item "iv")
                                                 (bytes-of item "ct") nil)))))))

# --- the files ---

(defn- judge-of
  "The judge of a file by its type, or nil for one that is not ours."
  [name kind]
  (def [_ digest bits] (or (peg/match '(* '(thru "_hmac") '(to "_") "_aes_" '(some :d)) name) []))
  (case kind
    "EcdsaVerify" (verifies (fn [_] {}))
    "EcdsaP1363Verify" (verifies (fn [_] {:format :raw}))
    "EddsaVerify" (verifies (fn [_] {}))
    "RsassaPkcs1Verify" (verifies (fn [_] {}))
    "RsassaPssVerify" (verifies pss)
    "RsassaPssWithParametersVerify" (verifies pss-of-key)
    "RsassaPkcs1Generate" signs-pkcs1
    "DsaVerify" (verifies (fn [_] {}))
    "MacTest" (if (peg/match '(* "hmac_sha" (+ "3_" (some (+ :d "_")))) name)
                (authenticates (string/replace-all "_" "-" (slice name 5))))
    "XdhComp" (agrees (plain true) (plain false))
    "XdhPemComp" (agrees text-of text-of)
    "XdhAsnComp" (agrees der-of der-of)
    "XdhJwkComp" (agrees jwk jwk)
    "EcdhTest" (on-known-curve (agrees scalar der-of))
    "EcdhPemTest" (agrees text-of text-of)
    "EcdhEcpointTest" (on-known-curve (agrees scalar point-of))
    "EcdhWebcryptoTest" (if-not (string/find "secp256k1" name) (agrees jwk jwk))
    "RsaesOaepDecrypt" decrypts-oaep
    "RsaesPkcs1Decrypt" decrypts-pkcs1
    "PbeTest" (decrypts-pbes2 (keyword digest) (scan-number bits))))

(def- elsewhere "What other tests name."
  (tabseq [path :in (os/dir "test/crypto")
           name :in (peg/match '(any (+ (* `"` '(some (+ :w "_")) `"`) 1))
                               (string (slurp (string "test/crypto/" path))))]
    name true))

(def- folder (vectors "wycheproof"))
(def- files
  (if folder
    (sort (seq [path :in (os/dir folder)
                :let [name (string/replace "_test.json" "" path)]
                :unless (or (elsewhere name) (= name path))] name)) []))

(var- judged 0)
(each name files
  (def cases (read-wycheproof (string folder "/" name "_test.json")))
  (def judge (judge-of name (get-in cases [0 :group "type"])))
  # a curve or digest that is not ours
  (unless (or (nil? judge) (deep= [true :skip] (protect (judge (cases 0)))))
    (++ judged)
    (state-all (string "wycheproof/" name) cases judge)))
(if (zero? judged) (skip "the other files of Wycheproof" "no vectors here"))

(end)
