# Digests of files and streams, and sealed streams, whose format docs/sealed-streams.md has.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "")
(import ../support/vectors :prefix "")
(import jsec/crypto)

(def dir (tmpdir))
(defn- file [name] (string dir "/" name))
(defn- opened "What f returns of an open file." [f name mode]
  (with [open (file/open (file name) mode)] (f open)))

# around the pieces of 256 KB and the chunks of 64 KB
(def lengths [0 1 65535 65536 65537 131072 262143 262144 262145 1000000])
(def bytes (string (crypto/random-bytes 1000000)))
(defn- of-length [n] (string/slice bytes 0 n))

# --- digests ---

(test "a file has the digest of its content, at every length around the pieces"
  (each n lengths
    (spit (file "data") (of-length n))
    (is= (crypto/digest :sha256 (of-length n)) (crypto/digest-file :sha256 (file "data")))
    (is= (crypto/digest :sha256 (of-length n))
         (opened |(crypto/digest-stream :sha256 $) "data" :rb))))

(test "files and streams have an HMAC, and a SHAKE of any length"
  (spit (file "data") bytes)
  (def mac (crypto/hmac :sha512 "key" bytes))
  (is= mac (crypto/digest-file :sha512 (file "data") {:key "key"}))
  (is= mac (opened |(crypto/digest-stream :sha512 $ {:key "key"}) "data" :rb))
  (def long (crypto/digest :shake256 bytes {:length 99}))
  (is= long (crypto/digest-file :shake256 (file "data") {:length 99}))
  (is= long (opened |(crypto/digest-stream :shake256 $ {:length 99}) "data" :rb)))

(test "streams of core's and of jsec's are read to their end"
  (each [read write] [(os/pipe) (pair :tls13)]
    (ev/spawn (:write write bytes) (:close write))
    (is= (crypto/digest :sha256 bytes) (crypto/digest-stream :sha256 read))))

(peer-test "sha256sum" "sha256sum has the same digest of a file"
  (spit (file "data") bytes)
  (with [process (os/spawn ["sha256sum" (file "data")] :p {:out :pipe})]
    (def said (ev/read (process :out) :all))
    (os/proc-wait process)
    (is= (hex (crypto/digest-file :sha256 (file "data"))) (string/slice said 0 64))))

(test "progress is called with the bytes so far, other fibers go on, and its error ends the call"
  (def size (+ 5 (* 130 1024 1024)))
  (opened (fn [f] (file/seek f :set (dec size)) (file/write f "x")) "large" :wb)
  (def seen @[])
  (var turns 0)
  (var done false)
  (ev/spawn (while (not done) (++ turns) (ev/sleep 0)))
  (def digest (crypto/digest-file :sha1 (file "large") {:progress |(array/push seen [$0 $1])}))
  (set done true)
  (is= [[67108864 size] [134217728 size]] (tuple ;seen))
  (is (> turns 2))
  (is= (crypto/digest-file :sha1 (file "large")) digest)
  (defn- stop [_ _] (error "enough"))
  (fails-with "enough" (crypto/digest-file :sha1 (file "large") {:progress stop})))

(test "a fiber that is cancelled while its file is hashed is free at once"
  (def answer (ev/chan 1))
  (def fiber (ev/spawn (try
                         (crypto/digest-file :sha256 (file "large"))
                         ([err] (ev/give answer err)))))
  (ev/sleep 0)
  (ev/cancel fiber "enough")
  (is= "enough" (ev/take answer))
  (gccollect))

(test "what can't be hashed is refused"
  (fails-with "crypto/digest-file: file not opened: No such file or directory"
              (crypto/digest-file :sha256 (file "none")))
  (fails-with "crypto/digest-file: not a regular file: use crypto/digest-stream"
              (crypto/digest-file :sha256 dir))
  (fails-with "not a regular file" (crypto/digest-file :sha256 "/dev/zero"))
  (fails-with "a path has no NUL byte" (crypto/digest-file :sha256 "a\0b"))
  (fails-with "crypto/digest-file: unknown digest" (crypto/digest-file :sha257 (file "data")))
  (fails-with "crypto/digest-file: HMAC is not defined over shake128"
              (crypto/digest-file :shake128 (file "data") {:key "k"}))
  (fails-with "did you mean :length" (crypto/digest-file :sha256 (file "data") {:lenght 3}))
  (each progress [3 (fn []) (fn [_]) (fn [_ _ _])]
    (fails-with "bad option :progress, expected function of two arguments"
                (crypto/digest-file :sha256 (file "data") {:progress progress})))
  (fails-with "crypto/digest-stream: stream: bad slot #1, expected stream or file"
              (crypto/digest-stream :sha256 "data")))

# --- sealed streams ---

(def key (crypto/random-bytes 32))

(defn- transform
  "What f writes of the bytes; with an error, also what it had written before."
  [f key text]
  (spit (file "in") text)
  (def result (protect (opened (fn [in] (opened |(f key in $) "out" :wb)) "in" :rb)))
  [;result (string (slurp (file "out")))])

(defn- seal [text]
  (def [fine result sealed] (transform crypto/seal-stream key text))
  (unless fine (error result))
  (is= (length text) result)
  sealed)

(test "what is sealed is opened, at every length around the chunks"
  (each n lengths
    (def sealed (seal (of-length n)))
    (is= (+ 73 n (* 16 (max 1 (math/ceil (/ n 65536))))) (length sealed))
    (is= [true n (of-length n)] (transform crypto/open-stream key sealed))))

(defn- refuses [sealed &opt part]
  (def [fine err released] (transform crypto/open-stream key sealed))
  (is (not fine))
  (is (string/has-prefix? "crypto/open-stream: " err) err)
  (is (string/has-prefix? released (or part bytes)) "what is released is authentic"))

(defn- flipped [text at] (put (buffer text) at (bxor 0x10 (get text at))))

(test "a change of any byte of the header, and of bytes of each chunk, is refused"
  (def sealed (seal (of-length 150000)))
  (def chunks [73 (+ 73 65552) (+ 73 65552 65552)])
  (each at [;(range 73) ;(mapcat |[$ (+ $ 1000) (+ $ 65535)] (slice chunks 0 2))
            (last chunks) (dec (length sealed))]
    (refuses (flipped sealed at)))
  (def short (seal (of-length 20)))
  (for at 0 (length short) (refuses (flipped short at))))

(test "a cut at any place is refused, also between two chunks"
  (def short (seal (of-length 20)))
  (for n 0 (length short) (refuses (string/slice short 0 n)))
  (def sealed (seal (of-length 196608)))
  (each n [73 (+ 73 65552) (+ 73 131104) (+ 74 131104) (dec (length sealed))]
    (refuses (string/slice sealed 0 n))))

(test "chunks in another order, twice, left out or from another stream are refused"
  (def sealed (seal (of-length 196608)))
  (def other (seal (of-length 196608)))
  (def header (string/slice sealed 0 73))
  (defn- chunk [of i] (string/slice of (+ 73 (* i 65552)) (+ 73 (* (inc i) 65552))))
  (each order [[1 0 2] [0 2] [0 0 2] [0 1 1 2] [2] [0 1] [0 1 2 2]]
    (refuses (string header ;(map |(chunk sealed $) order))))
  (refuses (string header (chunk sealed 0) (chunk other 1) (chunk sealed 2)))
  (refuses (string sealed "x"))
  (refuses (string sealed sealed)))

(test "another key is refused before a byte is released"
  (def sealed (seal "hello"))
  (is= [false "crypto/open-stream: wrong key, or the header was changed" ""]
       (transform crypto/open-stream (string/repeat "k" 32) sealed))
  (is= [false "crypto/open-stream: not a sealed stream, or one of another version" ""]
       (transform crypto/open-stream key "hello")))

(test "keys and streams of a wrong kind are refused"
  (fails-with "crypto/seal-stream: key: bad slot #0, expected string or buffer, got nil"
              (crypto/seal-stream nil 1 2))
  (fails-with "crypto/open-stream: a key has 32 bytes, got 5" (crypto/open-stream "short" 1 2))
  (fails-with "crypto/seal-stream: in: bad slot #1, expected stream or file, got number"
              (crypto/seal-stream key 1 2)))

(test "two seals of the same text have nothing in common but their first bytes"
  (def [a b] [(seal "hello") (seal "hello")])
  (is= (string/slice a 0 9) (string/slice b 0 9))
  (is (not= (string/slice a 9) (string/slice b 9))))

(test "a stream is sealed into a pipe and opened from it"
  (def [a b] (os/pipe))
  (spit (file "in") bytes)
  (ev/spawn (opened |(crypto/seal-stream key $ b) "in" :rb) (ev/close b))
  (is= (length bytes) (opened |(crypto/open-stream key a $) "out" :wb))
  (is (= bytes (string (slurp (file "out"))))))

# --- the documented format ---

(defn- sealed-by-the-page
  "A sealed stream, built as the page says from one-shot functions."
  [key salt text]
  (def keys (crypto/hkdf :sha256 key salt "jsec seal-stream 1" 64))
  (def out (buffer "jsecseal\x01" salt (slice keys 32)))
  (def count (max 1 (math/ceil (/ (length text) 65536))))
  (for i 0 count
    (def nonce (string (string/repeat "\0" 10) (string/from-bytes i (if (= i (dec count)) 1 0))))
    (def chunk (string/slice text (* i 65536) (min (length text) (* (inc i) 65536))))
    (def {:ciphertext ciphertext :tag tag}
      (crypto/encrypt :aes-256-gcm (slice keys 0 32) nonce chunk))
    (buffer/push out ciphertext tag))
  (string out))

(def page-key (string/from-bytes ;(range 32)))
(def page-salt (string/from-bytes ;(range 32 64)))

(test "the vectors of the page, which python3-cryptography made, are opened"
  (def page (slurp "docs/sealed-streams.md"))
  (each text ["" "hello" (string/repeat "a" 65536) (string/repeat "a" 65537)]
    (def sealed (sealed-by-the-page page-key page-salt text))
    (is (string/find (string "| " (length sealed) " | `" (hex (crypto/digest :sha256 sealed)) "` |")
                     page))
    (is= [true (length text) text] (transform crypto/open-stream page-key sealed)))
  (def whole (last (string/split "in whole:" page)))
  (is= (hex (sealed-by-the-page page-key page-salt "hello"))
       (string/join (peg/match '(any (+ '(range "09" "af") 1)) whole))))

(test "an empty last chunk after others is refused"
  (def text (string/repeat "a" 65536))
  (def keys (crypto/hkdf :sha256 page-key page-salt "jsec seal-stream 1" 64))
  (def out (buffer "jsecseal\x01" page-salt (slice keys 32)))
  (each [number flag chunk] [[0 0 text] [1 1 ""]]
    (def nonce (string (string/repeat "\0" 10) (string/from-bytes number flag)))
    (def sealed (crypto/encrypt :aes-256-gcm (slice keys 0 32) nonce chunk))
    (buffer/push out (sealed :ciphertext) (sealed :tag)))
  (def [fine err released] (transform crypto/open-stream page-key out))
  (is= [false text] [fine released])
  (is (string/has-prefix? "crypto/open-stream: not authentic" err) err))

(def- python ``
import sys
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.hashes import SHA256
key, sealed = bytes.fromhex(sys.argv[1]), open(sys.argv[2], "rb").read()
keys = HKDF(SHA256(), 64, sealed[9:41], b"jsec seal-stream 1").derive(key)
assert sealed[:9] == b"jsecseal\x01" and sealed[41:73] == keys[32:]
chunks = [sealed[at:at + 65552] for at in range(73, len(sealed), 65552)]
text = b""
for number, chunk in enumerate(chunks):
    nonce = number.to_bytes(11, "big") + bytes([number == len(chunks) - 1])
    text += AESGCM(keys[:32]).decrypt(nonce, chunk, None)
open(sys.argv[3], "wb").write(text)
``)

(peer-test "python3" "python3-cryptography opens what was sealed"
  (if (not= 0 (os/execute ["python3" "-c" "import cryptography"] :p
                          {:err (file/open "/dev/null" :w)}))
    (print "  python3-cryptography is not installed")
    (each n [0 5 65536 65537 200000]
      (spit (file "sealed") (seal (of-length n)))
      (os/execute ["python3" "-c" python (hex key) (file "sealed") (file "theirs")] :px)
      (is (= (of-length n) (string (slurp (file "theirs"))))))))

(end)
