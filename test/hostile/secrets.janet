# Keys, passwords and the secrets of a connection are gone from memory once what used them is closed
# and collected: another process looks through all that the first one can write.
(import ../support/check :prefix "")
(import ../support/peers :prefix "")
(import jsec/cert)
(import jsec/crypto)

(def dir (tmpdir))
(def made (cert/generate-self-signed-cert {:common-name "localhost" :key-type :ec-p256}))
(def password (string "a password that is nowhere else " (crypto/base64-encode (os/cryptorand 12))))
(spit (string dir "/cert") (made :cert))
(spit (string dir "/password") password)

(defn- scalar-of
  "The private number in an unencrypted key."
  [pem]
  (def der (crypto/convert-key pem :der))
  (def at (+ 5 (string/find "\x02\x01\x01\x04\x20" der)))
  (string/slice der at (+ at 32)))

(defn- unhex [digits]
  (string/from-bytes ;(seq [i :range [0 (length digits) 2]]
                        (scan-number (string "16r" (string/slice digits i (+ i 2)))))))

(defn- key-of
  "The key that TLS_AES_256_GCM_SHA384 makes of a secret: HKDF-Expand-Label (RFC 8446, 7.1)."
  [secret]
  (string/slice (crypto/hmac :sha384 secret "\0\x20\x09tls13 key\0\x01") 0 32))

(defn- traffic-keys
  ``The keys of handshake and data, in both directions. Their secrets belong to OpenSSL, which frees
  some of them without clearing.``
  []
  (def log (string dir "/log"))
  (seq [line :in (string/split "\n" (if (os/stat log) (slurp log) "")) :when
        (string/find "TRAFFIC_SECRET" line)]
    (key-of (unhex (last (string/split " " line))))))

(defn- regions [pid]
  (seq [line :in (string/split "\n" (slurp (string "/proc/" pid "/maps")))
        :let [found (peg/match '(* (<- :h+) "-" (<- :h+) " rw") line)]
        :when (and found (not (string/find "[v" line)))]
    (def [from to] (map |(scan-number (string "16r" $)) found))
    [from (- to from)]))

(defn- find-in
  "Which of these needles stand in a process's memory, by name."
  [pid needles]
  (def found @{})
  (with [memory (file/open (string "/proc/" pid "/mem") :rb)]
    (each [from size] (regions pid)
      (file/seek memory :set from)
      (def bytes (or (file/read memory size) ""))
      (eachp [name needle] needles
        (if (string/find needle bytes) (put found name true)))))
  (tuple ;(sorted (keys found))))

(defn- needles []
  (def number (scalar-of (made :key)))
  (merge {"password" password "key" number "key as a number" (string/reverse number)
          "the key's PEM" (string/slice (made :key) 60 100)}
         (from-pairs (seq [[i key] :pairs (traffic-keys)] [(string "traffic key " i) key]))))

(defn- readable? []
  (def child (start "sleep" "5"))
  (defer (stop child)
    (and (os/stat "/proc/self/mem")
         (first (protect (with [f (file/open (string "/proc/" ((child :proc) :pid) "/mem") :rb)]
                           (file/seek f :set 0)))))))

(defn- watch
  "What is found in a process while it holds a connection or an object with that key, and after."
  [key script]
  (each old ["socket" "log"] (if (os/stat (string dir "/" old)) (os/rm (string dir "/" old))))
  (spit (string dir "/key") key)
  (with-child [c (dyn *executable*) script dir]
    (def pid ((c :proc) :pid))
    (await c :out "open")
    (def before (find-in pid (needles)))
    (:write ((c :proc) :in) "\n")
    (await c :out "closed")
    (def after (find-in pid (needles)))
    [before after]))

(cond
  (os/getenv "JSEC_WRAPPER") (skip "no secret is left in memory" "valgrind keeps what is freed")
  (os/getenv "JSEC_SLOW") (skip "no secret is left in memory" "sanitizers keep what is freed")
  (not (readable?))
  (skip "no secret is left in memory" "another process's memory can't be read here")
  (each [what key]
    [["an encrypted key" (crypto/export-key (made :key) {:password password :iterations 1000})]
     ["a key in clear" (made :key)]]
    (test (string "of " what
                  " no copy is left, nor of its password, nor of the connection's secrets")
      (def [before after] (watch key "test/support/secrets.janet"))
      (each there ["key as a number" "traffic key 2" "traffic key 3"]
        (is (index-of there before)
            (string/format "%s is found while it is there: %q" there before)))
      (is= [] after))
    (test (string "of a context with the text of " what " no password is kept, nor anything later")
      (def [before after] (watch key "test/support/key-content.janet"))
      (is (index-of "key as a number" before) (string/format "%q" before))
      (is (not (index-of "password" before)))
      (is= [] after))
    (test (string "of a key object made of " what " no copy is left, once it is collected")
      (def [before after] (watch key "test/support/key-object.janet"))
      (is (index-of "key" before) (string/format "it is found while it is there: %q" before))
      (is= [] after)))
  (test "of a password that was hashed and verified no copy is left beside the caller's buffer"
    (is= [["password"] []] (watch (made :key) "test/support/password-hash.janet"))))

(end)
