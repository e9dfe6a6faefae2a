# JSON Web Signatures (RFC 7515) as ACME wants them (RFC 8555, 6.2).
(import ../crypto)
(import ../lib/json)

(def- b64 crypto/base64url-encode)

(def- algorithms
  "The JWS algorithm of a key's JWK, and how `crypto/sign` makes it."
  {"P-256" ["ES256" {:format :raw}]
   "P-384" ["ES384" {:format :raw :digest :sha384}]
   "P-521" ["ES512" {:format :raw :digest :sha512}]
   "Ed25519" ["EdDSA" {}]
   "RSA" ["RS256" {}]})

(defn new-signer
  "What an account's key signs with. Raises when it is no private key of a type that ACME takes."
  [key]
  (def jwk (crypto/key-to-jwk key))
  (crypto/key-to-jwk key {:private true}) # raises for a public key
  (def [name options] (or (algorithms (get jwk :crv (jwk :kty)))
                          (errorf "no ACME server takes keys of %s" (get jwk :crv (jwk :kty)))))
  {:key key :jwk jwk :algorithm name :options options :thumbprint (crypto/jwk-thumbprint key)})

(defn- assemble [protected payload sign]
  (def [head body] [(b64 (json/encode protected)) (b64 payload)])
  {:protected head :payload body :signature (b64 (sign (string head "." body)))})

(defn sign
  "A signed object; `protected` is what its header has besides the algorithm."
  [{:key key :algorithm algorithm :options options} protected payload]
  (assemble (merge {:alg algorithm} protected) payload |(crypto/sign key $ options)))

(defn bind
  "The object that binds an account's key to an external account (RFC 8555, 7.3.4)."
  [{:jwk jwk} {:kid kid :key key} url]
  (assemble {:alg "HS256" :kid kid :url url} (json/encode jwk)
            |(crypto/hmac :sha256 (crypto/base64url-decode key) $)))
