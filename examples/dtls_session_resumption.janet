# Session resumption over DTLS: a device that wakes up from time to time saves the certificates and
# signatures of a full handshake.
#   janet examples/dtls_session_resumption.janet                      client and server in one
#   janet examples/dtls_session_resumption.janet device.example 5684  twice to that server
(import jsec/cert)
(import jsec/dtls)
(import jsec/dtls-stream)

# A session is bytes: keep it in memory or in a file. It is a secret: an attacker with the session
# can impersonate the client. It resumes only with its host and its verification settings.

(defn report
  "Send a reading, print the kind of handshake, and return the session for the next one."
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
      (printf "the server got %s, %s" reading
              (if resumed "of a resumed session" "of a new session")))

    # Another way: set the session on a client before its handshake.
    (with [client (dtls/connect "localhost" port (merge trust {:handshake false}))]
      (dtls-stream/set-session client session)
      (:handshake client)
      (assert (:session-reused? client)))

    # With other verification settings the session is refused.
    (def [fine why] (protect (report "localhost" port {:verify false :session session} "22.0 C")))
    (assert (not fine))
    (print "refused: " why)))

(defn main [_ &opt host port]
  (if host
    (let [[_ session] (report host port {} "first")]
      (report host port {:session session} "second"))
    (demonstrate)))
