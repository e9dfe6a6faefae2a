# Programs that judge servers, on ours in its default configuration: testssl.sh and sslscan. Prints
# what they find that is no "OK" or "INFO", and writes a summary; fails where a finding is not among
# those that are known and explained here.
(import ../support/check :prefix "")
(import ../support/peers :prefix "")
(import jsec/tls)

(def dir (tmpdir))
(def ca (authority "Test CA"))
(def ca-file ((saved dir "ca" ca) :cert))
(def identities [(issue ca :key-type :rsa) (issue ca)])
(def both {:cert (map |($ :cert) identities) :key (map |($ :key) identities)})

# findings about the test's own certificates and host, which are no matter of the server's
(def explained
  {"cert_notAfter" "" "cert_extlifeSpan" "" "cert_validityPeriod" ""
   "cert_crlDistributionPoints" "no CRL for a private CA"
   "cert_ocspURL" "" "cert_revocation" "a private CA has neither CRL nor OCSP"
   "OCSP_stapling" "a private CA has no responder"
   "DNS_CAArecord" "localhost" "HSTS" "is for HTTP" "HTTP_status_code" "we speak no HTTP here"
   "overall_grade" "" "grade_cap_reason_1" ""
   "cert_mustStapleExtension" "" "engine_problem" "testssl's own openssl" "clientProblem1" ""
   "scanProblem" "" "cert_chain_of_trust" "see --add-ca"
   # offered by default for old clients of TLS 1.2, behind all AEAD suites
   "cipherlist_OBSOLETED" "CBC suites of TLS 1.2, last of all"
   "LUCKY13" "CBC suites; OpenSSL's are constant time" "BREACH" "is for HTTP"
   "cipherlist_AVERAGE" "CBC suites of TLS 1.2, last of all"})

(defn- json-rows
  "testssl's flat JSON: a finding a line group."
  [text]
  (peg/match '{:string (* `"` (<- (any (if-not `"` (+ (* "\\" 1) 1)))) `"`)
               :pair (group (* :string (any :s) ":" (any :s) :string))
               :row (group (* "{" (some (* (any (set " ,\n\t\r")) :pair)) (any :s) "}"))
               :main (any (+ :row 1))}
             text))

(defn- testssl []
  (def log (string dir "/testssl.json"))
  (with-server [s both (fn [stream] (:read stream 1000))]
    (with-child [c "testssl" "--quiet" "--color" "0" "--ip" "127.0.0.1" "--add-ca" ca-file
                 "--jsonfile" log "--warnings" "batch"
                 (string "localhost:" (s :port))]
      (def ticker (ev/go (fn [] (forever (ev/take (s :refused))))))
      (def results (ev/go (fn [] (forever (ev/take (s :results))))))
      (feed c "")
      (exit-status c)
      (each f [ticker results] (ev/cancel f "done"))
      (if-not (os/stat log) (error (described c)))))
  (seq [row :in (json-rows (slurp log))] (from-pairs row)))

(defn- sslscan []
  (with-server [s both (fn [stream] (:read stream 1000))]
    (with-child [c "sslscan" "--no-colour" "--show-certificate" (string "localhost:" (s :port))]
      (def tasks [(ev/go (fn [] (forever (ev/take (s :refused)))))
                  (ev/go (fn [] (forever (ev/take (s :results)))))])
      (feed c "")
      (exit-status c)
      (each f tasks (ev/cancel f "done"))
      (string (c :out)))))

(defn main [_ &opt path]
  (def out @"")
  (peer-test "testssl" "testssl.sh finds nothing wrong with our default configuration" :deadline 600
    (def rows (testssl))
    (is (> (length rows) 50) rows)
    (def serious
      (filter |(index-of ($ "severity") ["LOW" "MEDIUM" "HIGH" "CRITICAL" "WARN" "FATAL"]) rows))
    (def unexplained
      (filter |(nil? (explained (first (peg/match '(<- (to (+ " " -1))) ($ "id"))))) serious))
    (buffer/push out "testssl.sh: " (string (length rows)) " findings, " (string (length serious))
                 " of them above INFO:\n\n")
    (each row serious
      (buffer/push out "- `" (row "id") "` (" (row "severity") "): " (row "finding") ": "
                   (get explained (first (peg/match '(<- (to (+ " " -1))) (row "id")))
                        "**unexplained**") "\n"))
    (is= [] (tuple ;(map |[($ "id") ($ "severity") ($ "finding")] unexplained))))
  (peer-test "sslscan"
    "sslscan finds TLS 1.2 and 1.3 only, no compression, no insecure renegotiation, no weak cipher"
    :deadline 120
    (def text (sslscan))
    (each line ["SSLv2     disabled" "SSLv3     disabled" "TLSv1.0   disabled" "TLSv1.1   disabled"
                "TLSv1.2   enabled" "TLSv1.3   enabled"
                "TLSv1.3 not vulnerable to heartbleed" "TLSv1.2 not vulnerable to heartbleed"]
      (is (string/find line text) line))
    (def ciphers
      (peg/match '(any (+ (* (+ "Preferred" "Accepted") (some " ") (<- (* "TLS" (to "\n")))) 1))
                 text))
    (each weak ["RC4" "DES" "MD5" "NULL" "EXP" "ADH" "AECDH" "anon"]
      (is (not (some |(string/find weak $) ciphers)) weak))
    (buffer/push
      out "\nsslscan: TLS 1.2 and 1.3 only, no compression, no heartbleed; what it was given:\n\n")
    (each cipher ciphers (buffer/push out "    " (string/trim cipher) "\n")))
  (if path (spit path out))
  (end))
