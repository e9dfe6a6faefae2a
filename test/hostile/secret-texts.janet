# No error text shows a secret. Every public function with a key, password, session or ticket keys
# among its arguments is called with secrets of many wrong shapes, and no eight bytes of them may
# appear in the error.
(import ../support/check :prefix "")
(import ../../tools/public)
(import jsec/acme)
(import jsec/bio)
(import jsec/ca)
(import jsec/cert)
(import jsec/crypto)
(import jsec/dtls)
(import jsec/dtls-stream)
(import jsec/tls)
(import jsec/tls-stream)

(def id (cert/generate-self-signed-cert {:common-name "localhost" :key-type :ec-p256}))
(def encrypted (crypto/export-key (id :key) {:password "hunter2" :iterations 1000}))
(def mail (crypto/smime-encrypt "data" (id :cert)))
(def csr (crypto/generate-csr (id :key) {:common-name "localhost"}))
(def closed-port
  (with [listener (net/listen "127.0.0.1" "0")] (string (last (net/localname listener)))))
(def listener (tls/listen "127.0.0.1" "0"))
(def port (string (last (net/localname listener))))
(def context (tls/new-context id))
(def dtls-context (dtls/new-context id))

# ---- secrets, and how to find them again ----

(def base64-lines
  (filter |(not (string/has-prefix? "-" $)) (string/split "\n" (string/trim (id :key)))))
(def phrase "correct horse battery staple")

(def shapes
  "Names of shapes to values; the last ones hold the secret inside of something else."
  {"a phrase" phrase
   "a phrase in a buffer" (buffer phrase)
   "a phrase that ends in NUL" (string phrase "\0")
   "a phrase with a newline" (string phrase "\n")
   "a keyword" (keyword phrase)
   "a symbol" (symbol phrase)
   "a short password" "Tr0ub4dor"
   "a path without an extension" "/etc/ssl/correct-horse"
   "a long phrase" (string/repeat phrase 200)
   "22 bytes" "0123456789abcdefghijkl"
   "48 letters" (string/repeat "battery!" 6)
   "49 bytes" (string (string/repeat "\x01\x80" 20) "battery!!")
   "Base64 on one line" (string/join base64-lines)
   "Base64 in lines" (string/join base64-lines "\n")
   "Base64 with a dot in it" (string (string/join base64-lines) "." (first base64-lines))
   "PEM that is damaged" (string "-----BEGIN PRIVATE KEY-----\n" (string/join base64-lines "")
                                 "AAAA\n-----END PRIVATE KEY-----\n")
   "PEM without its end" (string/slice (id :key) 0 -40)
   "PEM on one line" (string/replace-all "\n" " " (id :key))
   "DER" (crypto/convert-key (id :key) :der)
   "DER that is cut" (string/slice (crypto/convert-key (id :key) :der) 0 100)
   "DER with NUL after it" (string (crypto/convert-key (id :key) :der) "\0")
   "an encrypted key" encrypted
   "a certificate" (id :cert)
   "a number" 4815162342
   "a tuple" [phrase]
   "an array of 9" (array/new-filled 9 phrase)
   "a tuple of a keyword" [(keyword phrase)]
   "a struct" {phrase phrase}
   "a table" @{:entry phrase (keyword phrase) 1}
   "a function" (fn [] phrase)})

(defn- pieces
  "What of a secret must not appear: texts of eight bytes, or a whole number."
  [secret]
  (cond
    (number? secret) (if (> secret 1000) [(string secret)] [])
    (bytes? secret) (seq [i :range-to [0 (- (length secret) 8)]] (string/slice secret i (+ i 8)))
    (indexed? secret) (mapcat pieces secret)
    (dictionary? secret) [;(mapcat pieces (keys secret)) ;(mapcat pieces (values secret))]
    []))

(defn- is-common
  "Is it text that every PEM block has?"
  [piece]
  (or (string/find "-" piece) (string/find "PRIVATE" piece) (string/find "KEY" piece)))

(def- by-shape
  "The pieces of each shape, as they are and as %v writes them."
  (tabseq [[name secret] :pairs shapes]
    name (mapcat |[$ (string/slice (string/format "%q" $) 1 -2)]
                 (distinct (filter (complement is-common) (pieces secret))))))

(defn- shown-in
  "A piece of the secret that stands in the error's text, or nil."
  [shape text]
  (find |(string/find $ text) (by-shape shape)))

# ---- every place for one ----

(defn- with-option
  "Calls of `f` with options that hold the secret under a name."
  [f option &opt others]
  |(f (merge (or others {}) {option $})))

(defn- streams [] [(bio/new-mem) (bio/new-mem)])

(defn- soon [f] (ev/with-deadline 0.05 (f)))

(def entries
  "How options reach each function that makes a context."
  {"tls/new-context" tls/new-context
   "tls/connect" |(tls/connect "127.0.0.1" closed-port $)
   "tls/listen" |(:close (tls/listen "127.0.0.1" "0" $))
   "tls/listen-fds" |(tls/listen-fds nil $)
   "tls/accept" |(tls/accept listener $ 0.01)
   "tls/accept-loop" |(soon (fn [] (tls/accept-loop listener $ (fn [s] s))))
   "tls/upgrade" |(with [s (net/connect "127.0.0.1" port)]
                    (tls/upgrade s "localhost" (merge $ {:handshake false})))
   "tls/wrap" |(tls/wrap (streams) "localhost" (merge $ {:handshake false}))
   "dtls/new-context" dtls/new-context
   "dtls/connect" |(dtls/connect "127.0.0.1" closed-port (merge $ {:timeout 0.05}))
   "dtls/listen" |(dtls/close-server (dtls/listen "127.0.0.1" "0" $))
   "dtls-stream/upgrade" |(with [s (net/connect "127.0.0.1" "9" :datagram)]
                            (dtls-stream/upgrade s (merge $ {:handshake false})))})

(def of-a-context
  "What these options need beside them, to be looked at at all."
  {:key {} :password {:key encrypted} :ticket-keys {:key (id :key)} :session {:key (id :key)}})

(def a-ca {:issuer-cert (id :cert) :issuer-key (id :key)})
(def nonce (string/repeat "n" 12))
(def nowhere (string "https://127.0.0.1:" closed-port "/"))
(def acme-account @{:session @{:kid "x" :urls @{} :nonces @[] :signer {}}})
(def folder (tmpdir))
(ca/create folder {:key (id :key)})

(def calls
  "[function option-or-argument] to a function of the secret."
  (merge
    (tabseq [[name f] :pairs entries [option others] :pairs of-a-context]
      [name option] (with-option f option (merge {:cert (id :cert)} others)))
    {["acme/account" :key]
     (with-option |(acme/account nowhere $) :key {:terms true})
     ["acme/obtain" :key]
     (with-option |(acme/obtain acme-account "a.example" $) :key {:http-01 80 :timeout 1})
     ["acme/change-key" :key] |(acme/change-key acme-account $)
     ["tls/set-ticket-keys" :keys] |(tls/set-ticket-keys context $)
     ["tls/rotate-ticket-keys" :secret] |((tls/rotate-ticket-keys context {:secret $}))
     ["dtls/rotate-ticket-keys" :secret] |((dtls/rotate-ticket-keys dtls-context {:secret $}))
     ["dtls/set-ticket-keys" :keys] |(dtls/set-ticket-keys dtls-context $)
     ["tls-stream/set-session" :session]
     |(tls-stream/set-session (tls/wrap (streams) "h" {:handshake false}) $)
     ["dtls-stream/set-session" :session]
     |(with [s (dtls/connect "127.0.0.1" closed-port {:handshake false})]
        (dtls-stream/set-session s $))
     ["cert/generate-self-signed-from-key" :key] |(cert/generate-self-signed-from-key $)
     ["cert/generate-self-signed-from-key" :password]
     (with-option |(cert/generate-self-signed-from-key encrypted $) :password)
     ["cert/issue-cert" :issuer-key]
     (with-option cert/issue-cert :issuer-key {:issuer-cert (id :cert) :csr csr})
     ["cert/issue-cert" :issuer-password]
     (with-option cert/issue-cert :issuer-password (merge a-ca {:issuer-key encrypted :csr csr}))
     ["cert/issue-cert" :key] (with-option cert/issue-cert :key (merge a-ca {:common-name "a"}))
     ["cert/issue-cert" :password]
     (with-option cert/issue-cert :password (merge a-ca {:key encrypted :common-name "a"}))
     ["cert/issue-crl" :issuer-key]
     (with-option cert/issue-crl :issuer-key {:issuer-cert (id :cert)})
     ["cert/issue-crl" :issuer-password]
     (with-option cert/issue-crl :issuer-password (merge a-ca {:issuer-key encrypted}))
     ["ca/create" :key] (with-option |(ca/create folder $) :key {:force true})
     ["ca/create" :ca-password]
     (with-option |(ca/create folder $) :ca-password {:force true :key encrypted})
     ["ca/issue" :ca-key] (with-option |(ca/issue folder "a" $) :ca-key)
     ["ca/issue" :ca-password]
     (with-option |(ca/issue folder "a" $) :ca-password {:ca-key encrypted})
     ["ca/crl" :ca-key] (with-option |(ca/crl folder $) :ca-key)
     ["ca/crl" :ca-password] (with-option |(ca/crl folder $) :ca-password {:ca-key encrypted})
     ["crypto/hmac" :key] |(crypto/hmac :sha256 $ "data")
     ["crypto/new-hmac" :key] |(crypto/new-hmac :sha256 $)
     ["crypto/new-signer" :key] crypto/new-signer
     ["crypto/new-verifier" :key] crypto/new-verifier
     ["crypto/new-encryptor" :key] |(crypto/new-encryptor :aes-256-gcm $ nonce)
     ["crypto/new-decryptor" :key] |(crypto/new-decryptor :aes-256-gcm $ nonce)
     ["encryptor/update" :data]
     |(:update (crypto/new-encryptor :aes-256-gcm (string/repeat "k" 32) nonce) $)
     ["crypto/digest-file" :key] (with-option |(crypto/digest-file :sha256 "/" $) :key)
     ["crypto/digest-stream" :key]
     (with-option |(crypto/digest-stream :sha256 (first (streams)) $) :key)
     ["crypto/seal-stream" :key] |(crypto/seal-stream $ ;(streams))
     ["crypto/open-stream" :key] |(crypto/open-stream $ ;(streams))
     ["crypto/constant-time=" :a] |(crypto/constant-time= $ "x")
     ["crypto/constant-time=" :b] |(crypto/constant-time= "x" $)
     ["crypto/export-public-key" :key] crypto/export-public-key
     ["crypto/sign" :key] |(crypto/sign $ "data")
     ["crypto/sign" :password] (with-option |(crypto/sign encrypted "data" $) :password)
     ["crypto/verify" :key] |(crypto/verify $ "data" "signature")
     ["crypto/derive" :private-key] |(crypto/derive $ (crypto/export-public-key (id :key)))
     ["crypto/decapsulate" :private-key] |(crypto/decapsulate $ "data")
     ["crypto/hpke-seal" :plaintext] |(crypto/hpke-seal (id :cert) $ {:aead :export-only})
     ["crypto/hpke-seal" :sender-key]
     (with-option |(crypto/hpke-seal (id :cert) "data" $) :sender-key)
     ["crypto/hpke-seal" :psk] (with-option |(crypto/hpke-seal (id :cert) "data" $) :psk)
     ["crypto/hpke-open" :private-key] |(crypto/hpke-open $ "enc" "data")
     ["crypto/hpke-open" :sender-key]
     (with-option |(crypto/hpke-open (id :key) "enc" "data" $) :sender-key)
     ["crypto/hpke-open" :psk] (with-option |(crypto/hpke-open (id :key) "enc" "data" $) :psk)
     ["crypto/new-hpke-sender" :sender-key]
     (with-option |(crypto/new-hpke-sender (id :cert) $) :sender-key)
     ["crypto/new-hpke-sender" :psk]
     (with-option |(crypto/new-hpke-sender (id :cert) $) :psk {:psk-id "name"})
     ["crypto/new-hpke-recipient" :private-key] |(crypto/new-hpke-recipient $ "enc")
     ["crypto/new-hpke-recipient" :sender-key]
     (with-option |(crypto/new-hpke-recipient (id :key) "enc" $) :sender-key)
     ["crypto/new-hpke-recipient" :psk]
     (with-option |(crypto/new-hpke-recipient (id :key) "enc" $) :psk {:psk-id "name"})
     ["hpke-sender/seal" :plaintext]
     |(:seal (crypto/new-hpke-sender (id :cert) {:aead :export-only}) $)
     ["crypto/hkdf" :key] |(crypto/hkdf :sha256 $ "" "" 32)
     ["crypto/pbkdf2" :password] |(crypto/pbkdf2 :sha256 $ "salt" 1000 32)
     ["crypto/scrypt" :password] |(crypto/scrypt $ "salt" 32 {:n 16})
     ["crypto/hash-password" :password]
     |(crypto/hash-password $ {:algorithm :pbkdf2 :iterations 1000})
     ["crypto/verify-password" :password] |(crypto/verify-password $ "$pbkdf2-sha256$1$c2FsdA$AAAA")
     ["crypto/verify-password" :stored] |(crypto/verify-password "password" $)
     ["crypto/needs-rehash?" :stored] crypto/needs-rehash?
     ["crypto/hotp" :secret] |(crypto/hotp $ 1)
     ["crypto/totp" :secret] crypto/totp
     ["crypto/verify-totp" :secret] |(crypto/verify-totp $ "123456")
     ["crypto/verify-totp" :code] |(crypto/verify-totp "secret" $)
     ["crypto/otp-uri" :secret] |(crypto/otp-uri $ "a")
     ["crypto/encrypt" :key] |(crypto/encrypt :aes-256-gcm $ nonce "data")
     ["crypto/encrypt" :plaintext] |(crypto/encrypt :aes-256-gcm (string/repeat "k" 31) nonce $)
     ["crypto/rsa-encrypt" :plaintext] |(crypto/rsa-encrypt (id :key) $)
     ["crypto/decrypt" :key]
     |(crypto/decrypt :aes-256-gcm $ nonce "data" (string/repeat "t" 16))
     ["crypto/wrap-key" :kek] |(crypto/wrap-key $ (string/repeat "k" 32))
     ["crypto/wrap-key" :key] |(crypto/wrap-key (string/repeat "k" 32) $)
     ["crypto/unwrap-key" :kek] |(crypto/unwrap-key $ (string/repeat "k" 40))
     ["crypto/rsa-encrypt" :key] |(crypto/rsa-encrypt $ "data")
     ["crypto/rsa-decrypt" :key] |(crypto/rsa-decrypt $ "data")
     ["crypto/rsa-decrypt" :password]
     (with-option |(crypto/rsa-decrypt encrypted "data" $) :password)
     ["crypto/rsa-max-plaintext" :key] crypto/rsa-max-plaintext
     ["crypto/ec-point-mul" :scalar] |(crypto/ec-point-mul :p-256 $)
     ["crypto/generate-csr" :key] |(crypto/generate-csr $ {:common-name "a"})
     ["crypto/generate-csr" :password]
     (with-option |(crypto/generate-csr encrypted $) :password {:common-name "a"})
     ["crypto/generate-csr" :challenge-password]
     (with-option |(crypto/generate-csr (id :key) $) :challenge-password {:common-name "a"})
     ["crypto/cms-sign" :key] |(crypto/cms-sign "data" (id :cert) $)
     ["crypto/cms-sign" :password]
     (with-option |(crypto/cms-sign "data" (id :cert) encrypted $) :password)
     ["crypto/cms-decrypt" :key] |(crypto/cms-decrypt "data" (id :cert) $)
     ["crypto/cms-decrypt" :password]
     (with-option |(crypto/cms-decrypt "data" (id :cert) encrypted $) :password)
     ["crypto/cms-encrypt" :password] (with-option |(crypto/cms-encrypt "data" nil $) :password)
     ["crypto/smime-sign" :key] |(crypto/smime-sign "data" (id :cert) $)
     ["crypto/smime-sign" :password]
     (with-option |(crypto/smime-sign "data" (id :cert) encrypted $) :password)
     ["crypto/smime-encrypt" :password]
     (with-option |(crypto/smime-encrypt "data" nil $) :password)
     ["crypto/smime-decrypt" :key] |(crypto/smime-decrypt mail (id :cert) $)
     ["crypto/smime-decrypt" :password]
     (with-option |(crypto/smime-decrypt mail (id :cert) encrypted $) :password)
     ["crypto/create-pkcs12" :key]
     |(crypto/create-pkcs12 (id :cert) $ {:password "p" :iterations 1000})
     ["crypto/create-pkcs12" :password]
     (with-option |(crypto/create-pkcs12 (id :cert) (id :key) $) :password {:iterations 1000})
     ["crypto/create-pkcs12" :key-password]
     (with-option |(crypto/create-pkcs12 (id :cert) encrypted $)
                  :key-password {:password "p" :iterations 1000})
     ["crypto/parse-pkcs12" :data] |(crypto/parse-pkcs12 $ "p")
     ["crypto/parse-pkcs12" :password] |(crypto/parse-pkcs12 "data" $)
     ["crypto/detect-format" :data] crypto/detect-format
     ["crypto/convert-key" :key] |(crypto/convert-key $ :pem)
     ["crypto/convert-key" :password]
     (with-option |(crypto/convert-key (id :key) :pem $) :password {:iterations 1000})
     ["crypto/convert-key" :input-password]
     (with-option |(crypto/convert-key encrypted :pem $) :input-password)
     ["crypto/load-key" :key] crypto/load-key
     ["crypto/load-key" :password] |(crypto/load-key encrypted $)
     ["crypto/export-key" :key] crypto/export-key
     ["crypto/export-key" :password]
     (with-option |(crypto/export-key (id :key) $) :password {:iterations 1000})
     ["crypto/export-key" :input-password]
     (with-option |(crypto/export-key encrypted $) :input-password)
     ["crypto/key" :key] crypto/key
     ["crypto/ssh-sign" :key] |(crypto/ssh-sign $ "data")
     ["crypto/ssh-sign" :password] (with-option |(crypto/ssh-sign encrypted "data" $) :password)
     ["crypto/ssh-verify" :key] |(crypto/ssh-verify $ "data" "signature")
     ["crypto/key-to-jwk" :key] crypto/key-to-jwk
     ["crypto/key-to-jwk" :password] (with-option |(crypto/key-to-jwk encrypted $) :password)
     ["crypto/key-to-raw" :key] crypto/key-to-raw
     ["crypto/key-to-raw" :password] (with-option |(crypto/key-to-raw encrypted $) :password)
     ["crypto/key-from-raw" :bytes] |(crypto/key-from-raw :x25519 $ {:private true})
     ["crypto/key-from-jwk" :jwk] |(crypto/key-from-jwk {:kty "OKP" :crv "X25519" :x "AA" :d $})
     ["crypto/key-from-jwk" :kty] |(crypto/key-from-jwk {:kty $})
     ["crypto/jwk-thumbprint" :key] crypto/jwk-thumbprint
     ["crypto/key" :password] |(crypto/key encrypted $)
     ["crypto/key-info" :key] crypto/key-info
     ["crypto/key-info" :password] |(crypto/key-info encrypted $)}))

(def misplaced
  "Secrets that are strings or buffers, in the place of something else."
  {"options of tls/new-context" tls/new-context
   "options of tls/connect" |(tls/connect "127.0.0.1" closed-port $)
   "the listener of tls/accept" |(tls/accept $ id 0.01)
   "the context of set-ticket-keys" |(tls/set-ticket-keys $ context)
   "options of tls/reload" |(tls/reload context $)
   "options of tls/rotate-ticket-keys" |(tls/rotate-ticket-keys context $)
   "the context of trust-cert" |(tls-stream/trust-cert $ (id :cert))
   "the stream of set-session" |(tls-stream/set-session $ (streams))
   "the server of dtls/recv-from" |(dtls/recv-from $ 10 @"")
   "options of crypto/sign" |(crypto/sign (id :key) "data" $)
   "options of crypto/export-key" |(crypto/export-key (id :key) $)
   "options of crypto/create-pkcs12" |(crypto/create-pkcs12 (id :cert) (id :key) $)
   "iterations of crypto/pbkdf2" |(crypto/pbkdf2 :sha256 "p" "salt" $ 32)
   "a certificate" |(cert/parse $)
   ":cert" |(tls/new-context {:cert $ :key (id :key)})
   ":ca-file" |(tls/new-context {:ca-file $})
   ":trusted-cert" |(tls/new-context {:trusted-cert $})
   ":crl" |(tls/new-context {:crl $})
   ":verify" |(tls/new-context {:verify $})
   ":truncation" |(tls/new-context {:truncation $})
   ":ciphers" |(tls/new-context {:ciphers $})
   ":ciphersuites" |(tls/new-context {:ciphersuites $})
   ":curves" |(tls/new-context {:curves $})
   ":min-version" |(tls/new-context {:min-version $})
   ":keylog" |(tls/new-context {:keylog (string "/nonexistent/" $)})
   ":ca-path" |(tls/new-context {:ca-path $})
   ":alpn" |(tls/new-context {:alpn [$ ""]})
   ":pins" |(tls/new-context {:pins [$]})
   ":digest" |(cert/generate-self-signed-cert {:digest $})
   ":key-type" |(cert/generate-self-signed-cert {:key-type $})
   ":purpose" |(cert/verify-chain (id :cert) {:roots (id :cert) :purpose $})
   "the digest of crypto/hmac" |(crypto/hmac $ :sha256 "data")
   "the digest of crypto/new-digest" |(crypto/new-digest $)
   "the stream of crypto/digest-stream" |(crypto/digest-stream :sha256 $)
   "the path of crypto/digest-file" |(crypto/digest-file :sha256 $)
   "a stream of crypto/seal-stream" |(crypto/seal-stream (string/repeat "k" 32) $ $)
   "the cipher of crypto/encrypt" |(crypto/encrypt $ :aes-256-gcm nonce "data")
   "the curve of crypto/ec-point-mul" |(crypto/ec-point-mul $ :p-256)
   "the algorithm of crypto/generate-key" |(crypto/generate-key $)
   "the format of crypto/convert-key" |(crypto/convert-key (id :key) $)
   ":ocsp-response" |(tls/new-context (merge id {:ocsp-response $}))
   "the name of an option" |(tls/new-context {$ true})
   "the key of a virtual host" |(tls/new-context {:sni {"a.example" {:cert (id :cert) :key $}}})})

(defn- leaks
  "The shapes of which this call's error shows a piece."
  [f shapes]
  (sort (seq [[shape secret] :pairs shapes
              :let [[fine result] (protect (f secret))
                    piece (if (not fine) (shown-in shape (string result)))]
              :when piece]
          (string shape ": " result))))

(eachp [[name place] f] calls
  (test (string name " shows no secret given as its " place) (is= @[] (leaks f shapes))))

(def- texts (from-pairs (filter |(or (string? ($ 1)) (buffer? ($ 1))) (pairs shapes))))

(eachp [place f] misplaced
  (test (string "no secret given in the place of " place " is shown") (is= @[] (leaks f texts))))

(def hosts
  "Places for a host name or a path. A short text or a host name is shown there."
  {"the host of tls/connect" |(tls/connect $ closed-port)
   "the port of tls/connect" |(tls/connect "127.0.0.1" $)
   "the path of a listener" |(tls/listen :unix (string "/nonexistent/" $))
   ":hostname" |(tls/wrap (streams) {:hostname $ :handshake false})
   ":verify-hostname" |(tls/wrap (streams) "h" {:verify-hostname $ :handshake false})
   ":host of verify-chain" |(cert/verify-chain (id :cert) {:roots (id :cert) :host $})
   "a host of :sni" |(tls/new-context (merge id {:sni {$ id}}))
   "a host of :sni beside others" |(tls/new-context (merge id {:sni {(string "*." $) id}}))
   ":san" |(cert/generate-self-signed-cert {:san [$]})
   "a common name" |(cert/generate-self-signed-cert {:common-name $})
   "a country" |(cert/generate-self-signed-cert {:country $})})

(def beyond-names (from-pairs (filter |(> (length ($ 1)) 24) (pairs texts))))

(test "no secret above 24 characters is shown in the place of a host, a subject or a path"
  (eachp [place f] hosts (is= @[] (leaks f beyond-names) place)))

(test "a keyword that is no option, no digest and no word is shown"
  (fails-with "unknown option :verfy, did you mean :verify" (tls/new-context {:verfy true}))
  (fails-with "got :sha257" (crypto/digest :sha257 "x"))
  (fails-with "got :requird" (tls/new-context {:verify :requird})))

# ---- none is left out ----

(defn- is-secret-name [name]
  (and (or (index-of name ["keys" "ticket-keys" "session" "scalar"])
           (some |(string/has-suffix? $ name) ["key" "password"]))
       (not (string/has-suffix? "public-key" name))))

(def- words (peg/compile '(any (+ (* (+ "(" " ") '(some (+ :w (set "-/=")))) 1))))
(def- options (peg/compile ~(any (+ (* "\n* `:" '(some (if-not "`" 1)) "` - ") 1))))

(test "every secret argument and option of a public function is among these calls"
  (def missing
    (seq [module :in (public/modules)
          {:name name :signature signature :text text} :in (public/functions module)
          place :in [;(drop 1 (peg/match words (or signature ""))) ;(peg/match options text)]
          :when (and (is-secret-name place) (not (calls [name (keyword place)]))
                     # the results of these
                     (not (index-of name ["crypto/parse-pkcs12" "crypto/parse-csr"])))]
      (string name " " place)))
  (is= [] (tuple ;(distinct missing))))

(test "a path appears in an error when it ends in an extension, and not otherwise"
  (fails-with "no-such-file.pem: No such file"
    (tls/new-context {:cert (id :cert) :key "/tmp/no-such-file.pem"}))
  (fails-with "neither PEM nor DER" (tls/new-context {:cert (id :cert) :key "/tmp/no-such-file"})))

(test "keys and certificates are accepted as DER"
  (def der {:cert (crypto/convert-cert (id :cert) :der) :key (crypto/convert-key (id :key) :der)})
  (each new [tls/new-context dtls/new-context]
    (is (new der))
    (is (new (merge der {:ca-file (der :cert)})))
    (is (new {:trusted-cert (buffer (der :cert))}))))

(:close listener)
(end)
