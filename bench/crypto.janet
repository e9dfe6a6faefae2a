# Microseconds of CPU per call of the crypto functions, beside bare OpenSSL in C, and Python
# (hashlib, cryptography) and Node where they are installed:
#   make bench BENCH=crypto
# Our calls take keys as PEM text. The others parse keys beforehand, except Python and Node in
# sign-p256-pem. C also keeps contexts and memory from call to call: it is the limit. The column x
# is our time as a multiple of C's. The first rows are what Janet alone takes to call a function and
# to make and collect a result: a buffer of 32 bytes, and a struct of two buffers as of encrypt.
(import jsec/crypto)

(def rows @[])
(def ours @{})

(defn seconds [count call]
  (def start (os/clock :cputime))
  (repeat count (call))
  (- (os/clock :cputime) start))

(defn measure
  "Add a row, or improve its figure."
  [name call]
  (call)
  (var count 1)
  (while (< (seconds count call) 0.05) (*= count 2))
  (unless (ours name) (array/push rows name))
  (put ours name
       (min (get ours name math/inf) ;(seq [_ :range [0 4]] (/ (seconds count call) count)))))

(def [small large] [(string/repeat "A" 64) (string/repeat "A" 16384)])
(def [key nonce] [(string/repeat "\0" 32) (string/repeat "\0" 12)])

(defn measure-all []
  (measure "result-buffer" |(buffer/new 32))
  (measure "result-pair" |{:ciphertext (buffer/new 80) :tag (buffer/new 16)})
  (each [size data] [["64" small] ["16K" large]]
    (def text (crypto/base64-encode data))
    (def {:ciphertext ciphertext :tag tag} (crypto/encrypt :aes-256-gcm key nonce data))
    (measure (string "digest-" size) |(crypto/digest :sha256 data))
    (measure (string "hmac-" size) |(crypto/hmac :sha256 key data))
    (measure (string "encode-" size) |(crypto/base64-encode data))
    (measure (string "decode-" size) |(crypto/base64-decode text))
    (measure (string "encrypt-" size) |(crypto/encrypt :aes-256-gcm key nonce data))
    (measure (string "decrypt-" size) |(crypto/decrypt :aes-256-gcm key nonce ciphertext tag)))

  (def p256 (crypto/generate-key :p256))
  (def public (crypto/export-public-key p256))
  (def ed25519 (crypto/generate-key :ed25519))
  (def rsa (crypto/generate-key :rsa))
  (def signature (crypto/sign p256 small))
  (measure "random-32" |(crypto/random-bytes 32))
  (measure "pbkdf2-1000" |(crypto/pbkdf2 :sha256 "password" "salt" 1000 32))
  (measure "sign-p256" |(crypto/sign p256 small))
  (measure "sign-p256-pem" |(crypto/sign p256 small))
  (measure "sign-ed25519" |(crypto/sign ed25519 small))
  (measure "sign-rsa2048" |(crypto/sign rsa small))
  (measure "verify-p256" |(crypto/verify public small signature)))

(defn column
  "Figures that another language's script prints, by name; empty if it can't run."
  [& command]
  (def [ok text]
    (protect (with [process (os/spawn command :p {:out :pipe :err (file/open "/dev/null" :w)})]
               (def text (ev/read (process :out) :all))
               (os/proc-wait process)
               (or text ""))))
  (def found @{})
  (each line (if ok (string/split "\n" text) [])
    (match (string/split " " line)
      [name figure] (put found name (scan-number figure))))
  found)

(defn better [into found]
  (eachp [name figure] found (put into name (min figure (get into name math/inf)))))

# in turns, the best of three each, so that load on the machine affects all alike
(def [bare python node] [@{} @{} @{}])
(repeat 3
  (measure-all)
  (better bare (column "build/bench/crypto"))
  (better python (column "python3" "bench/crypto.py"))
  (better node (column "node" "bench/crypto.js")))

(defn shown [figure] (if figure (string/format "%10.3f" (* 1e6 figure)) "         -"))
(print "us per call          jsec         C       x    Python      Node")
(each name rows
  (def ratio (if (bare name) (string/format "%8.2f" (/ (ours name) (bare name))) "       -"))
  (print (string/format "%-14s" name) (shown (ours name)) (shown (bare name)) ratio
         (shown (python name)) (shown (node name))))
