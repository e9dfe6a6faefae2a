# Keys as plain bytes: the RFCs' vectors, Python's cryptography, WireGuard, and what is refused.
(import ../support/check :prefix "")
(import ../support/judges :prefix "")
(import ../support/vectors :prefix "")
(import jsec/cert)
(import jsec/crypto)

(def types [:x25519 :x448 :ed25519 :ed448 :p256 :p384 :p521 :p224 :secp256k1 :brainpoolP256r1])
(def curves (slice types 4))
(def keys-of (tabseq [type :in types] type (crypto/generate-key type)))

(defn- private [type digits] (crypto/key-from-raw type (unhex digits) {:private true}))
(defn- public-hex [key] (hex (crypto/key-to-raw key)))

(test "the keys of RFC 8032 and RFC 5903 have their public halves"
  (each [type secret public]
    [[:ed25519 "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
      "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"]
     [:ed25519 "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
      "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"]
     [:p-256 "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433"
      (string "04dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c37725811805271a0461cdb8252d6"
              "1f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3")]]
    (is= public (public-hex (private type secret)))))

(test "every key goes both ways, by its private and by its public half"
  (eachp [type key] keys-of
    (def public (crypto/export-public-key key))
    (is= key (crypto/key-from-raw type (crypto/key-to-raw key {:private true}) {:private true}))
    (each form [key public (crypto/key key) (crypto/key public)]
      (is= public (crypto/key-from-raw type (crypto/key-to-raw form)))))
  (def encrypted (crypto/export-key (keys-of :p256) {:password "pw" :iterations 1000}))
  (is= (crypto/key-to-raw (keys-of :p256)) (crypto/key-to-raw encrypted {:password "pw"}))
  (is= (crypto/key-to-raw (keys-of :p256))
       (crypto/key-to-raw (cert/generate-self-signed-from-key (keys-of :p256)))))

(test "points are compressed on request, and read in both forms"
  (each curve curves
    (def key (keys-of curve))
    (def whole (crypto/key-to-raw key))
    (def short (crypto/key-to-raw key {:compressed true}))
    (is= 4 (whole 0))
    (is= (length whole) (dec (* 2 (length short))))
    (is= (crypto/ec-point-to-bytes curve (crypto/ec-point-from-bytes curve whole)
                                   {:compressed true})
         short)
    (is= (crypto/export-public-key key) (crypto/key-from-raw curve (string short)))))

(defn- openssl-compressed [key]
  (run ["openssl" "ec" "-conv_form" "compressed"] key))

(peer-test "openssl" "a key whose SEC 1 form holds a compressed point gives the whole one"
  (def key (keys-of :p256))
  (def whole (crypto/key-to-raw key))
  (def short (openssl-compressed key))
  (is= whole (crypto/key-to-raw short)))

# ---- judges ----

(peer-test pyca "Python's cryptography reads our bytes as the same key, and we read its"
  (def program
    ``
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, ed448, x25519, x448
    from cryptography.hazmat.primitives import serialization as s
    raw = (s.Encoding.Raw, s.PublicFormat.Raw)
    def show(name, secret, public): print(name, secret.hex(), public.hex())
    plain = {"x25519": x25519.X25519PrivateKey, "x448": x448.X448PrivateKey,
             "ed25519": ed25519.Ed25519PrivateKey, "ed448": ed448.Ed448PrivateKey}
    curves = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "p521": ec.SECP521R1(),
              "p224": ec.SECP224R1(), "secp256k1": ec.SECP256K1(),
              "brainpoolP256r1": ec.BrainpoolP256R1()}
    for line in data.decode().split():
        name, secret, public = line.split(":")
        secret = bytes.fromhex(secret)
        if name in plain:
            key = plain[name].from_private_bytes(secret)
            show(name, secret, key.public_key().public_bytes(*raw))
            new = plain[name].generate()
            show(name, new.private_bytes(s.Encoding.Raw, s.PrivateFormat.Raw, s.NoEncryption()),
                 new.public_key().public_bytes(*raw))
            continue
        for value in (int.from_bytes(secret, "big"), None, 7):
            key = ec.derive_private_key(value, curves[name]) if value \
                else ec.generate_private_key(curves[name])
            number = key.private_numbers().private_value
            size = (key.key_size + 7) // 8
            for form in (s.PublicFormat.UncompressedPoint, s.PublicFormat.CompressedPoint):
                show(name, number.to_bytes(size, "big"),
                     key.public_key().public_bytes(s.Encoding.X962, form))
    ``)
  (def input
    (string/join (seq [[type key] :pairs keys-of]
                   (string type ":" (hex (crypto/key-to-raw key {:private true})) ":"
                           (public-hex key))) "\n"))
  (def lines (string/split "\n" (string/trim (ask-pyca program input))))
  (is= (+ (* 4 2) (* 6 6)) (length lines))
  (def seen @{})
  (each line lines
    (def [name secret public] (string/split " " line))
    (def type (keyword name))
    (def key (private type secret))
    (put seen key true)
    (def compressed (and (index-of type curves) (not (string/has-prefix? "04" public))))
    (is= public (hex (crypto/key-to-raw key {:compressed (truthy? compressed)})))
    (is= secret (hex (crypto/key-to-raw key {:private true})))
    (is= (crypto/export-public-key key) (crypto/key-from-raw type (unhex public))))
  (each key keys-of (is (seen key))))

(peer-test "wg" "WireGuard's keys are X25519 keys in Base64, in both directions"
  # wg warns of files that others can read
  (def secret (last (string/split "\n" (string/trim (run ["wg" "genkey"] "")))))
  (def public (string/trim (run ["wg" "pubkey"] (string secret "\n"))))
  (def key (crypto/key-from-raw :x25519 (crypto/base64-decode secret) {:private true}))
  (is= public (crypto/base64-encode (crypto/key-to-raw key)))
  (is= secret (crypto/base64-encode (crypto/key-to-raw key {:private true})))
  (def ours (crypto/generate-key :x25519))
  (def text (crypto/base64-encode (crypto/key-to-raw ours {:private true})))
  (is= (crypto/base64-encode (crypto/key-to-raw ours))
       (string/trim (run ["wg" "pubkey"] (string text "\n")))))

# ---- what is refused ----

(test "bytes of a wrong length are refused"
  (eachp [type key] keys-of
    (def secret (crypto/key-to-raw key {:private true}))
    (def public (crypto/key-to-raw key))
    (each flaw [|(string/slice $ 0 -2) |(string $ "\0") |(string "\0" $) (fn [_] "")
                (fn [_] (string/repeat "A" 100000))]
      (fails-with "not a " (crypto/key-from-raw type (flaw secret) {:private true}))
      (fails-with "not a " (crypto/key-from-raw type (flaw public))))))

(test "points off the curve, at infinity and in hybrid form are refused"
  (def point (crypto/key-to-raw (keys-of :p256)))
  (put point 64 (bxor 1 (point 64)))
  (fails-with "not a point of the curve" (crypto/key-from-raw :p256 point))
  (fails-with "must begin with 02, 03 or 04" (crypto/key-from-raw :p256 "\0"))
  (put point 0 6)
  (fails-with "must begin with 02, 03 or 04" (crypto/key-from-raw :p256 point))
  (fails-with "not a point of the curve"
              (crypto/key-from-raw :p256 (string "\x02" (string/repeat "\xff" 32)))))

(test "scalars of zero, of the order and above are refused"
  (each digits [(string/repeat "00" 32) (string/repeat "ff" 32)
                "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"]
    (fails-with "the private scalar is zero or too large" (private :p256 digits)))
  (is (private :p256 "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550")))

(test "what has no plain bytes is refused, and private halves are given by private keys only"
  (def rsa (crypto/generate-key :rsa 1024))
  (fails-with "RSA keys have no raw form" (crypto/key-to-raw rsa))
  (fails-with "RSA keys have no raw form" (crypto/key-from-raw :rsa "bytes"))
  (fails-with "RSA-PSS keys have no raw form" (crypto/key-from-raw :rsa-pss "bytes"))
  (fails-with "unknown key algorithm" (crypto/key-from-raw :p999 "bytes"))
  (fails-with "bad slot #0, expected keyword or string" (crypto/key-from-raw 5 "bytes"))
  (fails-with "bad slot #1, expected string or buffer, got keyword"
              (crypto/key-from-raw :x25519 :bytes))
  (fails-with "not a private key: only a public one"
              (crypto/key-to-raw (crypto/export-public-key (keys-of :p256)) {:private true}))
  (fails-with ":compressed is for EC keys"
              (crypto/key-to-raw (keys-of :ed25519) {:compressed true}))
  (fails-with ":compressed is for public keys"
              (crypto/key-to-raw (keys-of :p256) {:compressed true :private true}))
  (fails-with "bad option :private, expected boolean"
              (crypto/key-from-raw :x25519 "bytes" {:private 1})))

(end)
