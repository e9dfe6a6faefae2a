# What an ACME client (RFC 8555) signs: each request is a JWS with the account's key, and the answer
# to a challenge has the thumbprint of that key.
(import jsec/crypto)

(def key (crypto/generate-key :p256)) # of the account; keep it

(defn- json [members]
  (string "{" (string/join (seq [[name value] :in members]
                             (string/format `"%s":%s` name
                                            (if (string/has-prefix? "{" value)
                                              value
                                              (string/format `"%s"` value)))) ",") "}"))

(defn- jwk []
  (def {:kty kty :crv crv :x x :y y} (crypto/key-to-jwk key))
  (json [["crv" crv] ["kty" kty] ["x" x] ["y" y]]))

(defn jws
  ``The body of a request to `url`. The first one shows the key, the others name the account. An
  empty payload is that of "POST as GET".``
  [url nonce payload &opt account]
  (def signer (if account ["kid" account] ["jwk" (jwk)]))
  (def header (json [["alg" "ES256"] signer ["nonce" nonce] ["url" url]]))
  (def [protected claims] (map crypto/base64url-encode [header payload]))
  (def signature (crypto/sign key (string protected "." claims) {:format :raw}))
  (json [["protected" protected] ["payload" claims]
         ["signature" (crypto/base64url-encode signature)]]))

(defn key-authorization
  "What http-01 serves below /.well-known/acme-challenge/."
  [token]
  (string token "." (crypto/jwk-thumbprint key)))

(defn dns-value
  "What dns-01 has in the TXT record _acme-challenge."
  [token]
  (crypto/base64url-encode (crypto/digest :sha256 (key-authorization token))))

(def body (jws "https://ca.example/new-account" "nonce-1" `{"termsOfServiceAgreed":true}`))
(print body)
(print "http-01: " (key-authorization "token-1"))
(print "dns-01:  " (dns-value "token-1"))

# What the CA does with it.
(def [protected payload signature]
  (peg/match '(some (+ (* `":"` '(to `"`)) 1)) body))
(assert (crypto/verify (crypto/export-public-key key) (string protected "." payload)
                       (crypto/base64url-decode signature) {:format :raw}))
(assert (string/find `"nonce":"nonce-1"` (crypto/base64url-decode protected)))
(print "the signature verifies")
