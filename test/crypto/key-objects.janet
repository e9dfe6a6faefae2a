# Key objects: used in place of a key's text, printed without the key, never marshalled.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "")
(import jsec/cert)
(import jsec/crypto)
(import jsec/tls)

(def pem (crypto/generate-key :p256))
(def key (crypto/key pem))
(def public (crypto/key (crypto/export-public-key pem)))

(test "an object signs and verifies as its text does"
  (each alg [:ed25519 :p256 :rsa]
    (def pem (crypto/generate-key alg))
    (def object (crypto/key pem))
    (def signature (crypto/sign object "data"))
    (is (crypto/verify pem "data" signature))
    (is (crypto/verify object "data" (crypto/sign pem "data")))
    (is (crypto/verify (crypto/key (crypto/export-public-key object)) "data" signature))))

(test "an object is made of PEM, DER, a certificate, an encrypted key and an object"
  (def shown (string key))
  (each form [(crypto/convert-key pem :der) (crypto/convert-key pem :traditional) (buffer pem) key]
    (is= shown (string (crypto/key form))))
  (def encrypted (crypto/export-key pem {:password "pw" :iterations 1000}))
  (is= shown (string (crypto/key encrypted "pw")))
  (def certificate (cert/generate-self-signed-from-key pem))
  (is= (string public) (string (crypto/key certificate))))

(test "every function takes an object for a key"
  (def certificate (cert/generate-self-signed-from-key key))
  (is= (crypto/export-public-key pem) (crypto/export-public-key key))
  (is= (crypto/load-key pem) (crypto/load-key key))
  (is= (crypto/load-key pem) (crypto/export-key key))
  (is= (crypto/convert-key pem :traditional) (crypto/convert-key key :traditional))
  (is= :ec ((crypto/key-info key) :type))
  (is ((crypto/key-info key) :private))
  (is (not ((crypto/key-info public) :private)))
  (is (crypto/generate-csr key {:common-name "a"}))
  (is (crypto/cms-sign "data" certificate key))
  (is= "data" (string (crypto/cms-decrypt (crypto/cms-encrypt "data" certificate)
                                          certificate key)))
  (def bundle (crypto/create-pkcs12 certificate key {:password "pw" :iterations 1000}))
  (is= (crypto/load-key pem) ((crypto/parse-pkcs12 bundle "pw") :key))
  (def issued (cert/issue-cert {:issuer-cert certificate :issuer-key key :key public
                                :common-name "a.example"}))
  (is= (crypto/export-public-key pem) (crypto/export-public-key (issued :cert)))
  (def list (cert/issue-crl {:issuer-cert certificate :issuer-key key :revoked [(issued :cert)]}))
  (is= true (cert/revoked? (issued :cert) list {:issuer-cert certificate}))
  (is= (crypto/derive pem (crypto/export-public-key pem)) (crypto/derive key public))
  (def rsa (crypto/key (crypto/generate-key :rsa)))
  (is= "x" (string (crypto/rsa-decrypt rsa (crypto/rsa-encrypt rsa "x"))))
  (is= 190 (crypto/rsa-max-plaintext rsa)))

(test "servers and clients take an object as :key"
  (def certificate (cert/generate-self-signed-from-key key {:common-name "localhost"}))
  (def listener (tls/listen "127.0.0.1" "0"))
  (def served (spawn (tls/accept listener {:cert certificate :key [key] :verify true
                                           :ca certificate :purpose :any})))
  (def [host port] (address-of listener))
  (def near (tls/connect host port {:trusted-cert certificate :hostname "localhost"
                                    :cert certificate :key key}))
  (def [_ far] (await served))
  (:write near "hello")
  (is= "hello" (string (:read far 5)))
  (each s [near far listener] (:close s)))

(test "an object prints its type, its half and its fingerprint, and nothing of the key"
  (def spki (crypto/convert-key (crypto/export-public-key pem) :der))
  (def fingerprint (string "sha256//" (crypto/base64-encode (crypto/digest :sha256 spki))))
  (is= (string "<jsec/key ec prime256v1 private " fingerprint ">") (describe key))
  (is= (string "<jsec/key ec prime256v1 public " fingerprint ">") (string/format "%v" public))
  (is (string/has-prefix? "<jsec/key ed25519 private sha256//"
                          (describe (crypto/key (crypto/generate-key :ed25519))))))

(test "an object does not leave its thread, and is no part of an image"
  (fails-with "a key object can't be marshalled" (marshal key))
  (fails-with "a key object can't be marshalled" (marshal @{:a [key]})))

(test "a public key does not sign, decrypt or stand for a server's key"
  (def certificate (cert/generate-self-signed-from-key key))
  (fails-with "not a private key" (crypto/sign public "data"))
  (fails-with "not a private key" (crypto/load-key public))
  (fails-with "not a private key" (tls/new-context {:cert certificate :key public})))

(test "what is no key makes no object"
  (fails-with "bad slot #0, expected string, buffer or key, got number" (crypto/key 5))
  (fails-with "bad slot #0, expected string, buffer or key, got keyword" (crypto/key :abc))
  (fails-with "neither PEM nor DER" (crypto/key "text"))
  (fails-with "is encrypted" (crypto/key (crypto/export-key pem {:password "a" :iterations 1000})))
  (fails-with "wrong password"
              (crypto/key (crypto/export-key pem {:password "a" :iterations 1000}) "b"))
  (fails-with "bad option :key, expected string, buffer or key, got number"
              (cert/issue-cert {:issuer-cert "x" :issuer-key key :key 5})))

(test "an object that is collected leaves other uses of its key alone"
  (def signature (crypto/sign (crypto/key pem) "data"))
  (gccollect)
  (is (crypto/verify pem "data" signature))
  (is (crypto/verify key "data" signature)))

(end)
