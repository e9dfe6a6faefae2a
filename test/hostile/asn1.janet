# What a certificate, request, revocation list or key says of lengths, counts and types of its own
# is not believed.
(import ../support/check :prefix "")
(import ../support/der)
(import ../support/peers :prefix "")
(import jsec/cert)
(import jsec/crypto)

(def slowness (scan-number (os/getenv "JSEC_SLOW" "1")))
(def ca (authority "A CA"))
(def key (crypto/generate-key :p256))
(def request
  (crypto/generate-csr key {:common-name "127.0.0.1XXX" :san ["DNS:a.example"] :format :der}))
(def list (cert/issue-crl {:issuer-cert (ca :cert) :issuer-key (ca :key) :revoked [] :format :der}))

(defn sign
  "The request with a changed body, signed anew."
  [body]
  (def [_ algorithm] (der/parts request))
  (der/tlv 0x30 body algorithm (der/tlv 3 "\0" (crypto/sign key body))))

(defn changed
  "The request with bytes of its body replaced, signed anew."
  [from to]
  (sign (string/replace from to (first (der/parts request)))))

(defn issue-from [csr &opt more]
  (cert/issue-cert (merge {:csr csr :issuer-cert (ca :cert) :issuer-key (ca :key)} (or more {}))))

(test "a version of any size is read as it is, and none as a negative number"
  (def certificate (crypto/convert-cert (ca :cert) :der))
  (defn versions [bytes]
    (def version (der/tlv 2 bytes))
    [((cert/parse (der/rebuild certificate [0 0] (fn [_] (der/tlv 0xa0 version)))) :version)
     ((crypto/parse-csr (der/rebuild request [0 0] (fn [_] version))) :version)
     ((cert/parse-crl (der/rebuild list [0 0] (fn [_] version))) :version)])
  (is= [5 5 5] (versions "\x04"))
  (is= [0x80000000 0x80000000 0x80000000] (versions "\x7f\xff\xff\xff"))
  (is= [nil nil nil] (versions (string/repeat "\x7f" 20)))
  (is= [nil nil nil] (versions "\x80")))

(test "an IP address with anything behind it is none"
  (each text ["IP:1.2.3.4 evil.example" "IP:1.2.3.4\0evil" "1.2.3.4\0evil" "IP: 1.2.3.4"
              "IP:+1.2.3.4" "IP:1.2.3.4\n" "IP:::1\0" "IP:1.2.3" "IP:01.2.3.4"]
    (fails-with "subject alternative name not usable"
                (cert/generate-self-signed-cert {:common-name "a" :san [text]})))
  (is= ["IP:1.2.3.4" "IP:::1" "IP:::ffff:102:304"]
       ((cert/parse ((cert/generate-self-signed-cert
                       {:common-name "a" :san ["1.2.3.4" "IP:::1" "IP:::ffff:1.2.3.4"]})
                      :cert))
        :san)))

(test "a request whose subject has a NUL byte inside gets no certificate"
  (def csr (changed "127.0.0.1XXX" "127.0.0.1\0XX"))
  (is ((crypto/parse-csr csr) :signature-valid))
  (fails-with "request not usable: its subject has a NUL byte inside" (issue-from csr))
  (fails-with "request not usable" (issue-from csr {:san ["DNS:b.example"]})))

(test "a request whose alternative names can't be read gets no certificate, and is called malformed"
  (def body (first (der/parts request)))
  (defn with-extensions [f] (sign (der/rebuild body [3 0 1 0] f)))
  (each csr [(changed "\x82\x09a.example" "\x02\x09a.example")
             (changed "\x82\x09a.example" "\x82\x08a.example")
             (with-extensions |(der/tlv 0x30 (der/content $) (der/content $)))
             (with-extensions (fn [_] (der/tlv 0x30 "x")))
             (with-extensions (fn [_] (der/tlv 4 "x")))]
    (def [read info] (protect (crypto/parse-csr csr)))
    (is (if read (info :malformed) (string/find "malformed extension: " info)))
    (fails-with "request not usable: malformed extension: " (issue-from csr))
    (fails-with "request not usable" (issue-from csr {:san ["DNS:b.example"]}))))

(test "all revocation lists count that follow each other, as PEM or DER"
  (def [good bad] [(issue ca) (issue ca)])
  (defn revoking [& certificates]
    (cert/issue-crl {:issuer-cert (ca :cert) :issuer-key (ca :key)
                     :revoked (map |{:cert ($ :cert)} certificates) :format :der}))
  (def other (authority "Another CA"))
  (def foreign
    (cert/issue-crl {:issuer-cert (other :cert) :issuer-key (other :key) :revoked [] :format :der}))
  (defn verdict [crl] (cert/verify-chain (bad :cert) {:roots (ca :cert) :crls [crl]}))
  (is (string/find "revoked" ((verdict (string foreign (revoking bad))) :reason)))
  (is ((verdict (string foreign (revoking good))) :valid))
  (fails-with "not a CRL" (verdict (string (revoking bad) "more"))))

(test "a negative path length is malformed, not unlimited"
  (def limited
    (cert/generate-self-signed-cert {:common-name "a" :ca true :path-length 5 :key-type :ec-p256}))
  (def der (crypto/convert-cert (limited :cert) :der))
  (def constraints "\x30\x06\x01\x01\xff\x02\x01")
  (def negative (string/replace (string constraints "\x05") (string constraints "\xff") der))
  (is= 5 ((cert/parse der) :path-length))
  (fails-with "malformed extension: basicConstraints" (cert/parse negative)))

(test "a key above 128 KB is refused, also with a password"
  (def large (string "-----BEGIN PRIVATE KEY-----\n" (string/repeat "AAAA" 50000)
                     "\n-----END PRIVATE KEY-----\n"))
  (fails-with "larger than 128 KB" (crypto/load-key large))
  (fails-with "larger than 128 KB" (crypto/load-key large "password"))
  (fails-with "larger than 128 KB" (crypto/sign large "data" {:password "password"})))

(test "a name with thousands of attributes takes memory in proportion to them"
  (def attribute (der/tlv 0x31 (der/tlv 0x30 "\x06\x03\x55\x04\x03" (der/tlv 12 "a"))))
  (def many
    (der/rebuild (crypto/convert-cert (ca :cert) :der) [0 5]
                 (fn [_] (der/tlv 0x30 (string/repeat attribute 20000)))))
  (def started (os/clock :cputime))
  (def names (((cert/parse many) :subject) :common-name))
  (is (< (- (os/clock :cputime) started) (* 1 slowness)))
  (is= 20000 (length names)))

(test "a certificate with thousands of extensions is refused, and takes little time"
  (defn extension [n]
    (def arc (string/from-bytes (bor 0x80 (brshift n 7)) (band n 0x7f)))
    (der/tlv 0x30 (der/tlv 6 "\x2a" arc) (der/tlv 4)))
  (def many (string/join (map extension (range 256 16256))))
  (def body [0 7 0])
  (def certificate
    (der/rebuild (crypto/convert-cert (ca :cert) :der) body (fn [_] (der/tlv 0x30 many))))
  (def started (os/clock :cputime))
  (fails-with "malformed extension: more than 256 of them" (cert/parse certificate))
  (is= 16000 (length ((cert/parse certificate {:lenient true}) :extensions)))
  (is= false ((cert/verify-chain certificate {:roots certificate}) :valid))
  (is (< (- (os/clock :cputime) started) (* 1 slowness))))

(end)
