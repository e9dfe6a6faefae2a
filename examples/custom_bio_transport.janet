# TLS over a custom transport: two memory BIOs replace the socket, and the program moves their
# bytes. Here the bytes go as lines of Base64 through channels, as they could over a serial line or
# a message queue.

(import jsec/bio)
(import jsec/cert)
(import jsec/crypto)
(import jsec/tls)

(def made (cert/generate-self-signed-cert {:common-name "sensor.example" :key-type :ed25519}))

(defn carrier
  ``Move bytes from `out` to `to`, and from `from` to `in`, until both have ended. nil is the end.``
  [name [in out] to from]
  (ev/go (fn []
           (while (bio/wait out)
             (def bytes (bio/read out 512))
             (def line (crypto/base64-encode bytes))
             (printf "%s sends %d bytes: %s..." name (length bytes)
                     (string/slice line 0 (min 24 (length line))))
             (ev/give to line))
           (ev/give to nil)))
  (ev/go (fn []
           (while (def line (ev/take from))
             (bio/write in (crypto/base64-decode line)))
           (bio/end in))))

(def [up down] [(ev/chan 10) (ev/chan 10)])

(def server-end [(bio/new-mem) (bio/new-mem)])
(def client-end [(bio/new-mem) (bio/new-mem)])
(carrier "server" server-end down up)
(carrier "client" client-end up down)

# `wrap` takes the pair [in out] in place of a stream
(ev/go (fn []
         (def s (tls/wrap server-end {:cert (made :cert) :key (made :key)}))
         (ev/write s (string "you said: " (ev/read s 100)))
         (ev/close s)))

(with [s (tls/wrap client-end "sensor.example" {:trusted-cert (made :cert)})]
  (printf "client: %s with %s" (:version s) (((:peer-certificate s :data) :subject) :common-name))
  (ev/write s "21.5 degrees")
  (print "client reads: " (ev/read s 100)))
