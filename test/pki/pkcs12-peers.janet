# PKCS#12 bundles between jsec and other tools, both ways: openssl, GnuTLS, NSS and Java.
(import ../support/check :prefix "")
(import jsec/cert)
(import jsec/crypto)

(def dir (tmpdir))
(defn- at [name] (string dir "/" name))

(defn- put-file [name text]
  (spit (at name) text)
  (at name))

(defn- run
  "The output of a program that has to succeed."
  [& words]
  (def p (os/spawn words :p {:out :pipe :err :pipe}))
  (def [out err] (ev/gather (ev/read (p :out) :all) (ev/read (p :err) :all)))
  (def code (os/proc-wait p))
  (unless (= 0 code) (error (string (first words) ": " out err)))
  (string out err))

(def root (cert/generate-self-signed-cert {:key-type :p256 :common-name "Root CA"}))
(defn- issue [ca name &opt opts]
  (cert/issue-cert (merge {:issuer-cert (ca :cert) :issuer-key (ca :key) :key-type :rsa
                           :common-name name} (or opts {}))))
(def middle (issue root "Middle CA" {:ca true :key-type :p256}))
(def one (issue middle "one.example"))
(def two (issue root "two.example" {:key-type :p384}))
(def few 1000)

(defn- bundle [identity &opt opts]
  (crypto/create-pkcs12 (identity :cert) (identity :key)
                        (merge {:password "secret" :iterations few} (or opts {}))))

(defn- names-of [found] (map |($ :friendly-name) (found :entries)))

# ---- what we write ----

(def- kinds {"by default" {} "with :encryption :legacy" {:encryption :legacy}})

(eachp [how opts] kinds
  (def made (bundle one (merge {:chain [(middle :cert) (root :cert)] :friendly-name "Ünö 😀"}
                               opts)))
  (test (string "a bundle " how " is read by us")
    (def found (crypto/parse-pkcs12 made "secret"))
    (is= [(one :key) (one :cert) "Ünö 😀"] [(found :key) (found :cert) (found :friendly-name)])
    (is= @[(middle :cert) (root :cert)] (found :chain))
    (def [entry] (found :entries))
    (is= 1 (length (found :entries)))
    (is= [(one :key) (one :cert) @[(middle :cert) (root :cert)] "Ünö 😀"]
         [(entry :key) (entry :cert) (entry :chain) (entry :friendly-name)])
    (is= ((cert/parse (one :cert)) :sha1) (entry :key-id)))
  (peer-test "openssl" (string "openssl reads a bundle " how)
    (def text (run "openssl" "pkcs12" "-in" (put-file "p12" made) "-passin" "pass:secret" "-info"
                   "-nodes"))
    (each pem [(one :cert) (middle :cert) (root :cert)] (is (string/find pem text)))
    (if (opts :encryption)
      (do
        (is (string/find "MAC: sha1" text) text)
        (is (string/find "pbeWithSHA1And3-KeyTripleDES-CBC" text))
        (is (not (string/find "PBES2" text))))
      (is (string/find "MAC: sha256" text))))
  (peer-test "certtool" (string "GnuTLS reads a bundle " how)
    (def text (run "certtool" "--p12-info" "--inder" "--infile" (put-file "p12" made)
                   "--password" "secret"))
    (is (string/find "BEGIN CERTIFICATE" text))
    (is (string/find "PRIVATE KEY" text)))
  (peer-test "keytool" (string "Java reads a bundle " how)
    (def text (run "keytool" "-list" "-v" "-keystore" (put-file "p12" made) "-storetype" "PKCS12"
                   "-storepass" "secret"))
    (is (string/find "PrivateKeyEntry" text) text)
    (is (string/find "chain length: 3" text) text))
  (peer-test ["pk12util" "certutil"] (string "NSS reads a bundle " how)
    (def db (string "sql:" (tmpdir)))
    (run "certutil" "-N" "-d" db "--empty-password")
    (run "pk12util" "-i" (put-file "p12" made) "-d" db "-W" "secret" "-K" "")
    (is (string/find "u,u,u" (run "certutil" "-L" "-d" db)))))

(peer-test "keytool" "Java trusts the certificates of a trust store, by their names"
  (each opts [{} {:encryption :legacy}]
    (def store (crypto/create-pkcs12 [(root :cert) (two :cert)] nil
                                     (merge {:password "secret" :friendly-name ["root" "zwei"]}
                                            opts)))
    (def text (run "keytool" "-list" "-keystore" (put-file "p12" store) "-storetype" "PKCS12"
                   "-storepass" "secret"))
    (each name ["root" "zwei"] (is (string/find (string name ", ") text) text))
    (is= 2 (length (string/find-all "trustedCertEntry" text)) text)))

(test "a trust store comes out as entries with names and without keys"
  (def store (crypto/create-pkcs12 (root :cert) nil {:password "x" :chain [(middle :cert)]
                                                     :friendly-name ["r" "m"] :iterations few}))
  (def found (crypto/parse-pkcs12 store "x"))
  (is= [nil nil @[(root :cert) (middle :cert)]] [(found :key) (found :cert) (found :chain)])
  (is= @["r" "m"] (names-of found))
  (is= [nil (root :cert) nil] [(get-in found [:entries 0 :key]) (get-in found [:entries 0 :cert])
                               (get-in found [:entries 0 :chain])])
  (def unnamed (crypto/create-pkcs12 (string (root :cert) (middle :cert)) nil
                                     {:password "x" :iterations few}))
  (is= 2 (length ((crypto/parse-pkcs12 unnamed "x") :entries))))

(test "what does not fit is refused"
  (fails-with "more friendly names than certificates"
              (crypto/create-pkcs12 (root :cert) nil {:password "x" :friendly-name ["a" "b"]}))
  (fails-with "more friendly names" (bundle one {:friendly-name ["a" "b"]}))
  (fails-with "not UTF-8" (bundle one {:friendly-name "\xff"}))
  (fails-with "no certificate was given" (crypto/create-pkcs12 [] nil {:password "x"}))
  (fails-with "bad option :friendly-name" (bundle one {:friendly-name [1]}))
  (fails-with "bad option :encryption" (bundle one {:encryption :rc2}))
  (fails-with "bad slot #0" (crypto/create-pkcs12 5 nil {:password "x"})))

(test "friendly names of any script come back"
  (each name ["😀" "𝕬" "a😀b" "日本語" "e\xCC\x81" (string/repeat "😀" 1000) "\xF4\x8F\xBF\xBF"]
    (is= name ((crypto/parse-pkcs12 (bundle one {:friendly-name name}) "secret") :friendly-name))))

(test "certificates that follow the first in its text go in as well"
  (def made (crypto/create-pkcs12 (string (one :cert) (middle :cert)) (one :key)
                                  {:password "x" :chain [(middle :cert) (root :cert)]
                                   :iterations few}))
  (is= @[(middle :cert) (root :cert)] ((crypto/parse-pkcs12 made "x") :chain)))

# ---- what others write ----

(peer-test "keytool" "a store of Java with two keys, their chains and trusted certificates"
  (def store (at "java.p12"))
  (each [alias identity chain]
        [["one" one [(middle :cert) (root :cert)]] ["two" two [(root :cert)]]]
    (def source (put-file "source.p12" (bundle identity {:chain chain :friendly-name alias})))
    (run "keytool" "-importkeystore" "-noprompt" "-srckeystore" source "-srcstoretype" "PKCS12"
         "-srcstorepass" "secret" "-destkeystore" store "-deststoretype" "PKCS12"
         "-deststorepass" "secret"))
  (run "keytool" "-importcert" "-noprompt" "-alias" "trusted root" "-file"
       (put-file "root.pem" (root :cert)) "-keystore" store "-storepass" "secret")
  (def found (crypto/parse-pkcs12 (slurp store) "secret"))
  (def by-name (tabseq [entry :in (found :entries)] (entry :friendly-name) entry))
  (is= @["one" "trusted root" "two"] (sort (names-of found)))
  (is= [(one :key) (one :cert) @[(middle :cert) (root :cert)]]
       [(get-in by-name ["one" :key]) (get-in by-name ["one" :cert])
        (get-in by-name ["one" :chain])])
  (is= [(two :key) (two :cert) @[(root :cert)]]
       [(get-in by-name ["two" :key]) (get-in by-name ["two" :cert])
        (get-in by-name ["two" :chain])])
  (is= [nil (root :cert)]
       [(get-in by-name ["trusted root" :key]) (get-in by-name ["trusted root" :cert])])
  (is (index-of (found :key) [(one :key) (two :key)])))

(peer-test "certtool" "bundles of GnuTLS, in DER and in its PEM"
  (each form [[] ["--outder"]]
    (run "certtool" "--to-p12" "--load-certificate" (put-file "crt" (one :cert)) "--load-privkey"
         (put-file "key" (one :key)) "--p12-name" "gnu" "--password" "secret" "--outfile" (at "p12")
         ;form)
    (def found (crypto/parse-pkcs12 (slurp (at "p12")) "secret"))
    (is= [(one :key) (one :cert) "gnu"] [(found :key) (found :cert) (found :friendly-name)])
    (is= @["gnu"] (names-of found))))

(peer-test ["pk12util" "certutil"] "bundles of NSS, with two keys"
  (def db (string "sql:" (tmpdir)))
  (run "certutil" "-N" "-d" db "--empty-password")
  (each [name identity] [["nss" one] ["nss" two]]
    (run "pk12util" "-i" (put-file "p12" (bundle identity {:friendly-name name})) "-d" db "-W"
         "secret" "-K" ""))
  (run "pk12util" "-o" (at "p12") "-n" "nss" "-d" db "-W" "secret" "-K" "")
  (def found (crypto/parse-pkcs12 (slurp (at "p12")) "secret"))
  (is (find |(= (one :key) ($ :key)) (found :entries)))
  (each entry (found :entries)
    (when (entry :key)
      (is= (crypto/export-public-key (entry :key)) (crypto/export-public-key (entry :cert))))))

(peer-test "openssl" "names that openssl gives to CAs are entries"
  (run "openssl" "pkcs12" "-export" "-inkey" (put-file "key" (one :key)) "-in"
       (put-file "crt" (one :cert)) "-certfile"
       (put-file "cas" (string (middle :cert) (root :cert)))
       "-name" "leaf" "-caname" "mid" "-caname" "top" "-passout" "pass:secret" "-out" (at "p12"))
  (def found (crypto/parse-pkcs12 (slurp (at "p12")) "secret"))
  (is= @["leaf" "mid" "top"] (names-of found))
  (is= @[(middle :cert) (root :cert)] (get-in found [:entries 0 :chain])))

# ---- what is no bundle ----

(test "Base64, PEM and a path are named in place of a bundle"
  (def made (bundle one))
  (def text (crypto/base64-encode made))
  (each given [text (string/join (seq [i :range [0 (length text) 64]]
                                   (string/slice text i (min (+ i 64) (length text)))) "\r\n")]
    (fails-with "base64-decode text {:whitespace true}" (crypto/parse-pkcs12 given "secret")))
  (each given [(one :cert) (one :key) (string (one :cert) (one :key))]
    (fails-with "it is PEM without a PKCS12 block" (crypto/parse-pkcs12 given "secret")))
  (def lines (string "-----BEGIN PKCS12-----\n"
                     (string/join (seq [i :range [0 (length text) 64]]
                                    (string/slice text i (min (+ i 64) (length text)))) "\n")
                     "\n-----END PKCS12-----\n"))
  (is= (one :key) ((crypto/parse-pkcs12 lines "secret") :key))
  (is= (one :key) ((crypto/parse-pkcs12 (string (root :cert) lines) "secret") :key)))

(end)
