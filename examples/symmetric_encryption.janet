# Authenticated encryption with a shared key (AEAD): every change is detected.
(import jsec/crypto)

(def cipher :aes-256-gcm) # or :chacha20-poly1305
(def info (crypto/cipher-info cipher))
(print (info :name) ": key of " (info :key-length) " bytes, nonce of " (info :nonce-length)
       ", tag of " (info :tag-length))

(def key (crypto/random-bytes (info :key-length)))

(defn seal
  ``Encrypt a text; the nonce travels in front, the tag at the end. `context` is authenticated but
  not sent.``
  [text context]
  (def nonce (crypto/generate-nonce cipher)) # a new one for each message: never reuse a nonce
  (def {:ciphertext ciphertext :tag tag} (crypto/encrypt cipher key nonce text context))
  (buffer nonce ciphertext tag))

(defn open-sealed
  "Decrypt the result of `seal`. Raises if it was changed."
  [message context]
  (def [start end] [(info :nonce-length) (- (length message) (info :tag-length))])
  (crypto/decrypt cipher key (slice message 0 start) (slice message start end) (slice message end)
                  context))

(def message (seal "attack at dawn" "message 1"))
(print "sealed: " (crypto/base64-encode message))
(print "opened: " (open-sealed message "message 1"))

(defn refused? [message context] (not (first (protect (open-sealed message context)))))

(assert (refused? message "message 2"))
(def forged (buffer message))
(put forged 20 (bxor 1 (forged 20)))
(assert (refused? forged "message 1"))
(print "in another place, or with one bit changed, it is refused: "
       (get (protect (open-sealed forged "message 1")) 1))
