# Authenticated encryption of streams of any length: docs/sealed-streams.md has the format.
(import ./arguments)

(def- natives (require "../native"))
(defn- native-function [name] (get-in natives [name :value]))
(def- hkdf (native-function 'crypto/hkdf))
(def- encrypt (native-function 'crypto/encrypt))
(def- decrypt (native-function 'crypto/decrypt))
(def- random-bytes (native-function 'crypto/random-bytes))
(def- constant-time= (native-function 'crypto/constant-time=))

(def- magic "jsecseal\x01")
(def- salt-length 32)
(def- header-length (+ (length magic) salt-length 32))
(def- chunk-length 65536)
(def- tag-length 16)

(defn- check-arguments [function key in out]
  (unless (or (string? key) (buffer? key))
    (arguments/refuse function "key" 0 "string or buffer" key))
  (unless (= 32 (length key))
    (errorf "%s: a key has 32 bytes, got %d: use random-bytes, or scrypt for a password"
            function (length key)))
  (loop [[slot name stream method] :in [[1 "in" in :read] [2 "out" out :write]]
         :unless (and (abstract? stream) (get stream method))]
    (arguments/refuse function name slot "stream or file" stream)))

(defn- derive-keys
  "The key of this stream, and the commitment to it, which stands in the header."
  [key salt]
  (def both (hkdf :sha256 key salt "jsec seal-stream 1" 64))
  (def keys [(string/slice both 0 32) (string/slice both 32)])
  (buffer/fill both 0)
  keys)

(defn- nonce-of
  "11 bytes that count the chunks, and one that marks the last chunk."
  [number is-last]
  (def high (math/floor (/ number 0x100000000)))
  (def low (% number 0x100000000))
  (defn bytes-of [word] (map |(band 0xff (math/floor (/ word $))) [0x1000000 0x10000 0x100 1]))
  (string/from-bytes 0 0 0 ;(bytes-of high) ;(bytes-of low) (if is-last 1 0)))

(defn- read-full
  "The next n bytes in the buffer; fewer, or none, at the end of the stream."
  [stream n into]
  (buffer/clear into)
  (while (and (< (length into) n) (:read stream (- n (length into)) into)))
  into)

(defn- each-chunk
  "Call f with each chunk, its number, and whether it is the last one; even an empty one."
  [stream n f]
  (var current (read-full stream n @""))
  (var following @"")
  (var number 0)
  (forever
    (if (< (length current) n) (buffer/clear following) (read-full stream n following))
    (def is-last (empty? following))
    (f current number is-last)
    (if is-last (break))
    (def spare current)
    (set current following)
    (set following spare)
    (++ number)))

(defn crypto/seal-stream
  ``Encrypt what a stream still holds, of any length, and write it to another one. `key` has 32
  bytes. `in` and `out` are streams of core's or of jsec's, or files of `file/open`; they stay open.
  Memory stays constant: chunks of 64 KB are encrypted one by one by AES-256-GCM, under a key of
  this stream, with numbers that detect any change of order and any cut. The key may seal any
  number of streams. The format is in [Sealed streams](../sealed-streams.md).

  Returns the number of bytes that were read from `in`. Raises when the key has another length, and
  what reading and writing raise: `out` then holds a part that `open-stream` refuses.``
  [key in out]
  (check-arguments "crypto/seal-stream" key in out)
  (def salt (random-bytes salt-length))
  (def [stream-key commitment] (derive-keys key salt))
  (:write out (string magic salt commitment))
  (var total 0)
  (each-chunk in chunk-length
    (fn [chunk number is-last]
      (+= total (length chunk))
      (def sealed (encrypt :aes-256-gcm stream-key (nonce-of number is-last) chunk))
      (:write out (buffer/push (sealed :ciphertext) (sealed :tag)))))
  total)

(def- not-authentic
  "crypto/open-stream: not authentic: the data was cut, reordered or changed: drop the output")

(defn- read-key
  "The key of the stream whose header comes next."
  [key in]
  (def header (read-full in header-length @""))
  (unless (and (= header-length (length header)) (string/has-prefix? magic header))
    (error "crypto/open-stream: not a sealed stream, or one of another version"))
  (def salt (string/slice header (length magic) (+ (length magic) salt-length)))
  (def [stream-key commitment] (derive-keys key salt))
  (unless (constant-time= commitment (string/slice header (+ (length magic) salt-length)))
    (error "crypto/open-stream: wrong key, or the header was changed"))
  stream-key)

(defn- open-chunk [key nonce chunk]
  (def split (- (length chunk) tag-length))
  (if (neg? split) (error not-authentic))
  (try
    (decrypt :aes-256-gcm key nonce (buffer/slice chunk 0 split) (buffer/slice chunk split))
    ([err] (error (if (string/find "not authentic" err) not-authentic err)))))

(defn crypto/open-stream
  ``Decrypt what `seal-stream` wrote, and write it to another stream. `key` is that of the sealing.
  `in` is read to its end; both streams stay open. No byte is written before its chunk of 64 KB is
  authentic, and in its place.

  Returns the number of bytes that were written to `out`. Raises when the key is another one, when
  the sealed stream was changed, cut or put in another order, or when bytes follow it, and what
  reading and writing raise. After a raise `out` holds an authentic beginning, at most, so write to
  a new file and rename it when `open-stream` has returned.``
  [key in out]
  (check-arguments "crypto/open-stream" key in out)
  (def stream-key (read-key key in))
  (var total 0)
  (each-chunk in (+ chunk-length tag-length)
    (fn [chunk number is-last]
      (def text (open-chunk stream-key (nonce-of number is-last) chunk))
      (if (and is-last (empty? text) (pos? number)) (error not-authentic))
      (+= total (length text))
      (:write out text)))
  total)
