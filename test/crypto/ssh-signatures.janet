# SSH signatures: ssh-keygen -Y verifies what is signed, and signs what is verified.
(import ../support/check :prefix "")
(import ../support/judges :prefix "")
(import jsec/crypto)

(def dir (tmpdir))
(var- files 0)
(defn- file-of "A file that only this user may read." [text]
  (def path (string dir "/" (++ files)))
  (spit path text)
  (os/chmod path 8r600)
  path)

(def types [:ed25519 :rsa :p256 :p384 :p521])
(def keys-of (tabseq [type :in types] type (crypto/generate-key type)))
(defn- line-of [key] (crypto/convert-key (crypto/export-public-key key) :openssh))

(defn- openssh-verifies
  "Does ssh-keygen find the signature good?"
  [key data signature name-space]
  (def signers (file-of (string "me@example.org " (line-of key))))
  (first (protect (run ["ssh-keygen" "-Y" "verify" "-f" signers "-I" "me@example.org"
                        "-n" name-space "-s" (file-of signature)] data))))

(defn- openssh-sign [key data name-space & args]
  (def path (file-of (crypto/convert-key key :openssh)))
  (run ["ssh-keygen" "-Y" "sign" "-q" "-f" path "-n" name-space ;args (file-of data)] "")
  (string (slurp (string dir "/" files ".sig"))))

(peer-test "ssh-keygen" "ssh-keygen verifies our signatures, and no other data or namespace"
  (each type types
    (def key (keys-of type))
    (each digest [:sha512 :sha256]
      (def signature (crypto/ssh-sign key "data" {:digest digest :namespace "git"}))
      (is (openssh-verifies key "data" signature "git") type)
      (is (not (openssh-verifies key "date" signature "git")))
      (is (not (openssh-verifies key "data" signature "file"))))))

(peer-test "ssh-keygen" "signatures of ssh-keygen are verified, for their data and namespace"
  (each type types
    (def key (keys-of type))
    (each args [[] ["-O" "hashalg=sha256"]]
      (def signature (openssh-sign key "data" "file" ;args))
      (each form [key (line-of key) (crypto/export-public-key key) (crypto/key key)]
        (is (crypto/ssh-verify form "data" signature)))
      (is (not (crypto/ssh-verify key "date" signature)))
      (is (not (crypto/ssh-verify key "data" signature {:namespace "git"})))
      (is (not (crypto/ssh-verify (crypto/generate-key :ed25519) "data" signature)))
      (def info (crypto/parse-ssh-signature signature))
      (is= {:public-key (crypto/export-public-key key) :namespace "file"
            :digest (if (empty? args) :sha512 :sha256)} info))))

(peer-test ["git" "ssh-keygen"] "git verifies a tag that is signed by an SSH key of ours"
  (def key (keys-of :ed25519))
  (def repo (string dir "/repo"))
  (def signers (file-of (string "me@example.org " (line-of key))))
  (def signing (file-of (crypto/convert-key key :openssh)))
  (spit (string signing ".pub") (line-of key))
  (defn git [& args]
    (run ["git" "-C" repo "-c" "user.name=me" "-c" "user.email=me@example.org"
          "-c" "gpg.format=ssh" "-c" (string "user.signingkey=" signing)
          "-c" (string "gpg.ssh.allowedSignersFile=" signers) ;args] ""))
  (os/mkdir repo)
  (git "init" "-q")
  (git "commit" "-q" "--allow-empty" "-m" "first")
  (git "tag" "-s" "-m" "signed" "v1")
  (is (string/find "Good \"git\" signature" (git "tag" "-v" "v1")))
  (def tag (git "cat-file" "tag" "v1"))
  (def at (string/find "-----BEGIN SSH SIGNATURE-----" tag))
  (is (crypto/ssh-verify (line-of key) (string/slice tag 0 at) (string/slice tag at)
                         {:namespace "git"})))

(test "signatures go both ways, of data of any length, with an encrypted key too"
  (each data ["" "a" (string/repeat "x" 100000) (buffer "b")]
    (def signature (crypto/ssh-sign (keys-of :p256) data))
    (is (crypto/ssh-verify (keys-of :p256) data signature)))
  (def encrypted (crypto/export-key (keys-of :rsa) {:password "pw" :iterations 1000}))
  (is (crypto/ssh-verify (keys-of :rsa) "data" (crypto/ssh-sign encrypted "data" {:password "pw"})))
  (def long (string/repeat "0123456789" 500000))
  (is (crypto/ssh-verify (keys-of :rsa) long (crypto/ssh-sign (keys-of :rsa) long))))

(test "halves of ECDSA that are short by chance are written and read"
  (repeat 300
    (def signature (crypto/ssh-sign (keys-of :p521) "data"))
    (is (crypto/ssh-verify (keys-of :p521) "data" signature))))

(defn- bytes-of [block]
  (crypto/base64-decode (string/join (slice (string/split "\n" (string/trim block)) 1 -2))))
(defn- armored [bytes]
  (string "-----BEGIN SSH SIGNATURE-----\n" (crypto/base64-encode bytes)
          "\n-----END SSH SIGNATURE-----\n"))

(test "a signature that was cut or changed in a byte is not valid"
  (each type [:ed25519 :p256 :rsa]
    (def key (keys-of type))
    (def whole (bytes-of (crypto/ssh-sign key "data")))
    (is (crypto/ssh-verify key "data" (armored whole)))
    (loop [n :range [0 (length whole)]]
      (is (not (crypto/ssh-verify key "data" (armored (string/slice whole 0 n)))) n)
      (def changed (buffer whole))
      (put changed n (bxor (changed n) 1))
      (is (not (crypto/ssh-verify key "data" (armored changed))) n))
    (is (not (crypto/ssh-verify key "data" (armored (string whole "\0")))))))

(test "what is no signature is not valid, and can't be parsed"
  (each text ["" "text" "-----BEGIN SSH SIGNATURE-----\n" (armored "SSHSIG") (armored "")
              (crypto/export-public-key (keys-of :rsa)) (string/repeat "A" 1000000)]
    (is (not (crypto/ssh-verify (keys-of :rsa) "data" text)))
    (fails-with "crypto/parse-ssh-signature: not an SSH signature"
                (crypto/parse-ssh-signature text))))

(test "keys that SSH does not know, and namespaces that can't be, are refused"
  (each type [:ed448 :secp256k1 :rsa-pss]
    (def key (crypto/generate-key type))
    (fails-with "SSH has no such keys" (crypto/ssh-sign key "data"))
    (fails-with "SSH has no such keys" (crypto/ssh-verify key "data" "signature")))
  (each name-space ["" (string/repeat "x" 1025)]
    (fails-with "bad option :namespace, expected 1 to 1024 characters"
                (crypto/ssh-sign (keys-of :rsa) "data" {:namespace name-space})))
  (fails-with "text without NUL" (crypto/ssh-sign (keys-of :rsa) "data" {:namespace "a\0b"}))
  (fails-with "expected one of :sha512 :sha256"
              (crypto/ssh-sign (keys-of :rsa) "data" {:digest :sha1}))
  (fails-with "not a private key"
              (crypto/ssh-sign (crypto/export-public-key (keys-of :rsa)) "data"))
  (fails-with "bad slot #1, expected string or buffer" (crypto/ssh-sign (keys-of :rsa) :data))
  (fails-with "bad slot #2, expected string or buffer"
              (crypto/ssh-verify (keys-of :rsa) "data" nil)))

(end)
