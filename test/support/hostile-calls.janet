# A child of test/hostile/calls.janet: janet hostile-calls.janet SEED COUNT calls functions of the
# public modules, and methods of what they return, with arguments that make sense and others that
# make none. Each call has to return or to raise a text, soon. The number of each call is printed
# before it, so that the parent knows which one killed us: SEED FROM COUNT repeats it alone.
(import ./pairs :prefix "")
(import jsec/bio)
(import jsec/cert)
(import jsec/crypto)
(import jsec/dtls)
(import jsec/dtls-stream)
(import jsec/tls)
(import jsec/tls-stream)

(def- rng (math/rng 0)) # made anew for each call
(var- random rng)
(defn- below [n] (math/rng-int random n))
(defn- one-of [list] (in list (below (length list))))
(defn- chance [n] (zero? (below n)))

# ---- values ----

(def- certificate (identity :cert))
(def- key (identity :key))
(def- rsa (cert/generate-self-signed-cert {:common-name "localhost" :key-type :rsa}))
(def- ed25519 (cert/generate-self-signed-cert {:common-name "localhost" :key-type :ed25519}))
(def- encrypted-key (crypto/export-key key {:password "pw"}))
(def- ssh-key (crypto/convert-key (ed25519 :key) :openssh))
(def- bundle (crypto/create-pkcs12 certificate key {:password "pw"}))
(def- request (crypto/generate-csr key {:common-name "localhost"}))
(def- signed (crypto/cms-sign "data" certificate key))

(def- deep (do (var v @[]) (repeat 20000 (set v @[v])) v))
(def- round (do (def t @{}) (put t :sni @{"a" t}) (put t t t)))
(def- big (string/repeat "x" 1000000))

(def- datagram-options {:cert certificate :key key})

(defn- dtls-pair
  "A server and a client of it, with a session."
  []
  (def server (dtls/listen "127.0.0.1" 0 datagram-options))
  (def address (spawn (dtls/recv-from server 100 @"" 5)))
  (def client (dtls/connect "127.0.0.1" (get (dtls/localname server) 1)
                            {:trusted-cert certificate :hostname "localhost"}))
  (dtls/write client "x")
  @{:server server :client client :address (get (await address) 1)})

(defn- fresh-streams
  "Two connected TLS streams, one closed, one before its handshake, a listener and a bio."
  []
  (def [a b] (pair (one-of [:tls13 :tls12])))
  (def closed (first (pair :tls13)))
  (:close closed true)
  (def deferred
    (tls/wrap (first (core-pair)) "localhost" (merge client-options {:handshake false})))
  (def memory (bio/new-mem))
  (bio/write memory "something")
  @{:streams [a b closed deferred] :a a :b b :listener (tls/listen "127.0.0.1" 0) :bio memory
    :context (tls/new-context (one-of [client-options server-options]))
    :dtls (dtls-pair)
    :plain (core-pair)})

(var- world nil)

(defn- flaw
  "Bytes with something wrong."
  [bytes]
  (def changed (buffer bytes))
  (unless (empty? changed)
    (case (below 4)
      0 (buffer/popn changed (below (length changed)))
      1 (put changed (below (length changed)) (below 256))
      2 (buffer/push changed (string/slice changed (below (length changed))))
      3 (buffer/blit changed "\0\xff" (below (length changed)))))
  (if (chance 2) changed (string changed)))

(def- numbers [0 1 -1 2 3 7 16 17 255 256 443 1024 2048 65535 65536 1e6 0x7fffffff 0x80000000
               -0x80000000 0xffffffff 1e15
               (math/pow 2 53) 1e300 -1e300 0.5 -0.0 1.5e-300 math/nan math/inf (- math/inf)])
(def- words [:sha256 :sha1 :md5 :sha3-256 :rsa :ec-p256 :p256 :ed25519 :x25519 :aes-256-gcm
             :aes-128-cbc :chacha20-poly1305
             :pem :der :pkcs8 :pkcs12 :raw :all :r :w :rw :data :read :write :close :server :client
             :optional :TLS1_2 :TLS1_3
             :error :eof :require :default :unix :pss :oaep :pkcs1 :uncompressed :compressed])
(def- texts ["" "\0" "a" "localhost" "127.0.0.1" "::1" "example.org" "*.a" "sha256" "aes-256-gcm"
             "pw" "h2" "/" "/dev/null" "."
             "/no/such/file" "../../x" "%s%n%x" "\xff\xfe" "-----BEGIN CERTIFICATE-----\n" "DNS:a"
             "IP:1" "email:" "a\0b"
             "AAAA" "====" "\n" "ünï" "0" "-1" "sha256//AAAA" "\x30\x84\xff\xff\xff\xff" "\x30\x80"
             "\x04\x01"])

(defn- bytes []
  (def text
    (case (below 8)
      0 (one-of texts)
      1 (one-of texts)
      2 (one-of [certificate key (rsa :cert) (rsa :key) (ed25519 :key) encrypted-key bundle request
                 signed])
      3 (flaw (one-of [certificate key bundle request signed encrypted-key]))
      4 (string/repeat (one-of ["\0" "A" "\xff" "-" "."]) (below 3000))
      5 (do (def b @"") (repeat (below 200) (buffer/push b (below 256))) b)
      6 (string (one-of words))
      7 (if (chance 10) big "text")))
  (if (chance 3) (buffer text) text))

(var- options-of nil)

(defn- value
  "Anything."
  [&opt depth]
  (def depth (or depth 0))
  (case (below (if (> depth 2) 9 16))
    0 nil
    1 (one-of [true false])
    2 (one-of numbers)
    3 (one-of numbers)
    4 (one-of words)
    5 (bytes)
    6 (bytes)
    7 (one-of ['symbol print (fn []) (fn [a] a) (fn [a] (error "no")) (fn [&] (yield 1))
               (fn [a b c] a) rng])
    8 (one-of [(get-in world [:dtls :server]) (get-in world [:dtls :client])
               (get-in world [:dtls :address]) (world :a) (world :b) (world :listener) (world :bio)
               (world :context) (first (world :plain))
               ;(world :streams)])
    9 (seq [_ :range [0 (below 5)]] (value (inc depth)))
    10 (tuple ;(seq [_ :range [0 (below 12)]] (value (inc depth))))
    11 (options-of nil depth)
    12 (one-of [deep round {} @{} [] @[] @"" (array/new 10) (fiber/new (fn []))])
    13 (struct :a (value (inc depth)) (or (bytes) 1) (value (inc depth)))
    14 (one-of numbers)
    15 (one-of [server-options client-options])))

# ---- functions and what fits them ----

(defn- documented
  "A function's arguments and options, as its docstring has them."
  [docs]
  (def head (first (string/split "\n" docs)))
  {:arguments (filter |(not= $ "&opt") (slice (string/split " " (string/trim head "()")) 1))
   :options (map keyword (peg/match '(any (+ (* "* `:" (<- (some (if-not "`" 1))) "`") 1)) docs))})

(def- functions
  (seq [[module table] :in [["bio" (require "jsec/bio")] ["cert" (require "jsec/cert")]
                            ["crypto" (require "jsec/crypto")]
                            ["dtls" (require "jsec/dtls")]
                            ["dtls-stream" (require "jsec/dtls-stream")]
                            ["tls" (require "jsec/tls")] ["tls-stream" (require "jsec/tls-stream")]]
        name :in (sorted (filter symbol? (keys table)))
        :let [entry (table name)]
        :when (and (not (entry :private)) (cfunction? (entry :value)))]
    (merge {:name (string module "/" name) :function (entry :value)} (documented (entry :doc)))))
(def- by-name (tabseq [f :in functions] (f :name) f))
(def- all-options (distinct (mapcat |($ :options) functions)))

(def- fitting # by the name of an argument or option
  {"server" |(get-in world [:dtls :server]) "client" |(get-in world [:dtls :client])
   "addr" |(get-in world [:dtls :address])
   "address" |(get-in world [:dtls :address])
   "client-or-server" |(get-in world [:dtls (one-of [:client :server])])
   "stream" |(one-of (world :streams)) "stream-or-ctx" |(world :context) "ctx" |(world :context)
   "context" |(world :context)
   "listener" |(world :listener) "bio" |(world :bio) "host" (fn [] "127.0.0.1") "port" (fn [] "1")
   "hostname" (fn [] "localhost")
   "handler" (fn [] (fn [s] (:close s))) "on-error" (fn [] print) "cert" (fn [] certificate)
   "key" (fn []
           (one-of [key (crypto/key key) (rsa :key) (ed25519 :key) ssh-key
                    (string/repeat "k" (one-of [16 32]))]))
   "private-key" (fn [] key) "point" |(crypto/ec-point-mul :p256 (crypto/ec-generate-scalar :p256))
   "public-key" (fn [] (crypto/export-public-key key)) "ca" (fn [] certificate)
   "trusted-cert" (fn [] certificate) "issuer-cert" (fn [] certificate) "issuer-key" (fn [] key)
   "jwk" (fn [] (crypto/key-to-jwk (one-of [key (rsa :key) (ed25519 :key)]) {:private true}))
   "certs" (fn [] [certificate])
   "algorithm" (fn [] (one-of [:sha256 :sha512 :sha3-256]))
   "algo" (fn [] (one-of [:aes-256-gcm :aes-128-cbc :chacha20-poly1305 :xchacha20-poly1305
                          :aes-128-siv :aes-256-ccm :aes-128-ctr :aes-128-gcm-siv]))
   "kek" (fn [] (string/repeat "k" (one-of [16 24 32])))
   "alg" (fn [] (one-of [:ec-p256 :ed25519 :x25519])) "curve" (fn [] :p256) "password" (fn [] "pw")
   "stored" (fn [] (one-of ["$scrypt$ln=4,r=1,p=1$c2FsdA$AAAAAAAAAAAAAAAAAAAA"
                            "$pbkdf2-sha256$9$c2FsdA$AAAAAAAAAAAAAAAAAAAA"]))
   "csr" (fn [] request)
   "cms-data" (fn [] signed) "session" |(try (:get-session (world :a)) ([_] ""))
   "length" (fn [] (one-of [0 16 32 64]))
   "iterations" (fn [] 1000) "nonce" (fn [] (string/repeat "n" (one-of [12 16 24]))) "n" (fn [] 16)
   "nbytes" (fn [] 10)
   "opts" (fn [] nil) "timeout" (fn [] 0.01) "target-format" (fn [] (one-of [:pem :der :openssh]))
   "form" (fn [] :pem)
   "bits" (fn [] nil) "verify" (fn [] true) "tag" (fn [] (string/repeat "t" 16))
   "scalar" |(crypto/ec-generate-scalar :p256)
   "hostname-or-opts" (fn [] "localhost") "response" (fn [] nil) "handshake-timeout" (fn [] 0.1)
   "days-valid" (fn [] 1)
   "key-type" (fn [] :ec-p256) "digest" (fn [] :sha256)})

(defn- fit [name] (if-let [make (fitting name)] (make) (bytes)))

(set options-of
  (fn options-of [names depth]
    (def given (if (or (nil? names) (empty? names) (chance 10)) all-options names))
    (def options @{})
    (repeat (below 5)
      (def name (one-of given))
      # what would be written to or searched for elsewhere
      (unless (index-of name [:keylog])
        (put options name (if (chance 3) (fit (string name)) (value (inc (or depth 0)))))))
    (if (chance 2) options (table/to-struct options))))

(defn- argument [{:options options} name]
  (cond
    (chance 4) (value)
    (and (index-of name ["opts" "options" "loop-opts"]) (not (chance 4)))
    (let [given (options-of options 0)]
      (if (chance 2) (merge (one-of [server-options client-options]) given) given))
    (fit name)))

(defn- guarded
  "Only this machine is ever asked for, and names are not looked up elsewhere."
  [name arguments]
  (if (and (index-of name ["tls/connect" "dtls/connect" "dtls/listen" "dtls-stream/address"])
           (bytes? (first arguments))
           (not (index-of (string (first arguments))
                          ["127.0.0.1" "::1" "localhost" "" "\0" "unix" "a\0b"])))
    ["127.0.0.1" ;(drop 1 arguments)]
    arguments))

(defn- call-function []
  (def f (one-of functions))
  (def names (f :arguments))
  (def arguments (map |(argument f $) names))
  (def least
    (or (find-index |(index-of $ ["opts" "timeout" "password" "form" "aad" "loop-opts" "bits"])
                    names) (length names)))
  (def n (cond
           (chance 3) least
           (chance 12) (below 8)
           (chance 3) (below (inc (length names)))
           (length names)))
  (def given (if (<= n (length arguments))
               (take n arguments)
               (array/concat arguments (seq [_ :range [0 (- n (length arguments))]] (value)))))
  [(f :name) (f :function) (guarded (f :name) given)])

(defn- in-pieces []
  (def [secret nonce] [(string/repeat "k" 32) (string/repeat "n" 12)])
  (one-of [(crypto/new-digest :sha256) (crypto/new-hmac :sha256 "key") (crypto/new-signer key)
           (crypto/new-verifier key) (crypto/new-encryptor :aes-256-gcm secret nonce)
           (crypto/new-decryptor :aes-256-gcm secret nonce)]))

(defn- call-method []
  (def self
    (one-of [(in-pieces) (in-pieces) (get-in world [:dtls :server]) (get-in world [:dtls :client])
             (world :a) (world :a) (world :b) (one-of (world :streams)) (world :context)
             (world :bio)]))
  (def names (keys self))
  (def name (if (empty? names) :close (one-of names)))
  (def function (get self name))
  [(string ":" name) function [(if (chance 15) (value) self)
                               ;(seq [_ :range [0 (below 4)]] (value))]])

(def- generic
  {"ev/read" ev/read "ev/write" ev/write "ev/chunk" ev/chunk "ev/close" ev/close
   "net/shutdown" net/shutdown
   "net/flush" net/flush "net/peername" net/peername "net/localname" net/localname
   "net/setsockopt" net/setsockopt
   "marshal" marshal "describe" describe "%q" |(string/format "%q" $)
   "%v" |(string/format "%.40v" $) "hash" hash "keys" keys
   "next" next "length" length "get" get "put" put "compare" compare "freeze" freeze "in" in})

(defn- call-generic []
  (def name (one-of (sorted (keys generic))))
  (def objects
    [(world :a) (world :context) (world :bio) (world :listener) (one-of (world :streams))
     (in-pieces)])
  [name (generic name) [(one-of objects) ;(seq [_ :range [0 (below 4)]] (value))]])

# ---- a call ----

(defn- explained?
  "Is it a text that a person can do something with?"
  [err]
  (and (bytes? err) (not (empty? err)) (not (string/find "\0" err))
       (not (string/find "gave no reason" err))))

(def- patience (* 0.04 (scan-number (os/getenv "JSEC_SLOW" "1"))))

(defn- judge [name arguments status result]
  (when (and (= status :error) (not (explained? result)))
    (print "unexplained: " name " raised " (string/format "%.99q" result)
           (string/slice (string/format " of %q" arguments) 0 -1))))

(defn- call [seed i]
  (set random (math/rng (mod (+ (* seed 10007) i) 0x7fffffff)))
  (prin i "\n")
  (flush)
  (def [name function arguments]
    (case (below 8) 0 (call-method) 1 (call-method) 2 (call-generic) (call-function)))
  (if (os/getenv "JSEC_SHOW") (do (eprintf "%s %q" name arguments) (eflush)))
  (def fiber (fiber/new (fn [] (function ;arguments)) :ei))
  (ev/deadline patience nil fiber)
  (def result (resume fiber))
  # what handlers of ours raise is theirs
  (unless (index-of result ["no" "deadline expired" "stop"])
    (judge name arguments (fiber/status fiber) result)))

(defn- renew
  "A world for the next calls; what the last one left open goes."
  []
  (when world
    (each s (world :streams) (protect (:close s true)))
    (protect (ev/close (world :listener)))
    (protect (dtls/close (get-in world [:dtls :client]) true))
    (protect (dtls/close-server (get-in world [:dtls :server]) true))
    (each s (world :plain) (protect (ev/close s))))
  (set world (fresh-streams)))

(defn- serves?
  "Is this process still sound?"
  []
  (def [a b] (pair :tls13))
  (:write a "hello")
  (def fine (= "hello" (string (:read b 10))))
  (each s [a b] (:close s true))
  fine)

(defn main [_ seed & more]
  (def [from count] (map scan-number (if (= 1 (length more)) ["0" ;more] more)))
  (def seed (scan-number seed))
  (loop [i :range [from (+ from count)]]
    (when (or (= i from) (zero? (% i 50)))
      (set random (math/rng (+ seed i)))
      (renew))
    (call seed i))
  (print (if (serves?) "sound" "not sound"))
  (flush)
  (os/exit 0))
