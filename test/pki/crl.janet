# Revocation lists of a CA of one's own: made, read, asked, and judged by other programs.
(import ../support/check :prefix "")
(import ../support/datagrams :as datagrams)
(import ../support/hostile :prefix "")
(import ../support/peers :prefix "")
(import jsec/cert)
(import jsec/crypto)
(import jsec/tls)

(def ca (authority "Revoking CA"))
(def other (authority "Other CA"))
(defn make [& options] (issue ca ;options))
(def good (make))
(def bad (make))
(def worse (make))

(defn serial [made] ((cert/parse (made :cert)) :serial))
(defn crl [revoked &opt options issuer]
  (default issuer ca)
  (cert/issue-crl (merge {:issuer-cert (issuer :cert) :issuer-key (issuer :key) :revoked revoked}
                         (or options {}))))

(def day 1900000000)
(def list
  (crl [{:serial (serial bad) :reason :key-compromise :time day} {:cert (worse :cert)}]
       {:number 17}))

(test "a list contains what was revoked, when and why"
  (def info (cert/parse-crl list))
  (is (string/has-prefix? "-----BEGIN X509 CRL-----\n" list))
  (is= ["CN=Revoking CA,O=Test,C=US" 2 "11"] [(info :issuer-text) (info :version) (info :number)])
  (is= (* 30 86400) (- (info :next-update) (info :this-update)))
  (is= ((cert/parse (ca :cert)) :subject-key-id) (info :authority-key-id))
  (def found (tabseq [entry :in (info :revoked)] (entry :serial) entry))
  (is= {:serial (serial bad) :reason :keyCompromise :time day} (found (serial bad)))
  (is= [:serial :time] (tuple ;(sorted (keys (found (serial worse))))))
  (is (< (math/abs (- (os/time) ((found (serial worse)) :time))) 60))
  (is= 2 (length found)))

(test "a list tells which certificates are revoked"
  (is= true (cert/revoked? (bad :cert) list))
  (is= true (cert/revoked? (worse :cert) list {:issuer-cert (ca :cert)}))
  (is= false (cert/revoked? (good :cert) list))
  (is= false (cert/revoked? (good :cert) (crl [])))
  (is= true (cert/revoked? (bad :cert) [(crl [] nil other) (crl []) list])))

(test "entries come back as parse-crl gives them, for the next list"
  (def next-list (crl [;((cert/parse-crl list) :revoked) {:cert (good :cert)}] {:number 18}))
  (is= 3 (length ((cert/parse-crl next-list) :revoked)))
  (is (cert/revoked? (good :cert) next-list)))

(test "a list that can't tell raises"
  (fails-with "it is not of the certificate's issuer"
              (cert/revoked? (good :cert) (crl [] nil other)))
  (fails-with "a newer one was due" (cert/revoked? (good :cert) list {:time "2099-01-01"}))
  (fails-with "it is not valid yet" (cert/revoked? (good :cert) list {:time "2001-01-01"}))
  (is (cert/revoked? (bad :cert) list {:time "2099-01-01"})
      "what was revoked once stays so")
  (def forged # another CA of the same name
    (authority "Revoking CA"))
  (fails-with "its signature does not verify"
              (cert/revoked? (bad :cert) list {:issuer-cert (forged :cert)}))
  (fails-with "it is of another CA" (cert/revoked? (bad :cert) list {:issuer-cert (other :cert)})))

(test "certificates and serial numbers alone are revoked now, without a reason"
  (def info (cert/parse-crl (crl [(good :cert) (buffer (serial bad)) "0a:ff"])))
  (is= (sorted [(serial good) (serial bad) "0aff"]) (sorted (map |($ :serial) (info :revoked))))
  (is (all |(and (nil? ($ :reason)) (< (math/abs (- (os/time) ($ :time))) 60)) (info :revoked)))
  (fails-with "not a certificate" (crl [(string/repeat "ff" 20)])))

(test "all reasons are written and read, in both spellings"
  (each [written read] [[:keyCompromise :keyCompromise] ["key_compromise" :keyCompromise]
                        [:ca-compromise :cACompromise] [:cACompromise :cACompromise]
                        [:affiliation-changed :affiliationChanged] [:superseded :superseded]
                        [:cessation-of-operation :cessationOfOperation]
                        [:certificate-hold :certificateHold]
                        [:privilege-withdrawn :privilegeWithdrawn] [:aa-compromise :aACompromise]
                        [:unspecified nil]]
    (def info (cert/parse-crl (crl [{:serial 1 :reason written}])))
    (is= read (get-in info [:revoked 0 :reason])))
  (each given [:remove-from-crl :because 1 ""]
    (fails-with "bad option :reason" (crl [{:serial 1 :reason given}]))))

(test "serial numbers are whole numbers or hexadecimal digits"
  (defn shown [given] (get-in (cert/parse-crl (crl [{:serial given}])) [:revoked 0 :serial]))
  (is= "ff" (shown 255))
  (is= "20000000000000" (shown (math/pow 2 53)))
  (is= "0aff" (shown "0a:FF"))
  (is= "01" (shown @"0001"))
  (is= (string "7f" (string/repeat "ab" 19)) (shown (string "7f" (string/repeat "ab" 19))))
  (each given [0 -1 1.5 "" "0" "x" "0x1" ":1" "1:" "-1" (string/repeat "ff" 20) (math/pow 2 54) []]
    (fails-with "bad option :serial" (crl [{:serial given}]))))

(test "options are checked"
  (fails-with ":issuer-cert and :issuer-key are required" (cert/issue-crl {}))
  (fails-with "did you mean :serial" (crl [{:seriel 1}]))
  (fails-with "in :revoked" (crl [{:seriel 1}]))
  (fails-with "needs :serial or :cert" (crl [{}]))
  (fails-with "needs :serial or :cert" (crl [{:serial 1 :cert (bad :cert)}]))
  (fails-with "bad option :revoked" (crl [1]))
  (fails-with "bad option :revoked" (crl 5))
  (fails-with "another CA issued that certificate" (crl [{:cert ((issue other) :cert)}]))
  (fails-with "a certificate occurs twice" (crl [{:serial 1} {:serial 2} {:serial "0001"}]))
  (fails-with "must be later" (crl [] {:this-update 1000 :next-update 1000}))
  (fails-with "exclude each other" (crl [] {:days-valid 1 :next-update 1000}))
  (fails-with "years 1950 to 9999" (crl [] {:days-valid 1e300}))
  (fails-with "years 1950 to 9999" (crl [{:serial 1 :time 1e300}]))
  (fails-with "not a certificate" (crl [{:cert "x"}])))

(test "an issuer that may not sign lists is refused"
  (fails-with "its key does not match" (crl [] {:issuer-key (other :key)}))
  (fails-with "is not a CA's" (crl [] nil good))
  (def plain
    (cert/generate-self-signed-cert {:key-type :p256 :key-usage [:keyCertSign :digitalSignature]}))
  (fails-with "lacks cRLSign" (crl [] nil plain))
  (def sealed (crypto/export-key (ca :key) {:password "pw" :iterations 1000}))
  (fails-with "give its password" (crl [] {:issuer-key sealed}))
  (is (crl [] {:issuer-key sealed :issuer-password "pw"})))

(test "dates before 1970, beyond 2038 and beyond 2049 are kept to the second"
  (each [from to] [[-86401 -1] [2147483647 2147483648] [2524607999 2524608000]
                   [951782400 951868800] [4107542400 253402300799]]
    (def info (cert/parse-crl (crl [] {:this-update from :next-update to})))
    (is= [from to] [(info :this-update) (info :next-update)])))

(test "a list without a number has the one of its time"
  (def info (cert/parse-crl (crl [] {:this-update 255})))
  (is= "ff" (info :number)))

(test "every kind of key signs lists, PEM and DER"
  (each kind [:rsa :p384 :ed25519]
    (def own (cert/generate-self-signed-cert {:key-type kind}))
    (def der (crl [{:serial 5}] {:format :der} own))
    (def leaf (issue own))
    (is= false (cert/revoked? (leaf :cert) der {:issuer-cert (own :cert)}))))

# ---- what jsec itself does with it ----

(test "verify-chain takes the lists"
  (defn verdict [made lists] (cert/verify-chain (made :cert) {:roots (ca :cert) :crls lists}))
  (is ((verdict good list) :valid))
  (is (string/find "certificate revoked" ((verdict bad list) :reason)))
  (is (not ((verdict good (crl [] {:this-update 1 :next-update 2})) :valid)) "out of date"))

(test "a TLS client refuses a revoked server, and a server a revoked client"
  (each version [:TLS1_2 :TLS1_3]
    (def versions {:min-version version :max-version version})
    (each [made answer] [[good true] [bad false]]
      (with-server [server (merge made versions) |(:read $ 1)]
        (def [connected why]
          (protect (with [s (tls/connect "127.0.0.1" (server :port)
                                         {:ca-file (ca :cert) :crl list})]
                     (:version s))))
        (is= answer connected why)
        (unless answer (is (string/find "certificate revoked" why)))))
    (with-server [server (merge good versions {:verify true :ca-file (ca :cert) :crl list}) echo]
      (fails-with "revoked"
                  (with [s (tls/connect "127.0.0.1" (server :port)
                                        {:ca-file (ca :cert) :cert (bad :cert) :key (bad :key)})]
                    (:write s "x")
                    (:read s 1))))))

(test "a DTLS client refuses a revoked server"
  (each [made answer] [[good true] [bad false]]
    (datagrams/with-server [server made]
      (def [connected why]
        (protect (with [c (datagrams/connect server {:trusted-cert nil :ca-file (ca :cert)
                                                     :crl list})]
                   (:version c))))
      (is= answer connected why)
      (unless answer (is (string/find "certificate revoked" why))))))

# ---- other judges ----

(def dir (tmpdir))
(defn at [name] (string dir "/" name))
(each [name text] [["ca.pem" (ca :cert)] ["good.pem" (good :cert)] ["bad.pem" (bad :cert)]
                   ["list.pem" list] ["other.pem" (other :cert)]]
  (spit (at name) text))

(defn run
  "The status of a program, and all that it prints."
  [& command]
  (with-child [c ;command] [(exit-status c) (string (c :out) (c :err))]))

(peer-test "openssl" "openssl verify -crl_check judges by our list"
  (defn verify [leaf]
    (run "openssl" "verify" "-x509_strict" "-crl_check" "-CAfile" (at "ca.pem") "-CRLfile"
         (at "list.pem") (at leaf)))
  (is= 0 (first (verify "good.pem")))
  (def [status text] (verify "bad.pem"))
  (is= 2 status)
  (is (string/find "certificate revoked" text)))

(peer-test "openssl" "openssl crl verifies and shows our list"
  (def [status text]
    (run "openssl" "crl" "-in" (at "list.pem") "-CAfile" (at "ca.pem") "-text" "-noout"))
  (is= 0 status)
  (each part ["verify OK" "Key Compromise" "X509v3 CRL Number" "X509v3 Authority Key Identifier"]
    (is (string/find part text) part))
  (is (not= "verify OK\n"
            (last (run "openssl" "crl" "-in" (at "list.pem") "-CAfile" (at "other.pem")
                       "-noout")))))

(peer-test "certtool" "GnuTLS's certtool verifies our list"
  (def [status text]
    (run "certtool" "--verify-crl" "--load-ca-certificate" (at "ca.pem") "--infile"
         (at "list.pem")))
  (is= 0 status)
  (is (string/find "Verified" text) text)
  (def [_ text]
    (run "certtool" "--verify-crl" "--load-ca-certificate" (at "other.pem") "--infile"
         (at "list.pem")))
  (is (string/find "Not verified" text) text))

(if (find-program "go")
  (test "Go's crypto/x509 verifies and reads our list" :deadline 300
    (def [status text]
      (run "go" "run" "test/support/x509.go" "crl" (at "list.pem") (at "ca.pem")))
    (is= 0 status text)
    (is (string/find "number 17\n" text) text)
    (is (string/find (string (serial bad) " 2030-03-17\n") text) text)
    (def [other-status why]
      (run "go" "run" "test/support/x509.go" "crl" (at "list.pem") (at "other.pem")))
    (is= 1 other-status why))
  (skip "Go's crypto/x509 verifies and reads our list" "go is not installed"))

(peer-test "openssl" "we read the lists of the openssl command"
  (spit (at "cnf") (string "[ca]\ndefault_ca=d\n[d]\ndatabase=" (at "index") "\ncrlnumber="
                           (at "number") "\ndefault_md=sha256\ndefault_crl_days=30\n"
                           "crl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid\n"))
  (spit (at "index")
        (string "R\t301231235959Z\t260101000000Z,keyCompromise\t" (string/ascii-upper (serial bad))
                "\tunknown\t/CN=localhost\n"))
  (spit (at "number") "1F\n")
  (spit (at "ca.key") (ca :key))
  (is= 0 (first (run "openssl" "ca" "-config" (at "cnf") "-cert" (at "ca.pem") "-keyfile"
                     (at "ca.key") "-gencrl" "-out" (at "theirs.pem"))))
  (def theirs (slurp (at "theirs.pem")))
  (def info (cert/parse-crl theirs))
  (is= ["1f" [{:serial (serial bad) :reason :keyCompromise :time 1767225600}]]
       [(info :number) (info :revoked)])
  (is (cert/revoked? (bad :cert) theirs {:issuer-cert (ca :cert)}))
  (is (not (cert/revoked? (good :cert) theirs {:issuer-cert (ca :cert)}))))

(peer-test "openssl" "a list of some certificates only does not clear the others"
  (spit (at "cnf") (string "[ca]\ndefault_ca=d\n[d]\ndatabase=" (at "index") "\ncrlnumber="
                           (at "number") "\ndefault_md=sha256\ndefault_crl_days=30\n"
                           "crl_extensions=e\n[e]\nissuingDistributionPoint=critical,@i\n"
                           "[i]\nonlyCA=TRUE\n"))
  (run "openssl" "ca" "-config" (at "cnf") "-cert" (at "ca.pem") "-keyfile" (at "ca.key") "-gencrl"
       "-out" (at "some.pem"))
  (def some (slurp (at "some.pem")))
  (fails-with "about some certificates or reasons only" (cert/revoked? (good :cert) some)))

# ---- hostile input ----

(test "what is no list, or a damaged one, is refused"
  (each given ["" "x" (ca :cert) "-----BEGIN X509 CRL-----"]
    (fails-with "not a CRL" (cert/parse-crl given))
    (fails-with "not a CRL" (cert/revoked? (good :cert) given)))
  (def der (crl [{:serial 1 :reason :superseded} {:serial 2}] {:format :der}))
  (each given (cuts der) (fails-with "not a CRL" (cert/parse-crl given)))
  (repeat (load 2000) (protect (cert/parse-crl (scrambled der 2))))
  (def changed (buffer der))
  (put changed (- (length der) 1) (bxor 1 (last der)))
  (fails-with "its signature does not verify"
              (cert/revoked? (good :cert) changed {:issuer-cert (ca :cert)}))
  (def dates (buffer (crl [] {:format :der})))
  (put dates (+ 2 (string/find "\x17\x0d" dates)) (chr "x"))
  (fails-with "its dates can't be read" (cert/revoked? (good :cert) dates))
  (is (nil? ((cert/parse-crl dates) :this-update)))
  (each given [nil 5 :x []] (fails-with "bad slot #0" (cert/parse-crl given)))
  (each given [nil 5 :x] (fails-with "bad slot #1" (cert/revoked? (good :cert) given))))

(test "a list of many certificates is made on a worker and read again"
  (def many (load 20000))
  (def long-list (crl (seq [i :range [1 (inc many)]] {:serial i :reason :superseded})))
  (is= many (length ((cert/parse-crl long-list) :revoked)))
  (is= false (cert/revoked? (good :cert) long-list)))

(end)
