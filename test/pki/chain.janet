# What verify-chain refuses, and why.
(import ../support/check :prefix "")
(import ../support/hostile :prefix "")
(import jsec/cert)
(import jsec/crypto)

(def root (cert/generate-self-signed-cert {:key-type :p256 :common-name "Root CA"}))
(defn issue
  [issuer opts]
  (cert/issue-cert (merge {:issuer-cert (issuer :cert) :issuer-key (issuer :key) :key-type :p256}
                          opts)))
(def middle (issue root {:common-name "Middle CA" :ca true}))
(def leaf (issue middle {:common-name "a.example" :san ["a.example" "*.b.example" "192.0.2.1"]
                         :ext-key-usage [:server-auth]}))

(defn ask [opts]
  (cert/verify-chain (leaf :cert) (merge {:roots (root :cert) :intermediates (middle :cert)} opts)))
(defn reason [opts] (let [answer (ask opts)] (is= false (answer :valid)) (answer :reason)))

(test "names that the certificate has are found"
  (each host ["a.example" "A.EXAMPLE" "x.b.example" "192.0.2.1"]
    (is ((ask {:host host}) :valid) host)))

(test "names that it does not have are refused, both sides named"
  (each host ["b.example" "x.y.b.example" "example" "192.0.2.2" "::1" "a.example.evil"]
    (is= false ((ask {:host host}) :valid) host))
  (is= `hostname mismatch: wanted "c.example", certificate names "a.example", "*.b.example"`
       (reason {:host "c.example"}))
  (is= `IP address mismatch: wanted "192.0.2.9", certificate names "192.0.2.1"`
       (reason {:host "192.0.2.9"}))
  (fails-with "not a host name" (ask {:host ""}))
  (fails-with "without NUL bytes" (ask {:host "a.example\0.evil"})))

(test "the common name does not count as a host name, even where no other name does"
  (each san [[] ["192.0.2.1"] ["san.example"]]
    (def made (issue root {:common-name "cn.example" :san san}))
    (is= false ((cert/verify-chain (made :cert) {:roots (root :cert) :host "cn.example"}) :valid))))

(test "a wildcard stands for a whole label"
  (each [name host] [["f*.example.com" nil] ["*.com.example" "com.example"]
                     ["*.c.example" "a.b.c.example"]]
    (if host
      (is= false
           ((cert/verify-chain ((issue root {:san [name] :common-name "x"}) :cert)
                               {:roots (root :cert) :host host}) :valid))
      (fails-with "is not a DNS name" (issue root {:san [name]})))))

(test "a certificate without a trusted issuer is refused"
  (def other (cert/generate-self-signed-cert {:key-type :p256 :common-name "Root CA"}))
  (is (string/find "unable to get" (reason {:intermediates []})))
  (is= false ((ask {:roots (other :cert)}) :valid) "another root of the same name")
  (is (string/find "unable to get" (reason {:roots []})))
  (is= false ((cert/verify-chain (leaf :cert)) :valid) "nor by the system's roots")
  (def answer (cert/verify-chain (other :cert) {:roots []}))
  (is= [false 0 18] [(answer :valid) (answer :depth) (answer :code)]))

(test "a trusted intermediate is an anchor, unless :partial-chain is false"
  (each option [:roots :ca]
    (is= 2 (length ((cert/verify-chain (leaf :cert) {option (middle :cert)}) :chain))
         (string option)))
  (is= 1 (length ((cert/verify-chain (leaf :cert) {:roots (leaf :cert)}) :chain)))
  (is= 3 (length ((ask {:roots [(middle :cert) (root :cert)]}) :chain))
       "a root that is there comes first")
  (is (string/find "unable to get" (reason {:roots (middle :cert) :partial-chain false})))
  (fails-with "same" (ask {:roots [] :ca []})))

(test "a time beyond 2038 is compared, or refused where the system's clock ends before"
  (def [compared text] (protect (reason {:time "2099-01-01"})))
  (is (string/find (if compared "has expired" "beyond this system's clock") text)))

(test "times are looked at, of every certificate"
  (is (string/find "not yet valid" (reason {:time (- (os/time) 86400)})))
  (is (string/find "has expired" (reason {:time "2037-01-01"})))
  (def short (issue root {:common-name "Short CA" :ca true :days-valid 1}))
  (def long (issue short {:common-name "a.example" :days-valid 30 :outlive-ca true}))
  (def answer (cert/verify-chain (long :cert) {:roots (root :cert) :intermediates (short :cert)
                                               :time (+ (os/time) (* 86400 2))}))
  (is= [false 1] [(answer :valid) (answer :depth)])
  (is (string/find `certificate has expired: certificate "CN=Short CA" (depth 1), valid until `
                   (answer :reason))))

(test "the purpose must be one that the certificate is for"
  (is ((ask {:purpose :server}) :valid))
  (is ((ask {:purpose :any}) :valid))
  (is (string/find "unsuitable certificate purpose" (reason {:purpose :client})))
  (is (string/find "unsuitable certificate purpose" (reason {:purpose "email"})))
  (def client (issue root {:common-name "a.example" :ext-key-usage [:client-auth]}))
  (is= false ((cert/verify-chain (client :cert) {:roots (root :cert) :host "a.example"}) :valid)
       "a host is a server's")
  (is ((cert/verify-chain (client :cert) {:roots (root :cert)}) :valid)))

(test "a leaf does not vouch for others"
  (def dir (tmpdir))
  (def forged (cert/generate-self-signed-from-key (leaf :key) {:common-name "a.example" :country ""
                                                               :organization ""}))
  (def evil (issue {:cert forged :key (leaf :key)} {:common-name "evil.example"}))
  (is= false
       ((cert/verify-chain (evil :cert)
                           {:roots (root :cert)
                            :intermediates [(leaf :cert) (middle :cert) forged]}) :valid)))

(test "the depth is limited"
  (is ((ask {:depth 1}) :valid))
  (is (string/find "too long" (reason {:depth 0}))))

(test "a byte that was changed is noticed"
  (def der (crypto/convert-cert (leaf :cert) :der))
  (each given (flips der 200 1)
    (def [read answer]
      (protect (cert/verify-chain given {:roots (root :cert) :intermediates (middle :cert)})))
    (is= false (and read (answer :valid)))))

(test "weak keys and digests are refused unless allowed"
  (def weak (cert/issue-cert {:issuer-cert (root :cert) :issuer-key (root :key) :bits 1024
                              :common-name "a.example"}))
  (is (string/find "key too weak" ((cert/verify-chain (weak :cert) {:roots (root :cert)}) :reason)))
  (is ((cert/verify-chain (weak :cert) {:roots (root :cert) :security-level 1}) :valid)))

(peer-test "openssl" "a certificate on a revocation list is refused"
  (def dir (tmpdir))
  (defn crl [issuer & revoked]
    (def db (string dir "/index.txt"))
    (spit db (string ;(map |(string "R\t300101000000Z\t240101000000Z\t"
                                    (string/ascii-upper ((cert/parse ($ :cert)) :serial))
                                    "\tunknown\t/CN=x\n") revoked)))
    (spit (string dir "/conf") (string "[ca]\ndefault_ca=d\n[d]\ndatabase=" db
                                       "\ndefault_md=sha256\ndefault_crl_days=30\n"))
    (spit (string dir "/cert") (issuer :cert))
    (spit (string dir "/key") (issuer :key))
    (os/execute ["openssl" "ca" "-gencrl" "-config" (string dir "/conf") "-cert"
                 (string dir "/cert") "-keyfile" (string dir "/key")
                 "-out" (string dir "/crl")] :px {:err (os/open "/dev/null" :w)})
    (slurp (string dir "/crl")))
  # as in TLS: one of each CA, also of one that is not the leaf's issuer
  (is (string/find "unable to get certificate CRL" (reason {:crls (crl middle)})))
  (is= 1 ((ask {:crls (crl middle)}) :depth))
  (is ((ask {:crls [(crl middle) (crl root)]}) :valid))
  (is (string/find "certificate revoked" (reason {:crls [(crl middle leaf)]})))
  (is (string/find "certificate revoked" (reason {:crls [(crl middle) (crl root middle)]}))
      "an intermediate, too")
  (is (string/find "unable to get certificate CRL" (reason {:crls (crl root)})))
  (is (string/find "CRL has expired"
                   (reason {:crls (crl middle) :time (+ (os/time) (* 40 86400))})))
  (fails-with "not a CRL" (ask {:crls "x"})))

(test "arguments that are none are refused"
  (each given [nil 1 :x []] (fails-with "bad slot #0" (cert/verify-chain given)))
  (each given ["" "x" (root :key) (string/slice (leaf :cert) 0 200)]
    (fails-with "not a certificate" (cert/verify-chain given {:roots (root :cert)})))
  (each roots [5 [1] [nil] {}] (fails-with "bad option :roots" (ask {:roots roots})))
  (fails-with "not a certificate" (ask {:roots ["x"]}))
  (each depth [-1 1.5 1e9 "1"] (fails-with "bad option :depth" (ask {:depth depth})))
  (fails-with "bad option :purpose" (ask {:purpose :world-peace}))
  (fails-with "did you mean :host" (ask {:hos "x"})))

(end)
