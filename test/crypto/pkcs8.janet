# Private keys of PKCS#8 version 2, which carry their public half (RFC 5958, RFC 8410).
(import ../support/check :prefix "")
(import jsec/cert)
(import jsec/crypto)
(import jsec/tls)

(def example "RFC 8410, section 10.3, with an attribute."
  ``
  -----BEGIN PRIVATE KEY-----
  MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
  oB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB
  Z9w7lshQhqowtrbLDFw4rXAxZuE=
  -----END PRIVATE KEY-----

  ``)
(def example-public
  ``
  -----BEGIN PUBLIC KEY-----
  MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
  -----END PUBLIC KEY-----

  ``)

# ---- DER, as far as it is needed ----

(defn- element [tag & contents]
  (def content (string ;contents))
  (def n (length content))
  (string (string/from-bytes
            tag ;(cond (< n 128) [n] (< n 256) [0x81 n] [0x82 (div n 256) (% n 256)]))
          content))
(def- oid "The content of object identifiers."
  {:pbes2 "\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d" :pbkdf2 "\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c"
   :sha256 "\x2a\x86\x48\x86\xf7\x0d\x02\x09" :aes-256 "\x60\x86\x48\x01\x65\x03\x04\x01\x2a"})
(defn- named [name & more] (element 0x30 (element 6 (oid name)) ;more))

(defn- split
  "The algorithm and the octets of a private key of version 1, each a whole element."
  [pem]
  (def der (crypto/convert-key pem :der))
  (defn size [at]
    (def n (der (inc at)))
    (cond (< n 128) [2 n] (= n 0x81) [3 (der (+ at 2))]
      [4 (+ (* 256 (der (+ at 2))) (der (+ at 3)))]))
  (def start (+ (first (size 0)) 3))
  (def end (+ start ;(size start)))
  [(string/slice der start end) (string/slice der end (+ end ;(size end)))])

(defn- public-bits
  "The content of the BIT STRING of a public key."
  [pem]
  (def der (crypto/convert-key (crypto/export-public-key pem) :der))
  (def raw (try (crypto/key-to-raw pem) ([_] nil)))
  (if raw
    (string "\0" raw)
    (string "\0" (element 0x30 (string/slice der (+ 4 (string/find "\x30\x82" der 24)))))))

(defn- version-2 [pem &named bits explicit attributes]
  (def [algorithm octets] (split pem))
  (def bits (or bits (public-bits pem)))
  (element 0x30 "\x02\x01\x01" algorithm octets (or attributes "")
           (if explicit (element 0xa1 (element 3 bits)) (element 0x81 bits))))

(defn- encrypted [der password]
  (def salt (crypto/random-bytes 16))
  (def iv (crypto/random-bytes 16))
  (def key (crypto/pbkdf2 :sha256 password salt 1000 32))
  (def text ((crypto/encrypt :aes-256-cbc key iv der) :ciphertext))
  (element 0x30
           (named :pbes2
                  (element 0x30
                           (named :pbkdf2
                                  (element 0x30 (element 4 salt) "\x02\x02\x03\xe8"
                                           (named :sha256 "\x05\x00")))
                           (named :aes-256 (element 4 iv))))
           (element 4 text)))

(defn- armored [kind der]
  (string "-----BEGIN " kind "-----\n" (crypto/base64-encode der) "\n-----END " kind "-----\n"))

(def types [:ed25519 :x25519 :ed448 :p256 :p521])

# ---- facts ----

(test "the example of RFC 8410 is read"
  (def key (crypto/load-key example))
  (is= example-public (crypto/export-public-key key))
  (is= example-public (crypto/export-public-key example))
  (is= :ed25519 ((crypto/key-info example) :type))
  (is (crypto/verify example-public "data" (crypto/sign example "data")))
  (def certificate (cert/generate-self-signed-from-key example))
  (is (tls/new-context {:cert certificate :key example})))

(test "PEM and DER are read, with the tag of RFC 5958 and the one that ring wrote"
  (each type types
    (def pem (crypto/generate-key type))
    (each der [(version-2 pem) (version-2 pem :explicit true)
               (version-2 pem :attributes (element 0xa0))]
      (is= pem (crypto/load-key der))
      (is= pem (crypto/load-key (armored "PRIVATE KEY" der)))
      (is= pem (crypto/load-key (string (crypto/export-public-key pem)
                                        (armored "PRIVATE KEY" der)))))))

(test "encrypted ones are read with their password"
  (each type types
    (def pem (crypto/generate-key type))
    (def der (encrypted (version-2 pem) "secret"))
    (each form [der (armored "ENCRYPTED PRIVATE KEY" der)]
      (is= pem (crypto/load-key form "secret"))
      (is ((crypto/key-info form) :encrypted))
      (fails-with "wrong password" (crypto/load-key form "Secret"))
      (fails-with "give its password" (crypto/load-key form)))))

(test "a public half that belongs to another key is refused"
  (each type types
    (def pem (crypto/generate-key type))
    (def bits (public-bits (crypto/generate-key type)))
    (each form [(version-2 pem :bits bits) (version-2 pem :bits bits :explicit true)
                (version-2 pem :bits "\0") (version-2 pem :bits "")
                (version-2 pem :bits (string (public-bits pem) "\0"))]
      (fails-with "not a" (crypto/load-key form)))
    (fails-with "the private half does not belong to the public one"
                (crypto/load-key (encrypted (version-2 pem :bits bits) "secret") "secret"))))

(test "what was cut or changed in a byte is no other key"
  (def pem (crypto/generate-key :ed25519))
  (def whole (version-2 pem))
  (loop [n :range [0 (length whole)]]
    (is (not (first (protect (crypto/load-key (string/slice whole 0 n))))) n)
    (def changed (buffer whole))
    (put changed n (bxor 1 (changed n)))
    (def [read key] (protect (crypto/load-key changed)))
    (when read (is= pem key n))))

(end)
