# Looking at certificates: against the openssl command, and at odd ones.
(import ../support/check :prefix "")
(import ../support/hostile :prefix "")
(import jsec/cert)
(import jsec/crypto)

(def made
  (cert/generate-self-signed-cert
    {:key-type :ec-p384 :common-name "a.example" :organization "Ö \"x\", y" :not-before 1700000000
     :days-valid 10
     :san ["a.example" "2001:db8::1:0:0:1" "::" "192.0.2.1" "https://x/"]}))
(def info (cert/parse (made :cert)))

(defn openssl
  "What the openssl command says of the certificate."
  [& args]
  (def process (os/spawn ["openssl" "x509" "-noout" ;args] :p {:in :pipe :out :pipe}))
  (:write (process :in) (made :cert))
  (:close (process :in))
  (def text (ev/read (process :out) :all))
  (os/proc-wait process)
  (string/trim text))

(peer-test "openssl" "the openssl command sees the same"
  (defn after-equals [text] (string/slice text (inc (string/find "=" text))))
  (is= (string/ascii-lower (after-equals (openssl "-serial"))) (info :serial))
  (each digest [:sha256 :sha1]
    (is= (string/replace-all ":" ""
                             (string/ascii-lower
                               (after-equals (openssl "-fingerprint" (string "-" digest)))))
         (info digest)))
  (is= (after-equals (openssl "-subject" "-nameopt" "RFC2253,-esc_msb")) (info :subject-text))
  (is (string/find "Nov 14 22:13:20 2023" (openssl "-startdate")))
  (is= [1700000000 1700864000] [(info :not-before) (info :not-after)]))

(test "facts are as they were asked for"
  (is= {:common-name "a.example" :country "US" :organization "Ö \"x\", y"} (info :subject))
  (is= ["DNS:a.example" "IP:2001:db8::1:0:0:1" "IP:::" "IP:192.0.2.1" "URI:https://x/"] (info :san))
  (is= [:ec 384 "secp384r1"] [(info :key-type) (info :key-bits) (info :key-curve)])
  (is= "ecdsa-with-SHA384" (info :signature-algorithm))
  (is= (info :sha256)
       (string/join (map |(string/format "%02x" $)
                         (crypto/digest :sha256 (crypto/convert-cert (made :cert) :der))))))

(test "names can be given back as options"
  (def again (cert/parse ((cert/generate-self-signed-cert
                            (merge (info :subject) {:san (info :san) :key-type :p256
                                                    :key-usage (info :key-usage)})) :cert)))
  (is= [(info :subject) (info :san) (info :key-usage)]
       [(again :subject) (again :san) (again :key-usage)]))

(test "PEM and DER, strings and buffers, text around it, are read alike"
  (def der (crypto/convert-cert (made :cert) :der))
  (each given [der (buffer der) (buffer (made :cert))
               (string "hello\n" (made :key) (made :cert) "bye\n")]
    (is= info (cert/parse given))))

(test "what is no certificate is refused"
  (each given ["" "x" "-----BEGIN CERTIFICATE-----" (made :key) "\x30\x03\x02\x01\x01" "\x30\x80"
               "\x30\x84\xff\xff\xff\xff"
               "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n"
               "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
    (fails-with "cert/parse: not a certificate" (cert/parse given)))
  (each given [nil 5 :x [] {}]
    (fails-with "bad slot #0, expected string or buffer" (cert/parse given)))
  (fails-with "arity" (cert/parse)))

(test "a certificate that is cut off or changed anywhere is read or refused, no more"
  (def der (crypto/convert-cert (made :cert) :der))
  (each given (cuts der) (fails-with "not a certificate" (cert/parse given)))
  (repeat (load 3000) (protect (cert/parse (scrambled der 3)))))

(def expected
  "What some of pyca's certificates hold."
  {"v1_cert.pem" {:version 1 :key-type :rsa}
   "negative_serial.pem" {:serial "-04316693ed"}
   "server-ed25519-cert.pem" {:key-type :ed25519}
   "root-ed448.pem" {:key-type :ed448}
   "rsa_pss_cert.pem" {:signature-algorithm "RSASSA-PSS"}
   "san_idna_names.pem" {:san ["email:email@xn--80ato2c.cryptography" "DNS:xn--80ato2c.cryptography"
                               "URI:https://www.xn--80ato2c.cryptography"]}
   "bc_path_length_zero.pem" {:is-ca true :path-length 0}
   "san_registered_id.pem" {:san ["RID:1.2.3.4"]}
   "san_empty_hostname.pem" {:san ["DNS:"]}
   "unsupported_subject_public_key_info.pem" {:key-type :1.3.6.1.4.1.8432.1.1.2}
   "invalid_version.pem" {:version 8}
   "dsa_selfsigned_ca.pem" {:key-type :dsa :is-ca true}
   "san_ipaddr.pem" {:san ["IP:127.0.0.1" "IP:ff::"]}
   "all_key_usages.pem" {:key-usage [:digitalSignature :nonRepudiation :keyEncipherment
                                     :dataEncipherment
                                     :keyAgreement :keyCertSign :cRLSign :encipherOnly
                                     :decipherOnly]}})

(if-let [dir (vectors "pyca/x509")]
  (do
    (def files (filter |(not (peg/match '(+ "crl" "req-" "resp" "ocsp-army" (thru "_crl.")) $))
                       (sorted (os/dir dir))))
    (def unreadable {"cryptography-scts-tbs-precert.der" true "invalid_utf8_common_name.pem" true
                     "long-form-name-attribute.pem" true "san_edipartyname.der" true
                     "two_basic_constraints.pem" true})
    (test (string "pyca/x509: " (length files)
                  " odd certificates are read, but for malformed ones")
      (each file files
        (def [ok result] (protect (cert/parse (slurp (string dir "/" file)))))
        (is= (not (unreadable file)) ok (string file ": " result))))
    (eachp [file facts] expected
      (test (string "pyca/x509/" file " is read rightly")
        (def found (cert/parse (slurp (string dir "/" file))))
        (eachp [key value] facts (is= value (found key) key)))))
  (skip "pyca/x509" "no vectors here"))

(test "DER with PEM in one of its strings is DER"
  (def made
    (cert/generate-self-signed-cert {:key-type :p256 :organization "-----BEGIN CERTIFICATE-----"}))
  (def der (crypto/convert-cert (made :cert) :der))
  (is= :der (crypto/detect-format der))
  (is= (cert/parse (made :cert)) (cert/parse der)))

(test "a certificate with a NUL in a name and a key that can't be read is read all the same"
  (def odd (cert/parse (slurp "test/fuzz/corpus/certificate/nul-in-name.der")))
  (is= "CN=a.example" (odd :subject-text))
  (is= nil ((find |(= "subjectAltName" ($ :name)) (odd :extensions)) :text)))

(test "unsupported kinds of keys are named in the error"
  (defn renamed [kind from to]
    (def der (crypto/convert-cert ((cert/generate-self-signed-cert {:key-type kind}) :cert) :der))
    (is (string/find from der))
    ((cert/parse (string/replace from to der)) :key-type))
  (def rsa "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05")
  (def ec "\x2a\x86\x48\xce\x3d\x02\x01")
  (is= :dsa (renamed :p256 ec "\x2a\x86\x48\xce\x38\x04\x01"))
  (is= :dh (renamed :rsa rsa "\x2a\x86\x48\x86\xf7\x0d\x01\x03\x01\x05"))
  (is= :rsa-pss (renamed :rsa rsa "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x05")))

(end)
