# PKCS#12: a key with its certificates in one file, for browsers, Windows and Java.
#   janet examples/pkcs12_operations.janet
(import jsec/cert)
(import jsec/crypto)

(def ca (cert/generate-self-signed-cert {:common-name "Example CA" :organization "Example"
                                         :country "DE" :key-type :ec-p256}))
(def user
  (cert/issue-cert {:issuer-cert (ca :cert) :issuer-key (ca :key) :key-type :ec-p256
                    :common-name "Jo Doe"
                    :san ["email:jo@example.com"] :ext-key-usage [:client-auth]}))

(def password "correct horse battery staple")
(def bundle
  (crypto/create-pkcs12 (user :cert) (user :key)
                        {:password password :chain [(ca :cert)] :friendly-name "Jo's certificate"}))
(print "bundle of " (length bundle) " bytes")

(def found (crypto/parse-pkcs12 bundle password))
(assert (= (user :key) (found :key)))
(assert (= (user :cert) (found :cert)))
(print "friendly name: " (found :friendly-name))
(print "certificate:   " ((cert/parse (found :cert)) :subject-text))
(each pem (found :chain) (print "chain:         " ((cert/parse pem) :subject-text)))

# A wrong password raises, and so does a changed byte.
(print (last (protect (crypto/parse-pkcs12 bundle "wrong"))))
