# Signatures: prove the author of a message, and that it was not changed.
(import jsec/crypto)

# Choose Ed25519 if no protocol demands otherwise.
(def private-key (crypto/generate-key :ed25519))
(def public-key (crypto/export-public-key private-key)) # public

(def message "Pay 10 to Alice")
(def signature (crypto/sign private-key message))
(print "Ed25519 signature, " (length signature) " bytes: " (crypto/base64-encode signature))

(assert (crypto/verify public-key message signature))
(assert (not (crypto/verify public-key "Pay 99 to Alice" signature)))
(print "the message verifies, a changed one doesn't")

# For ECDSA or RSA the key decides; options choose digest and padding.
(def ec-key (crypto/generate-key :p256))
(assert (crypto/verify ec-key message (crypto/sign ec-key message)))

(def rsa-key (crypto/generate-key :rsa 3072))
(def pss {:padding :pss :digest :sha384})
(assert (crypto/verify (crypto/export-public-key rsa-key) message (crypto/sign rsa-key message pss)
                       pss))
(print "so do ECDSA and RSA-PSS")

# A JSON web token (RFC 7519) signed with ES256: a raw signature, all parts in base64url.
(defn jwt [header claims key]
  (def signed (string (crypto/base64url-encode header) "." (crypto/base64url-encode claims)))
  (string signed "." (crypto/base64url-encode (crypto/sign key signed {:format :raw}))))

(defn jwt-claims
  "The claims of a token, or nil if this key did not sign it."
  [token key]
  (def [header claims signature] (string/split "." token))
  (if (crypto/verify key (string header "." claims) (crypto/base64url-decode signature)
                     {:format :raw})
    (string (crypto/base64url-decode claims))))

(def token (jwt `{"alg":"ES256","typ":"JWT"}` `{"sub":"alice"}` ec-key))
(print "token: " token)
(assert (= `{"sub":"alice"}` (jwt-claims token (crypto/export-public-key ec-key))))
(assert (nil? (jwt-claims token (crypto/generate-key :p256))))

# Challenge and response: a fresh challenge proves that the peer has the key now.
(def challenge (crypto/generate-challenge))
(def response (crypto/sign private-key challenge))
(assert (crypto/verify public-key challenge response))
(print "the challenge was answered")
