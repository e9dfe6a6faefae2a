# Key updates of TLS 1.3 (RFC 8446, 4.6.3): new keys during a connection that lasts long or carries
# much data.
(import jsec/cert)
(import jsec/tls)

(def identity (cert/generate-self-signed-cert {:common-name "localhost" :key-type :ec-p256}))
(def client {:trusted-cert (identity :cert)})
(def server (tls/new-context identity))

(defn echo [stream]
  (def data @"")
  (while (ev/read stream 4096 (buffer/clear data))
    (ev/write stream data))
  (ev/close stream))

(with [listener (tls/listen "localhost" "0")]
  (def port (in (net/localname listener) 1))
  (ev/go (fn [] (tls/accept-loop listener server echo)))

  (with [stream (tls/connect "localhost" port client)]
    (for i 1 5
      (def message (string "message " i))
      (ev/write stream message)
      (assert (= message (string (ev/chunk stream (length message)))))
      # Both sides change their keys: our request goes out before our next write, the peer's answer
      # comes before its next one. Reads and writes go on. Data under the old keys can't be
      # decrypted with the new ones, nor the reverse.
      (:key-update stream)
      (print message " came back; new keys")))

  # Much data: new keys at regular intervals, long before a cipher's limits (RFC 8446, 5.5).
  (with [stream (tls/connect "localhost" port client)]
    (def block (string/repeat "0123456789abcdef" 4096))
    (ev/gather
      (for i 0 32
        (ev/write stream block)
        (when (= 7 (% i 8))
          (:key-update stream)
          (print (* (+ i 1) (length block)) " bytes sent; new keys")))
      (for i 0 32
        (assert (= block (string (ev/chunk stream (length block)))))))
    (print "and all came back"))

  # TLS 1.2 has no key updates. It has renegotiation, which is off by default for good reasons.
  (with [stream (tls/connect "localhost" port (merge client {:max-version :TLS1_2}))]
    (def [fine why] (protect (:key-update stream)))
    (assert (not fine))
    (print why)))
