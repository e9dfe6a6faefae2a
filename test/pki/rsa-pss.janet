# RSA-PSS keys, with and without parameters that restrict them (RFC 4055), sign certificates,
# requests and messages. The `openssl` program judges.
(import ../support/check :prefix "")
(import jsec/cert)
(import jsec/crypto)

(def dir (tmpdir))

(defn- run [& words]
  (os/execute words :p {:out (file/open "/dev/null" :w) :err (file/open "/dev/null" :w)}))

(defn- make-key [digest mask salt]
  (def path (string dir "/key"))
  (run "openssl" "genpkey" "-algorithm" "RSA-PSS" "-out" path "-pkeyopt" "rsa_keygen_bits:2048"
       ;(if digest
          ["-pkeyopt" (string "rsa_pss_keygen_md:" digest)
           "-pkeyopt" (string "rsa_pss_keygen_mgf1_md:" mask)
           "-pkeyopt" (string "rsa_pss_keygen_saltlen:" salt)]
          []))
  (slurp path))

(defn- put-file [name text]
  (def path (string dir "/" name))
  (spit path text)
  path)

(each [digest mask salt] [[nil nil nil] ["sha256" "sha256" 32] ["sha384" "sha384" 48]
                          ["sha512" "sha512" 20] ["sha256" "sha256" 64] ["sha512" "sha256" 64]]
  (peer-test "openssl"
    (string "a key " (if digest (string "of " digest ", " mask " and a salt of " salt)
                       "without restrictions") " signs everything")
    (def key (make-key digest mask salt))
    (def crt (cert/generate-self-signed-from-key key {:common-name "a.example"}))
    (def crt-file (put-file "crt" crt))
    (is= 0 (run "openssl" "verify" "-CAfile" crt-file crt-file))
    (is= true ((cert/verify-chain crt {:roots crt}) :valid))
    (def csr (crypto/generate-csr key {:common-name "a.example"}))
    (is= 0 (run "openssl" "req" "-verify" "-noout" "-in" (put-file "csr" csr)))
    (is= true ((crypto/parse-csr csr) :signature-valid))
    (def leaf (cert/issue-cert {:issuer-cert crt :issuer-key key :key-type :p256 :common-name "b"}))
    (is= true ((cert/verify-chain (leaf :cert) {:roots crt}) :valid))
    (each opts [{} {:detached true} {:format :der}]
      (def message (crypto/cms-sign "contents" crt key opts))
      (def detached (if (opts :detached) "contents"))
      (is= true ((crypto/cms-verify message {:ca crt :detached detached}) :valid))
      (is= 0 (run "openssl" "cms" "-verify" "-inform" (if (opts :format) "DER" "PEM") "-in"
                  (put-file "cms" message) "-CAfile" crt-file "-purpose" "any"
                  ;(if detached ["-content" (put-file "data" detached)] []))))
    (def signature (crypto/sign key "data"))
    (is= true (crypto/verify crt "data" signature))
    (is= false (crypto/verify crt "date" signature)))

  (peer-test "openssl"
    (string "and openssl's messages by it are good: " (or digest "any") " " (or salt ""))
    (def key (make-key digest mask salt))
    (def crt (cert/generate-self-signed-from-key key {:common-name "a.example"}))
    (is= 0 (run "openssl" "cms" "-sign" "-in" (put-file "data" "contents") "-binary" "-nodetach"
                "-md" (or digest "sha256") "-signer" (put-file "crt" crt) "-inkey"
                (put-file "key" key) "-keyopt" "rsa_padding_mode:pss" "-outform" "PEM" "-out"
                (string dir "/cms")))
    (def verdict (crypto/cms-verify (slurp (string dir "/cms")) {:ca crt}))
    (is= [true "contents"] [(verdict :valid) (verdict :content)] (verdict :reason))))

(peer-test "openssl" "another digest than the key's is refused with the name of the key's"
  (def key (make-key "sha384" "sha384" 48))
  (def crt (cert/generate-self-signed-from-key key {:common-name "a"}))
  (is (cert/generate-self-signed-from-key key {:common-name "a" :digest :sha384}))
  (each f [|(cert/generate-self-signed-from-key key {:common-name "a" :digest :sha256})
           |(crypto/generate-csr key {:common-name "a" :digest :sha256})
           |(crypto/cms-sign "x" crt key {:digest :sha256})]
    (fails-with "the key allows :sha384 only" (f))))

(peer-test "openssl" "a key for SHA-1 alone is refused"
  (fails-with "allows signatures over sha1 only"
              (cert/generate-self-signed-from-key (make-key "sha1" "sha1" 20) {:common-name "a"})))

(end)
