# The raw hellos of the tool, and what it makes of the answers: of real servers, and of any bytes.
(import ../support/check :prefix "")
(import ../support/peers :prefix "")
(import jsec/cli/dial)
(import jsec/cli/hello)
(import jsec/cli/judge)
(import jsec/cli/probe)
(import jsec/cli/registry)
(import jsec/cert)

(def dir (tmpdir))
(def ca-made (authority "Test CA"))
(def ca ((saved dir "ca" ca-made) :cert))
(def ec (saved dir "ec" (issue ca-made)))
(def rsa (saved dir "rsa" (issue ca-made :key-type :rsa :bits 2048)))

(defn site [port] {:address ["127.0.0.1" port] :name "localhost" :seconds 5})

(defmacro with-openssl [[site-name & words] & body]
  (with-syms [port c]
    ~(let [,port (,free-port)]
       (with-child [,c "openssl" "s_server" "-quiet" "-accept" (string "127.0.0.1:" ,port)
                    "-cert" (ec :cert) "-key" (ec :key) "-dcert" (rsa :cert) "-dkey" (rsa :key)
                    ,;words]
         (,until-up ,c ,port)
         (def ,site-name (,site ,port))
         ,;body))))

(defn taken [offers] (map |($ :name) (filter |($ :taken) offers)))

# ---- real servers ----

(peer-test "openssl" "each version that a server has is found, and no other"
  (each [words versions]
    [[["-tls1_3"] ["TLS 1.3"]] [["-tls1_2"] ["TLS 1.2"]] [[] ["TLS 1.2" "TLS 1.3"]]
     [["-cipher" "ALL:@SECLEVEL=0" "-no_tls1_2"] ["TLS 1.0" "TLS 1.1" "TLS 1.3"]]
     [["-cipher" "ALL:@SECLEVEL=0" "-tls1_1"] ["TLS 1.1"]]]
    (with-openssl [s ;words]
      (is= versions (tuple ;(taken (probe/offers s))))
      (is= false (probe/ssl2? s)))))

(defn- standard-names
  "OpenSSL's names by IANA's."
  []
  (with-child [c "openssl" "ciphers" "-stdname" "ALL:COMPLEMENTOFALL"]
    (is= 0 (exit-status c) (described c))
    (from-pairs (peg/match '(any (group (* '(to " ") (thru "- ") '(to " ")
                                           (thru "\n"))))
                           (c :out)))))

(defn- openssl-suites
  "IANA's names of the suites that this openssl has for a list, but PSK and SRP."
  [list]
  (with-child [c "openssl" "ciphers" "-stdname" "-s" "-tls1_2" list]
    (is= 0 (exit-status c) (described c))
    (sorted (filter |(not (or (string/find "_PSK_" $) (string/find "_SRP_" $)))
                    (peg/match '(any (* '(to " ") (thru "\n"))) (c :out))))))

(peer-test "openssl" "the suites of a server are those that openssl lists"
  (def list "ALL:COMPLEMENTOFALL:!PSK:!SRP:!aDSS:@SECLEVEL=0")
  (with-openssl [s "-cipher" list "-tls1_2"]
    (def [offer] (filter |($ :taken) (probe/offers s)))
    (def found (probe/suites s offer))
    (is= (openssl-suites list) (sorted (map |($ :suite) (found :suites))))
    (each {:suite suite :group group :prime-bits bits} (found :suites)
      (is (= (truthy? (peg/find '(+ "_ECDHE_" "_ECDH_anon") suite)) (truthy? group)) suite)
      (is (= (truthy? (peg/find '(+ "_DHE_" "_DH_anon") suite)) (truthy? bits)) suite))))

(peer-test "sslscan" "sslscan finds the same suites, in the same order"
  (with-openssl [s "-serverpref" "-cipher" "ECDHE:AES256-SHA:!PSK"]
    (def offers (filter |($ :taken) (probe/offers s)))
    (def ours (mapcat |(map (fn [x] (x :suite)) ((probe/suites s $) :suites)) (reverse offers)))
    (def names (invert (standard-names)))
    (with-child [c "sslscan" "--no-colour" "--no-check-certificate" "--no-heartbleed"
                 (string "127.0.0.1:" (in (s :address) 1))]
      (exit-status c)
      (def theirs
        (peg/match '(any (+ (* (+ "Preferred" "Accepted") (thru "bits  ") '(some (+ :w (set "_-")))
                               (thru "\n"))
                            (thru "\n")))
                   (c :out)))
      (is= (map |(get names $ $) theirs) (array ;ours)))))

(peer-test "openssl" "a server's order of suites is seen, and its groups are found"
  (with-openssl [s "-serverpref" "-groups" "P-384:X25519" "-tls1_3"]
    (def [offer] (filter |($ :taken) (probe/offers s)))
    (is ((probe/suites s offer) :server-order))
    (is= ["secp384r1" "x25519"] (tuple ;(sorted ((probe/groups s offer) :groups)))))
  (with-openssl [s "-groups" "P-384:P-256" "-tls1_2"]
    (def [offer] (filter |($ :taken) (probe/offers s)))
    (is (not ((probe/suites s offer) :server-order)))
    (is= ["secp256r1" "secp384r1"] (tuple ;(sorted ((probe/groups s offer) :groups))))))

(peer-test "openssl" "certificates and the request for one are read from the plaintext of TLS 1.2"
  (with-openssl [s "-tls1_2" "-Verify" "1" "-CAfile" ca]
    (def [offer] (filter |($ :taken) (probe/offers s)))
    (is= "CN=localhost" ((cert/parse (first (offer :certificates))) :subject-text))
    (is= ["US, Test, Test CA"] (tuple ;(map judge/name-text (get-in offer [:request :cas]))))))

(defn- answering
  "The site of a server that answers each connection with these bytes, and closes."
  [bytes f]
  (with [listener (net/listen "127.0.0.1" "0")]
    (ev/go (fn []
             (protect (forever
                        (with [s (net/accept listener)]
                          (:read s 4096)
                          (:write s bytes))))))
    (f (site (port-of listener)))))

(test "what is no TLS is named"
  (each [bytes words] [["HTTP/1.1 400 Bad Request\r\n\r\n" "plain HTTP"] ["<html>" "plain HTTP"]
                       ["SSH-2.0-x\r\n" "SSH"]
                       ["220 mail ESMTP\r\n" "a plaintext protocol, for which"]
                       ["+OK POP3\r\n" "a plaintext protocol, for which"] ["\0\0\0" "no TLS"]]
    (answering bytes
               (fn [s]
                 (def offers (probe/offers s))
                 (is= [] (tuple ;(taken offers)))
                 (each offer offers
                   (is (string/has-prefix? words (offer :foreign)) (offer :foreign)))))))

(test "a version or a suite that was not asked for counts as not taken"
  (defn server-hello [version suite]
    (def body (string version (string/repeat "r" 32) "\0" suite "\0"))
    (def message (string "\x02\0\0" (string/from-bytes (length body)) body))
    (string "\x16\x03\x03\0" (string/from-bytes (length message)) message))
  (answering (server-hello "\x03\x03" "\xc0\x2f")
             (fn [s] (is= ["TLS 1.2"] (tuple ;(taken (probe/offers s))))))
  (answering (server-hello "\x03\x03" "\xab\xcd")
             (fn [s] (is= [] (tuple ;(taken (probe/offers s)))))))

# ---- any bytes ----

(defn- read-any [bytes]
  (def found (hello/read-answer bytes registry/suite-name))
  (each name (get-in found [:request :cas] []) (is (string? (judge/name-text name))))
  found)

(defn- real-answers
  "Bytes of real servers: TLS 1.2 with a request for a certificate, and TLS 1.3."
  []
  (def answers @[])
  (with-openssl [s "-Verify" "1" "-CAfile" ca]
    (each version [0x0303 0x0304]
      (def stream (dial/before-tls (s :address) nil "localhost" 5))
      (def suites (map first registry/suites))
      (def hello (hello/client-hello {:version version :suites suites :groups [29 23]
                                      :host "localhost"}))
      (array/push answers (hello/exchange stream hello |((read-any $) :over)))
      (:close stream)))
  answers)

(peer-test "openssl" "an answer may be cut anywhere, and come in any pieces"
  (each answer (real-answers)
    (def whole (read-any answer))
    (is (whole :suite))
    (for n 0 (length answer)
      (def part (read-any (string/slice answer 0 n)))
      (is (or (nil? (part :suite)) (= (part :suite) (whole :suite)))))))

(peer-test "openssl" "changed bytes in an answer never raise an error"
  (def rng (math/rng 7))
  (each answer (real-answers)
    (repeat (load 3000)
      (def changed (buffer answer))
      (repeat (inc (math/rng-int rng 4))
        (put changed (math/rng-int rng (length changed)) (math/rng-int rng 256)))
      (read-any changed)
      (hello/foreign changed)
      (hello/ssl2-answer? changed))))

(test "random bytes behind the head of a record never raise an error"
  (def rng (math/rng 8))
  (repeat (load 3000)
    (def n (math/rng-int rng 200))
    (def body (math/rng-buffer rng n))
    (read-any (string "\x16\x03\x03\0" (string/from-bytes n) body))
    (read-any (string "\x16\x03\x03\0" (string/from-bytes (+ n 4)) "\x0b\0\0"
                      (string/from-bytes n) body))
    (read-any body)))

(test "a server that sends without end is read up to a limit, and one that is silent is left"
  (with [listener (net/listen "127.0.0.1" "0")]
    (ev/go (fn []
             (protect
               (forever
                 (def s (net/accept listener))
                 (ev/go (fn []
                          (protect (forever (:write s "\x16\x03\x03\x40\0")
                                     (:write s (string/repeat "\0" 0x4000))))))))))
    (is= [] (tuple ;(taken (probe/offers (site (port-of listener)))))))
  (with [listener (net/listen "127.0.0.1" "0")]
    (def begun (os/clock :monotonic))
    (def offers (probe/offers (merge (site (port-of listener)) {:seconds 0.5})))
    (is (all |($ :silent) offers))
    (is (< (- (os/clock :monotonic) begun) (* 4 (scan-number (os/getenv "JSEC_SLOW" "1")))))))

(test "hellos have the form of their version"
  (defn hello-of [version host]
    (hello/client-hello {:version version :suites [0xc02f] :groups [29] :host host}))
  (is= "\x16\x03\x00" (string/slice (hello-of 0x0300 "a.example") 0 3))
  (is (not (string/find "a.example" (hello-of 0x0300 "a.example"))) "no extensions in SSL 3.0")
  (is= "\x16\x03\x01" (string/slice (hello-of 0x0304 "a.example") 0 3))
  (is (string/find "a.example" (hello-of 0x0301 "a.example")))
  (each address ["127.0.0.1" "::1"] # RFC 6066, 3
    (is (not (string/find address (hello-of 0x0303 address))))))

(end)
