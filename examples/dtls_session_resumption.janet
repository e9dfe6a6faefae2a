# Session resumption over DTLS: a device that wakes up now and then need not send certificates and signatures each time.
#   janet examples/dtls_session_resumption.janet                  client and server in one, on this machine
#   janet examples/dtls_session_resumption.janet device.example 5684  twice to that server
(import jsec/cert)
(import jsec/dtls)
(import jsec/dtls-stream)

# A session is bytes: keep it in memory or in a file. It is also a secret: whoever has it can take our place. It resumes
# with the host, and under the verification settings, that it was made with only.

(defn report
  "Send a reading, print how the connection came about, and give the session for the next time."
  [host port options reading]
  (with [client (dtls/connect host port (merge {:handshake-timing true} options))]
    (ev/write client reading)
    (def {:session-reused reused :handshake-time seconds} (:connection-info client))
    (printf "%-8s %s in %.1f ms" reading (if reused "resumed" "full handshake") (* 1000 seconds))
    [reused (:get-session client)]))

(defn demonstrate []
  (def made (cert/generate-self-signed-cert {:common-name "localhost" :key-type :rsa}))
  (def trust {:trusted-cert (made :cert)})
  (with [server (dtls/listen "localhost" 0 made)]
    (def [_ port] (dtls/localname server))
    (def readings (ev/chan 10))
    (ev/go (fn []
             (def buffer @"")
             (while (def peer (dtls/recv-from server 1500 (buffer/clear buffer)))
               (ev/give readings [(string buffer) (dtls-stream/session-reused? server peer)]))))
    (def [_ session] (report "localhost" port trust "21.5 C"))
    (def [reused _] (report "localhost" port (merge trust {:session session}) "21.7 C"))
    (assert reused)
    (repeat 2
      (def [reading resumed] (ev/take readings))
      (printf "the server got %s, %s" reading (if resumed "of a resumed session" "of a new session")))

    # The other way: a client that has not shaken hands yet takes a session.
    (with [client (dtls/connect "localhost" port (merge trust {:handshake false}))]
      (dtls-stream/set-session client session)
      (:handshake client)
      (assert (:session-reused? client)))

    # Verified otherwise, it is no longer the same session.
    (def [fine why] (protect (report "localhost" port {:verify false :session session} "22.0 C")))
    (assert (not fine))
    (print "refused: " why)))

(defn main [_ &opt host port]
  (if host
    (let [[_ session] (report host port {} "first")]
      (report host port {:session session} "second"))
    (demonstrate)))
