# Certificates that must not be accepted, in both roles, and the words for it.
(import ../support/check :prefix "")
(import ../support/peers :prefix "")
(import jsec/cert)
(import jsec/dtls)
(import jsec/tls)

(def ca (authority "Test CA"))
(def good (issue ca))

(defn self-signed [& options]
  (cert/generate-self-signed-cert (merge {:key-type :ec-p256 :common-name "localhost"}
                                         (table ;options))))

(defn visit
  "Connect to a server with this certificate; true, or the error."
  [identity options &opt host]
  (with-server [s identity (fn [stream] (:read stream 1))]
    (def [fine value]
      (protect
        (with [c (tls/connect "127.0.0.1" (s :port)
                              (merge {:hostname (or host "localhost")} options))]
          true)))
    (if fine (result s) (refusal s)) # the server has done with it, and goes on
    value))

(defn admit
  ``Let a client with this certificate (nil: none) into a server with these options: true, or the
  server's error.``
  [identity options]
  (with-server [s (merge good {:verify true :ca-file (ca :cert)} options) (fn [stream] true)]
    (def got (ev/chan 1))
    (ev/go (fn []
             (ev/give
               got (protect
                     (with [c (tls/connect "127.0.0.1" (s :port)
                                           (merge {:ca-file (ca :cert)} (or identity {})))]
                       (:read c 1))))))
    (def told (ev/select (s :results) (s :refused)))
    (def [_ value] (ev/take got))
    (match told
      [:take _ [true true]] true
      [:take _ text]
      (do (is (string? text) "an error's text") (is value "the client is told") text))))

(defmacro refuses [text answer] ~(,is= ,text ,answer))

(def trust {:ca-file (ca :cert)})

# ---- the issuer ----

(test "the right CA is accepted, as content, buffer and file"
  (def dir (tmpdir))
  (each value [(ca :cert) (buffer (ca :cert)) ((saved dir "ca" ca) :cert)]
    (is= true (visit good {:ca-file value}))
    (is= true (visit good {:ca value}))
    (is= true (visit good {:security {:ca-file value}}))))

(test "another CA is refused, and so are the system's CAs alone"
  (def why
    (string
      `tls/connect: certificate verify failed: unable to get local issuer certificate: `
      `certificate "CN=localhost" `
      `(depth 0), issuer "CN=Test CA,O=Test,C=US" is not trusted here: give it as :ca-file`))
  (is= why (visit good {:ca-file ((authority "Other CA") :cert)}))
  (is= why (visit good {})))

(test "another CA of the same name is refused"
  (is (string/find "certificate verify failed: "
                   (visit good {:ca-file ((authority "Test CA") :cert)}))))

(test "a self-signed certificate is refused, unless it is trusted itself"
  (def own (self-signed))
  (is= (string
         `tls/connect: certificate verify failed: self-signed certificate: certificate `
         `"CN=localhost,O=Test,C=US" (depth 0) `
         `is not trusted here: give it as :trusted-cert`)
       (visit own trust))
  (is= true (visit own {:trusted-cert (own :cert)}))
  (is= true (visit own {:ca-file (own :cert)}))
  (is (string/find "certificate verify failed" (visit own {:trusted-cert ((self-signed) :cert)}))))

(test "a chain with its own root, but not ours, is refused"
  (def far (authority "Far CA"))
  (def leaf (issue far))
  (is= (string
         `tls/connect: certificate verify failed: self-signed certificate in certificate `
         `chain: certificate `
         `"CN=Far CA,O=Test,C=US" (depth 1) is not trusted here: give it as :ca-file`)
       (visit {:cert (string (leaf :cert) (far :cert)) :key (leaf :key)} trust)))

(test "a chain without its middle is refused, with it accepted"
  (def middle (issue ca :common-name "Middle CA" :ca true :san []))
  (def leaf (issue middle))
  (is (string/find
        (string `unable to get local issuer certificate: certificate "CN=localhost" (depth 0), `
                `issuer "CN=Middle CA"`)
        (visit leaf trust)))
  (is= true (visit {:cert (string (leaf :cert) (middle :cert)) :key (leaf :key)} trust))
  (is= true (visit {:cert (string (leaf :cert) (middle :cert) (ca :cert)) :key (leaf :key)} trust))
  (is= true (visit leaf {:ca-file (string (middle :cert) (ca :cert))}) "a middle that we hold")
  (is= true (visit leaf {:ca-file (middle :cert)})
       "a middle that is given as trusted is an anchor"))

(test "a leaf that signs others is refused"
  (def under-leaf
    (protect (cert/issue-cert {:issuer-cert (good :cert) :issuer-key (good :key)
                               :common-name "localhost" :san ["DNS:localhost"]
                               :key-type :ec-p256})))
  (is= false (first under-leaf) "our own functions don't even make one")
  (def pretender (self-signed :ca false :common-name "Pretender"))
  (is= false (first (protect (issue pretender)))))

(test ":trusted-cert of a leaf alone suffices, its name and dates still count"
  (is= true (visit good {:trusted-cert (good :cert)}))
  (is (string/find "hostname mismatch" (visit good {:trusted-cert (good :cert)} "other.example")))
  (def old (issue ca :not-before "2020-01-01" :days-valid 30))
  (is (string/find "certificate has expired" (visit old {:trusted-cert (old :cert)}))))

(test "a path that is too long for its CA is refused"
  (def short
    (cert/generate-self-signed-cert {:common-name "Short CA" :key-type :ec-p256 :path-length 1}))
  (def middle (issue short :common-name "Middle CA" :ca true :san []))
  (def below (issue middle :common-name "One too many" :ca true :san []))
  (def leaf (issue below))
  (is (string/find "path length constraint exceeded"
                   (visit {:cert (string (leaf :cert) (below :cert) (middle :cert))
                           :key (leaf :key)} {:ca-file (short :cert)}))))

# ---- when ----

(test "a certificate that has expired, or is not yet valid, is refused with its date"
  (is= (string
         `tls/connect: certificate verify failed: certificate has expired: certificate `
         `"CN=localhost" (depth 0), `
         `valid until 2020-01-31 00:00:00Z`)
       (visit (issue ca :not-before "2020-01-01" :days-valid 30) trust))
  (def early (visit (issue ca :not-before "2040-01-01" :days-valid 30 :outlive-ca true) trust))
  # OpenSSL 3.6 adds "or the system clock is incorrect"
  (is (string/has-prefix? "tls/connect: certificate verify failed: certificate is not yet valid"
                          early))
  (is (string/has-suffix? `: certificate "CN=localhost" (depth 0), valid from 2040-01-01 00:00:00Z`
                          early)))

(test "a CA that has expired is refused"
  (def old (cert/generate-self-signed-cert {:common-name "Old CA" :key-type :ec-p256
                                            :not-before "2020-01-01" :days-valid 30}))
  (is (string/find
        (string `certificate has expired: certificate "CN=Old CA,O=Test,C=US" (depth 1), valid `
                `until 2020-01-31`)
        (visit (issue old :outlive-ca true) {:ca-file (old :cert)}))))

# ---- what for ----

(test "a client's certificate is refused of a server, and a server's of a client"
  (def client-only (issue ca :ext-key-usage [:client-auth]))
  (def server-only (issue ca :ext-key-usage [:server-auth]))
  (is= (string
         `tls/connect: certificate verify failed: unsuitable certificate purpose: certificate `
         `"CN=localhost" (depth 0), `
         `its (extended) key usage is for something else, see :purpose`)
       (visit client-only trust))
  (is= true (visit server-only trust))
  (is (string/has-prefix?
        (string `tls/accept-loop: certificate verify failed: unsuitable certificate purpose: `
                `certificate "CN=localhost"`)
        (admit server-only {})))
  (is= true (admit client-only {})))

# ---- clients ----

(test "a client without a certificate, or with another CA's, is refused; expired, too"
  (is (string/has-suffix? "the client gave no certificate, and one is required" (admit nil {})))
  (is= true (admit (issue ca) {}))
  (is (string/find "unable to get local issuer certificate"
                   (admit (issue (authority "Far CA")) {})))
  (is (string/find "self-signed certificate" (admit (self-signed) {})))
  (is (string/find "certificate has expired"
                   (admit (issue ca :not-before "2020-01-01" :days-valid 3) {}))))

(test "a client may go without a certificate where it is optional, but not with a wrong one"
  (is= true (admit nil {:verify :optional}))
  (is= true (admit (issue ca) {:verify :optional}))
  (is (string/find "unable to get local issuer certificate"
                   (admit (issue (authority "Far CA")) {:verify :optional}))))

(test "a server that trusts one client's certificate admits no other"
  (def one (self-signed :common-name "one"))
  (def admitted {:ca-file nil :trusted-cert (one :cert)})
  (defn try-with [identity]
    (with-server [s (merge good {:verify true :trusted-cert (one :cert)}) (fn [stream] true)]
      (def c
        (protect (with [c (tls/connect "127.0.0.1" (s :port) (merge trust identity))] (:read c 1))))
      (match (ev/select (s :results) (s :refused)) [:take _ [true true]] true [:take _ text] text)))
  (is= true (try-with one))
  (is (string/find "self-signed certificate" (try-with (self-signed :common-name "one"))))
  (is (string/find "unable to get local issuer certificate" (try-with (issue ca))))
  (is admitted))

# ---- names ----

(defn named [& san] (issue ca :common-name "named.example" :san san))

(defn matches [identity & hosts] (each host hosts (is= true (visit identity trust host) host)))

(defn differs [identity & hosts]
  (each host hosts
    (def why (visit identity trust host))
    (is (and (string? why) (string/find "mismatch: wanted" why))
        (string/format "%s: %q" host why))))

(test "DNS names match whole, in any letter case"
  (def identity (named "DNS:a.example" "DNS:b.example"))
  (matches identity "a.example" "b.example" "A.Example" "B.EXAMPLE")
  (differs identity "example" "x.a.example" "aa.example" "a.example.com" "a-example"
           "named.example"))

(test "the error tells what was wanted and what there is"
  (is= (string `tls/connect: certificate verify failed: hostname mismatch: wanted "c.example", `
               `certificate names "a.example", "*.b.example"`)
       (visit (named "DNS:a.example" "DNS:*.b.example" "IP:192.0.2.1") trust "c.example"))
  (is= (string `tls/connect: certificate verify failed: IP address mismatch: wanted "192.0.2.9", `
               `certificate names "192.0.2.1", "2001:db8::1"`)
       (visit (named "IP:192.0.2.1" "IP:2001:db8::1") trust "192.0.2.9")))

(test "the common name does not count as a host name"
  (def bare (issue ca :common-name "a.example" :san ["email:a@b.example"]))
  (is= (string `tls/connect: certificate verify failed: hostname mismatch: wanted "a.example", `
               `certificate has no subjectAltName with a DNS name`)
       (visit bare trust "a.example"))
  (is (string/find "certificate has no subjectAltName with an IP address"
                   (visit bare trust "192.0.2.1")))
  (is (string/find "certificate has no subjectAltName"
                   (visit bare {:trusted-cert (bare :cert)} "a.example"))))

(test "a wildcard stands for one label, the first and whole (RFC 6125)"
  (def star (named "DNS:*.a.example"))
  (matches star "x.a.example" "XYZ.a.example" "x-y.a.example")
  (differs star "a.example" "x.y.a.example" "x.b.example" "xa.example"))

(defn openssl [& words] (os/execute ["openssl" ;words] :px {:err (file/open "/dev/null" :w)}))

(defn signed-by-openssl
  ``An identity with extensions, as openssl's configuration writes them, that cert/issue refuses
  to write.``
  [lines]
  (def dir (tmpdir))
  (def signer (saved dir "ca" ca))
  (def key ((saved dir "own" good) :key))
  (def [extensions csr cert] (map |(string dir "/" $) ["extensions" "csr" "cert"]))
  (spit extensions lines)
  (openssl "req" "-new" "-key" key "-subj" "/CN=named.example" "-out" csr)
  (openssl "x509" "-req" "-in" csr "-CA" (signer :cert) "-CAkey" (signer :key) "-CAcreateserial"
           "-extfile" extensions "-out" cert)
  {:cert (slurp cert) :key (good :key)})

(defn named-by-openssl [name]
  (signed-by-openssl (string "subjectAltName=@names\n[names]\nDNS.1=" name "\n")))

(defn alternatives
  "An identity with these bytes of DER as subjectAltName."
  [& bytes]
  (def sequence [0x30 (length bytes) ;bytes])
  (signed-by-openssl (string "subjectAltName=DER:"
                             (string/join (map |(string/format "%02x" $) sequence) ":") "\n")))

(peer-test "openssl" "partial, inner, bare and top-level wildcards match nothing"
  (matches (named-by-openssl "*.a.example") "x.a.example")
  (each [pattern host] [["f*.a.example" "foo.a.example"] ["*f.a.example" "of.a.example"]
                        ["f*o.a.example" "foo.a.example"]
                        ["a.*.example" "a.b.example"] ["*.*.example" "a.b.example"]
                        ["*" "localhost"] ["*.example" "a.example"]
                        ["**.a.example" "x.a.example"]]
    (differs (named-by-openssl pattern) host)))

(peer-test "openssl"
  (string "a name with an underscore is said to match no wildcard, and one beyond ASCII to "
          "need its xn-- form")
  (def star (named-by-openssl "*.a.example"))
  (def why (visit star trust "my_host.a.example"))
  (is (string/has-suffix? `; a wildcard matches no name with "_": have the name itself certified`
                          why) why)
  (is (not (string/find "wildcard matches" (visit star trust "my_host.b.example"))))
  (matches (named "DNS:my_host.a.example") "my_host.a.example")
  (def told `not a host name to verify: "bücher.example": give its ASCII form (xn--…, RFC 5891)`)
  (with-server [s good echo]
    (fails-with told
                (tls/connect "127.0.0.1" (s :port) (merge trust {:hostname "bücher.example"}))))
  (fails-with told (cert/verify-chain (good :cert) {:roots (ca :cert) :host "bücher.example"})))

(test "an IP address matches an IP SAN only, a name a DNS SAN only"
  (def addresses (named "IP:127.0.0.1" "IP:::1" "IP:2001:db8::1"))
  (matches addresses "127.0.0.1" "::1" "0:0:0:0:0:0:0:1" "2001:db8::1" "2001:DB8:0::1")
  (differs addresses "127.0.0.2" "::2" "::ffff:127.0.0.1" "2001:db8::2" "localhost")
  (match (protect (named "DNS:127.0.0.1"))
    [true identity] (differs identity "127.0.0.1")))

(test "a name is verified though another is asked for, and the other way round"
  (is= true
       (visit (named "DNS:a.example") (merge trust {:verify-hostname "a.example"}) "b.example"))
  (is (string/find `wanted "b.example"`
                   (visit (named "DNS:a.example") (merge trust {:verify-hostname "b.example"})
                          "a.example"))))

(test "names given as buffers, also ones that change later, are verified whole"
  (def name @"a.exampleXXXX")
  (buffer/popn name 4)
  (is= true (visit (named "DNS:a.example") (merge trust {:hostname name})))
  (is= true (visit (named "DNS:a.example") (merge trust {:verify-hostname name})))
  (def context (tls/new-context (merge trust {:hostname name})))
  (buffer/clear name)
  (buffer/push name "b.example")
  (with-server [s (named "DNS:a.example") echo]
    (with [c (tls/connect "127.0.0.1" (s :port) context)] (is= @"x" (sent-back c "x")))))

(test "a dot at a name's end is removed, a dot at its start is refused"
  (with-server [s (named "DNS:a.example") |((:connection-info $) :server-name)]
    (with [c (tls/connect "127.0.0.1" (s :port) (merge trust {:hostname "a.example."}))])
    (is= "a.example" (result s))
    (each host [".a.example" "." ".." "a..example"]
      (fails-with '(+ "not a host name to verify" "hostname mismatch")
                  (tls/connect "127.0.0.1" (s :port) (merge trust {:hostname host}))))))

(test "the zone of a link-local address is no part of it"
  (matches (named "IP:fe80::1") "fe80::1%eth0" "fe80::1")
  (differs (named "IP:fe80::1") "fe80::2%eth0")
  (with-server [s (named "IP:192.0.2.1") echo]
    # OpenSSL 4.0 refuses such a name before there is a connection
    (fails-with '(+ "not a host name to verify" "mismatch")
                (tls/connect "127.0.0.1" (s :port) (merge trust {:hostname "192.0.2.1%eth0"})))))

(test "with :verify false anything goes, and only there"
  (def old (issue (authority "Far CA") :not-before "2020-01-01" :days-valid 3))
  (is= true (visit old {:verify false} "other.example"))
  (is (string? (visit old {:verify true} "other.example")))
  (is (string? (visit old {} "other.example"))))

# ---- names that are no names ----

(defn- address-of [size] (alternatives 0x87 size ;(map |(+ 0xa0 (% $ 16)) (range size))))

(defn- malformed [size]
  (string
    `certificate verify failed: IP address mismatch: wanted "127.0.0.1", certificate names a `
    `malformed IP address of ` size ` bytes`))

(peer-test "openssl"
  (string "an iPAddress that has the length of no address is called malformed, and nothing "
          "beyond it is shown")
  (each size [0 1 3 5 8 15 17 32]
    (def answer (cert/verify-chain ((address-of size) :cert) {:roots (ca :cert) :host "127.0.0.1"}))
    (is (string/has-suffix? (string "certificate names a malformed IP address of " size " bytes")
                            (answer :reason)) (answer :reason)))
  (def odd (address-of 5))
  (each version [:TLS1_2 :TLS1_3]
    (is= (string "tls/connect: " (malformed 5))
         (visit odd (merge trust {:max-version version}) "127.0.0.1")))
  (with [s (dtls/listen "127.0.0.1" 0 odd)]
    (ev/go (fn [] (protect (dtls/recv-from s 1))))
    (fails-with (malformed 5) (dtls/connect "127.0.0.1" (in (dtls/localname s) 1) trust))))

(peer-test "openssl" "a subjectAltName that can't be read matches nothing, and is called malformed"
  (def broken (alternatives 0x82 0x7f 0x61))
  (each host ["a" "named.example" "127.0.0.1"]
    (def why (visit broken trust host))
    (is (and (string? why)
             (string/find "malformed extension: certificate \"CN=named.example\" (depth 0)" why))
        why)))

(peer-test "openssl"
  "a certificate with a malformed extension is refused for any purpose, and by cert/parse"
  (def broken (alternatives 0x82 0x7f 0x61))
  (each options [{} {:purpose :any} {:purpose :client} {:strict true}]
    (def answer
      (cert/verify-chain (broken :cert) (merge {:roots [(ca :cert) (broken :cert)]} options)))
    (is= false (answer :valid))
    (is (string/find "malformed extension" (answer :reason)) (answer :reason)))
  (is (string/find "malformed"
                   (visit broken {:trusted-cert (broken :cert) :purpose :any} "named.example")))
  (fails-with "cert/parse: malformed extension: subjectAltName can't be read"
              (cert/parse (broken :cert))))

# as DER: "a" ESC "[" U+009B U+202E
(def- controls [0x61 0x1b 0x5b 0xc2 0x9b 0xe2 0x80 0xae])
(def- escaped `a\1B[\C2\9B\E2\80\AE`)

(defn- printable? [text]
  (not (peg/find '(+ (range "\0\x1f") "\x7f" (* "\xc2" (range "\x80\x9f")) "\xe2\x80\xae") text)))

(peer-test "openssl" "characters of a foreign name that are not printable are escaped in each text"
  (def names (alternatives 0x82 (length controls) ;controls))
  (def why (visit names trust "a.example"))
  (is= (string
         `tls/connect: certificate verify failed: hostname mismatch: wanted "a.example", `
         `certificate names "` escaped `"`) why)
  (def subject (issue (authority (string/from-bytes ;controls))))
  (def told [(visit subject trust) ((cert/verify-chain (subject :cert) {:roots (ca :cert)}) :reason)
             ((cert/parse (subject :cert)) :issuer-text)])
  (each text told
    (is (printable? text) text)
    (is (string/find `a\1B[\C2\9B\E2\80\AE` text) text)))

(end)
