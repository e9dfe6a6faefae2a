# PKCS#12 bundles.
(import ../support/check :prefix "")
(import ../support/der :prefix "")
(import ../support/hostile :prefix "")
(import jsec/cert)
(import jsec/crypto)

(def root (cert/generate-self-signed-cert {:key-type :p256 :common-name "Root CA"}))
(defn issue [opts]
  (cert/issue-cert (merge {:issuer-cert (root :cert) :issuer-key (root :key) :key-type :p256}
                          opts)))
(def middle (issue {:common-name "Middle CA" :ca true}))
(def leaf (issue {:common-name "a.example"}))
(def slowness (scan-number (os/getenv "JSEC_SLOW" "1")))
(def few 1000)

(defn bundle [&opt opts]
  (crypto/create-pkcs12 (leaf :cert) (leaf :key)
                        (merge {:password "pw" :iterations few} (or opts {}))))

(test "what goes in comes out"
  (def made (bundle {:chain [(middle :cert) (root :cert)] :friendly-name "Jürgens Schlüssel ☺"}))
  (is (string? made))
  (def found (crypto/parse-pkcs12 made "pw"))
  (is (table? found))
  (is= [(leaf :cert) (leaf :key)] [(found :cert) (found :key)])
  (is= @[(middle :cert) (root :cert)] (found :chain))
  (is= "Jürgens Schlüssel ☺" (found :friendly-name))
  (def bare (crypto/parse-pkcs12 (buffer (bundle)) @"pw"))
  (is= [@[] nil] [(bare :chain) (bare :friendly-name)]))

(test "keys of every kind, DER and encrypted ones too, go in"
  (each kind [:rsa :p521 :ed25519]
    (def made (cert/generate-self-signed-cert {:key-type kind}))
    (each key [(made :key) (crypto/convert-key (made :key) :der)]
      (is= (made :key)
           ((crypto/parse-pkcs12 (crypto/create-pkcs12 (crypto/convert-cert (made :cert) :der) key
                                                       {:password "x" :iterations few}) "x") :key)))
    (def sealed (crypto/export-key (made :key) {:password "inner" :iterations few}))
    (fails-with "give its password" (crypto/create-pkcs12 (made :cert) sealed {:password "x"}))
    (is (crypto/create-pkcs12 (made :cert) sealed
                              {:password "x" :key-password "inner" :iterations few}))))

(test "passwords may be any text"
  (each password ["ü☺" " " "0" (string/repeat "x" 1024) "\xff\xfe"]
    (is= (leaf :key) ((crypto/parse-pkcs12 (bundle {:password password}) password) :key))))

(test "a password that is missing or unusable is refused"
  (each [opts why] [[{} "option :password is required"] [{:password ""} "it is empty"]
                    [{:password "a\0b"} "NUL byte"]
                    [{:password (string/repeat "x" 1025)} "longer than 1024"]
                    [{:password 5} "bad option :password"]]
    (fails-with why (crypto/create-pkcs12 (leaf :cert) (leaf :key) opts)))
  (each password ["" nil "PW" "pw " (string/repeat "x" 1000)]
    (fails-with "wrong password or damaged data" (crypto/parse-pkcs12 (bundle) password)))
  (fails-with "NUL byte" (crypto/parse-pkcs12 (bundle) "pw\0"))
  (each password [5 :pw []] (fails-with "bad slot #1" (crypto/parse-pkcs12 (bundle) password))))

(test "what does not belong together is refused"
  (fails-with "the key does not match the certificate"
              (crypto/create-pkcs12 (leaf :cert) (root :key) {:password "x"}))
  (fails-with "not a certificate" (crypto/create-pkcs12 (leaf :key) (leaf :key) {:password "x"}))
  (fails-with "not a private key" (crypto/create-pkcs12 (leaf :cert) (leaf :cert) {:password "x"}))
  (fails-with "not a certificate" (bundle {:chain ["x"]}))
  (fails-with "bad option :chain" (bundle {:chain 5}))
  (fails-with "without NUL bytes" (bundle {:friendly-name "a\0b"}))
  (each n [0 -1 10 1.5 1e10] (fails-with "bad option :iterations" (bundle {:iterations n})))
  (fails-with "did you mean :friendly-name" (bundle {:friendlyname "x"})))

(test "bundles that are cut off or changed anywhere are refused"
  (def whole (bundle))
  (each given (cuts whole) (fails-with "crypto/parse-pkcs12: " (crypto/parse-pkcs12 given "pw")))
  (each given (flips whole 300 0x55)
    (def [ok found] (protect (crypto/parse-pkcs12 given "pw")))
    (when ok (is= [(leaf :cert) (leaf :key)] [(found :cert) (found :key)]))))

(test "random bytes are no bundle"
  (each given ["" "x" "\x30\x80" (leaf :cert) (crypto/convert-cert (leaf :cert) :der)
               (string/repeat "\x30\x80" 50000)]
    (fails-with "not a PKCS#12 bundle" (crypto/parse-pkcs12 given "pw")))
  (each given [nil 5 :x []] (fails-with "bad slot #0" (crypto/parse-pkcs12 given "pw"))))

(test "an encrypted part that is missing is an error, not a crash"
  (def pkcs7 "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07")
  (each [kind why] [["\x06" "encrypted part without data"] ["\x01" "part without data"]]
    (def safes (tlv 0x30 (tlv 0x30 pkcs7 kind)))
    (def hostile (tlv 0x30 "\x02\x01\x03" (tlv 0x30 pkcs7 "\x01" (tlv 0xa0 (tlv 4 safes)))))
    (fails-with why (crypto/parse-pkcs12 hostile "pw" {:require-mac false}))))

(defn with-count
  ``Replace the last count of iterations, 0x1234, by one of four bytes. It grows by the two that
  the salt before it loses, of 8 bytes or, from some OpenSSL on, of 16.``
  [der count]
  (def at (last (string/find-all "\x02\x02\x12\x34" der)))
  (defn salt-of [size]
    (if (= (string/from-bytes 4 size) (string/slice der (- at size 2) (- at size))) (- at size 2)))
  (def salt (or (salt-of 8) (salt-of 16)))
  (buffer (string/slice der 0 salt) (string/from-bytes 4 (- at salt 4))
          (string/slice der (+ salt 2) (- at 2))
          "\x02\x04" count (string/slice der (+ at 4))))

(test "a bundle that asks for too many iterations is refused at once"
  (def made (bundle {:iterations 0x1234}))
  (def hostile (with-count made "\x7f\xff\x12\x34")) # the MAC's count stands last
  (def started (os/clock :monotonic))
  (fails-with "more than 10000000 iterations" (crypto/parse-pkcs12 hostile "pw"))
  (is (< (- (os/clock :monotonic) started) slowness)))

(test "many parts that each ask for less than too much are refused together"
  # without its MAC, so that the key's count stands last
  (def made (bundle {:iterations 0x1234}))
  (def end (+ 11 (made 10) (* 256 (made 9)))) # of the content, which begins behind the version
  (def parts (buffer "\x02\x01\x03" (with-count (string/slice made 7 end) "\x00\x98\x96\x80")))
  (def hostile
    (buffer "\x30\x82" (string/from-bytes (div (length parts) 256) (% (length parts) 256)) parts))
  (def started (os/clock :monotonic))
  (fails-with "more than 10000000 iterations"
              (crypto/parse-pkcs12 hostile "pw" {:require-mac false}))
  (is (< (- (os/clock :monotonic) started) slowness)))

(test "the event loop runs on meanwhile"
  (var [ticks done] [0 false])
  (ev/go (fn [] (while (not done) (ev/sleep 0.001) (++ ticks))))
  (crypto/parse-pkcs12 (bundle {:iterations (load 250000)}) "pw")
  (set done true)
  (is (> ticks 3)))

(peer-test "openssl" "the openssl command opens ours, and tells what it is made of"
  (def dir (tmpdir))
  (spit (string dir "/p12")
        (bundle {:password "pä ss" :chain [(root :cert)] :friendly-name "name" :iterations 250000}))
  (os/execute ["sh" "-c"
               `openssl pkcs12 -in "$0/p12" -passin "pass:pä ss" -nodes -info >"$0/out" 2>"$0/info"`
               dir] :px)
  (def out (slurp (string dir "/out")))
  (each pem [(leaf :key) (leaf :cert) (root :cert)] (is (string/find pem out)))
  (def info (slurp (string dir "/info")))
  (is (string/find "MAC: sha256, Iteration 250000" info))
  (is (string/find "PBES2, PBKDF2, AES-256-CBC, Iteration 250000, PRF hmacWithSHA256" info)))

(peer-test "openssl" "we open what the openssl command makes"
  (def dir (tmpdir))
  (spit (string dir "/key") (leaf :key))
  (spit (string dir "/cert") (leaf :cert))
  (spit (string dir "/ca") (string (middle :cert) (root :cert)))
  (defn made [& args]
    (os/execute ["openssl" "pkcs12" "-export" "-inkey" (string dir "/key") "-in"
                 (string dir "/cert") "-certfile" (string dir "/ca")
                 "-name" "a name" "-passout" "pass:x" "-out" (string dir "/p12") ;args] :px)
    (slurp (string dir "/p12")))
  (each args [[] ["-certpbe" "PBE-SHA1-3DES" "-keypbe" "PBE-SHA1-3DES" "-macalg" "sha1"]
              ["-certpbe" "NONE"] ["-keypbe" "NONE"]]
    (def found (crypto/parse-pkcs12 (made ;args) "x"))
    (is= [(leaf :cert) (leaf :key) "a name"] [(found :cert) (found :key) (found :friendly-name)])
    (is= @[(middle :cert) (root :cert)] (found :chain)))
  (fails-with ":require-mac false" (crypto/parse-pkcs12 (made "-nomac") "x"))
  (is= (leaf :key) ((crypto/parse-pkcs12 (made "-nomac") "x" {:require-mac false}) :key)))

(defn password-of [file]
  (cond
    (string/find "no-pwd" file) nil
    (string/find "-pwd" file) "password"
    (= file "no-password.p12") nil
    "cryptography"))

(if-let [dir (vectors "pyca/pkcs12")]
  (do
    (def files (sorted (os/dir dir)))
    (def legacy {"no-password.p12" true "cert-rc2-key-3des.p12" true})
    (test (string "pyca/pkcs12: " (length files) " of " (length files)
                  " are opened with their password, and with no other")
      (each file files
        (def data (slurp (string dir "/" file)))
        (when (legacy file)
          (fails-with "try {:legacy true}" (crypto/parse-pkcs12 data (password-of file))))
        (def [ok found]
          (protect (crypto/parse-pkcs12 data (password-of file) {:legacy (truthy? (legacy file))})))
        (if (and (not ok) (string/find "legacy provider is not installed" found))
          (print "# " file ": " found)
          (do
            (is ok (string file ": " found))
            (def keyless (or (string/has-prefix? "no-cert-n" file) (string/find "no-key" file)))
            (is= (not keyless) (truthy? (found :key)) file)
            (is= (not (or keyless (string/has-prefix? "no-cert" file))) (truthy? (found :cert))
                 file)
            (is= (if (string/find "name" file) 2 (if keyless 1 0)) (length (found :chain)) file)
            (fails-with "wrong password" (crypto/parse-pkcs12 data "not this"))))))
    (def named (crypto/parse-pkcs12 (slurp (string dir "/name-unicode-pwd.p12")) "password"))
    (test "a friendly name is UTF-8" (is= "☺" (named :friendly-name))))
  (skip "pyca/pkcs12" "no vectors here"))

(end)
