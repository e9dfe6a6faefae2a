# (tls/features) tells what is so.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "" :only [run-on identity])
(import ../support/peers :prefix "" :only [with-child exit-status])
(import jsec/tls)

(def features (tls/features))

(defn- openssl
  "The words that the openssl command prints; nil where it doesn't know what is asked."
  [& arguments]
  (with-child [c "openssl" ;arguments]
    (if (zero? (exit-status c)) (filter next (peg/match '(split (set ": \n,") ':S*) (c :out))))))

(peer-test "openssl" "it is the OpenSSL of this process"
  (is= ["OpenSSL" (features :openssl)] (tuple/slice (openssl "version") 0 2))
  (is (peg/match '(* "3." :d+ "." :d+) (string/replace "4." "3." (features :openssl-headers)))))

(test "the version is the one in project.janet"
  (is= (features :jsec)
       (first (peg/match '(* (thru `(def- version "`) '(to `"`)) (slurp "project.janet")))))

(peer-test "openssl" "ciphers and suites are those of the openssl command"
  (is= (tuple ;(openssl "ciphers" "-s" "-tls1_2" "ALL")) (features :ciphers))
  (def all
    (string "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_"
            "GCM_SHA256:TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256"))
  (is= (tuple ;(openssl "ciphers" "-s" "-tls1_3" "-ciphersuites" all)) (features :ciphersuites))
  (is (has-value? (features :ciphersuites) "TLS_AES_256_GCM_SHA384")))

(defn- lower [names] (map string/ascii-lower names))

(def tls12-groups (if (find-program "openssl") (openssl "list" "-tls1_2" "-tls-groups")))
(def tls13-groups (if (find-program "openssl") (openssl "list" "-tls1_3" "-tls-groups")))

(if tls13-groups
  (test "groups are those of the openssl command, but for the weak of TLS 1.2"
    (def ours (lower (features :groups)))
    (each name (lower tls13-groups) (is (has-value? ours name) name))
    (each name ours (is (has-value? (lower [;tls12-groups ;tls13-groups]) name) name)))
  (skip "groups are those of the openssl command, but for the weak of TLS 1.2" "it lists none"))

(def signatures (if (find-program "openssl") (openssl "list" "-tls-signature-algorithms")))
(if signatures
  (test "signature algorithms are those of the openssl command, but for the weak"
    (is= (sorted
           (filter |(not (peg/find '(+ "sha1" "sha224" "dsa_sha" "SM" "sm2")
                                   (string/replace "ecdsa" "" $))) signatures))
         (sorted (features :signature-algorithms))))
  (skip "signature algorithms are those of the openssl command, but for the weak" "it lists none"))

(test "every group, suite and protocol named is taken by its option"
  (each name (features :groups) (tls/new-context {:curves name}))
  (each name (features :ciphersuites) (tls/new-context {:ciphersuites name}))
  (each name (features :ciphers) (tls/new-context {:ciphers name}))
  (each name (filter |(string/has-prefix? "TLS" $) (features :protocols))
    (tls/new-context {:min-version name :max-version name :security-level 0})))

(defn- negotiated [options]
  (run-on :tls13 (fn [client _] (:connection-info client)) options options))

(test "groups and suites that connections agree on are among those named"
  (def info (negotiated {}))
  (is (has-value? (features :ciphersuites) (info :cipher)))
  (is (find |(= (string/ascii-lower $) (string/ascii-lower (info :group))) (features :groups))))

(test "a group with ML-KEM is used if (tls/features) lists one, and refused otherwise"
  (def options {:curves "X25519MLKEM768"})
  (if (features :post-quantum)
    (is= "X25519MLKEM768" ((negotiated options) :group))
    (fails-with "curves" (tls/new-context options))))

(test "what is no list is a version, a poller, or true or false"
  (each name [:dtls :ocsp :keylog :ktls :quic :ech :post-quantum]
    (is (boolean? (features name)) name))
  (is (has-value? [:epoll :kqueue] (features :poller)))
  (is (has-value? (features :protocols) "TLSv1.3"))
  (is (has-value? (features :protocols) "TLSv1.2")))

(end)
