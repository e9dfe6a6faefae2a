# ClientHellos written byte by byte, and what servers answer to them before encryption begins. So
# the tool sees versions, suites and groups that OpenSSL does not have. Nothing here is secret, and
# no answer is trusted: each parser returns nil for bytes that it does not understand.
# RFC 8446 (TLS 1.3), RFC 5246 (1.2), RFC 6101 (SSL 3.0).

# ---- the hello ----

(defn- number [bytes n]
  (def text @"")
  (for i 0 bytes (buffer/push text (band 0xff (brshift n (* 8 (- bytes i 1))))))
  text)

(defn- u16 [n] (number 2 n))
(defn- prefixed
  "The text after its length in that many bytes."
  [bytes & parts]
  (def text (string/join parts))
  (string (number bytes (length text)) text))

(defn- extension [kind & parts] (string (u16 kind) (prefixed 2 ;parts)))

# ECDSA, EdDSA, RSA-PSS and RSA with SHA-2 first, then SHA-1 and DSA, then MD5.
(def- signatures
  [0x0403 0x0503 0x0603 0x0807 0x0808 0x081a 0x081b 0x081c 0x0904 0x0905 0x0906 0x0804 0x0805 0x0806
   0x0809 0x080a 0x080b 0x0401 0x0501 0x0601 0x0303 0x0301 0x0203 0x0201 0x0402 0x0202 0x0101])

(defn- address? [host] (peg/match '(+ (* (some (+ :d ".")) -1) (thru ":")) host))

(defn- extensions [version groups host]
  (string (if (and host (not (address? host)))
            (extension 0 (prefixed 2 "\0" (prefixed 2 host)))
            "")
          (extension 10 (prefixed 2 ;(map u16 groups)))
          (extension 11 "\x01\0")
          (extension 13 (prefixed 2 ;(map u16 signatures)))
          (extension 23)
          # without a key share a TLS 1.3 server names its group in a HelloRetryRequest
          (if (= 0x0304 version) (string (extension 43 "\x02\x03\x04") (extension 51 "\0\0")) "")))

(defn client-hello
  ``The record of a ClientHello: `:version` as on the wire (0x0301 is TLS 1.0), `:suites` and
  `:groups` as arrays of numbers, `:host` for SNI or nil.``
  [{:version version :suites suites :groups groups :host host}]
  (def tls13 (= 0x0304 version))
  (def body
    (string (u16 (min 0x0303 version)) (os/cryptorand 32)
            (prefixed 1 (if tls13 (os/cryptorand 32) ""))
            (prefixed 2 ;(map u16 suites)) "\x01\0"
            (if (= 0x0300 version) "" (prefixed 2 (extensions version groups host)))))
  (string "\x16" (u16 (min 0x0301 version)) (prefixed 2 "\x01" (prefixed 3 body))))

(def ssl2-hello
  "A ClientHello of SSL 2.0, with all its suites."
  (let [suites "\x01\0\x80\x02\0\x80\x03\0\x80\x04\0\x80\x05\0\x80\x06\0\x40\x07\0\xc0"
        body (string "\x01\0\x02" (u16 (length suites)) "\0\0\0\x10" suites
                     (string/repeat "\x5a" 16))]
    (string (u16 (bor 0x8000 (length body))) body)))

# ---- the answer ----

(def- parts
  {:u8 '(uint-be 1) :u16 '(uint-be 2) :u24 '(uint-be 3)
   :text8 '(% (lenprefix :u8 '1)) :text16 '(% (lenprefix :u16 '1))
   :text24 '(% (lenprefix :u24 '1))})

(defn- grammar [main] (peg/compile (merge parts {:main main})))

(def- records (grammar '(any (group (* :u8 :u16 :text16)))))
(def- messages (grammar '(any (group (* :u8 :text24)))))
(def- server-hello (grammar '(* :u16 '32 :text8 :u16 :u8 (+ :text16 (constant "")))))
(def- extension-list (grammar '(any (group (* :u16 :text16)))))
(def- certificates (grammar '(any :text24)))
(def- curve (grammar '(* "\x03" :u16)))
(def- prime (grammar :text16))
(def- request-12 (grammar '(* :text8 :text16 :text16 -1)))
(def- request-10 (grammar '(* :text8 :text16 -1)))
(def- names (grammar '(* (any :text16) -1)))

(def max-answer
  "The bytes of an answer that are read at most."
  0x20000)

(defn- read-records
  "[handshake bytes, alert or nil, over?]: what stands in the plaintext records."
  [bytes]
  (def handshake @"")
  (var alert nil)
  (var over false)
  (each [kind _ text] (or (peg/match records bytes) [])
    (unless over
      (case kind
        22 (buffer/push handshake text)
        21 (do (set over true) (if (= 2 (length text)) (set alert [(text 0) (text 1)])))
        (set over true))))
  [handshake alert over])

(defn- retry-request? [random] (string/has-prefix? "\xcf\x21\xad\x74\xe5\x9a\x61\x11" random))

(defn- read-server-hello [body]
  (when-let [[version random _ suite _ more] (peg/match server-hello body)
             extensions (from-pairs (or (peg/match extension-list more) []))]
    (defn first-u16 [text] (if text (first (peg/match '(uint-be 2) text))))
    {:version (or (first-u16 (extensions 43)) version)
     :suite suite
     :group (first-u16 (extensions 51))
     :retry (truthy? (retry-request? random))}))

(defn- read-certificates [body]
  (if (> (length body) 3) (peg/match certificates body 3)))

(defn- read-key-exchange
  "{:group number} of ECDHE, {:prime-bits n} of DHE."
  [body ephemeral]
  (case ephemeral
    :ecdhe (if-let [[group] (peg/match curve body)] {:group group})
    :dhe (if-let [[p] (peg/match prime body)] {:prime-bits (* 8 (length (string/triml p "\0")))})))

(defn- read-request [body version]
  (when-let [found (peg/match (if (= 0x0303 version) request-12 request-10) body)]
    {:cas (or (peg/match names (last found)) [])}))

(defn- ephemeral-kind
  "How a suite of that name agrees on a key, where a message of the server's shows it."
  [suite-name]
  (cond
    (or (string/find "_ECDHE_" suite-name) (string/find "ECDH_anon" suite-name)) :ecdhe
    (or (string/find "_DHE_" suite-name) (string/find "DH_anon" suite-name)) :dhe))

(defn read-answer
  ``What a server's bytes say: {:version :suite :group :prime-bits :certificates :request :alert},
  each where it is known. `:certificates` are DER, `:request` has `:cas`, the DER of the CAs' names
  in a certificate request. Also `:over`: no more plaintext follows. Any bytes are allowed.``
  [bytes suite-name]
  (def [handshake alert over] (read-records bytes))
  (def found @{:alert alert :over (truthy? over)})
  (each [kind body] (or (peg/match messages handshake) [])
    (case kind
      2 (merge-into found (or (read-server-hello body) {:over true}))
      11 (put found :certificates (read-certificates body))
      12 (if-let [suite (found :suite)]
           (merge-into found (or (read-key-exchange body (ephemeral-kind (suite-name suite))) {})))
      13 (put found :request (read-request body (found :version)))
      14 (put found :over true)))
  (if (= 0x0304 (found :version)) (put found :over true))
  found)

(defn ssl2-answer?
  "Is it a ServerHello of SSL 2.0?"
  [bytes]
  (truthy? (peg/match '(* (> 0 (range "\x80\xff")) 1 1 "\x04" 1 1 "\0\x02") bytes)))

(def- protocols
  (peg/compile '(+ (* (+ "HTTP/" "<") (constant "plain HTTP"))
                   (* "SSH-" (constant "SSH"))
                   (* (+ (* "2" :d :d (set " -")) "+OK" "* OK")
                      (constant "a plaintext protocol, for which --starttls may be the cure"))
                   (* (if-not (range "\x14\x17") 1) (constant "no TLS")))))

(defn foreign
  "What a server speaks whose answer is no TLS, in words, or nil."
  [bytes]
  (first (or (peg/match protocols bytes) [])))

(defn exchange
  ``Send a hello on a plain stream; returns the bytes of the answer, as many as `enough?` wants, 128
  KB at most.``
  [stream hello enough?]
  (:write stream hello)
  (def answer @"")
  (while (and (not (enough? answer)) (< (length answer) max-answer))
    (unless (:read stream 16384 answer) (break)))
  answer)
