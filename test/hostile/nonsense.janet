# Texts that are no key, certificate, list, request, message or bundle, given to each function that
# takes one: each call raises, soon, and says why.
(import ../support/check :prefix "")
(import jsec/cert)
(import jsec/crypto)

(def {:cert cert :key key} (cert/generate-self-signed-cert {:key-type :ec-p256}))
(def slowness (scan-number (os/getenv "JSEC_SLOW" "1")))

(defn- empty-block [name] (string "-----BEGIN " name "-----\n-----END " name "-----\n"))

(def- nonsense
  [;["" " " "\n" "\0" "a" "0" "\x30" "\x30\0" "\x30\x80" "\x30\x80\0\0" "\x30\x03\x02\x01\x01"]
   ;(map empty-block ["CERTIFICATE" "X509 CRL" "PRIVATE KEY" "ENCRYPTED PRIVATE KEY" "PUBLIC KEY"
                      "CERTIFICATE REQUEST" "PKCS7" "CMS" "PKCS12" "OPENSSH PRIVATE KEY"
                      "SSH SIGNATURE"])
   "-----BEGIN CERTIFICATE-----" "-----BEGIN CMS-----\nMAMCAQE=\n-----END CMS-----\n"
   "ssh-ed25519" "ssh-ed25519 " "ssh-ed25519 AAAA" "MIME-Version: 1.0\n\n"
   ;(map |(string/repeat $ 1000000) [" " "\n" "\0" "\x30" "-"])])

(def- issuer {:issuer-cert cert :issuer-key key :common-name "a"})

(def- calls
  {"certificate" cert/parse
   "chain" cert/verify-chain
   "root" |(cert/verify-chain cert {:roots $})
   "intermediate" |(cert/verify-chain cert {:roots cert :intermediates $})
   "list" cert/parse-crl
   "lists of a chain" |(cert/verify-chain cert {:roots cert :crls $})
   "list for a certificate" |(cert/revoked? cert $)
   "certificate for a list" |(cert/revoked? $ cert)
   "key of a certificate" cert/generate-self-signed-from-key
   "issuer" |(cert/issue-cert (merge issuer {:issuer-cert $}))
   "issuer's key" |(cert/issue-cert (merge issuer {:issuer-key $}))
   "subject's key" |(cert/issue-cert (merge issuer {:key $}))
   "request to issue" |(cert/issue-cert (merge issuer {:csr $}))
   "issuer of a list" |(cert/issue-crl {:issuer-cert $ :issuer-key key})
   "revoked certificate" |(cert/issue-crl {:issuer-cert cert :issuer-key key :revoked [{:cert $}]})
   "request" crypto/parse-csr
   "key of a request" |(crypto/generate-csr $ {:common-name "a"})
   "key" crypto/load-key
   "old key" |(crypto/load-key $ "password" {:legacy true})
   "key object" crypto/key
   "key to describe" |(crypto/key-info $ "password")
   "key to convert" |(crypto/convert-key $ :der)
   "key to export" |(crypto/export-key $ {:password "x"})
   "public key" crypto/export-public-key
   "key to JWK" crypto/key-to-jwk
   "key to bytes" crypto/key-to-raw
   "thumbprint" crypto/jwk-thumbprint
   "JWK" |(crypto/key-from-jwk {:kty "OKP" :crv "Ed25519" :x $})
   "bytes" |(crypto/key-from-raw :p-256 $)
   "signing key" |(crypto/sign $ "x")
   "verifying key" |(crypto/verify $ "x" "y")
   "own key" |(crypto/derive $ key)
   "peer's key" |(crypto/derive key $)
   "a recipient's key" |(crypto/hpke-open $ "x" (string/repeat "x" 16))
   "a recipient's public key" |(crypto/hpke-seal $ "x")
   "enc" |(crypto/hpke-open key $ (string/repeat "x" 16))
   "encapsulating key" |(crypto/encapsulate $)
   "decapsulating key" |(crypto/decapsulate $ "x")
   "recoverable signature" |(crypto/recover-public-key "x" $)
   "bundle" |(crypto/parse-pkcs12 $ "x")
   "certificate of a bundle" |(crypto/create-pkcs12 $ key {:password "x"})
   "key of a bundle" |(crypto/create-pkcs12 cert $ {:password "x"})
   "message" crypto/cms-verify
   "message of certificates" crypto/cms-get-certs
   "encrypted message" |(crypto/cms-decrypt $ cert key)
   "recipient" |(crypto/cms-encrypt "x" [$])
   "signer" |(crypto/cms-sign "x" $ key)
   "mail" crypto/smime-verify
   "encrypted mail" |(crypto/smime-decrypt $ cert key)
   "SSH's signature" crypto/parse-ssh-signature
   "SSH's key" |(crypto/ssh-sign $ "x")
   "certificate to convert" |(crypto/convert-cert $ :der)
   "Base32" |(crypto/base32-decode (string $ "!"))
   "hexadecimal" |(crypto/hex-decode (string $ "!"))})

(eachp [what call] calls
  (test (string "nonsense as " what " is refused soon, with a reason")
    (each text nonsense
      (def start (os/clock :monotonic))
      (def [fine why] (protect (call text)))
      (def shown (string/format "%q" (string/slice text 0 (min 30 (length text)))))
      (is (not fine) shown)
      (is (peg/match '(* (+ "cert/" "crypto/") (thru ": ") (some :S)) (string why)) why)
      (is (not (string/find "no reason" why)) (string shown ": " why))
      (is (not (string/find "out of memory" why)) (string shown ": " why))
      (is (< (- (os/clock :monotonic) start) (* 1 slowness)) shown))))

(end)
