# Extensions that can't be read, or occur twice (RFC 5280, 4.2), never look absent.
(import ../support/check :prefix "")
(import ../support/der)
(import jsec/cert)
(import jsec/crypto)

(def dir (tmpdir))
(defn- at [name] (string dir "/" name))

(defn- run [& words]
  (os/execute ["openssl" ;words] :px {:out (file/open "/dev/null" :w)
                                      :err (file/open "/dev/null" :w)}))

(def identity (cert/generate-self-signed-cert {:common-name "odd" :key-type :p256}))
(spit (at "key") (identity :key))
(spit (at "plain") (identity :cert))

(defn- odd
  "A certificate with these lines of extensions."
  [& lines]
  (spit (at "ext") (string "[e]\n" (string/join lines "\n") "\n"))
  (run "x509" "-in" (at "plain") "-signkey" (at "key") "-clrext" "-extfile" (at "ext")
       "-extensions" "e" "-days" "2" "-out" (at "crt"))
  (slurp (at "crt")))

(def faults
  "Lines of extensions, and the name that an error has to give."
  [["subjectAltName=DER:30:09:82:07:61:2e" "subjectAltName"]
   ["subjectAltName=DER:04:00" "subjectAltName"]
   ["subjectAltName=DER:30:00:00" "subjectAltName"] # OpenSSL ignores what follows the value
   ["subjectAltName=DER:30:03:82:01:61:ff:ff" "subjectAltName"]
   ["keyUsage=DER:03:02:07:80:00" "keyUsage"]
   ["basicConstraints=DER:30:00:05:00" "basicConstraints"]
   ["basicConstraints=DER:30:03:01:01" "basicConstraints"]
   ["basicConstraints=critical,DER:02:01:01" "basicConstraints"]
   ["keyUsage=DER:30:00" "keyUsage"]
   ["extendedKeyUsage=DER:30:02:0c:00" "extendedKeyUsage"]
   ["authorityKeyIdentifier=DER:04:01:00" "authorityKeyIdentifier"]
   ["nameConstraints=DER:04:00" "nameConstraints"]
   ["crlDistributionPoints=DER:05:00" "crlDistributionPoints"]])

(defn- check-parse [crt name text]
  (fails-with (string "malformed extension: " name " " text) (cert/parse crt))
  (def info (cert/parse crt {:lenient true}))
  (is (index-of name (info :malformed)) (string/format "%q" (info :malformed)))
  (is= "CN=odd" (string/slice (info :subject-text) 0 6))
  (case name
    "subjectAltName" (is= nil (info :san))
    "basicConstraints" (is= nil (info :is-ca))))

(each [line name] faults
  (peer-test "openssl" (string "a certificate with " line)
    (def crt (odd line))
    (check-parse crt name "can't be read")))

(each [line name] faults
  (peer-test "openssl" (string "verify-chain names the extension of " line)
    (def crt (odd line))
    (each purpose [:any :server :client :email]
      (def answer (cert/verify-chain crt {:roots crt :purpose purpose :partial-chain true}))
      (is= false (answer :valid))
      (is (string/find "malformed extension" (answer :reason)) (answer :reason))
      (is (string/find (string "its " name " can't be read") (answer :reason))
          (answer :reason)))))

(defn- doubled
  "A certificate with that line, and once more an extension of the type, whose OID ends in `end`."
  [line oid end]
  (def der (crypto/convert-cert (odd line (string oid ".99=DER:0500")) :der))
  (def at (last (string/find-all (string "\x1d" (string/from-bytes 99)) der)))
  (crypto/convert-cert (string (string/slice der 0 at) (string/from-bytes 0x1d end)
                               (string/slice der (+ 2 at))) :pem))

(each [name line end] [["subjectAltName" "subjectAltName=DNS:a.example" 17]
                        ["basicConstraints" "basicConstraints=CA:TRUE" 19]
                        ["keyUsage" "keyUsage=digitalSignature" 15]
                        ["certificatePolicies" "certificatePolicies=1.2.3.4" 32]
                        ["2.5.29.98" "2.5.29.98=DER:0500" 98]]
  (peer-test "openssl" (string "a certificate with two extensions " name)
    (def crt (doubled line "2.5.29" end))
    (check-parse crt name "occurs twice")
    (def answer (cert/verify-chain crt {:roots crt :partial-chain true}))
    (is= false (answer :valid))
    (is (string/find "malformed extension" (answer :reason)) (answer :reason))
    (is (string/find (string "its " name " occurs twice") (answer :reason)) (answer :reason))))

(peer-test "openssl" "a certificate with a subjectKeyIdentifier that is none"
  (check-parse (doubled "keyUsage=digitalSignature" "2.5.29" 14) "subjectKeyIdentifier"
               "can't be read"))

(def ca (cert/generate-self-signed-cert {:common-name "ca" :key-type :p256}))

(peer-test "openssl" "requests with such extensions raise, and are not issued"
  (each [line name] (slice faults 0 6)
    (spit (at "conf") (string "[req]\ndistinguished_name=d\n[d]\n[e]\n" line "\n"))
    (run "req" "-new" "-config" (at "conf") "-reqexts" "e" "-key" (at "key") "-subj" "/CN=odd"
         "-out" (at "csr"))
    (def csr (slurp (at "csr")))
    (def info (crypto/parse-csr csr))
    (is= [[name] nil] [(info :malformed) (if (= name "subjectAltName") (info :san))])
    (fails-with (string "request not usable: malformed extension: " name " can't be read")
                (cert/issue-cert {:issuer-cert (ca :cert) :issuer-key (ca :key) :csr csr}))))

(peer-test "openssl" "extensions on which verification does not depend may hold anything"
  (each line ["certificatePolicies=DER:05:00" "authorityInfoAccess=DER:05:00" "1.2.3.4=DER:05:00"]
    (def crt (odd line))
    (is (cert/parse crt))
    (is= true ((cert/verify-chain crt {:roots crt}) :valid))))

(test "requests with several lists of extensions, of which one would be read, are not issued"
  (def key (crypto/generate-key :ed25519))
  (defn der-of [csr]
    (crypto/base64-decode (string/join (slice (string/split "\n" (string/trim csr)) 1 -2))))
  (defn request [name] (der-of (crypto/generate-csr key {:common-name name})))
  (defn attributes [csr] (last (der/parts (first (der/parts csr)))))
  (def [one two] (map request ["a.example" "b.example"]))
  (def [list other] (map |(first (der/parts (attributes $))) [one two]))
  (def [oid values] (der/parts list))
  (def old-oid "\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x0e") # Microsoft's
  (defn signed [& all]
    (def info (der/rebuild (first (der/parts one)) [3] (fn [_] (der/tlv 0xa0 ;all))))
    (der/tlv 0x30 info (get (der/parts one) 1) (der/tlv 3 "\0" (crypto/sign key info))))
  (defn issue [csr] (cert/issue-cert {:issuer-cert (ca :cert) :issuer-key (ca :key) :csr csr}))
  (each good [(signed list) (signed (der/tlv 0x30 old-oid values))]
    (is= ["DNS:a.example"] ((crypto/parse-csr good) :san))
    (is (issue good)))
  (each bad [(signed list other) (signed list (der/tlv 0x30 old-oid values))
             (signed (der/tlv 0x30 oid (der/tlv 0x31 (der/content values)
                                                (der/content (last (der/parts other))))))
             (signed (der/tlv 0x30 oid (der/tlv 0x31)) list)]
    (def info (crypto/parse-csr bad))
    (is (info :signature-valid))
    (is= ["extReq"] (info :malformed))
    (fails-with "request not usable: malformed extension" (issue bad))))

(test "sound certificates and requests list no malformed extension"
  (is= nil ((cert/parse (identity :cert) {:lenient true}) :malformed))
  (def csr (crypto/generate-csr (identity :key) {:common-name "a.example"}))
  (is= nil ((crypto/parse-csr csr) :malformed))
  (each options [{:lenient 1} {:lenint true}]
    (fails-with "cert/parse: " (cert/parse (identity :cert) options))))

(end)
