# Session resumption: a second connection to the same server without certificates and signatures.
#   janet examples/session_resumption.janet                  client and server in one
#   janet examples/session_resumption.janet www.example.org  twice to that server
(import jsec/cert)
(import jsec/tls)

# A session is bytes: keep it in memory, or in a file for another process. It is a secret: an
# attacker with the session can impersonate the client. It resumes only with its host and its
# verification settings, since the server does not send its certificate again.

(defn visit
  "Connect, send a request, and return the session, or nil if the server sent none."
  [host port options]
  (with [stream (tls/connect host port (merge {:handshake-timing true} options))]
    (ev/write stream (string "HEAD / HTTP/1.1\r\nHost: " host "\r\nConnection: close\r\n\r\n"))
    # TLS 1.3 servers send sessions after the handshake, usually with their first data.
    (ev/read stream 4096)
    (def {:session-reused reused :version version :handshake-time seconds}
      (:connection-info stream))
    (print version ": " (if reused "resumed" "full handshake")
           (string/format ", %.1f ms" (* 1000 seconds)))
    [reused (:get-session stream)]))

(defn visit-twice [host port options]
  (def [_ session] (visit host port options))
  (if-not session
    (print "the server gives no sessions")
    # Use a session once: with TLS 1.3 each connection brings a new one, so that an observer can't
    # link the connections.
    (first (visit host port (merge options {:session session})))))

(defn demonstrate []
  (def identity (cert/generate-self-signed-cert {:common-name "localhost" :key-type :rsa}))
  (def trust {:trusted-cert (identity :cert)})
  (defn answer [stream]
    (ev/read stream 4096)
    (ev/write stream "HTTP/1.1 204 No Content\r\n\r\n")
    (ev/close stream))
  # Sessions are sealed with a key of the server's context, so all connections use one context, or
  # the same options. A fleet of servers shares :ticket-keys.
  (def context (tls/new-context identity))
  (with [listener (tls/listen "localhost" "0")]
    (def port (in (net/localname listener) 1))
    (ev/go (fn [] (tls/accept-loop listener context answer)))
    (each version [:TLS1_3 :TLS1_2]
      (assert (visit-twice "localhost" port (merge trust {:security {:max-version version}}))))

    # With other verification settings the session is refused.
    (def [_ session] (visit "localhost" port trust))
    (def [fine why] (protect (visit "localhost" port {:verify false :session session})))
    (assert (not fine))
    (print "refused: " why)))

(defn main [_ &opt host port]
  (if host (visit-twice host (or port "443") {}) (demonstrate)))
