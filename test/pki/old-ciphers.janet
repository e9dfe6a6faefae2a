# Keys and bundles under old ciphers, as the `openssl` program writes them: :legacy opens each of
# them, and without it the error names the cipher and the cure, never the password.
(import ../support/check :prefix "")
(import jsec/cert)
(import jsec/crypto)
(import jsec/tls)

(def dir (tmpdir))
(def key (crypto/generate-key :rsa))
(def crt (cert/generate-self-signed-from-key key {:common-name "a.example"}))
(spit (string dir "/key") key)
(spit (string dir "/crt") crt)

(defn- openssl
  "Run it with the legacy provider; what it wrote to `-out`, or nil where it can't."
  [& words]
  (def out (string dir "/out"))
  (if (os/stat out) (os/rm out))
  (def result (os/execute ["openssl" ;words "-provider" "legacy" "-provider" "default" "-out" out]
                          :p {:err (file/open "/dev/null" :w) :out (file/open "/dev/null" :w)}))
  (if (= 0 result) (string (slurp out))))

(defn- check-key
  ``A key that OpenSSL's default provider opens is opened without :legacy; any other opens with
  it, and without it the error names `word`.``
  [sealed word]
  (is= key (crypto/load-key sealed "right" {:legacy true}))
  (is= :rsa ((crypto/key-info sealed "right" {:legacy true}) :type))
  (is= key (crypto/convert-key sealed :pem {:input-password "right" :legacy true}))
  (is= key (crypto/export-key sealed {:input-password "right" :legacy true}))
  (fails-with "wrong password or damaged key" (crypto/load-key sealed "wrong" {:legacy true}))
  (fails-with "give its password" (crypto/load-key sealed nil {:legacy true}))
  (def info (crypto/key-info sealed))
  (is= [true true] [(info :encrypted) (info :private)])
  (is (string/find word (info :cipher)) (string/format "%q" info))
  (def [fine why] (protect (crypto/load-key sealed "right")))
  (if fine
    (is= key why)
    (do
      (is (not (string/find "wrong password" why)) why)
      (is (and (string/find word why) (string/find "{:legacy true}" why)) why)
      (each f [|(crypto/sign sealed "data" {:password "right"})
               |(crypto/cms-sign "data" crt sealed {:password "right"})
               |(crypto/generate-csr sealed {:common-name "a" :password "right"})
               |(crypto/create-pkcs12 crt sealed {:password "x" :key-password "right"})
               |(tls/new-context {:cert crt :key sealed :password "right"})]
        (def text (fails-with word (f)))
        (is (string/find "load-key key password {:legacy true}" text) text)))))

(def has-legacy (openssl "pkcs8" "-topk8" "-v1" "PBE-MD5-DES" "-passout" "pass:right" "-in"
                         (string dir "/key")))

(defmacro- old-test [fact & body]
  ~(if has-legacy (test ,fact ,;body) (skip ,fact "openssl has no legacy provider")))

(each [scheme word] [["PBE-MD5-DES" "DES-CBC"] ["PBE-SHA1-DES" "DES-CBC"]
                     ["PBE-MD5-RC2-64" "RC2"] ["PBE-SHA1-RC2-64" "RC2"]
                     ["PBE-SHA1-RC4-128" "RC4"] ["PBE-SHA1-RC4-40" "RC4"]
                     ["PBE-SHA1-3DES" "DES-EDE3"] ["PBE-SHA1-2DES" "DES-EDE"]
                     ["PBE-SHA1-RC2-128" "RC2"] ["PBE-SHA1-RC2-40" "RC2"]]
  (old-test (string "a PKCS#8 key under " scheme)
    (each form ["PEM" "DER"]
      (def sealed (openssl "pkcs8" "-topk8" "-v1" scheme "-passout" "pass:right" "-outform" form
                           "-in" (string dir "/key")))
      (is= scheme ((crypto/key-info sealed) :scheme))
      (check-key sealed word))))

(each [cipher word] [["des-cbc" "DES-CBC"] ["rc2-cbc" "RC2-CBC"] ["bf-cbc" "BF-CBC"]
                     ["cast5-cbc" "CAST5-CBC"] ["seed-cbc" "SEED-CBC"] ["idea-cbc" "IDEA-CBC"]
                     ["des3" "DES-EDE3-CBC"] ["aes-256-cbc" "AES-256-CBC"]]
  (old-test (string "a PKCS#8 key under PBES2 with " cipher)
    (if-let [sealed (openssl "pkcs8" "-topk8" "-v2" cipher "-passout" "pass:right" "-in"
                             (string dir "/key"))]
      (check-key sealed word)
      (is (= cipher "idea-cbc") "built without it, like Debian's")))
  (old-test (string "a key of the older form under " cipher)
    (if-let [sealed (openssl "rsa" "-traditional" (string "-" cipher) "-passout" "pass:right"
                             "-in" (string dir "/key"))]
      (do
        (check-key sealed word)
        (check-key (string crt sealed) word)
        (is= key (crypto/load-key (string/replace-all "\n" `\n` sealed) "right" {:legacy true})))
      (is (= cipher "idea-cbc") "built without it, like Debian's"))))

(old-test "EC keys of the older form open as well"
  (def ec (crypto/generate-key :p256))
  (spit (string dir "/ec") ec)
  (def sealed (openssl "ec" "-des-cbc" "-passout" "pass:right" "-in" (string dir "/ec")))
  (is= ec (crypto/load-key sealed "right" {:legacy true}))
  (is= :ec ((crypto/key-info sealed) :type)))

(test ":legacy changes nothing for other keys"
  (def sealed (crypto/export-key key {:password "pw" :iterations 1000}))
  (when has-legacy
    (is= key (crypto/load-key sealed "pw" {:legacy true})))
  (is= key (crypto/load-key key nil {:legacy true}))
  (is= key (crypto/load-key key "unused" {:legacy true}))
  (fails-with "not a private key" (crypto/load-key "x" "y" {:legacy true}))
  (fails-with "unknown option" (crypto/load-key key nil {:legcy true}))
  (fails-with "bad option :legacy" (crypto/load-key key nil {:legacy 1})))

(defn- check-bundle [bundle words]
  (is= [key crt] (let [found (crypto/parse-pkcs12 bundle "right" {:legacy true})]
                   [(found :key) (found :cert)]))
  (fails-with "wrong password" (crypto/parse-pkcs12 bundle "wrong" {:legacy true}))
  (def [fine why] (protect (crypto/parse-pkcs12 bundle "right")))
  (unless fine
    (is (not (string/find "wrong password" why)) why)
    (is (and (some |(string/find $ why) words) (string/find "{:legacy true}" why)) why)))

(def bundle-schemes ["PBE-MD5-DES" "PBE-SHA1-DES" "PBE-SHA1-RC2-64" "PBE-SHA1-RC4-128"
                     "PBE-SHA1-3DES" "PBE-SHA1-RC2-128" "PBE-SHA1-RC2-40" "des-cbc" "rc2-cbc"
                     "bf-cbc" "cast5-cbc" "seed-cbc" "aes-128-cbc"])

(each scheme bundle-schemes
  (old-test (string "a bundle under " scheme)
    (each which [["-keypbe"] ["-certpbe"] ["-keypbe" "-certpbe"]]
      (def options (mapcat |[$ scheme] which))
      (def bundle (openssl "pkcs12" "-export" "-inkey" (string dir "/key") "-in"
                           (string dir "/crt") "-passout" "pass:right" ;options))
      (check-bundle bundle ["DES" "RC2" "RC4" "BF" "CAST5" "SEED"]))))

(each digest ["md4" "whirlpool" "ripemd160" "md5" "sha1" "sha512"]
  (old-test (string "a bundle with a MAC over " digest)
    (def bundle (openssl "pkcs12" "-export" "-inkey" (string dir "/key") "-in"
                         (string dir "/crt") "-passout" "pass:right" "-macalg" digest))
    (check-bundle bundle ["MD4" "whirlpool" "RIPEMD160"])))

(old-test "a bundle that `openssl pkcs12 -legacy` writes"
  (def bundle (openssl "pkcs12" "-export" "-legacy" "-inkey" (string dir "/key") "-in"
                       (string dir "/crt") "-passout" "pass:right"))
  (check-bundle bundle ["RC2"]))

(end)
