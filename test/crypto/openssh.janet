# Keys of OpenSSH: ssh-keygen reads what is written, and its keys are read.
(import ../support/check :prefix "")
(import ../support/judges :prefix "")
(import jsec/cert)
(import jsec/crypto)
(import jsec/tls)

(def dir (tmpdir))
(var- files 0)
(defn- file-of "A file that only this user may read." [text]
  (def path (string dir "/" (++ files)))
  (spit path text)
  (os/chmod path 8r600)
  path)

(defn- ssh-keygen [& args] (run ["ssh-keygen" ;args] ""))

(defn- make
  "A private key of ssh-keygen, and its public line."
  [type bits &opt password & more]
  (def path (string dir "/" (++ files)))
  (ssh-keygen "-q" "-t" type "-b" (string bits) "-N" (or password "") "-C" "user@host" "-f" path
              ;more)
  [(string (slurp path)) (string (slurp (string path ".pub")))])

(defn- armored [bytes]
  (string "-----BEGIN OPENSSH PRIVATE KEY-----\n" (crypto/base64-encode bytes)
          "\n-----END OPENSSH PRIVATE KEY-----\n"))

(defn- bytes-of [key]
  (crypto/base64-decode (string/join (slice (string/split "\n" (string/trim key)) 1 -2))))

(def kinds [["ed25519" 256] ["rsa" 1024] ["rsa" 2048] ["rsa" 3072]
            ["ecdsa" 256] ["ecdsa" 384] ["ecdsa" 521]])
(def types [:ed25519 :rsa :p256 :p384 :p521])

(peer-test "ssh-keygen" "private and public keys of ssh-keygen are read"
  (each [type bits] kinds
    (def [private public] (make type bits))
    (def pem (crypto/load-key private))
    (is (string/has-prefix? "-----BEGIN PRIVATE KEY-----\n" pem))
    (is= (crypto/export-public-key pem) (crypto/export-public-key public))
    (is= (crypto/export-public-key pem) (crypto/export-public-key private))
    (def data "data")
    (is (crypto/verify public data (crypto/sign private data)))
    (is= {:private true :encrypted false}
         (struct ;(mapcat |[$ ((crypto/key-info private) $)] [:private :encrypted])))
    (is (not ((crypto/key-info public) :private)))
    (is= (crypto/jwk-thumbprint public) (crypto/jwk-thumbprint (crypto/key private)))))

(peer-test "ssh-keygen" "ssh-keygen reads the private and public keys that are written"
  (each type types
    (repeat 5
      (def pem (crypto/generate-key type))
      (def options {:comment "a comment"})
      (def private (crypto/convert-key pem :openssh options))
      (def public (crypto/convert-key (crypto/export-public-key pem) :openssh options))
      (is= public (ssh-keygen "-y" "-f" (file-of private)))
      (is (string/find " a comment (" (ssh-keygen "-l" "-f" (file-of public))))
      (is= pem (crypto/load-key private))
      (is= (crypto/export-public-key pem) (crypto/export-public-key public)))))

(peer-test "ssh-keygen" "ssh-keygen converts our key to PKCS#8 and back"
  (def pem (crypto/generate-key :rsa))
  (def path (file-of (crypto/convert-key pem :openssh)))
  (ssh-keygen "-p" "-N" "" "-m" "PKCS8" "-f" path)
  (is= pem (string (slurp path)))
  (ssh-keygen "-p" "-N" "" "-f" path)
  (is (string/has-prefix? "-----BEGIN OPENSSH PRIVATE KEY-----" (slurp path)))
  (is= pem (crypto/load-key (slurp path))))

(test "a key without a comment, and a line among spaces, are read"
  (def pem (crypto/export-public-key (crypto/generate-key :ed25519)))
  (def line (crypto/convert-key pem :openssh))
  (is (peg/match '(* "ssh-ed25519 " (some (if-not (set " \n") 1)) "\n" -1) line))
  (each form [line (string/trim line) (buffer line) (string "  " line)
              (string/replace " " "\t" line)
              (string (string/trim line) " a comment of words\r\n\n")]
    (is= pem (crypto/export-public-key form))))

(test "a key of OpenSSH serves TLS and signs certificates"
  (def private (crypto/convert-key (crypto/generate-key :p256) :openssh))
  (def certificate (cert/generate-self-signed-from-key private))
  (is (tls/new-context {:cert certificate :key private}))
  (is (cert/generate-self-signed-from-key (string/replace-all "\n" "\\n" private)))
  (is (cert/issue-cert {:issuer-cert certificate :issuer-key private :common-name "a.example"
                        :key (crypto/convert-key (crypto/export-public-key private) :openssh)})))

# ---- encrypted keys ----

(def ciphers ["aes256-ctr" "aes192-ctr" "aes128-ctr" "aes256-cbc" "aes192-cbc" "aes128-cbc"
              "aes256-gcm@openssh.com" "aes128-gcm@openssh.com"])

(peer-test "ssh-keygen" "encrypted keys of ssh-keygen are read, of each cipher"
  (each cipher ciphers
    (def [private public] (make "ed25519" 256 "secret" "-Z" cipher "-a" "3"))
    (def pem (crypto/load-key private "secret"))
    (is= (crypto/export-public-key public) (crypto/export-public-key pem))
    (fails-with "wrong password or damaged key" (crypto/load-key private "Secret"))
    (fails-with "wrong password or damaged key" (crypto/load-key private ""))
    (fails-with "private key is encrypted: give its password" (crypto/sign private "data"))
    (def info (crypto/key-info private))
    (is= [:ed25519 true true cipher] (tuple ;(map info [:type :encrypted :private :cipher])))
    (is= :ed25519 ((crypto/key-info private "secret") :type))
    (is ((crypto/key-info private "secret") :encrypted))
    # the public half is not encrypted
    (is= (crypto/export-public-key public) (crypto/export-public-key private)))
  (each [type bits] kinds
    (def [private public] (make type bits "pass word" "-a" "2"))
    (def signature (crypto/sign private "data" {:password "pass word"}))
    (is (crypto/verify public "data" signature))
    (is (crypto/verify public "data" (crypto/sign (crypto/key private "pass word") "data")))))

(peer-test "ssh-keygen" "ssh-keygen opens keys that are encrypted here, with their password"
  (each type [:ed25519 :p256]
    (def pem (crypto/generate-key type))
    (def private (crypto/convert-key pem :openssh {:password "secret" :comment "me"}))
    (def path (file-of private))
    (is= (crypto/convert-key (crypto/export-public-key pem) :openssh {:comment "me"})
         (ssh-keygen "-y" "-P" "secret" "-f" path))
    (fails-with "incorrect passphrase" (ssh-keygen "-y" "-P" "Secret" "-f" path))
    (is= pem (crypto/load-key private "secret"))))

(peer-test "ssh-keygen" "a cipher that is not supported, and too many rounds, are named"
  (def [private] (make "ed25519" 256 "secret" "-Z" "chacha20-poly1305@openssh.com" "-a" "1"))
  (fails-with "by a cipher that is not supported" (crypto/load-key private "secret"))
  (def [private] (make "ed25519" 256 "secret" "-a" "1"))
  (def bytes (bytes-of private))
  (def at (+ 20 (string/find "\0\0\0\x10" bytes))) # the rounds follow the salt
  (defn refused [why rounds]
    (def changed (buffer/blit (buffer bytes) rounds at))
    (fails-with why (crypto/load-key (armored changed) "secret")))
  (refused "bcrypt of more than 1000 rounds" "\0\0\x03\xe9")
  (refused "bcrypt of more than 1000 rounds" "\xff\xff\xff\xff")
  (refused "damaged" "\0\0\0\0"))

# ---- what is refused ----

(test "keys that SSH does not know are not written"
  (each type [:ed448 :x25519 :secp256k1 :rsa-pss]
    (fails-with "SSH has no such keys" (crypto/convert-key (crypto/generate-key type) :openssh)))
  (def pem (crypto/generate-key :ed25519))
  (fails-with "password not usable" (crypto/convert-key pem :openssh {:password ""}))
  (fails-with "options :cipher and :iterations go with PKCS#8"
              (crypto/convert-key pem :openssh {:password "x" :iterations 5000}))
  (fails-with "only private keys in PKCS#8 or OpenSSH's form"
              (crypto/convert-key (crypto/export-public-key pem) :openssh {:password "x"}))
  (each text ["a\nb" "a\0b" "\e[2J" "\x7f"]
    (fails-with "comment" (crypto/convert-key pem :openssh {:comment text})))
  (def long (string/repeat "x" 1025))
  (fails-with "longer than 1024" (crypto/convert-key pem :openssh {:comment long}))
  (fails-with "option :comment goes with :openssh" (crypto/convert-key pem :pem {:comment "x"})))

(test "lines that are no key are refused"
  (def line (string/trim (crypto/convert-key (crypto/export-public-key (crypto/generate-key :p256))
                                             :openssh)))
  (def [type text] (string/split " " line))
  (defn refused [why line] (fails-with why (crypto/export-public-key line)))
  (refused "its Base64 is damaged" (string type " " (string/slice text 0 -2)))
  (refused "its Base64 is damaged" (string type " " text "="))
  (refused "its Base64 is damaged" (string type " "))
  (refused "its Base64 is damaged" (string type " " (string/replace "A" "*" text)))
  (refused "its Base64 is damaged" (string type " " (string/repeat "A" 100000)))
  (refused "its type is not that of its bytes" (string "ssh-ed25519 " text))
  (refused "more than one line" (string line "\n" line))
  (refused "certificates of SSH are not supported"
           (string "ssh-ed25519-cert-v01@openssh.com "
                   (crypto/base64-encode "\0\0\0\x20ssh-ed25519-cert-v01@openssh.com")))
  (refused "keys in security tokens are not supported"
           (string "sk-ssh-ed25519@openssh.com "
                   (crypto/base64-encode "\0\0\0\x1ask-ssh-ed25519@openssh.com")))
  (refused "its type must be ssh-ed25519" "ssh-dss AAAAB3NzaC1kc3M="))

(test "no key that was cut or changed in a byte is read as another one"
  (each type [:ed25519 :p256 :rsa]
    (def pem (if (= type :rsa) (crypto/generate-key type 1024) (crypto/generate-key type)))
    (def whole (bytes-of (crypto/convert-key pem :openssh)))
    (is= pem (crypto/load-key (armored whole)))
    (def public (crypto/export-public-key pem))
    (def step (if (= type :rsa) 7 1))
    (loop [n :range [0 (length whole) step]]
      (def cut (string/slice whole 0 n))
      (is (not (first (protect (crypto/load-key (armored cut))))) n)
      (def changed (buffer whole))
      (put changed n (bxor (changed n) (if (odd? n) 1 0x80)))
      (def [read key] (protect (crypto/load-key (armored changed))))
      # of the comment and the numbers that stand twice, nothing is checked
      (when read (is= pem key n)))))

(test "halves of different keys are refused"
  (def a (bytes-of (crypto/convert-key (crypto/generate-key :ed25519) :openssh)))
  (def b (bytes-of (crypto/convert-key (crypto/generate-key :ed25519) :openssh)))
  # the public blob lies before the byte 94, the private part behind it
  (fails-with "its halves belong to different keys"
              (crypto/load-key (armored (string (string/slice a 0 94) (string/slice b 94))))))

(test "no error shows the key"
  (def key (crypto/convert-key (crypto/generate-key :ed25519) :openssh))
  (def text (string/join (slice (string/split "\n" key) 1 -3)))
  (each flaw [(string/slice key 0 -60) (string/replace-all "A" "B" key) (string/slice key 0 200)
              text
              (string "ssh-ed25519 " text)]
    (each f [crypto/load-key crypto/key crypto/export-public-key]
      (def [read err] (protect (f flaw)))
      (unless read
        (loop [i :range-to [0 (- (length text) 8)]]
          (is (not (string/find (string/slice text i (+ i 8)) err)) err))))))

(end)
