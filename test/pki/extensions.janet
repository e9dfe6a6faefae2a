# Options of certificates and requests for the needs of a CA: dates, serial numbers, names that
# occur several times, and extensions.
(import ../support/check :prefix "")
(import ../support/peers :prefix "")
(import jsec/cert)
(import jsec/crypto)

(def ca (authority "Test CA"))
(def key (crypto/generate-key :p256))

(defn self-signed [options]
  (cert/parse (cert/generate-self-signed-from-key key options)))
(defn issued [options]
  (cert/parse ((cert/issue-cert (merge {:issuer-cert (ca :cert) :issuer-key (ca :key) :key key
                                        :common-name "a.example"}
                                       options)) :cert)))
(defn requested [options]
  (crypto/parse-csr (crypto/generate-csr key (merge {:common-name "a.example"} options))))
(def makers [self-signed issued requested])

(defn extension [info name] (find |(= name ($ :name)) (info :extensions)))
(defn text-of [info name] (get (extension info name) :text))

# ---- dates and serial numbers ----

(test "the last moment of validity can be given"
  (each make [self-signed issued]
    (def [from to] [(- (os/time) 60) (+ (os/time) 86400)])
    (def info (make {:not-before from :not-after to}))
    (is= [from to] [(info :not-before) (info :not-after)])
    (is= 1800000000 ((make {:not-before 1700000000 :not-after 1800000000}) :not-after)))
  (is= 2145916799 ((self-signed {:not-after "2037-12-31T23:59:59Z"}) :not-after))
  (is= 253402300799 ((self-signed {:not-after "9999-12-31T23:59:59Z"}) :not-after))
  (is= 2524608000 ((self-signed {:not-after "2050-01-01"}) :not-after))
  (fails-with "exclude each other" (self-signed {:not-after "2050-01-01" :days-valid 1}))
  (fails-with "bad option :not-after" (self-signed {:not-after "2001-01-01"}))
  (fails-with "years 1950 to 9999" (self-signed {:not-after 1e300})))

(test "the serial number can be given"
  (each make [self-signed issued]
    (is= "0101" ((make {:serial 257}) :serial))
    (is= "7fabcdef" ((make {:serial "7F:AB:CD:EF"}) :serial))
    (def random ((make {}) :serial))
    (is= random ((make {:serial random}) :serial)))
  (each given [0 -1 1.5 "" "0" "x" (string/repeat "ff" 20) :a]
    (fails-with "bad option :serial" (self-signed {:serial given}))))

# ---- names ----

(test "OU and DC can occur several times, in their order"
  (each make makers
    (def info
      (make {:organizational-unit ["Unit 1" "Unit 2"] :domain-component ["com" "example"]
             :common-name "x" :organization "" :country ""}))
    (is= {:common-name "x" :organizational-unit ["Unit 1" "Unit 2"] :DC ["com" "example"]}
         (info :subject))
    (is= "CN=x,OU=Unit 2,OU=Unit 1,DC=example,DC=com" (info :subject-text)))
  (is= "One" (get-in (self-signed {:organizational-unit "One"}) [:subject :organizational-unit])))

(test "the subject that cert/parse returns can be given again"
  (def subject ((self-signed {:organizational-unit ["A" "B"] :DC "example"}) :subject))
  (is= subject ((requested subject) :subject)))

(test "names that can't be are refused"
  (each make makers
    (fails-with "at most 16" (make {:organizational-unit (map string (range 17))}))
    (fails-with "without NUL bytes" (make {:domain-component ["a\0"]}))
    (fails-with "bad option :organizational-unit" (make {:organizational-unit [5]}))
    (fails-with "subject not usable: domainComponent" (make {:domain-component ["ü"]}))))

# ---- extensions ----

(test "addresses of lists, responders and issuers stand in the certificate"
  (each make makers
    (def info (make {:crl-urls ["http://a.example/ca.crl" "ldap://b.example/x"]
                     :ocsp-urls "http://ocsp.a.example/"
                     :issuer-urls ["http://a.example/ca.cer"]}))
    (def lists (text-of info "crlDistributionPoints"))
    (each part ["URI:http://a.example/ca.crl" "URI:ldap://b.example/x"]
      (is (string/find part lists) lists))
    (def access (text-of info "authorityInfoAccess"))
    (each part ["OCSP - URI:http://ocsp.a.example/" "CA Issuers - URI:http://a.example/ca.cer"]
      (is (string/find part access) access))
    (each option [:crl-urls :ocsp-urls :issuer-urls]
      (each given ["a.example" "http:/a" "://a.example" "http://a b" "" "http://a\n"]
        (fails-with "address not usable" (make {option given})))
      (fails-with "bad option" (make {option 5})))))

(test "policies stand in the certificate"
  (each make makers
    (def info (make {:policies ["2.23.140.1.2.1" "1.3.6.1.4.1.99999.1"]}))
    (each part ["2.23.140.1.2.1" "1.3.6.1.4.1.99999.1"]
      (is (string/find part (text-of info "certificatePolicies"))))
    (each given ["x" "" "1.2.x" "99.1" "serverAuth"]
      (fails-with "policy not usable" (make {:policies given})))
    (fails-with "it occurs twice" (make {:policies ["1.2.3" "1.2.3"]}))))

(test "further extensions are copied as they are"
  (def der "\x0c\x02hi")
  (each make makers
    (def info (make {:extensions [{:oid "1.3.6.1.4.1.99999.2" :value der :critical true}
                                  {:oid "1.3.6.1.5.5.7.1.24" :value "\x30\x03\x02\x01\x05"}]}))
    (def [own must-staple]
      (map (fn [oid] (find |(= oid ($ :oid)) (info :extensions)))
           ["1.3.6.1.4.1.99999.2" "1.3.6.1.5.5.7.1.24"]))
    (is= [true der] [(own :critical) (own :value)])
    (is= false (must-staple :critical))))

(test "an OCSP responder's certificate can say that it is not checked (RFC 6960, 4.2.2.2.1)"
  (def info (issued {:ext-key-usage [:ocsp-signing]
                     :extensions [{:oid "1.3.6.1.5.5.7.48.1.5" :value "\x05\0"}]}))
  (is (extension info "noCheck")))

(test "what cert/parse shows of extensions can be given again"
  (def own (extension (issued {:extensions [{:oid "1.3.6.1.5.5.7.1.24"
                                             :value "\x30\x03\x02\x01\x05"}]}) "tlsfeature"))
  (is= own (extension (issued {:extensions [own]}) "tlsfeature")))

(test "extensions that can't be are refused"
  (each make makers
    (each value ["" "x" "\x0c\x05hi" "\x0c\x02hi!" "\x30\x80\x00\x00"]
      (fails-with ":value must be one DER element"
                  (make {:extensions [{:oid "1.2.3.4" :value value}]})))
    (fails-with "is not a dotted OID" (make {:extensions [{:oid "x" :value "\x05\0"}]}))
    (fails-with "can't be read as tlsfeature"
                (make {:extensions [{:oid "1.3.6.1.5.5.7.1.24" :value "\x0c\x02hi"}]}))
    (fails-with "occurs twice" (make {:extensions [{:oid "1.2.3.4" :value "\x05\0"}
                                                   {:oid "1.2.3.4" :value "\x05\0"}]}))
    (fails-with "occurs twice" (make {:policies "1.2.3"
                                      :extensions [{:oid "2.5.29.32" :value "\x30\0"}]}))
    (fails-with "did you mean :oid" (make {:extensions [{:iod "1.2" :value "\x05\0"}]}))
    (fails-with "needs :oid and :value" (make {:extensions [{:oid "1.2"}]}))
    (each given [5 "x" ["x"] {:oid "1.2"}]
      (fails-with "bad option :extensions" (make {:extensions given}))))
  (each make [self-signed issued]
    (each [oid value] [["2.5.29.19" "\x30\x03\x01\x01\xff"] ["2.5.29.15" "\x03\x02\x05\xa0"]
                       ["2.5.29.14" "\x04\x01a"] ["2.5.29.35" "\x30\0"]
                       ["2.5.29.17" "\x30\x03\x82\x01a"]]
      (fails-with "has an option of its own"
                  (make {:san "a" :extensions [{:oid oid :value value}]})))))

# ---- name constraints ----

(defn bound-ca [constraints]
  (cert/issue-cert {:issuer-cert (ca :cert) :issuer-key (ca :key) :common-name "Bound CA" :ca true
                    :key-type :p256 :name-constraints constraints}))
(def bound (bound-ca {:permitted ["DNS:example.com" "10.0.0.0/8" "email:example.com"]
                      :excluded ["bad.example.com" "IP:10.1.0.0/255.255.0.0"]}))
(def unbound (cert/generate-self-signed-from-key (bound :key) {:common-name "Bound CA" :san []
                                                               :organization "" :country ""}))
(defn leaf
  "A certificate by the key of the bound CA; by a CA without its constraints, which would refuse."
  [& names]
  (issue (merge bound {:cert unbound}) :common-name "" :san names))
(defn verdict [made]
  (cert/verify-chain (made :cert) {:roots (ca :cert) :intermediates (bound :cert)}))

(def fitting [["a.example.com"] ["example.com" "10.2.3.4"] ["joe@example.com"]])
(def offending
  [["a.example.org"] ["a.bad.example.com"] ["10.1.2.3"] ["11.0.0.1"] ["joe@example.org"]])

(test "certificates below a bound CA must keep to its name constraints"
  (def info (cert/parse (bound :cert)))
  (is= true ((extension info "nameConstraints") :critical))
  (each names fitting (is ((verdict (leaf ;names)) :valid) names))
  (each names offending
    (is (string/find "subtree violation" (get (verdict (leaf ;names)) :reason "")) names)))

(test "name constraints that can't be are refused"
  (each given ["a b" "*.example.com" "a..b" "IP:10.0.0.0/33" "IP:10.1.2.3/8" "10.0.0.0/x" "IP:x"
               "10.0.0.0/" "IP:10.0.0.0/ffff::" "email:" "@example.com" "URI:http://a/"
               "1.2.3.4/8/8" "DNS:a\0" "IP:10.0.0.0 x/8" "a b@example.com"
               "IP:10.0.0.0/8 x" "10.0.0.0/0008" "" "DNS:10.0.0.1" "300.1.1.1" "email:a@10.0.0.1"
               "URI:10.0.0.1" "example.1" "example.com." "IP:10.0.0.0/255.0.255.0"
               "IP:10.0.0.0/253.0.0.0" "IP:2001:db8::/ffff::ffff"]
    (fails-with "name constraint not usable" (bound-ca {:permitted [given]})))
  (each list [:permitted :excluded]
    (fails-with "expected at least one name" (bound-ca {list []})))
  (fails-with "not a CA's" (issued {:name-constraints {:permitted "example.com"}}))
  (fails-with "in :name-constraints" (bound-ca {:permited ["x"]}))
  (fails-with "bad option :name-constraints" (bound-ca "example.com"))
  (each given ["DNS:" ".example.com" "IP:0.0.0.0/0" "IP:::/0" "2001:db8::/32" "URI:.example.com"
               "URI:host.example.com" "email:.example.com" "192.0.2.1/32" "IP:192.0.2.1"
               "IP:10.0.0.0/255.255.128.0" "IP:0.0.0.0/0.0.0.0" "IP:2001:db8::/ffff:ffff::"
               "1.example"]
    (is (bound-ca {:excluded given}) given)))

(test "an IP address without a prefix bounds IP addresses, not DNS names"
  (each [given text] [["192.0.2.1" "IP:192.0.2.1/255.255.255.255"] ["2001:db8::1" "IP:2001:DB8"]]
    (def shown (text-of (cert/parse ((bound-ca {:permitted given}) :cert)) "nameConstraints"))
    (is (string/find text shown) shown)))

(test "no certificate is issued that the CA's name constraints refuse"
  (each names fitting (is (issue bound :common-name "" :san names) names))
  (each names offending
    (fails-with "names not usable: the CA's name constraints refuse them"
                (issue bound :common-name "" :san names)))
  (fails-with "permitted subtree violation" (issue bound :common-name "a.example.org" :san []))
  (fails-with "permitted subtree violation"
              (cert/issue-cert {:issuer-cert (bound :cert) :issuer-key (bound :key) :key-type :p256
                                :csr (crypto/generate-csr key {:common-name "a.example.org"})}))
  (is (cert/issue-cert {:issuer-cert (bound :cert) :issuer-key (bound :key) :key-type :p256
                        :ca true :common-name "Bound CA"})))

(def dir (tmpdir))
(defn at [name] (string dir "/" name))
(spit (at "root.pem") (ca :cert))
(spit (at "bound.pem") (bound :cert))

(defn run [& command]
  (with-child [c ;command] [(exit-status c) (string (c :out) (c :err))]))

(peer-test ["openssl" "certtool"] "OpenSSL and GnuTLS judge our name constraints as we do"
  (each [all expected] [[fitting true] [offending false]]
    (each names all
      (def made (leaf ;names))
      (spit (at "leaf.pem") (made :cert))
      (is= expected
           (= 0 (first (run "openssl" "verify" "-x509_strict" "-CAfile" (at "root.pem")
                            "-untrusted" (at "bound.pem") (at "leaf.pem")))) names)
      (spit (at "chain.pem") (string (made :cert) (bound :cert)))
      (is= expected
           (= 0 (first (run "certtool" "--verify" "--load-ca-certificate" (at "root.pem") "--infile"
                            (at "chain.pem")))) names))))

(if (find-program "go")
  (test "Go's crypto/x509 judges our name constraints as we do" :deadline 300
    (def own (cert/generate-self-signed-cert
               {:common-name "Go's root" :key-type :p256 :san []
                :name-constraints {:permitted ["example.com" "10.0.0.0/8"]}}))
    (spit (at "root.pem") (own :cert))
    (each [name expected] [["a.example.com" "valid\n"] ["10.2.3.4" "valid\n"]
                           ["a.example.org" "is not permitted"] ["11.0.0.1" "is not permitted"]]
      (spit (at "leaf.pem")
            ((issue (merge own {:cert (cert/generate-self-signed-from-key
                                        (own :key) {:common-name "Go's root" :san []})})
                    :common-name "" :san [name]) :cert))
      (def [_ text]
        (run "go" "run" "test/support/x509.go" "verify" (at "root.pem") (at "leaf.pem") name))
      (is (string/find expected text) text)))
  (skip "Go's crypto/x509 judges our name constraints as we do" "go is not installed"))

(peer-test "openssl" "the openssl command reads all of them"
  (spit (at "cert.pem")
        (cert/generate-self-signed-from-key
          key {:crl-urls "http://a.example/ca.crl" :ocsp-urls "http://ocsp.example/"
               :issuer-urls "http://a.example/ca.cer" :policies "2.23.140.1.2.1" :serial 4660
               :organizational-unit ["One" "Two"] :not-after "2031-02-03T04:05:06Z"
               :name-constraints {:permitted "DNS:example.com" :excluded "IP:10.0.0.0/8"}}))
  (def [_ text] (run "openssl" "x509" "-in" (at "cert.pem") "-noout" "-text"))
  (each part ["Serial Number: 4660" "Feb  3 04:05:06 2031 GMT" "URI:http://a.example/ca.crl"
              "OCSP - URI:http://ocsp.example/" "CA Issuers - URI:http://a.example/ca.cer"
              "Policy: 2.23.140.1.2.1" "DNS:example.com" "IP:10.0.0.0/255.0.0.0"]
    (is (string/find part text) part)))

# ---- attributes of requests ----

(test "a request's attributes are shown"
  (def info (requested {:challenge-password "geheim ü"}))
  (def by-name (tabseq [attribute :in (info :attributes)] (attribute :name) attribute))
  (def challenge (by-name "challengePassword"))
  (is= ["1.2.840.113549.1.9.7" "geheim ü" ["\x0c\x09geheim \xc3\xbc"]]
       [(challenge :oid) (challenge :text) (challenge :values)])
  (def extensions (by-name "extReq"))
  (is= [1 nil] [(length (extensions :values)) (extensions :text)])
  (is= [] ((crypto/parse-csr (crypto/generate-csr key {:common-name "x" :san []})) :attributes)))

(peer-test "openssl" "attributes of requests by the openssl command are shown"
  (spit (at "cnf")
        (string "[req]\ndistinguished_name=dn\nattributes=at\nprompt=no\n[dn]\nCN=x\n[at]\n"
                "unstructuredName=Some Name\n1.3.6.1.4.1.99999.3=other\n"))
  (spit (at "key") key)
  (run "openssl" "req" "-new" "-key" (at "key") "-config" (at "cnf") "-out" (at "csr"))
  (def found (tabseq [{:oid oid :text text} :in ((crypto/parse-csr (slurp (at "csr"))) :attributes)]
               oid text))
  (is= "Some Name" (found "1.2.840.113549.1.9.2")))

(end)
