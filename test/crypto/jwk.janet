# JSON Web Keys: the keys of the RFCs, two other implementations, and what is refused.
(import ../support/check :prefix "")
(import ../support/judges :prefix "")
(import ../support/vectors :prefix "")
(import jsec/cert)
(import jsec/crypto)

(def rsa-jwk "RFC 7517, A.2."
  {:kty "RSA" :e "AQAB"
   :n (string "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aP"
              "FFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl9"
              "3lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdA"
              "ZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3"
              "XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw")
   :d (string "X4cTteJY_gn4FYPsXB8rdXix5vwsg1FLN5E3EaG6RJoVH-HLLKD9M7dx5oo7GURknchnrRwe"
              "UkC7hT5fJLM0WbFAKNLWY2vv7B6NqXSzUvxT0_YSfqijwp3RTzlBaCxWp4doFk5N2o8Gy_nH"
              "NKroADIkJ46pRUohsXywbReAdYaMwFs9tv8d_cPVY3i07a3t8MN6TNwm0dSawm9v47UiCl3S"
              "k5ZiG7xojPLu4sbg1U2jx4IBTNBznbJSzFHK66jT8bgkuqsk0GjskDJk19Z4qwjwbsnn4j2W"
              "Bii3RL-Us2lGVkY8fkFzme1z0HbIkfz0Y6mqnOYtqc0X4jfcKoAC8Q")
   :p (string "83i-7IvMGXoMXCskv73TKr8637FiO7Z27zv8oj6pbWUQyLPQBQxtPVnwD20R-60eTDmD2ujn"
              "Mt5PoqMrm8RfmNhVWDtjjMmCMjOpSXicFHj7XOuVIYQyqVWlWEh6dN36GVZYk93N8Bc9vY41"
              "xy8B9RzzOGVQzXvNEvn7O0nVbfs")
   :q (string "3dfOR9cuYq-0S-mkFLzgItgMEfFzB2q3hWehMuG0oCuqnb3vobLyumqjVZQO1dIrdwgTnCdp"
              "YzBcOfW5r370AFXjiWft_NGEiovonizhKpo9VVS78TzFgxkIdrecRezsZ-1kYd_s1qDbxtkD"
              "EgfAITAG9LUnADun4vIcb6yelxk")
   :dp (string "G4sPXkc6Ya9y8oJW9_ILj4xuppu0lzi_H7VTkS8xj5SdX3coE0oimYwxIi2emTAue0UOa5dp"
               "gFGyBJ4c8tQ2VF402XRugKDTP8akYhFo5tAA77Qe_NmtuYZc3C3m3I24G2GvR5sSDxUyAN2z"
               "q8Lfn9EUms6rY3Ob8YeiKkTiBj0")
   :dq (string "s9lAH9fggBsoFR8Oac2R_E2gw282rT2kGOAhvIllETE1efrA6huUUvMfBcMpn8lqeW6vzznY"
               "Y5SSQF7pMdC_agI3nG8Ibp1BUb0JUiraRNqUfLhcQb_d9GF4Dh7e74WbRsobRonujTYN1xCa"
               "P6TO61jvWrX-L18txXw494Q_cgk")
   :qi (string "GyM_p6JrXySiz1toFgKbWV-JdI3jQ4ypu9rbMWx3rQJBfmt0FoYzgUIZEVFEcOqwemRN81zo"
               "DAaa-Bk0KWNGDjJHZDdDmFhW3AN7lI-puxk_mHZGJ11rxyR8O55XLSe3SPmRfKwZI6yU24Zx"
               "vQKFYItdldUKGzO6Ia6zTKhAVRU")})

(def ec-jwk "RFC 7517, A.2."
  {:kty "EC" :crv "P-256" :x "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"
   :y "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"
   :d "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"})

(def okp-jwk "RFC 8037, A.1."
  {:kty "OKP" :crv "Ed25519" :x "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
   :d "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"})

(defn public-of [jwk]
  (struct ;(mapcat |(if (jwk $) [$ (jwk $)] []) [:kty :crv :x :y :n :e])))
(defn texts-of "With strings as names." [jwk] (tabseq [[k v] :pairs jwk] (string k) v))

(def types [:rsa :p256 :p384 :p521 :secp256k1 :ed25519 :ed448 :x25519 :x448])
(def keys-of (tabseq [type :in types] type (crypto/generate-key type)))

(test "the keys of the RFCs come out as they went in"
  (each jwk [rsa-jwk ec-jwk okp-jwk]
    (def pem (crypto/key-from-jwk jwk))
    (is (string/has-prefix? "-----BEGIN PRIVATE KEY" pem))
    (is= jwk (crypto/key-to-jwk pem {:private true}))
    (is= (public-of jwk) (crypto/key-to-jwk pem))
    (def public (crypto/key-from-jwk (public-of jwk)))
    (is= (crypto/export-public-key pem) public)
    (is= (public-of jwk) (crypto/key-to-jwk public))))

(test "the thumbprints are those of RFC 7638 and RFC 8037"
  (is= "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" (crypto/jwk-thumbprint rsa-jwk))
  (is= "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" (crypto/jwk-thumbprint okp-jwk))
  (is= (crypto/jwk-thumbprint rsa-jwk) (crypto/jwk-thumbprint (crypto/key-from-jwk rsa-jwk)))
  (is= (crypto/jwk-thumbprint rsa-jwk)
       (crypto/jwk-thumbprint (crypto/key (crypto/key-from-jwk (public-of rsa-jwk))) :sha256))
  (is= 86 (length (crypto/jwk-thumbprint okp-jwk :sha512)))
  # private members do not count, not even wrong ones
  (is= (crypto/jwk-thumbprint rsa-jwk) (crypto/jwk-thumbprint (merge rsa-jwk {:p "" :oth [1]})))
  (is= (crypto/jwk-thumbprint okp-jwk) (crypto/jwk-thumbprint (merge okp-jwk {:d "AA"})))
  # {"k":"AyM1...","kty":"oct"}, RFC 7515, A.1
  (def k (string "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUu"
                 "TwjAzZr1Z9CAow"))
  (is= (crypto/base64url-encode (crypto/digest :sha256 (string `{"k":"` k `","kty":"oct"}`)))
       (crypto/jwk-thumbprint {"kty" "oct" "k" k})))

(test "RFC 8037's signature is made and verified with its key"
  (def text "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc")
  (def signature (string "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7"
                         "sVvpAr_MuM0KAg"))
  (is= signature (crypto/base64url-encode (crypto/sign (crypto/key-from-jwk okp-jwk) text)))
  (is (crypto/verify (crypto/key-from-jwk (public-of okp-jwk)) text
                     (crypto/base64url-decode signature))))

(test "names of members are keywords or strings, in structs and tables; others are ignored"
  (each form [ec-jwk (table ;(kvs ec-jwk)) (texts-of ec-jwk) (struct ;(kvs (texts-of ec-jwk)))
              (merge ec-jwk {:kid "1" :use "sig" "x5c" ["MII"] 5 6 :key_ops @["sign"]})]
    (is= (crypto/key-from-jwk ec-jwk) (crypto/key-from-jwk form))))

(test "every type of key goes both ways, and certificates, encrypted keys and objects are read"
  (eachp [type key] keys-of
    (def jwk (crypto/key-to-jwk key {:private true}))
    (is= key (crypto/key-from-jwk jwk))
    (is (not (get (crypto/key-to-jwk key) :d)))
    (is= (crypto/key-to-jwk key) (crypto/key-to-jwk (crypto/export-public-key key)))
    (is= jwk (crypto/key-to-jwk (crypto/key key) {:private true}))
    (def encrypted (crypto/export-key key {:password "pw" :iterations 1000}))
    (is= jwk (crypto/key-to-jwk encrypted {:password "pw" :private true})))
  (def certificate (cert/generate-self-signed-from-key (keys-of :p256)))
  (is= (crypto/key-to-jwk (keys-of :p256)) (crypto/key-to-jwk certificate)))

(test "coordinates and scalars that begin with zeros keep their length"
  (def order-length {:p256 32 :p521 66})
  (eachp [curve bytes] order-length
    (def scalar (string (string/repeat "\0" (dec bytes)) "\x05"))
    (def jwk (crypto/key-to-jwk (crypto/key-from-raw curve scalar {:private true}) {:private true}))
    (is= scalar (string (crypto/base64url-decode (jwk :d))))
    (is= bytes (length (crypto/base64url-decode (jwk :x))))
    (is= bytes (length (crypto/base64url-decode (jwk :y))))
    (fails-with "a private scalar of"
                (crypto/key-from-jwk (merge jwk {:d (crypto/base64url-encode "\x05")})))))

# ---- judges ----

(each name ["ed25519" "rsa_oaep_3072_sha256_mgf1sha256" "rsa_pkcs1_2048"
            "rsa_pss_2048_sha256_mgf1_32" "rsa_signature_2048_sha512" "rsa_signature_4096_sha256"]
  (def fact (string "the JWK in Wycheproof's " name " are the keys beside them"))
  (if-let [path (vectors (string "wycheproof/" name "_test.json"))]
    (test fact
      (var seen 0)
      (each group ((read-json path) "testGroups")
        (when-let [jwk (or (group "privateKeyJwk") (group "publicKeyJwk") (group "keyJwk"))]
          (++ seen)
          (def is-private (truthy? (group "privateKeyJwk")))
          (def pem (if is-private
                     (crypto/load-key (group "privateKeyPem"))
                     (crypto/export-public-key (group "publicKeyPem"))))
          (def known (table/clone jwk))
          (each ignored ["kid" "alg" "use" "key_ops" "ext"] (put known ignored nil))
          (is= pem (crypto/key-from-jwk jwk))
          (is= (table/to-struct known)
               (table/to-struct (texts-of (crypto/key-to-jwk pem {:private is-private}))))))
      (is (pos? seen)))
    (skip fact "no vectors here")))

(def- import-all
  ``
  for (const [name, jwk] of Object.entries(input)) {
    if (name.startsWith('x')) {
      const key = require('crypto').createPublicKey({key: jwk, format: 'jwk'});
      console.log(name, key.asymmetricKeyType);
      continue;
    }
    const algs = {rsa: 'RS256', p256: 'ES256', p384: 'ES384', p521: 'ES512', secp256k1: 'ES256K'};
    const alg = algs[name] || 'EdDSA';
    const key = await jose.importJWK(jwk, alg);
    const signer = new jose.CompactSign(Buffer.from('hello')).setProtectedHeader({alg});
    const jws = await signer.sign(key);
    console.log(name, await jose.calculateJwkThumbprint(jwk, 'sha256'), jws);
  }
  ``)

(def- jose-algorithms
  {"rsa" {} "p256" {:digest :sha256 :format :raw} "p384" {:digest :sha384 :format :raw}
   "p521" {:digest :sha512 :format :raw} "secp256k1" {:digest :sha256 :format :raw}})

(peer-test jose "jose imports each private key, signs with it, and has the same thumbprint"
  (def members
    (seq [[type key] :pairs keys-of]
      (string/format `"%s":%s` type (to-json (crypto/key-to-jwk key {:private true})))))
  (def input (string "{" (string/join members ",") "}"))
  (def lines (string/split "\n" (string/trim (ask-jose import-all input))))
  (is= (length types) (length lines))
  (each line lines
    (def [name thumbprint jws] (string/split " " line))
    (def key (keys-of (keyword name)))
    (if (string/has-prefix? "x" name)
      (is= name thumbprint)
      (do
        (is= thumbprint (crypto/jwk-thumbprint key))
        (def [head body signature] (string/split "." jws))
        (is (crypto/verify key (string head "." body) (crypto/base64url-decode signature)
                           (get jose-algorithms name)) name)))))

(peer-test jose "the keys that jose makes are read, and sign what jose verifies"
  (def program
    ``
    const out = {};
    for (const alg of ['RS256', 'ES256', 'ES384', 'ES512', 'EdDSA']) {
      const {privateKey} = await jose.generateKeyPair(alg, {extractable: true});
      out[alg] = await jose.exportJWK(privateKey);
    }
    console.log(JSON.stringify(out));
    ``)
  (def made (string (tmpdir) "/made"))
  (spit made (ask-jose program "{}"))
  (def options {"RS256" {} "ES256" {:format :raw} "ES384" {:digest :sha384 :format :raw}
                "ES512" {:digest :sha512 :format :raw} "EdDSA" {}})
  (eachp [alg jwk] (read-json made)
    (def pem (crypto/key-from-jwk jwk))
    (def head (crypto/base64url-encode (string `{"alg":"` alg `"}`)))
    (def text (string head "." (crypto/base64url-encode "hello")))
    (def jws (string text "." (crypto/base64url-encode (crypto/sign pem text (options alg)))))
    (def verify
      ``const key = await jose.importJWK(input.jwk, input.alg);
        const {payload} = await jose.compactVerify(input.jws, key);
        console.log(Buffer.from(payload).toString());``)
    (def input (string `{"alg":"` alg `","jws":"` jws `","jwk":` (to-json (crypto/key-to-jwk pem))
                       "}"))
    (is= "hello\n" (ask-jose verify input))))

# ---- what is refused ----

(def- value-of-d "What no text may show." (okp-jwk :d))

(test "a member that is missing or no text is named"
  (eachp [jwk members] {rsa-jwk [:kty :n :e :p :q :dp :dq :qi] ec-jwk [:kty :crv :x :y]
                        okp-jwk [:kty :crv :x]}
    (each member members
      (def without (table ;(kvs jwk)))
      (put without member nil)
      (fails-with "crypto/key-from-jwk: not a usable JWK: " (crypto/key-from-jwk without))
      (each value [5 true :word ["a"] {} print]
        (fails-with (string `member "` member `" must be a string, got`)
                    (crypto/key-from-jwk (merge jwk {member value}))))))
  (fails-with `no member "p"` (crypto/key-from-jwk (merge (public-of rsa-jwk) {:d (rsa-jwk :d)})))
  (fails-with `"kty" must be RSA, EC or OKP` (crypto/key-from-jwk {}))
  (fails-with `"kty" must be RSA, EC or OKP` (crypto/key-from-jwk {:kty "rsa"}))
  (fails-with `kty "oct" is no key pair` (crypto/key-from-jwk {:kty "oct" :k "AAAA"}))
  (fails-with `more than two primes` (crypto/key-from-jwk (merge rsa-jwk {:oth [{:r "A"}]})))
  (each crv ["P-224" "p-256" "Ed25519" "" "P-256\0"]
    (fails-with `"crv" of an EC key must be` (crypto/key-from-jwk (merge ec-jwk {:crv crv}))))
  (each crv ["P-256" "ed25519" ""]
    (fails-with `"crv" of an OKP key must be` (crypto/key-from-jwk (merge okp-jwk {:crv crv}))))
  (fails-with `member "x" stands there twice` (crypto/key-from-jwk (merge okp-jwk {"x" "AA"})))
  (each given [nil 5 "text" [] :jwk]
    (fails-with "bad slot #0, expected table or struct of a JWK" (crypto/key-from-jwk given))))

(test "text that is not Base64 for URLs without padding is refused"
  (each flaw [|(string $ "=") |(string $ "==") |(string $ " ") |(string $ "\n") |(string "+" $)
              |(string $ "A") |(string/slice $ 0 -3)]
    (each [jwk member] [[okp-jwk :x] [okp-jwk :d] [ec-jwk :y] [rsa-jwk :qi]]
      (fails-with "not a usable" (crypto/key-from-jwk (merge jwk {member (flaw (jwk member))})))))
  (def long (string/repeat "A" 9999))
  (fails-with `member "n" is too long` (crypto/key-from-jwk (merge rsa-jwk {:n long}))))

(defn- changed "The text of a number, one larger." [text]
  (def bytes (crypto/base64url-decode text))
  (put bytes (dec (length bytes)) (band 0xff (inc (last bytes))))
  (crypto/base64url-encode bytes))

(test "private members that belong to another key are refused"
  (each member [:n :e :d :p :q :dp :dq :qi]
    (fails-with "not a usable key"
                (crypto/key-from-jwk (merge rsa-jwk {member (changed (rsa-jwk member))}))))
  (fails-with "does not belong to the public one"
              (crypto/key-from-jwk (merge ec-jwk {:d (changed (ec-jwk :d))})))
  (fails-with "does not belong to the public one"
              (crypto/key-from-jwk (merge okp-jwk {:d (changed (okp-jwk :d))})))
  (fails-with "does not belong to the public one"
              (crypto/key-from-jwk (merge okp-jwk {:crv "X25519"}))))

(test "points off the curve, scalars of zero and of the order are refused"
  (fails-with "not a point of the curve"
              (crypto/key-from-jwk (merge (public-of ec-jwk) {:y (changed (ec-jwk :y))})))
  (def zero (crypto/base64url-encode (string/repeat "\0" 32)))
  (fails-with "not a point of the curve" (crypto/key-from-jwk (merge ec-jwk {:x zero :y zero})))
  (def order
    (crypto/base64url-encode
      (unhex "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")))
  (each d [zero order]
    (fails-with "the private scalar is zero or too large"
                (crypto/key-from-jwk (merge ec-jwk {:d d}))))
  (each n [31 33]
    (def short (crypto/base64url-encode (string/repeat "\x01" n)))
    (fails-with `"x" and "y" must have 32 bytes` (crypto/key-from-jwk (merge ec-jwk {:x short})))
    (fails-with "Ed25519 keys have 32 bytes" (crypto/key-from-jwk (merge okp-jwk {:x short})))))

(test "RSA numbers have no leading zeros, and a sensible size"
  (def padded |(crypto/base64url-encode (string "\0" (crypto/base64url-decode $))))
  (each member [:n :e :d :p]
    (fails-with "leading zeros"
                (crypto/key-from-jwk (merge rsa-jwk {member (padded (rsa-jwk member))}))))
  (each n ["" "AA" "Aw" "AQAB"]
    (fails-with "not a usable key" (crypto/key-from-jwk {:kty "RSA" :n n :e "AQAB"})))
  (each e ["" "AA" "AQ" "Ag"]
    (fails-with "not a usable key" (crypto/key-from-jwk (merge (public-of rsa-jwk) {:e e}))))
  (def huge (crypto/base64url-encode (string/repeat "\xff" 2049)))
  (fails-with "more than 16384 bits" (crypto/key-from-jwk {:kty "RSA" :n huge :e "AQAB"})))

(test "keys without a JWK are refused"
  (fails-with "RSA-PSS keys have none" (crypto/key-to-jwk (crypto/generate-key :rsa-pss 1024)))
  (fails-with "the curve secp224r1 has none" (crypto/key-to-jwk (crypto/generate-key :p224)))
  (fails-with "the curve brainpoolP256r1 has none"
              (crypto/jwk-thumbprint (crypto/generate-key :brainpoolP256r1)))
  (fails-with "not a private key: only a public one"
              (crypto/key-to-jwk (crypto/export-public-key (keys-of :p256)) {:private true}))
  (fails-with "unknown option :privat, did you mean :private"
              (crypto/key-to-jwk (keys-of :p256) {:privat true}))
  (fails-with "unknown digest" (crypto/jwk-thumbprint okp-jwk :sha257))
  (fails-with "thumbprints are not made by shake128" (crypto/jwk-thumbprint okp-jwk :shake128))
  (fails-with "bad slot #1, expected keyword or string" (crypto/jwk-thumbprint okp-jwk 5)))

(test "no error shows a private member"
  (each [jwk change] [[okp-jwk {:x 5}] [okp-jwk {:x "AA"}] [okp-jwk {:crv "X25519"}]
                      [okp-jwk {:kty value-of-d}] [okp-jwk {:crv value-of-d}]
                      [okp-jwk {:d (keyword value-of-d)}] [okp-jwk {:d (string value-of-d "=")}]
                      [okp-jwk {"d" value-of-d}] [okp-jwk {:y value-of-d :kty "EC" :crv "P-256"}]]
    (def [fine text] (protect (crypto/key-from-jwk (merge jwk change))))
    (is (not fine))
    (is (not (string/find (string/slice value-of-d 0 6) text)) text)))

(end)
