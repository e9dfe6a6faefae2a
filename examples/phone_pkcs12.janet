# A certificate for a phone, and one from a phone: PKCS#12 files under old algorithms, which iOS and
# older Androids still write and read.
(import jsec/cert)
(import jsec/crypto)
(import jsec/tls)

(def ca (cert/generate-self-signed-cert {:common-name "Our CA" :key-type :ec-p256}))

(defn issue [name usage]
  (cert/issue-cert {:issuer-cert (ca :cert) :issuer-key (ca :key) :common-name name
                    :key-type :ec-p256 :ext-key-usage [usage]}))

# ---- to the phone: it opens the file with a password that came by another way ----

(def phone (issue "Ada's phone" :client-auth))
(def password (crypto/base64url-encode (crypto/random-bytes 15))) # long: Triple-DES is weak
(def file
  (crypto/create-pkcs12 (phone :cert) (phone :key)
                        {:password password :chain [(ca :cert)] :friendly-name "Ada's phone"
                         :encryption :legacy}))
(print "a file of " (length file) " bytes for the phone")

# ---- from the phone: `:legacy true` also opens RC2, where OpenSSL has its legacy provider ----

(def found
  (try
    (crypto/parse-pkcs12 file password)
    ([_] (crypto/parse-pkcs12 file password {:legacy true}))))
(print "it has the key of " ((cert/parse (found :cert)) :subject-text))
(print "wrong password: " (last (protect (crypto/parse-pkcs12 file "guess"))))

# A certificate in a bundle is not verified yet.
(def judged (cert/verify-chain (found :cert) {:roots (ca :cert) :purpose :client}))
(assert (judged :valid) (judged :reason))

# ---- and it serves as what it is: a client's certificate ----

(def server (issue "localhost" :server-auth))
(with [listener (tls/listen "127.0.0.1" 0)]
  (def [_ port] (net/localname listener))
  (ev/go (fn []
           (with [s (tls/accept listener (merge server {:verify true :ca-file (ca :cert)}))]
             (:write s (get-in (:peer-certificate s :data) [:subject :common-name])))))
  (with [s (tls/connect "localhost" port {:cert (found :cert) :key (found :key)
                                          :ca-file (ca :cert)})]
    (print "the server knows " (:read s 100))))
