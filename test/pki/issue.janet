# A CA of one's own: chains, and certificates from requests.
(import ../support/check :prefix "")
(import jsec/cert)
(import jsec/crypto)

(def root (cert/generate-self-signed-cert {:key-type :p256 :common-name "Root CA"}))

(defn issue
  [issuer &opt opts]
  (cert/issue-cert (merge {:issuer-cert (issuer :cert) :issuer-key (issuer :key) :key-type :p256}
                          (or opts {}))))

(def middle (issue root {:common-name "Middle CA" :ca true :path-length 0}))

(test "a chain of root, intermediate and leaf verifies, in this order"
  (def leaf (issue middle {:common-name "a.example"}))
  (def answer (cert/verify-chain (leaf :cert) {:roots (root :cert) :intermediates (middle :cert)
                                               :host "a.example"}))
  (is= [(leaf :cert) (middle :cert) (root :cert)] (tuple ;(answer :chain)))
  (is ((cert/verify-chain (string (leaf :cert) (middle :cert)) {:roots (root :cert)}) :valid)
      "intermediates may follow the leaf in its own text"))

(peer-test "openssl" "the openssl command accepts such a chain strictly"
  (def dir (tmpdir))
  (each kind [:rsa :p384 :ed25519]
    (def ca (issue root {:common-name "CA" :ca true :key-type kind}))
    (def leaf (issue ca {:common-name "a.example" :key-type kind :ext-key-usage [:server-auth]}))
    (each [name made] [["root" root] ["ca" ca] ["leaf" leaf]]
      (spit (string dir "/" name) (made :cert)))
    (is= 0 (os/execute ["sh"
                        "-c"
                        (string `openssl verify -x509_strict -purpose sslserver `
                                `-verify_hostname a.example -CAfile "$0/root" -untrusted `
                                `"$0/ca" "$0/leaf" >"$0/out"`)
                        dir] :p) kind)))

(test "an issued certificate has the given options, and is no CA"
  (def made
    (issue root {:common-name "a.example" :organization "Org" :ext-key-usage [:client-auth]}))
  (def info (cert/parse (made :cert)))
  (is= {:common-name "a.example" :organization "Org"} (info :subject))
  (is= "CN=Root CA,O=Test,C=US" (info :issuer-text))
  (is= ["DNS:a.example"] (info :san))
  (is= [:clientAuth] (info :ext-key-usage))
  (is= false (info :is-ca))
  (is= false (info :self-signed))
  (is= ((cert/parse (root :cert)) :subject-key-id) (info :authority-key-id)))

(test "a limit of the path's length is kept to"
  (def high (issue root {:common-name "High CA" :ca true :path-length 1}))
  (def low (issue high {:common-name "Low CA" :ca true}))
  (def below (issue low {:common-name "One too many" :ca true}))
  (def leaf (issue below {:common-name "a.example"}))
  (def answer (cert/verify-chain (leaf :cert) {:roots (root :cert)
                                               :intermediates (map |($ :cert) [high low below])}))
  (is= false (answer :valid))
  (is (string/find "path length constraint exceeded" (answer :reason))))

(test "no CA is issued where none may be"
  (def why "cert/issue-cert: issuer not usable: its path length is 0")
  (fails-with why (issue middle {:common-name "One too many" :ca true}))
  (fails-with why (issue middle {:common-name "One too many" :ca true :path-length 0}))
  # a new key for the CA itself is not counted (RFC 5280, 4.2.1.9)
  (def renewed (issue middle {:common-name "Middle CA" :ca true}))
  (def leaf (issue renewed {:common-name "a.example"}))
  (is ((cert/verify-chain (leaf :cert) {:roots (root :cert)
                                        :intermediates [(middle :cert) (renewed :cert)]}) :valid)))

(test "an issuer that can't be one is refused"
  (def leaf (issue root {:common-name "a.example"}))
  (fails-with "its certificate is not a CA's" (issue leaf {:common-name "x"}))
  (fails-with "its key does not match its certificate"
              (cert/issue-cert {:issuer-cert (root :cert) :issuer-key (leaf :key)
                                :common-name "x"}))
  (fails-with ":issuer-cert and :issuer-key are required" (cert/issue-cert {:common-name "x"}))
  (fails-with "not a certificate"
              (cert/issue-cert {:issuer-cert (root :key) :issuer-key (root :key) :common-name "x"}))
  (fails-with "give a common name or a subject alternative name" (issue root))
  (def sealed (crypto/export-key (root :key) {:password "pw" :iterations 1000}))
  (fails-with "give its password"
              (cert/issue-cert {:issuer-cert (root :cert) :issuer-key sealed :common-name "x"}))
  (is (cert/issue-cert {:issuer-cert (root :cert) :issuer-key sealed :issuer-password "pw"
                        :common-name "x"})))

(test "a certificate is issued for a key that exists, its public half is enough"
  (def key (crypto/generate-key :x25519))
  (each given [key (crypto/export-public-key key)]
    (def made (issue root {:common-name "a.example" :key given}))
    (is= @[:cert] (keys made))
    (is= (crypto/export-public-key key) (crypto/export-public-key (made :cert))))
  (is= [:keyAgreement]
       ((cert/parse ((issue root {:common-name "a.example" :key key}) :cert)) :key-usage)))

(def key (crypto/generate-key :p256))

(test "a request gives key, subject and names"
  (def csr (crypto/generate-csr key {:common-name "a.example" :organization "Org"
                                     :san ["a.example" "192.0.2.1"]}))
  (def made (issue root {:csr csr}))
  (def info (cert/parse (made :cert)))
  (is= @[:cert] (keys made))
  (is= {:common-name "a.example" :organization "Org"} (info :subject))
  (is= ["DNS:a.example" "IP:192.0.2.1"] (info :san))
  (is= (crypto/export-public-key key) (crypto/export-public-key (made :cert)))
  (def other
    (cert/parse ((issue root {:csr csr :common-name "b.example" :san ["b.example"]}) :cert)))
  (is= [{:common-name "b.example"} ["DNS:b.example"]] [(other :subject) (other :san)])
  (fails-with ":key and :csr exclude each other" (issue root {:csr csr :key key})))

(peer-test "openssl" "a request that asks to be a CA does not become one"
  (def dir (tmpdir))
  (spit (string dir "/key") key)
  (os/execute ["openssl" "req" "-new" "-key" (string dir "/key") "-subj" "/CN=evil.example" "-out"
               (string dir "/csr")
               "-addext" "basicConstraints=critical,CA:TRUE" "-addext" "keyUsage=keyCertSign"
               "-addext" "subjectAltName=DNS:evil.example" "-addext" "extendedKeyUsage=codeSigning"]
              :px)
  (def csr (slurp (string dir "/csr")))
  (is (some |(= "CA:TRUE" ($ :text)) ((crypto/parse-csr csr) :extensions)))
  (def info (cert/parse ((issue root {:csr csr}) :cert)))
  (is= false (info :is-ca))
  (is= [[:digitalSignature :keyAgreement] nil] [(info :key-usage) (info :ext-key-usage)])
  (is= ["DNS:evil.example"] (info :san)))

(peer-test "openssl" "a request without names gives its common name, where that is a host's"
  (def dir (tmpdir))
  (defn request [subject]
    (os/execute ["openssl" "req" "-new" "-newkey" "rsa:2048" "-nodes" "-keyout" (string dir "/key")
                 "-subj" subject "-out" (string dir "/csr")]
                :px {:err (file/open "/dev/null" :w)})
    (slurp (string dir "/csr")))
  (defn names [csr &opt options]
    (tuple ;((cert/parse ((issue root (merge {:csr csr} (or options {}))) :cert)) :san)))
  (is= ["DNS:a.example"] (names (request "/CN=a.example")))
  (is= ["IP:192.0.2.1"] (names (request "/CN=192.0.2.1")))
  (is= [] (names (request "/CN=Jane Doe")))
  (is= ["DNS:b.example"] (names (request "/CN=a.example") {:common-name "b.example"}))
  (is= ["DNS:c.example"] (names (request "/CN=a.example") {:san ["c.example"]})))

(peer-test "openssl" "names of other kinds in a request are not taken over"
  (def dir (tmpdir))
  (spit (string dir "/key") key)
  (os/execute ["openssl" "req" "-new" "-key" (string dir "/key") "-subj" "/CN=x" "-out"
               (string dir "/csr")
               "-addext" "subjectAltName=otherName:1.2.3.4;UTF8:admin"] :px)
  (def csr (slurp (string dir "/csr")))
  (fails-with "give :san" (issue root {:csr csr}))
  (is= ["DNS:x.example"] ((cert/parse ((issue root {:csr csr :san ["x.example"]}) :cert)) :san)))

(peer-test "openssl"
  "a request's alternative names that others could read differently are not signed"
  (def dir (tmpdir))
  (each name ["evil.example, DNS:other.example" "a b.example" "*.*.example" "-.example/x"
              "a..example"]
    (spit (string dir "/cnf")
          (string
            "[req]\ndistinguished_name=dn\nreq_extensions=ext\nprompt=no\n[dn]\nCN=ok.example\n"
            "[ext]\nsubjectAltName=@san\n[san]\nDNS.1=" name "\n"))
    (spit (string dir "/key") (crypto/generate-key :p256))
    (os/execute ["openssl" "req" "-new" "-key" (string dir "/key") "-config" (string dir "/cnf")
                 "-out" (string dir "/csr")] :px)
    (def csr (slurp (string dir "/csr")))
    (is= [(string "DNS:" name)] (tuple ;((crypto/parse-csr csr) :san)))
    (fails-with "no proper DNS name" (issue root {:csr csr}))
    (is= ["DNS:x.example"] ((cert/parse ((issue root {:csr csr :san ["x.example"]}) :cert)) :san))))

(test "a request whose signature is wrong is refused"
  (def der (buffer (crypto/generate-csr key {:common-name "a.example" :format :der})))
  (def at (string/find "a.example" der))
  (put der at 98)
  (fails-with "its signature does not verify" (issue root {:csr der}))
  (fails-with "not a certificate request" (issue root {:csr "x"})))

(def short-ca
  (cert/generate-self-signed-cert {:common-name "short" :key-type :p256 :days-valid 10}))
(defn- from-short [opts]
  (cert/parse ((cert/issue-cert (merge {:issuer-cert (short-ca :cert) :issuer-key (short-ca :key)
                                        :key-type :p256 :common-name "a.example"} opts)) :cert)))

(test "a certificate does not outlive its CA, unless that is asked for"
  (def end ((cert/parse (short-ca :cert)) :not-after))
  (is= end ((from-short {}) :not-after) "the default is shortened")
  (is (< ((from-short {:days-valid 9}) :not-after) end))
  (is= end ((from-short {:days-valid 10}) :not-after) "a few seconds are cut")
  (each opts [{:days-valid 11} {:days-valid 400} {:not-after (+ end 86400)}
              {:not-before (+ (os/time) 86400) :days-valid 10}]
    (fails-with "would outlive its CA, which ends at 2" (from-short opts))
    (is (> ((from-short (merge opts {:outlive-ca true})) :not-after) end)))
  (is= end ((from-short {:not-after end}) :not-after)))

(test "a CA that has expired issues nothing, unless that is asked for"
  (def old (cert/generate-self-signed-cert {:common-name "old" :key-type :p256 :days-valid 1
                                            :not-before "2020-01-01"}))
  (def opts {:issuer-cert (old :cert) :issuer-key (old :key) :key-type :p256 :common-name "a"})
  (fails-with "would outlive its CA, which ends at 2020-01-02T00:00:00Z" (cert/issue-cert opts))
  (is (cert/issue-cert (merge opts {:outlive-ca true})))
  (is (cert/issue-cert (merge opts {:not-before "2020-01-01" :days-valid 0.5}))))

(end)
