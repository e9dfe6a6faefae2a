# A certificate, key or revocation list may be given as the path of a file wherever its content may
# be. Requests, messages and bundles are data: the error says so. No error shows a secret.
(import ../support/check :prefix "")
(import ../support/peers :prefix "")
(import jsec/cert)
(import jsec/crypto)
(import jsec/tls)

(def dir (tmpdir))
(defn- put-file [name text]
  (def path (string dir "/" name))
  (spit path text)
  path)

(def root (cert/generate-self-signed-cert {:common-name "Root CA" :key-type :p256}))
(def leaf (cert/issue-cert {:issuer-cert (root :cert) :issuer-key (root :key) :key-type :rsa
                            :common-name "a.example"}))
(def sealed (crypto/export-key (leaf :key) {:password "pw" :iterations 1000}))
(def paths
  {:ca (put-file "ca.pem" (root :cert)) :ca-key (put-file "ca.key" (root :key))
   :cert (put-file "leaf" (leaf :cert)) :key (put-file "leaf.key" (leaf :key))
   :der (put-file "leaf.der" (crypto/convert-cert (leaf :cert) :der))
   :key-der (put-file "key.der" (crypto/convert-key (leaf :key) :der))
   :sealed (put-file "sealed.pem" sealed)
   :public (put-file "public.pem" (crypto/export-public-key (leaf :key)))})

(test "cert/parse and verify-chain take paths, of PEM and of DER"
  (each path [(paths :cert) (paths :der) (buffer (paths :cert))]
    (is= (cert/parse (leaf :cert)) (cert/parse path))
    (each option [:roots :ca]
      (each anchor [(paths :ca) [(paths :ca)] @[(paths :cert) (paths :ca)]]
        (is= true ((cert/verify-chain path {option anchor :host "a.example"}) :valid)))))
  (is= true ((cert/verify-chain (paths :cert) {:roots (paths :ca) :intermediates (paths :der)})
              :valid)))

(test "certificates are made and issued with the keys in files"
  (is (cert/generate-self-signed-from-key (paths :key) {:common-name "b"}))
  (is (cert/generate-self-signed-from-key (paths :sealed) {:common-name "b" :password "pw"}))
  (def made (cert/issue-cert {:issuer-cert (paths :ca) :issuer-key (paths :ca-key)
                              :key (paths :public) :common-name "c.example"}))
  (is= true ((cert/verify-chain (made :cert) {:roots (paths :ca)}) :valid))
  (is ((crypto/parse-csr (crypto/generate-csr (paths :key) {:common-name "c"})) :signature-valid)))

(test "keys in files sign, verify, encrypt and are described"
  (each key [(paths :key) (paths :key-der)]
    (def signature (crypto/sign key "data"))
    (each public [(paths :public) (paths :cert) (paths :key) (leaf :cert)]
      (is= true (crypto/verify public "data" signature)))
    (is= (leaf :key) (crypto/load-key key))
    (is= (leaf :key) (crypto/convert-key key :pem))
    (is= (leaf :key) (crypto/export-key key))
    (is= :rsa ((crypto/key-info key) :type)))
  (is= (leaf :key) (crypto/load-key (paths :sealed) "pw"))
  (is= true ((crypto/key-info (paths :sealed)) :encrypted))
  (is= (crypto/export-public-key (leaf :key)) (crypto/export-public-key (paths :key)))
  (is= @"x" (crypto/rsa-decrypt (paths :key) (crypto/rsa-encrypt (paths :public) "x")))
  (is= (leaf :cert) (crypto/convert-cert (paths :der) :pem)))

(test "messages and bundles are made and opened with files, in the format of the file"
  (def message (crypto/cms-sign "data" (paths :cert) (paths :key) {:chain (paths :ca)}))
  (is= :pem (crypto/detect-format message))
  (is= :der (crypto/detect-format (crypto/cms-sign "data" (paths :der) (paths :key))))
  (is= true ((crypto/cms-verify message {:ca (paths :ca) :purpose :any}) :valid))
  (def secret (crypto/cms-encrypt "data" [(paths :cert)]))
  (is= @"data" (crypto/cms-decrypt secret (paths :cert) (paths :key)))
  (is= 2 (length (crypto/cms-get-certs (crypto/cms-certs-only [(paths :cert) (paths :ca)]))))
  (def bundle (crypto/create-pkcs12 (paths :cert) (paths :key) {:password "x" :iterations 1000
                                                               :chain [(paths :ca)]}))
  (is= (leaf :key) ((crypto/parse-pkcs12 bundle "x") :key)))

(test "a path is read anew at each call"
  (def path (put-file "changing.key" (leaf :key)))
  (is= :rsa ((crypto/key-info path) :type))
  (crypto/sign path "x")
  (spit path (root :key))
  (is= true (crypto/verify (root :cert) "x" (crypto/sign path "x"))))

(test "a file that holds another path is no certificate and no key"
  (def path (put-file "indirect.pem" (paths :cert)))
  (fails-with "not a certificate" (cert/parse path))
  (def other (put-file "indirect.key" (paths :key)))
  (each f [crypto/load-key crypto/key-info |(crypto/sign $ "x") |(crypto/verify $ "x" "y")]
    (fails-with "not a " (f other))))

(def missing (string dir "/missing.pem"))
(test "a path that can't be read is named with the reason"
  (each [f text] [[|(cert/parse missing) "cert/parse: not a certificate: "]
                  [|(crypto/sign missing "x") "crypto/sign: not a private key: "]
                  [|(crypto/verify missing "x" "y")
                   "crypto/verify: not a public key, certificate or private key: "]
                  [|(cert/verify-chain (leaf :cert) {:roots missing}) "not a certificate: "]
                  [|(cert/verify-chain (leaf :cert) {:ca [(root :cert) missing]}) "not a cert"]
                  [|(cert/verify-chain (leaf :cert) {:crls missing}) "not a CRL: "]
                  [|(crypto/key-info missing) "not a private key: "]]
    (def why (fails-with text (f)))
    (is (string/find (string missing ": No such file or directory") why) why))
  (fails-with "is a directory" (cert/parse dir)))

(test "what may be a secret in place of a path is not shown"
  (each secret ["correct horse battery staple" "hunter2"
                "k3y/with.Slash+AAAAAAAAAAAAAAAAAAAAAAAAA=="
                (crypto/base64-encode (crypto/convert-key (root :key) :der))
                (string/slice (crypto/random-bytes 32))]
    (each f [cert/parse crypto/load-key crypto/key-info |(crypto/sign $ "x")
             |(crypto/verify $ "x" "y") |(cert/verify-chain (leaf :cert) {:roots $})
             |(crypto/create-pkcs12 (leaf :cert) $ {:password "x"})]
      (def [fine why] (protect (f secret)))
      (is= false fine)
      (is (not (string/find secret why)) why)
      (is (string/find "neither PEM nor DER" why) why))))

(test "data that is given as a path is refused with the cure"
  (def path (put-file "data.p12" "x"))
  (each f [crypto/parse-csr crypto/cms-verify crypto/cms-get-certs |(crypto/parse-pkcs12 $ "x")
           crypto/detect-format |(crypto/cms-decrypt $ (leaf :cert) (leaf :key))
           |(cert/issue-cert {:issuer-cert (root :cert) :issuer-key (root :key) :csr $})]
    (fails-with "if it is a path, give the content: (slurp path)" (f path))))

(def loaders
  {"cert/parse" cert/parse "crypto/load-key" crypto/load-key "crypto/key-info" crypto/key-info
   "crypto/sign" |(crypto/sign $ "x") "crypto/verify" |(crypto/verify $ "x" "y")
   "cert/parse-crl" cert/parse-crl "crypto/convert-cert" |(crypto/convert-cert $ :der)})

(peer-test "mkfifo" "a pipe or device is refused, and keeps its data: the text may come from a peer"
  (def pipe (string dir "/pipe.pem"))
  (is= 0 (os/execute ["mkfifo" pipe] :p))
  (def holder `exec 3<>"$0"; echo data >&3; echo open; read x; read y <&3; echo "has $y"`)
  (with-child [c "sh" "-c" holder pipe]
    (await c :out "open")
    (eachp [name load] loaders
      (fails-with (string pipe ": not a regular file: give the content: (slurp path)") (load pipe))
      (fails-with (string name ": ") (load "/dev/zero"))
      (fails-with "not a regular file" (load "/dev/zero")))
    (feed c "\n")
    (is= 0 (exit-status c) (described c))
    (is (string/find "has data" (c :out)) (described c))))

(test "TLS takes the same paths"
  (is (tls/new-context {:cert (paths :cert) :key (paths :key) :ca-file (paths :ca)})))

(end)
