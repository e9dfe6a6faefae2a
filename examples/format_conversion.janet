# Conversion of keys and certificates between formats.
#   janet examples/format_conversion.janet
(import jsec/cert)
(import jsec/crypto)

(def key (crypto/generate-key :ec-p256))
(def der (crypto/convert-key key :der))
(print "PEM of " (length key) " bytes, " (crypto/detect-format der) " of " (length der))
(assert (= key (crypto/convert-key der :pem)))

# All software reads PKCS#8; some old software needs PKCS#1 or SEC 1.
(prin (crypto/convert-key key :traditional))

# A key encrypted under a password can be stored; key-info identifies it without the password.
(def sealed (crypto/export-key key {:password "correct horse battery staple"}))
(prin sealed)
(printf "%q" (crypto/key-info sealed))
(assert (= key (crypto/load-key sealed "correct horse battery staple")))
(print (last (protect (crypto/load-key sealed "wrong"))))

# Certificates have PEM and DER.
(def pem (cert/generate-self-signed-from-key key {:common-name "example.com"}))
(def binary (crypto/convert-cert pem :der))
(print "certificate: " (length pem) " bytes of PEM, " (length binary) " of DER")
(assert (= pem (crypto/convert-cert binary :pem)))
