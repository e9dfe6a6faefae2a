# Self-signed certificates.
(import ../support/check :prefix "")
(import jsec/cert)
(import jsec/crypto)

(def kinds {:rsa :rsa :ec-p256 :ec :ec-p384 :ec :ec-p521 :ec :ed25519 :ed25519 :ed448 :ed448})
(def day 86400)

(defn quick
  "A certificate with a key that is made fast."
  [&opt opts]
  (cert/generate-self-signed-cert (merge {:key-type :p256} (or opts {}))))

(defn facts [&opt opts] (cert/parse ((quick opts) :cert)))

(defn names [& san] ((facts {:san san}) :san))

(test "a certificate is made without any option"
  (def began (os/time))
  (def made (cert/generate-self-signed-cert))
  (def info (cert/parse (made :cert)))
  (is (struct? made))
  (is= @[:cert :key] (sorted (keys made)))
  (is= {:common-name "localhost" :country "US" :organization "Test"} (info :subject))
  (is= (info :subject) (info :issuer))
  (is= [:rsa 2048] [(info :key-type) (info :key-bits)])
  (is= ["DNS:localhost"] (info :san))
  (is (info :is-ca))
  (is (info :self-signed))
  (is= 3 (info :version))
  (is= (* 365 day) (- (info :not-after) (info :not-before)))
  (is (<= began (info :not-before) (os/time)))
  (is (= (info :subject-key-id) (info :authority-key-id))))

(eachp [kind type] kinds
  (test (string "a certificate of a " kind " key is verified by its own key")
    (def made (cert/generate-self-signed-cert {:key-type kind}))
    (is= type ((cert/parse (made :cert)) :key-type))
    (is= type ((crypto/key-info (made :key)) :type))
    (is ((cert/verify-chain (made :cert) {:roots (made :cert) :host "localhost"}) :valid))
    (is= (crypto/export-public-key (made :key)) (crypto/export-public-key (made :cert)))))

(test "every spelling of a key's type means the same"
  (each name [:p256 :p-256 :ec-p256 "ec-p256" "P-256" @"p256"]
    (is= "prime256v1" ((facts {:key-type name}) :key-curve) name)))

(peer-test "openssl" "the openssl command accepts them strictly, and by name"
  (def dir (tmpdir))
  (def path (string dir "/cert.pem"))
  (each kind [:rsa :p256 :p384 :p521 :ed25519]
    (spit path
          ((cert/generate-self-signed-cert {:key-type kind :san ["a.example" "192.0.2.7"]}) :cert))
    (each name [["-verify_hostname" "a.example"] ["-verify_ip" "192.0.2.7"]]
      (def verify
        (os/spawn ["openssl" "verify" "-x509_strict" "-CAfile" path ;name path] :p {:out :pipe}))
      (ev/read (verify :out) 1000)
      (is= 0 (os/proc-wait verify) kind)
      (os/proc-close verify))))

(test "basic constraints and key usage are critical"
  (def by-name (tabseq [e :in ((facts) :extensions)] (e :name) e))
  (is= ["CA:TRUE" true]
       [((by-name "basicConstraints") :text) ((by-name "basicConstraints") :critical)])
  (is (get-in by-name ["keyUsage" :critical]))
  (is= [:digitalSignature :keyAgreement :keyCertSign :cRLSign] ((facts) :key-usage)))

(test "serial numbers are positive, long and never the same"
  (def serials (seq [_ :range [0 20]] ((facts) :serial)))
  (is= 20 (length (distinct serials)))
  (each serial serials
    (is= 40 (length serial))
    (is (< (scan-number (string "16r" (string/slice serial 0 1))) 8) "the sign bit is clear")))

(test "the common name becomes an alternative name of its kind, where it can"
  (is= ["DNS:*.a.example"] ((facts {:common-name "*.a.example"}) :san))
  (is= ["IP:192.0.2.1"] ((facts {:common-name "192.0.2.1"}) :san))
  (is= ["IP:2001:db8::1"] ((facts {:common-name "2001:db8::1"}) :san))
  (is= ["email:jo@a.example"] ((facts {:common-name "jo@a.example"}) :san))
  (is= [] ((facts {:common-name "Jürgen's CA"}) :san))
  (is= "Jürgen's CA" (((facts {:common-name "Jürgen's CA"}) :subject) :common-name)))

(test "alternative names have the given or the guessed type"
  (is= ["DNS:a.example" "IP:192.0.2.1" "URI:https://a.example/x" "email:jo@a.example" "IP:::"]
       (names "a.example" "192.0.2.1" "https://a.example/x" "jo@a.example" "::"))
  (is= ["DNS:a.example" "IP:fe80::1:0:0:1" "URI:urn:x:y" "email:jo@a.example" "DNS:7.example"]
       (names "dns:a.example" "IP:fe80:0:0:0:1::1" "uri:urn:x:y" "EMAIL:jo@a.example" "7.example"))
  (is= ["DNS:a.example"] ((facts {:san "a.example"}) :san))
  (is= ["DNS:a.example" "DNS:b.example"] ((facts {:san @[@"a.example" :b.example]}) :san))
  (is= [] ((facts {:san []}) :san)))

(test "what is no name is refused, with the reason"
  (each [name why] [["a b" "is not a DNS name"] ["" "is not a DNS name"] ["bücher.example" "xn--"]
                    ["a..b" "is not a DNS name"] ["a\0.example" "is not a DNS name"]
                    ["IP:1.2.3" "is not an IP address"]
                    ["IP:1.2.3.4.5" "is not an IP address"] ["email:x" "is not an email address"]
                    ["URI:x y:z" "is not a URI"] ["FOO:bar" "is of no known kind"]
                    ["*" "is not a DNS name"] ["300.1.1.1" "is not an IP address"]
                    ["DNS:1.2.3" "is not a DNS name"] ["*.1" "is not an IP address"]
                    [(string/repeat "a" 64) "is not a DNS name"]
                    [(string/repeat "a." 200) "is not a DNS name"]]
    (fails-with why (names name)))
  (each san [5 {} [1] [["a"]] (fn [])] (fails-with "bad option :san" (facts {:san san}))))

(test "names of the subject are checked"
  (fails-with "without NUL bytes" (facts {:common-name "a\0b"}))
  (fails-with "string too long (maxsize=64)" (facts {:common-name (string/repeat "a" 65)}))
  (fails-with "string too long (maxsize=2)" (facts {:country "USA"}))
  (fails-with "organizationName: NUL byte inside or too long"
              (facts {:organization (string/repeat "a" 40000)}))
  (fails-with "string too short" (facts {:country "U"}))
  (fails-with "invalid utf8string" (facts {:organization "\xff"}))
  (fails-with "give a common name or a subject alternative name"
              (facts {:common-name "" :country "" :organization ""}))
  (def info (facts {:common-name "" :country "" :organization "" :san ["a.example"]}))
  (is= {} (info :subject))
  (is (some |(and (= "subjectAltName" ($ :name)) ($ :critical)) (info :extensions)))
  (def all {:common-name "a" :country "DE" :state "B" :locality "C" :organization "D"
            :organizational-unit "E"
            :email "a@b.example"})
  (is= all ((facts all) :subject)))

(test "the time of validity is as asked, in the past and in the future"
  (def now (os/time))
  (defn times [opts] (let [info (facts opts)] [(info :not-before) (info :not-after)]))
  (is= [1000000000 1000043200] (times {:not-before 1000000000 :days-valid 0.5}))
  (is= [1893456000 (+ 1893456000 day)] (times {:not-before "2030-01-01" :days-valid 1}))
  (is= [4102444799 (+ 4102444799 day)] (times {:not-before "2099-12-31T23:59:59Z" :days-valid 1}))
  (is= [-86400 0] (times {:not-before (- day) :days-valid 1}))
  (defn reason [opts]
    (def made (quick opts))
    ((cert/verify-chain (made :cert) {:roots (made :cert)}) :reason))
  (is (string/find "certificate has expired"
                   (reason {:not-before (- now (* 3 day)) :days-valid 2})))
  (is (string/find "certificate is not yet valid" (reason {:not-before (+ now day)}))))

(test "times that can't be are refused"
  (each days [0 -1 math/nan math/inf "1" :x]
    (fails-with "bad option :days-valid, expected positive number of days"
                (facts {:days-valid days})))
  (each days [3e6 1e300] (fails-with "years 1950 to 9999" (facts {:days-valid days})))
  (each date [math/nan math/inf "2024-02-30" "2024-13-01" "yesterday" "2024-01-01T25:00:00Z"
              "2024-01-01 " [] ""]
    (fails-with "bad option :not-before" (facts {:not-before date})))
  (each date [1e15 -1e15 -631152001] (fails-with "years 1950 to 9999" (facts {:not-before date}))))

(test "sizes of keys that can't be are refused"
  (each bits [0 -1 1023 16385 2048.5 1e12 "2048" math/nan]
    (fails-with "bad option :bits" (cert/generate-self-signed-cert {:bits bits})))
  (fails-with "unknown" (facts {:key-type :rot13}))
  (fails-with "X25519 keys can't sign" (facts {:key-type :x25519}))
  (fails-with "bad option :key-type" (facts {:key-type 5})))

(test "options that are not known, or not fit, are refused"
  (fails-with "unknown option :comon-name, did you mean :common-name" (facts {:comon-name "x"}))
  (fails-with "expected table or struct" (cert/generate-self-signed-cert "x"))
  (fails-with "safe for signatures" (facts {:digest :md5}))
  (fails-with "safe for signatures" (facts {:digest :sha1}))
  (fails-with "bad option :key-usage" (facts {:key-usage [:everything]}))
  (fails-with "bad option :ext-key-usage" (facts {:ext-key-usage ["1.2.x"]}))
  (fails-with "path length not usable" (facts {:ca false :path-length 1}))
  (is= "ecdsa-with-SHA512" ((facts {:digest :sha512}) :signature-algorithm)))

(test "usages go into the certificate, by either spelling"
  (def info (facts {:key-usage ["digital-signature" :keyCertSign]
                    :ext-key-usage [:server-auth "clientAuth" "1.2.3.4"]}))
  (is= [:digitalSignature :keyCertSign] (info :key-usage))
  (is= [:serverAuth :clientAuth :1.2.3.4] (info :ext-key-usage)))

(test "a certificate is made of a key that exists, PEM or DER, string or buffer"
  (def key (crypto/generate-key :p384))
  (each given [key (buffer key) (crypto/convert-key key :der) (crypto/convert-key key :traditional)]
    (def made (cert/generate-self-signed-from-key given {:common-name "a.example" :days-valid 2}))
    (is (string? made))
    (is= (crypto/export-public-key key) (crypto/export-public-key made))
    (is= "a.example" (((cert/parse made) :subject) :common-name)))
  (is= "localhost" (((cert/parse (cert/generate-self-signed-from-key key)) :subject) :common-name)))

(test "a key that can't be used is refused"
  (def key (crypto/generate-key :p256))
  (def sealed (crypto/export-key key {:password "pw" :iterations 1000}))
  (fails-with "give its password" (cert/generate-self-signed-from-key sealed))
  (fails-with "wrong password" (cert/generate-self-signed-from-key sealed {:password "no"}))
  (is (string? (cert/generate-self-signed-from-key sealed {:password "pw"})))
  (fails-with "not a private key"
              (cert/generate-self-signed-from-key (crypto/export-public-key key)))
  (fails-with "not a private key" (cert/generate-self-signed-from-key ""))
  (fails-with "X25519 keys can't sign"
              (cert/generate-self-signed-from-key (crypto/generate-key :x25519)))
  (each given [nil 5 :key [] {}]
    (fails-with "bad slot #0, expected string, buffer or key"
                (cert/generate-self-signed-from-key given)))
  (each n [0 10 100 -10]
    (fails-with "not a private key" (cert/generate-self-signed-from-key (string/slice key 0 n)))))

(test "the event loop runs on while an RSA key is made"
  (var ticks 0)
  (var made nil)
  (ev/go (fn [] (while (not made) (ev/sleep 0.001) (++ ticks))))
  (set made (cert/generate-self-signed-cert {:bits 3072}))
  (is (> ticks 3)))

(test "a fiber that is cancelled while its key is made leaves nothing behind"
  (def waiting (fiber/new (fn [] (cert/generate-self-signed-cert {:bits 2048})) :e))
  (ev/go waiting)
  (ev/sleep 0)
  (ev/cancel waiting "no longer needed")
  (is ((quick) :cert)))

(end)
