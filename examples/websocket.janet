# WebSocket over TLS (RFC 6455, wss://), client and server: the framing needs nothing of TLS.
#   janet examples/websocket.janet
(import jsec/cert)
(import jsec/crypto)
(import jsec/tls)

# ---- frames: both sides ----

(defn- xor [bytes mask]
  (def out (buffer bytes))
  (eachp [i byte] out (put out i (bxor byte (mask (% i 4)))))
  out)

(defn- push-big [buf n size]
  (for i 0 size (buffer/push-byte buf (% (math/floor (/ n (math/exp2 (* 8 (- size 1 i))))) 256)))
  buf)

(defn- read-big [s size]
  (reduce (fn [n byte] (+ (* 256 n) byte)) 0 (:chunk s size)))

(defn send
  "Send one message. A client masks its frames."
  [s opcode bytes &opt mask]
  (def n (length bytes))
  (def [short size] (cond (< n 126) [n 0] (< n 65536) [126 2] [127 8]))
  (def frame (buffer/push-byte @"" (bor 0x80 opcode) (bor short (if mask 0x80 0))))
  (push-big frame n size)
  (:write s (if mask (buffer/push frame mask (xor bytes mask)) (buffer/push frame bytes))))

(def text 1)
(def bye 8)

(defn receive
  "The next message, as [opcode bytes]; nil at the end. Frames of one message only."
  [s]
  (when-let [[head second] (:chunk s 2)]
    (def short (band 0x7f second))
    (def n (case short 126 (read-big s 2) 127 (read-big s 8) short))
    (assert (< n 1_000_000) "the message is too long")
    (def mask (if (pos? (band 0x80 second)) (:chunk s 4)))
    (def bytes (if (pos? n) (:chunk s n) @""))
    [(band 0x0f head) (if mask (xor bytes mask) bytes)]))

# ---- the handshake ----

(defn- proof [key]
  (crypto/base64-encode
    (crypto/digest :sha1 (string key "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))))

(defn- read-head
  "Header lines up to the empty one."
  [s]
  (def head @"")
  (while (not (string/has-suffix? "\r\n\r\n" head))
    (assert (and (:read s 1 head) (< (length head) 8192)) "no WebSocket"))
  (string head))

(defn- header [head name]
  (first (or (peg/match ~(* (thru ,(string "\r\n" name ": ")) '(to "\r\n")) head) [])))

(defn connect [host port path &opt options]
  (def s (tls/connect host port (merge {:alpn ["http/1.1"]} (or options {}))))
  (edefer (tls/abort s)
    (def key (crypto/base64-encode (crypto/random-bytes 16)))
    (:write s (string "GET " path " HTTP/1.1\r\nHost: " host "\r\nUpgrade: websocket\r\n"
                      "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                      "Sec-WebSocket-Key: " key "\r\n\r\n"))
    (assert (= (string (proof key)) (header (read-head s) "Sec-WebSocket-Accept"))
            "no WebSocket"))
  s)

(defn accept [s]
  (def key (assert (header (read-head s) "Sec-WebSocket-Key") "no WebSocket"))
  (:write s (string "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                    "Connection: Upgrade\r\nSec-WebSocket-Accept: " (proof key) "\r\n\r\n")))

# ---- an echo of messages ----

(defn handle [s]
  (accept s)
  (while (def [opcode bytes] (receive s))
    (send s opcode bytes)
    (if (= bye opcode) (break)))
  (:close s))

(defn main [&]
  (def own (cert/generate-self-signed-cert {:common-name "localhost" :key-type :ec-p256}))
  (def listener (tls/listen "127.0.0.1" 0))
  (ev/go (fn [] (tls/accept-loop listener own handle)))
  (with [s (connect "localhost" ((net/localname listener) 1) "/" {:trusted-cert (own :cert)})]
    (each message ["hello" (string/repeat "a longer one. " 10) (string/repeat "x" 100_000)]
      (send s text message (crypto/random-bytes 4))
      (def [opcode bytes] (receive s))
      (assert (deep= [text (buffer message)] [opcode (buffer bytes)]))
      (print "echoed: " (if (< (length bytes) 80) bytes (string (length bytes) " bytes"))))
    (send s bye "" (crypto/random-bytes 4))
    (assert (= bye (first (receive s)))))
  (ev/close listener))
