# An echo over long-lived connections, as WebSockets have them: messages in frames, pings while the
# connection is idle, and an end for peers that vanish.
#   janet examples/long_lived_echo.janet          client and server in one
#   janet examples/long_lived_echo.janet 4433     serves that port
(import jsec/cert)
(import jsec/tls)

# A frame: its kind, one byte; the length of the data, four bytes; the data.
(def kinds {:message 1 :ping 2 :pong 3 :bye 4})
(def most (* 1024 1024))

(defn send-frame [stream kind &opt data]
  (default data "")
  (ev/write stream
            (buffer/push-string (buffer/push-word (buffer/push-byte @"" (kinds kind)) (length data))
                                data)))

(defn read-frame
  ``The next [kind data], or nil at the end. Raises "timeout" if no data comes for that many
  seconds.``
  [stream seconds]
  (when-let [head (ev/chunk stream 5 nil seconds)]
    (assert (= 5 (length head)) "cut within a frame")
    (def size (reduce |(+ (* 256 $0) $1) 0 (reverse (slice head 1))))
    (assert (<= size most) "a frame of more than 1 MB")
    [(find |(= (head 0) (kinds $)) (keys kinds))
     (if (zero? size) @"" (ev/chunk stream size nil seconds))]))

(defn keep-alive
  ``Send a ping every so often, from a fiber of its own: two writers on one stream don't disturb
  each other.``
  [stream seconds]
  (ev/go (fn [] (forever (ev/sleep seconds) (send-frame stream :ping))) nil (ev/chan 1)))

(defn converse
  "Answer until the peer says goodbye, or is silent for too long."
  [stream patience on-message]
  (def pinger (keep-alive stream (/ patience 3)))
  (defer (ev/cancel pinger "done")
    (forever
      (match (read-frame stream patience)
        [:message data] (on-message data)
        [:ping _] (send-frame stream :pong)
        [:pong _] nil
        _ (break)))))

(defn handle [patience]
  (fn [stream]
    (def [fine why] (protect (converse stream patience |(send-frame stream :message $))))
    (unless fine (print "server: " why ", closed"))
    (ev/close stream))) # a frame that was cut off is an error for the client all the same

(defn ask [stream text]
  (send-frame stream :message text)
  (var answer nil)
  (while (not= :message (get answer 0))
    (set answer (read-frame stream 10))
    (if (= :ping (get answer 0)) (send-frame stream :pong)))
  (print "client: got back " (length (answer 1)) " bytes: "
         (slice (answer 1) 0 (min 24 (length (answer 1))))))

(defn demonstrate []
  (def own (cert/generate-self-signed-cert {:common-name "localhost" :key-type :ec-p256}))
  (def listener (tls/listen "127.0.0.1" "0"))
  (def patience 0.3) # in production: minutes
  (ev/go (fn [] (tls/accept-loop listener own (handle patience))))
  (def port (get (net/localname listener) 1))
  (with [s (tls/connect "localhost" port {:trusted-cert (own :cert)})]
    (ask s "first")
    # idle for longer than the server's patience, apart from pings
    (def quiet-until (+ (os/clock :monotonic) (* 2 patience)))
    (while (< (os/clock :monotonic) quiet-until)
      (if (= :ping (first (read-frame s 10))) (send-frame s :pong)))
    (ask s (string/repeat "long " 20000))
    (send-frame s :bye))
  (with [s (tls/connect "localhost" port {:trusted-cert (own :cert)})]
    (print "client: says nothing, and answers no ping")
    (while (read-frame s 10)))
  (ev/close listener))

(defn main [_ &opt port]
  (if port
    (tls/accept-loop (tls/listen "127.0.0.1" port)
                     (cert/generate-self-signed-cert {:common-name "localhost" :key-type :ec-p256})
                     (handle 60))
    (demonstrate)))
