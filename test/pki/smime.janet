# Mail: S/MIME between jsec, `openssl cms`, `openssl smime` and Python's mail parser, both ways; the
# signers of a message and its time; recipients with a password.
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
  (unless (= 0 code) (error (string (string/join words " ") ": " out err)))
  (string out))

(def ca (cert/generate-self-signed-cert {:common-name "CA" :key-type :p256}))
(defn- person [name kind]
  (cert/issue-cert {:issuer-cert (ca :cert) :issuer-key (ca :key) :key-type kind :common-name name
                    :san [(string "email:" name "@a.example")]
                    :ext-key-usage [:email-protection]}))
(def alice (person "alice" :rsa))
(def bob (person "bob" :p256))
(def ca-file (put-file "ca.pem" (ca :cert)))
(each [name who] [["alice" alice] ["bob" bob]]
  (put-file (string name ".pem") (who :cert))
  (put-file (string name ".key") (who :key)))

(defn- crlf [text] (string/replace-all "\n" "\r\n" (string/replace-all "\r\n" "\n" text)))

(def entity (string "Content-Type: text/html; charset=us-ascii\n\n<p>Hello,\n\n  dear Bob </p>\n"
                    "-- \ntrailing spaces  \n.\nFrom here\n"))
(def headers
  "From: alice@a.example\r\nTo: bob@a.example\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n")

(defn- check [mail expected]
  (def verdict (crypto/smime-verify mail {:ca (ca :cert)}))
  (is= [true nil expected] [(verdict :valid) (verdict :reason) (verdict :content)])
  verdict)

(defn- openssl-verify [tool mail expected]
  (run "openssl" tool "-verify" "-in" (put-file "mail" mail) "-CAfile" ca-file "-out" (at "out"))
  (is= expected (string (slurp (at "out")))))

(def python
  "Prints the structure of a mail and the text of its first part."
  ```
  import sys, email, email.policy
  m = email.message_from_bytes(open(sys.argv[1], 'rb').read(), policy=email.policy.default)
  defects = [d for part in m.walk() for d in part.defects]
  print(m.get_content_type(), m.get_param('protocol'), m.get_param('micalg'),
        m.get_param('smime-type'), len(defects))
  for part in m.walk():
      print(part.get_content_type(), part.get_filename())
  first = next(p for p in m.walk() if not p.is_multipart())
  if first.get_content_maintype() == 'text': sys.stdout.write(first.get_content())
  ```)
(put-file "parse.py" python)
(defn- parsed [mail] (run "python3" (at "parse.py") (put-file "mail" mail)))

(each [how opts] [["multipart/signed" {}] ["an opaque mail" {:opaque true}]]
  (each who [alice bob]
    (test (string how " is verified, with and without headers, and however its lines end")
      (def mail (crypto/smime-sign entity (who :cert) (who :key) opts))
      (is (string? mail))
      (is= mail (crlf mail) "every line ends in CRLF")
      (each given [mail (string headers mail) (string/replace-all "\r\n" "\n" mail) (buffer mail)]
        (check given (crlf entity))))
    (peer-test "openssl" (string "openssl verifies " how)
      (def mail (string headers (crypto/smime-sign entity (who :cert) (who :key) opts)))
      (openssl-verify "cms" mail (crlf entity))
      (openssl-verify "cms" (string/replace-all "\r\n" "\n" mail) (crlf entity))
      (if (= who alice) (openssl-verify "smime" mail (crlf entity))))
    (peer-test "openssl" (string "openssl's " how " is verified")
      (def name (if (= who alice) "alice" "bob"))
      (each tool (if (= who alice) ["cms" "smime"] ["cms"])
        (run "openssl" tool "-sign" "-in" (put-file "entity" entity) "-signer"
             (at (string name ".pem")) "-inkey" (at (string name ".key")) "-out" (at "mail")
             "-subject" "x" ;(if (opts :opaque) ["-nodetach"] []))
        (check (slurp (at "mail")) (crlf entity)))))
  (peer-test "python3" (string "Python's parser reads " how " without a defect")
    (def text (parsed (string headers (crypto/smime-sign entity (alice :cert) (alice :key) opts))))
    (if (opts :opaque)
      (is (string/has-prefix? "application/pkcs7-mime None None signed-data 0" text) text)
      (do
        (is (string/has-prefix?
              "multipart/signed application/pkcs7-signature sha-256 None 0" text) text)
        (is (string/find "text/html" text) text)
        (is (string/find "application/pkcs7-signature smime.p7s" text) text)
        (is (string/find "dear Bob" text) text)))))

(peer-test "python3" "plain text of any script arrives as it was"
  (each text ["hello\n" "Grüße ☺\n" (string (string/repeat "x" 2000) "\n") "日本語\n"]
    (def mail (crypto/smime-sign text (alice :cert) (alice :key) {:text true}))
    (is (all |(< $ 0x80) mail))
    (is= true ((crypto/smime-verify mail {:ca (ca :cert)}) :valid))
    (is (string/has-suffix? text (string/replace-all "\r\n" "\n" (parsed mail))) text)
    (openssl-verify "cms" mail (string ((crypto/smime-verify mail {:ca (ca :cert)}) :content)))))

(test "a mail that was changed on its way is refused"
  (def mail (crypto/smime-sign entity (alice :cert) (alice :key)))
  (each [from to] [["dear Bob" "dear Eve"] ["text/html" "text/xhtml"] ["Hello" "hello"]]
    (def verdict (crypto/smime-verify (string/replace from to mail) {:ca (ca :cert)}))
    (is= [false @[] @[]] [(verdict :valid) (verdict :signers) (verdict :signer-infos)]))
  (is= false ((crypto/smime-verify mail {:ca (bob :cert)}) :valid))
  (is= false ((crypto/smime-verify mail) :valid))
  (def opaque (crypto/smime-sign entity (alice :cert) (alice :key) {:opaque true}))
  (is= false ((crypto/smime-verify opaque {:ca (bob :cert)}) :valid)))

(test "what is no such mail is refused"
  (each mail ["" "hello" headers entity (string headers entity) (alice :cert)
              "Content-Type: multipart/signed\r\n\r\nx"
              "Content-Type: multipart/signed; boundary=a\r\n\r\n--a\r\n\r\nx\r\n--a--\r\n"
              "Content-Type: application/pkcs7-mime\r\n\r\n!!!\r\n"]
    (fails-with "crypto/smime-verify: not an S/MIME message" (crypto/smime-verify mail))
    (fails-with "crypto/smime-decrypt: not an S/MIME message"
                (crypto/smime-decrypt mail (alice :cert) (alice :key))))
  (def sealed (crypto/smime-encrypt entity (alice :cert)))
  (fails-with "not a signed message" (crypto/smime-verify sealed))
  (def signed (crypto/smime-sign entity (alice :cert) (alice :key)))
  (fails-with "not an encrypted message" (crypto/smime-decrypt signed (alice :cert) (alice :key)))
  (fails-with "unknown option" (crypto/smime-sign entity (alice :cert) (alice :key) {:format :pem}))
  (fails-with "does not match" (crypto/smime-sign entity (alice :cert) (bob :key))))

(each cipher [:aes-256-cbc :aes-128-cbc :des-ede3-cbc :aes-256-gcm]
  (peer-test ["openssl" "python3"] (string "mail encrypted by " cipher " is opened by all")
    (def mail (string headers (crypto/smime-encrypt entity [(alice :cert) (bob :cert)]
                                                    {:cipher cipher})))
    (is= mail (crlf mail))
    (each [name who] [["alice" alice] ["bob" bob]]
      (is= (buffer (crlf entity)) (crypto/smime-decrypt mail (who :cert) (who :key)))
      (run "openssl" "cms" "-decrypt" "-in" (put-file "mail" mail) "-recip"
           (at (string name ".pem")) "-inkey" (at (string name ".key")) "-out" (at "out"))
      (is= (crlf entity) (string (slurp (at "out")))))
    (is (string/find "application/pkcs7-mime" (parsed mail)))))

(peer-test "openssl" "mail that openssl encrypted is opened"
  (each tool ["cms" "smime"]
    (run "openssl" tool "-encrypt" "-aes-256-cbc" "-in" (put-file "entity" entity) "-out"
         (at "mail") (at "alice.pem"))
    (is= (buffer (crlf entity))
         (crypto/smime-decrypt (slurp (at "mail")) (alice :cert) (alice :key)))))

(test "a mail is signed, then encrypted"
  (def signed (crypto/smime-sign entity (alice :cert) (alice :key)))
  (def mail (string headers (crypto/smime-encrypt signed (bob :cert) {:cipher :aes-256-gcm})))
  (check (crypto/smime-decrypt mail (bob :cert) (bob :key)) (crlf entity)))

# ---- who signed, and when ----

(test "cms-verify tells each signer, its digest, its time and its attributes"
  (def message (crypto/cms-sign "data" (alice :cert) (alice :key) {:digest :sha512}))
  (def verdict (crypto/cms-verify message {:ca (ca :cert)}))
  (def [info] (verdict :signer-infos))
  (is= 1 (length (verdict :signer-infos)))
  (is= [(alice :cert) :sha512] [(info :cert) (info :digest)])
  (is (< (math/abs (- (os/time) (info :signing-time))) 60))
  (def by-name (tabseq [a :in (info :attributes)] (a :name) a))
  (is= ["\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"] (get-in by-name ["contentType" :values]))
  (is= [(string "\x04\x40" (crypto/digest :sha512 "data"))]
       (get-in by-name ["messageDigest" :values]))
  (is= "1.2.840.113549.1.9.5" (get-in by-name ["signingTime" :oid])))

(peer-test "openssl" "of a message with two signers there are two"
  (run "openssl" "cms" "-sign" "-in" (put-file "data" "data") "-binary" "-nodetach" "-signer"
       (at "alice.pem") "-inkey" (at "alice.key") "-signer" (at "bob.pem") "-inkey" (at "bob.key")
       "-outform" "DER" "-out" (at "cms"))
  (def verdict (crypto/cms-verify (slurp (at "cms")) {:ca (ca :cert)}))
  (is= true (verdict :valid))
  (is= (sort @[(alice :cert) (bob :cert)]) (sort (map |($ :cert) (verdict :signer-infos)))))

(peer-test "openssl" "a signature without attributes has no time"
  (run "openssl" "cms" "-sign" "-in" (put-file "data" "data") "-binary" "-nodetach" "-noattr"
       "-signer" (at "alice.pem") "-inkey" (at "alice.key") "-outform" "DER" "-out" (at "cms"))
  (def [info] ((crypto/cms-verify (slurp (at "cms")) {:ca (ca :cert)}) :signer-infos))
  (is= [nil [] :sha256] [(info :signing-time) (info :attributes) (info :digest)]))

# ---- passwords ----

(each cipher [:aes-256-cbc :aes-128-cbc :des-ede3-cbc :aes-256-gcm]
  (peer-test "openssl" (string "a message under a password and " cipher)
    (each certs [nil [] (alice :cert)]
      (def message (crypto/cms-encrypt "data" certs {:password "secret" :cipher cipher}))
      (is= @"data" (crypto/cms-decrypt message nil nil {:password "secret"}))
      (fails-with "wrong password" (crypto/cms-decrypt message nil nil {:password "Secret"}))
      (run "openssl" "cms" "-decrypt" "-inform" (if (string? certs) "PEM" "DER") "-in"
           (put-file "cms" message) "-pwri_password" "secret" "-out" (at "out"))
      (is= "data" (string (slurp (at "out")))))))

(peer-test "openssl" "a message that openssl encrypted under a password, in CMS and in mail"
  (each [form f] [["DER" crypto/cms-decrypt] ["SMIME" crypto/smime-decrypt]]
    (run "openssl" "cms" "-encrypt" "-binary" "-in" (put-file "data" "data") "-pwri_password"
         "secret" "-aes256" "-outform" form "-out" (at "cms"))
    (is= @"data" (f (slurp (at "cms")) nil nil {:password "secret"}))))

(test "passwords of messages are checked"
  (def sealed (crypto/cms-encrypt "data" (alice :cert)))
  (fails-with "no password opens" (crypto/cms-decrypt sealed nil nil {:password "x"}))
  (fails-with "or :password" (crypto/cms-decrypt sealed nil nil))
  (each password ["" "a\0b" (string/repeat "x" 1025)]
    (fails-with "password not usable" (crypto/cms-encrypt "data" nil {:password password})))
  (fails-with "bad slot #1" (crypto/cms-encrypt "data" nil))
  (fails-with "bad option :password" (crypto/cms-encrypt "data" nil {:password 1})))

(test "a message that asks for too many iterations is refused at once"
  (def message (crypto/cms-encrypt "data" nil {:password "secret"}))
  (def at (string/find "\x02\x03\x09\x27\xc0" message)) # 600000
  (def salt (find |(= (string/from-bytes 4 $) (string/slice message (- at $ 2) (- at $))) [8 16]))
  # the count grows by the byte that the salt before it loses
  (def costly (string (string/slice message 0 (- at salt 2)) (string/from-bytes 4 (dec salt))
                      (string/slice message (- at salt) (dec at)) "\x02\x04\x7f\xff\xff\xff"
                      (string/slice message (+ 5 at))))
  (def started (os/clock :monotonic))
  (fails-with "more than 10000000 iterations"
              (crypto/cms-decrypt costly nil nil {:password "secret"}))
  (is (< (- (os/clock :monotonic) started) 1)))

(end)
