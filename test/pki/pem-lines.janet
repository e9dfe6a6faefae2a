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

(test "text around the blocks and blocks without an end are ignored"
  (is= (cert/parse (identity :cert))
       (cert/parse (string "subject=/CN=x\n  indented\n" (identity :cert) "more\n")))
  (each bad ["-----BEGIN CERTIFICATE-----" "-----BEGIN CERTIFICATE-----\\n"
             "  -----BEGIN X-----  -----END X-----"
             "-----BEGIN CERTIFICATE----------END CERTIFICATE-----"
             (string/slice (string/replace-all "\n" " " (identity :cert)) 0 200)]
    (fails-with "not a certificate" (cert/parse bad))))

(end)
