# PEM with lines damaged by environment variables, YAML or JSON is read like sound PEM, by every
# function.
(import ../support/check :prefix "")
(import jsec/cert)
(import jsec/crypto)
(import jsec/tls)

(def identity (cert/generate-self-signed-cert {:common-name "localhost" :key-type :rsa}))
(def other (cert/generate-self-signed-cert {:common-name "other" :key-type :ec-p256}))
(def csr (crypto/generate-csr (identity :key) {:common-name "a.example"}))
(def message (crypto/cms-sign "data" (identity :cert) (identity :key)))
(def encrypted (crypto/export-key (identity :key) {:password "secret" :iterations 1000}))

(defn- lines-of [text] (string/split "\n" (string/trim text)))

(def forms
  "How lines are damaged, each by its name."
  {"a backslash and n for line ends" |(string/replace-all "\n" `\n` $)
   "a backslash, r and n for line ends" |(string/replace-all "\n" `\r\n` $)
   "two backslashes and n for line ends" |(string/replace-all "\n" `\\n` $)
   "a carriage return for line ends" |(string/replace-all "\n" "\r" $)
   "the slashes of JSON" |(string/replace-all "/" `\/` (string/replace-all "\n" `\n` $))
   "a BEGIN in the text before it" |(string "-----BEGIN of an example\n  " $)
   "all on one line" |(string/replace-all "\n" " " (string/trim $))
   "indented by spaces" |(string "    " (string/replace-all "\n" "\n    " (string/trim $)))
   "indented by tabs" |(string "\t" (string/replace-all "\n" "\n\t" (string/trim $)))
   "indented but for the first line" |(string/replace-all "\n" "\n  " (string/trim $))
   "in quotes" |(string `"` (string/trim $) `"`)
   "in quotes with a backslash and n" |(string `'` (string/replace-all "\n" `\n` $) `'`)
   "each line in quotes" |(string/join (map |(string `"` $ `",`) (lines-of $)) "\n")
   "with an UTF-8 mark before it" |(string "\xEF\xBB\xBF" $)
   "in lines of 20 with CRLF" |(let [lines (lines-of $) body (string/join (slice lines 1 -2))]
                                 (string (first lines) "\r\n"
                                         ;(seq [i :range [0 (length body) 20]]
                                            (string (string/slice body i
                                                                  (min (+ i 20) (length body)))
                                                    "\r\n"))
                                         (last lines) "\r\n"))})

(defn- outcome [f & arguments] (protect (f ;arguments)))

(eachp [what damage] forms
  (test (string "PEM " what " is read")
    (def hurt (damage (identity :cert)))
    (is= (cert/parse (identity :cert)) (cert/parse hurt))
    (is= (crypto/load-key (identity :key)) (crypto/load-key (damage (identity :key))))
    (is= (crypto/key-info encrypted) (crypto/key-info (damage encrypted)))
    (is= (crypto/load-key encrypted "secret") (crypto/load-key (damage encrypted) "secret"))
    (is= (crypto/parse-csr csr) (crypto/parse-csr (damage csr)))
    (is= true ((crypto/cms-verify (damage message) {:ca hurt}) :valid))
    (is= true ((cert/verify-chain (identity :cert) {:roots hurt}) :valid))
    (tls/new-context {:cert hurt :key (damage (identity :key)) :ca hurt}))
  (test (string "two certificates " what " are both read")
    (def both (string (damage (identity :cert)) (damage (other :cert))))
    (is= 2 (length (crypto/cms-get-certs (crypto/cms-certs-only both))))
    (is= 2 (length (crypto/cms-get-certs
                     (crypto/cms-certs-only (string (identity :cert) (damage (other :cert)))))))))

(peer-test "openssl" "an encrypted key of the old form, with its headers, is read from each of them"
  (def dir (tmpdir))
  (spit (string dir "/key") (identity :key))
  (os/execute ["openssl" "rsa" "-in" (string dir "/key") "-out" (string dir "/old") "-aes128"
               "-traditional" "-passout" "pass:secret"]
              :px {:err (file/open "/dev/null" :w)})
  (def old (slurp (string dir "/old")))
  (eachp [what damage] forms
    (unless (= what "in lines of 20 with CRLF") # its headers would be cut
      (is= (crypto/load-key old "secret") (crypto/load-key (damage old) "secret") what))))

(test "blocks that are joined without a line end are read alike by TLS and cert/parse"
  (def glued (string (string/trim (identity :cert)) (other :cert)))
  (is= (cert/parse (identity :cert)) (cert/parse glued))
  (is= 2 (length (crypto/cms-get-certs (crypto/cms-certs-only glued))))
  (tls/new-context {:cert glued :key (identity :key)})
  (tls/new-context {:ca glued}))

(test "certificates in DER may follow each other, other bytes may not"
  (def both
    (string (crypto/convert-cert (identity :cert) :der) (crypto/convert-cert (other :cert) :der)))
  (is= 2 (length (crypto/cms-get-certs (crypto/cms-certs-only both))))
  (fails-with "not a certificate: number 3" (cert/parse (string both "more"))))

(test "a bad certificate among others is named by its number"
  (def lines (lines-of (other :cert)))
  (def bad (string (lines 0) "\n" (string/join (slice lines 2) "\n") "\n"))
  (fails-with "not a certificate: number 2: " (cert/parse (string (identity :cert) bad)))
  (fails-with "not a certificate: number 1: " (cert/parse (string bad (identity :cert))))
  (fails-with ":ca-file: not a certificate: number 3: "
              (tls/new-context {:ca (string (identity :cert) (other :cert) bad)}))
  (fails-with '(* "not a certificate: " (! "number")) (cert/parse bad)))

(def- small
  "PEM of three certificates, short ones."
  (seq [name :in ["a" "b" "c"]]
    (cert/generate-self-signed-from-key (other :key) {:common-name name})))

(defn- count-read [text] (length (crypto/cms-get-certs (crypto/cms-certs-only text))))

(def [first-one second third] small)
(def second-der (crypto/convert-cert second :der))
(def utf16 (string/join (map |(string/from-bytes $ 0) (string/bytes second))))

(eachp [what text] {"in DER" second-der
                    "in DER, cut off" (string/slice second-der 0 80)
                    "in UTF-16" utf16
                    "with four dashes" (string/replace-all "-----" "----" second)
                    "with four dashes behind BEGIN" (string/replace "E-----\n" "E----\n" second)
                    "with a word processor's dashes" (string/replace-all "-----" "–––––" second)
                    "with spaces behind its dashes" (string/replace "-----B" "----- B" second)
                    "in lower case" (string/ascii-lower second)
                    "without its BEGIN line" (string/slice second 28)
                    "without its END line" (string/slice second 0 -27)
                    "with another label at its end" (string/replace "END " "END X509 " second)
                    "that is empty" "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"
                    "quoted as in a mail" (string "> " (string/replace-all "\n" "\n> " second))}
  (test (string "a second certificate " what " is read, or refused as number 2")
    (each [given count] [[(string first-one text) 2] [(string first-one text third) 3]]
      (def [fine result] (protect (count-read given)))
      (if fine
        (is= count result)
        (is (string/find "not a certificate: number 2" result) result))
      (def [loaded why] (protect (tls/new-context {:ca given})))
      (unless (and loaded fine)
        (is (or (string/find ":ca-file: not a certificate: number 2" why)
                (string/find "without NUL bytes" why)) why)))))

(test "other blocks and text between certificates are skipped"
  (is= 3 (count-read (string "subject=/CN=ü\n" first-one (other :key) second csr third "\0")))
  (is= 2 (count-read (string "-- BEGIN CERTIFICATE LIST --\n" first-one "--- END ---\n" second)))
  (is= 2 (count-read (string (string/replace-all " CERT" " X509 CERT" first-one)
                             (string/replace-all " CERT" " TRUSTED CERT" second)))))

(def base64 (string/join (slice (lines-of second) 1 -2) "\n"))
(def bundle (crypto/create-pkcs12 second (other :key) {:password "x" :iterations 1000}))

(defn- pem-of [name der]
  (string "-----BEGIN " name "-----\n"
          (string/replace-all "\r\n" "\n"
            (string/join (map string (partition 64 (crypto/base64-encode der))) "\n"))
          "\n-----END " name "-----\n"))

(eachp [what [text why]]
  {"Base64 without BEGIN and END" [base64 "Base64 without BEGIN and END lines"]
   "such Base64 on one line" [(string/replace-all "\n" "" base64) "Base64 without BEGIN"]
   "such Base64 in quotes" [(string `"` (string/replace-all "\n" `\n` base64) `",`)
                              "Base64 without BEGIN"]
   "Base64 of PEM" [(crypto/base64-encode second) "Base64 without BEGIN and END lines"]
   "a PKCS7 block" [(crypto/cms-certs-only second) "PKCS7\" is not read: crypto/cms-get-certs"]
   "a CMS block" [message "\"CMS\" is not read: crypto/cms-get-certs"]
   "a PKCS12 block" [(pem-of "PKCS12" bundle) "PKCS12\" is not read: crypto/parse-pkcs12"]
   "a misspelt label" [(string/replace-all "CERTIFICATE" "CERTFICATE" second)
                       "\"CERTFICATE\" is not read"]}
  (test (string what " among certificates is refused: it may hold one")
    (each given [(string first-one text) (string "# comment\n" text "\n" first-one)
                 (string first-one text "\n" third)
                 (string ((forms "all on one line") first-one) " " text)]
      (fails-with "not a certificate: " (count-read given))
      (is (string/find why (last (protect (count-read given)))) (last (protect (count-read given))))
      (fails-with ":ca-file: not a certificate: " (tls/new-context {:ca given}))
      (fails-with "not a certificate: " (cert/verify-chain first-one {:roots given})))))

(test "the line of such Base64 is named"
  (fails-with "not a certificate: line 3: Base64 without"
              (cert/parse (string "a\nb\n" base64 "\n" first-one))))

(test "comments, fingerprints, pins, keys and parameters between certificates are skipped"
  (def digest (crypto/digest :sha512 "x"))
  (each text ["Bag Attributes\n    localKeyID: 54 69 6D 65\nsubject=CN = a\n\nissuer=CN = b\n"
              "Amazon Root CA 1\n================\n" "# Label: \"GlobalSign\"\n# Serial: 04\n"
              (string "SHA256: " (crypto/hex-encode (crypto/digest :sha256 "x")) "\n")
              (string "pin-sha256=\"" (crypto/base64-encode (crypto/digest :sha256 "y")) "\"\n")
              (string (string/ascii-upper (crypto/hex-encode digest)) "\n")
              (string "sha512-" (crypto/base64-encode digest) "\n") "MII\n"
              "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
              (other :key) (crypto/export-public-key (other :key)) csr encrypted
              (cert/issue-crl {:issuer-cert (identity :cert) :issuer-key (identity :key)})]
    (is= 2 (count-read (string first-one text second)) text)
    (is= 2 (count-read (string text first-one second text)) text)
    (tls/new-context {:ca (string text first-one text)})))

(peer-test "openssl" "text that openssl x509 -text and pkcs12 write around certificates is skipped"
  (def dir (tmpdir))
  (defn output [& words]
    (with [p (os/spawn words :px {:out :pipe :err :pipe :in :pipe})]
      (:close (p :in))
      (def text (ev/read (p :out) :all))
      (os/proc-wait p)
      text))
  (spit (string dir "/cert") (identity :cert))
  (spit (string dir "/p12") (crypto/create-pkcs12 (identity :cert) (identity :key)
                                                  {:password "x" :friendly-name "ä" :chain second}))
  (def shown (output "openssl" "x509" "-in" (string dir "/cert") "-text" "-fingerprint"))
  (is= 2 (count-read (string shown second shown)))
  (def dumped (output "openssl" "pkcs12" "-in" (string dir "/p12") "-passin" "pass:x" "-nodes"))
  (is (string/find "Bag Attributes" dumped))
  (is= 2 (count-read dumped)))

(test "a second request or list behind the first in one block, or in DER, is refused"
  (def csr-der (crypto/base64-decode (string/join (slice (lines-of csr) 1 -2))))
  (def list (cert/issue-crl {:issuer-cert (identity :cert) :issuer-key (identity :key)
                             :format :der}))
  (is= (crypto/parse-csr csr) (crypto/parse-csr csr-der))
  (each bad [(string csr-der csr-der) (string csr-der "\0")
             (pem-of "CERTIFICATE REQUEST" (string csr-der csr-der))]
    (fails-with "not a certificate request: damaged: too long" (crypto/parse-csr bad)))
  (is (cert/parse-crl (pem-of "X509 CRL" list)))
  (fails-with "not a CRL: damaged: too long"
              (cert/parse-crl (pem-of "X509 CRL" (string list list))))
  (fails-with "not a CRL" (cert/parse-crl (string list "\0"))))

(peer-test "openssl" "revocation lists are all read, or it raises"
  (def dir (tmpdir))
  (defn run [& words] (os/execute words :px {:out (file/open "/dev/null" :w)
                                             :err (file/open "/dev/null" :w)}))
  (defn crl-of [number identity]
    (each [name text] [["ca" (identity :cert)] ["key" (identity :key)] ["index" ""]
                       ["number" (string number)]
                       ["conf" (string "[ca]\ndefault_ca=a\n[a]\ndatabase=" dir "/index\ncrlnumber="
                                       dir "/number\ndefault_md=sha256\ndefault_crl_days=9\n")]]
      (spit (string dir "/" name) text))
    (run "openssl" "ca" "-gencrl" "-config" (string dir "/conf") "-cert" (string dir "/ca")
         "-keyfile" (string dir "/key") "-out" (string dir "/crl"))
    (run "openssl" "crl" "-in" (string dir "/crl") "-outform" "DER" "-out" (string dir "/der"))
    [(slurp (string dir "/crl")) (slurp (string dir "/der"))])
  (def [[pem der] [other-pem other-der]]
    [(crl-of "01" identity) (crl-of "02" other)])
  (defn check [crls] (cert/verify-chain (other :cert) {:roots (other :cert) :crls crls}))
  (each good [(string pem other-pem) (string der other-der) [pem other-der]
              (string (string/replace-all "\n" "\n  " pem) other-pem)]
    (is= true ((check good) :valid) ((check good) :reason)))
  (is= false ((check pem) :valid))
  (each bad [(string pem other-der) (string pem (string/replace-all "-----" "----" other-pem))
             (string pem (string/slice other-pem 25))]
    (fails-with "not a CRL: number 2 was not read" (check bad)))
  (fails-with "not a CRL" (check (string der "junk"))))

(test "text around the blocks and blocks without an end are ignored"
  (is= (cert/parse (identity :cert))
       (cert/parse (string "subject=/CN=x\n  indented\n" (identity :cert) "more\n")))
  (each bad ["-----BEGIN CERTIFICATE-----" "-----BEGIN CERTIFICATE-----\\n"
             "  -----BEGIN X-----  -----END X-----"
             "-----BEGIN CERTIFICATE----------END CERTIFICATE-----"
             (string/slice (string/replace-all "\n" " " (identity :cert)) 0 200)]
    (fails-with "not a certificate" (cert/parse bad))))

(def endless (first (string/split "-----END" (other :cert))))
(def one-line (forms "all on one line"))
(def indented (forms "indented by spaces"))

(test "no certificate is lost because another one has no end or a NUL byte inside"
  (def [start rest] [(string/slice (identity :cert) 0 100) (string/slice (identity :cert) 100)])
  (each text [endless (string endless (identity :cert))
              (string (one-line endless) " " (identity :cert))
              (string (identity :cert) (indented endless))
              (string (indented (identity :cert)) (indented endless))
              (string (identity :cert) (other :cert) endless (identity :cert))
              (string (string/slice (other :cert) 0 -3) "\n" (indented (identity :cert)))
              (string start "\0" rest (other :cert))
              (string (other :cert)
                      (string/replace "\n-----END" "\n\0AAAA\n-----END" (identity :cert)))]
    (fails-with "not a certificate: " (crypto/cms-certs-only text))
    (fails-with '(+ ":ca-file: not a certificate: " "without NUL bytes")
                (tls/new-context {:ca text}))))

(def slowness (scan-number (os/getenv "JSEC_SLOW" "1")))

(test "damaged lines take time in proportion to their number"
  (defn seconds [text]
    (def start (os/clock :monotonic))
    (protect (cert/parse text))
    (- (os/clock :monotonic) start))
  (each part ["-----BEGIN CERTIFICATE-----\n" "-----BEGIN " "-----BEGIN x\n"
              "-----BEGIN X-----\n-----END X-----\n" "-----BEGIN X-----AA-----END X-----" "----- "
              "-----END X----- " "\\" "\n" "\r" " " "a: b " ",b" "A" "\\n\\"]
    (def many (string/repeat part (math/floor (/ 2000000 (length part)))))
    (each text [many
                (string "-----BEGIN CERTIFICATE-----\n" many "\n-----END CERTIFICATE-----\n")
                (string "-----BEGIN CERTIFICATE----- a: b" many)]
      (is (< (seconds text) (* 2 slowness)) part))))

(end)
