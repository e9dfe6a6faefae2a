# Certificate signing requests.
(import ../support/check :prefix "")
(import ../support/hostile :prefix "")
(import jsec/crypto)

(def key (crypto/generate-key :p256))
(def full
  {:common-name "a.example" :country "DE" :state "Bayern" :locality "München" :organization "Org"
   :organizational-unit "Unit"
   :email "jo@a.example"})

(test "a request contains the given options"
  (def csr (crypto/generate-csr key (merge full {:san ["DNS:a.example" "IP:1.2.3.4"]})))
  (def info (crypto/parse-csr csr))
  (is (string/has-prefix? "-----BEGIN CERTIFICATE REQUEST-----\n" csr))
  (is (table? info))
  (is= full (info :subject))
  (is= ["DNS:a.example" "IP:1.2.3.4"] (info :san))
  (is= [:ec 256 "prime256v1"] [(info :key-type) (info :key-bits) (info :key-curve)])
  (is= (crypto/export-public-key key) (info :public-key))
  (is (info :signature-valid))
  (is= "ecdsa-with-SHA256" (info :signature-algorithm)))

(test "the common name becomes an alternative name, unless others are given"
  (is= ["DNS:a.example"]
       ((crypto/parse-csr (crypto/generate-csr key {:common-name "a.example"})) :san))
  (is= [] ((crypto/parse-csr (crypto/generate-csr key {:common-name "a.example" :san []})) :san))
  (is= [] ((crypto/parse-csr (crypto/generate-csr key {:common-name "Jo Doe"})) :san)))

(each kind [:rsa :p384 :p521 :ed25519 :ed448]
  (test (string "a " kind " key signs its request")
    (is ((crypto/parse-csr (crypto/generate-csr (crypto/generate-key kind) {:common-name "x"}))
         :signature-valid))))

(test "PEM and DER go in and come out"
  (def der
    (crypto/generate-csr (buffer (crypto/convert-key key :der)) {:common-name "x" :format :der}))
  (is= :der (crypto/detect-format der))
  (is= {:common-name "x"} ((crypto/parse-csr der) :subject))
  (is= {:common-name "x"} ((crypto/parse-csr (buffer der)) :subject)))

(test "further wishes stand in the request"
  (def info
    (crypto/parse-csr (crypto/generate-csr key {:common-name "Jo Doe" :challenge-password "geheim ü"
                                                :digest "SHA-512"
                                                :key-usage [:digitalSignature]
                                                :ext-key-usage [:client-auth]})))
  (is= ["geheim ü" "ecdsa-with-SHA512"] [(info :challenge-password) (info :signature-algorithm)])
  (is= ["keyUsage" "extendedKeyUsage"] (tuple ;(map |($ :name) (info :extensions)))))

(peer-test "openssl" "the openssl command verifies ours"
  (def dir (tmpdir))
  (each kind [:rsa :p256 :ed25519]
    (spit (string dir "/csr") (crypto/generate-csr (crypto/generate-key kind)
                                                   (merge full {:san ["IP:::1" "b.example"]})))
    (is= 0 (os/execute ["sh" "-c" `openssl req -in "$0/csr" -verify -noout -text >"$0/out" 2>&1`
                        dir] :p))
    (def text (slurp (string dir "/out")))
    (is (string/find "DNS:b.example" text))
    (is (peg/find ~(* "CN" (any " ") "=" (any " ") "a.example") text))))

(peer-test "openssl" "we read what the openssl command makes"
  (def dir (tmpdir))
  (os/execute ["openssl" "req" "-new" "-newkey" "ec" "-pkeyopt" "ec_paramgen_curve:P-384" "-nodes"
               "-keyout" (string dir "/key")
               "-out" (string dir "/csr") "-subj" "/C=DE/O=One/O=Two/CN=x" "-addext"
               "subjectAltName=URI:urn:x"] :px
              {:err (os/open "/dev/null" :w)})
  (def info (crypto/parse-csr (slurp (string dir "/csr"))))
  (is= {:country "DE" :organization ["One" "Two"] :common-name "x"} (info :subject))
  (is= [["URI:urn:x"] 384 true] [(info :san) (info :key-bits) (info :signature-valid)]))

(test "a key that can't sign, or can't be read, is refused"
  (fails-with "X25519 keys can't sign"
              (crypto/generate-csr (crypto/generate-key :x25519) {:common-name "x"}))
  (fails-with "not a private key"
              (crypto/generate-csr (crypto/export-public-key key) {:common-name "x"}))
  (def sealed (crypto/export-key key {:password "pw" :iterations 1000}))
  (fails-with "give its password" (crypto/generate-csr sealed {:common-name "x"}))
  (is (crypto/generate-csr sealed {:common-name "x" :password "pw"}))
  (each given [nil 5 :x []]
    (fails-with "bad slot #0" (crypto/generate-csr given {:common-name "x"}))))

(test "options are checked"
  (fails-with "give a common name or a subject alternative name" (crypto/generate-csr key {}))
  (fails-with "did you mean :common-name" (crypto/generate-csr key {:commonname "x"}))
  (fails-with "bad option :digest" (crypto/generate-csr key {:common-name "x" :digest :sha1}))
  (fails-with "is not a DNS name" (crypto/generate-csr key {:san ["a b"]}))
  (fails-with "without NUL bytes" (crypto/generate-csr key {:common-name "a\0"}))
  (fails-with "expected table or struct" (crypto/generate-csr key "x"))
  (fails-with "arity" (crypto/generate-csr key)))

(test "a changed request is detected, a truncated one is refused"
  (def der (crypto/generate-csr key {:common-name "a.example" :format :der}))
  (def changed (buffer der))
  (put changed (string/find "a.example" der) 98)
  (is= false ((crypto/parse-csr changed) :signature-valid))
  (each given (cuts der) (fails-with "not a certificate request" (crypto/parse-csr given)))
  (repeat (load 2000) (protect (crypto/parse-csr (scrambled der 2))))
  (each given ["" "x" key "-----BEGIN CERTIFICATE REQUEST-----"]
    (fails-with "not a certificate request" (crypto/parse-csr given)))
  (each given [nil 5 :x []] (fails-with "bad slot #0" (crypto/parse-csr given))))

(if-let [dir (vectors "pyca/csr")]
  (do
    (def unsigned # MD4 that OpenSSL no longer has, and signatures that are wrong in fact
      (tabseq [name :in ["invalid_signature.pem" "rsa_md4.pem" "rsa_md4.der" "bad-version.pem"
                         "basic_constraints.pem"
                         "challenge-invalid.der" "challenge-multi-valued.der"
                         "long-form-attribute.pem"
                         "two_basic_constraints.pem" "unsupported_extension.pem"
                         "unsupported_extension_critical.pem"]]
        name true))
    (def files (sorted (os/dir dir)))
    (test (string "pyca/csr: " (length files) " of " (length files)
                  " are read, and their signatures judged")
      (each file files
        (is= (not (unsigned file))
             ((crypto/parse-csr (slurp (string dir "/" file))) :signature-valid) file))
      (defn info [file] (crypto/parse-csr (slurp (string dir "/" file))))
      (is= ["DNS:cryptography.io" "DNS:sub.cryptography.io"] ((info "san_rsa_sha1.pem") :san))
      (is= "challenge me!" ((info "challenge.pem") :challenge-password))
      (is= :dsa ((info "dsa_sha1.pem") :key-type))))
  (skip "pyca/csr" "no vectors here"))

(end)
