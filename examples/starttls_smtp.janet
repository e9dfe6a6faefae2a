# STARTTLS: begin SMTP in plaintext, then upgrade the connection to TLS (RFC 3207).
#   janet examples/starttls_smtp.janet                   client and server in one
#   janet examples/starttls_smtp.janet mail.example.org  show what that server offers, send no mail
(import jsec/cert)
(import jsec/tls)

# Lines over any stream. The reader keeps the bytes after a line, and must not carry them over into
# TLS.
(defn line-reader [stream]
  @{:stream stream :pending @""})

(defn read-line [reader]
  (def pending (reader :pending))
  (if-let [end (string/find "\r\n" pending)]
    (let [line (string/slice pending 0 end)
          rest (buffer/slice pending (+ 2 end))]
      (buffer/push (buffer/clear pending) rest)
      line)
    (if (ev/read (reader :stream) 1024 pending) (read-line reader) (error "connection closed"))))

(defn send-line [reader line]
  (ev/write (reader :stream) (string line "\r\n")))

# The client.

(defn read-reply [reader]
  (def line (read-line reader))
  (print "  < " line)
  (if (= "-" (string/slice line 3 4)) (read-reply reader) (string/slice line 0 3)))

(defn command [reader line code]
  (print "  > " line)
  (send-line reader line)
  (assert (= code (read-reply reader)) (string line " was refused")))

(defn visit [host port options]
  (def plain (net/connect host port))
  (def before (line-reader plain))
  (assert (= "220" (read-reply before)))
  (command before "EHLO client.example" "250")
  (command before "STARTTLS" "220")
  # Bytes behind the server's agreement are plaintext, perhaps from an attacker. `upgrade` checks
  # the socket; only this function can check the bytes that it has read.
  (assert (empty? (before :pending)) "plaintext after the go-ahead for TLS")
  (with [stream (tls/upgrade plain host options)]
    (print "  = " (:version stream) ", " (:cipher stream) ", certificate: "
           ((:verify-result stream) :reason))
    (def reader (line-reader stream)) # a new one, with nothing pending
    (command reader "EHLO client.example" "250")
    (command reader "QUIT" "221")))

# The server: the necessary part of SMTP.

(defn serve [plain options]
  (var reader (line-reader plain))
  (var tls? false)
  # after an error TLS ends by force: the client must not see a clean end
  (edefer (tls/abort (reader :stream))
    (send-line reader "220 localhost ESMTP")
    (forever
      (def line (read-line reader))
      (cond
        (string/has-prefix? "EHLO " line)
        (if tls?
          (send-line reader "250 localhost, well met under TLS")
          (each answer ["250-localhost" "250 STARTTLS"] (send-line reader answer)))

        (and (= "STARTTLS" line) (not tls?))
        (do
          # commands that came along in plaintext, from the client or an attacker, are dropped
          (assert (empty? (reader :pending)) "plaintext after STARTTLS")
          (send-line reader "220 go ahead")
          (set reader (line-reader (tls/wrap plain options)))
          (set tls? true))

        (= "QUIT" line)
        (do (send-line reader "221 bye") (break))

        (send-line reader "502 not here")))
    (ev/close (reader :stream))))

(defn demonstrate []
  (def identity (cert/generate-self-signed-cert {:common-name "localhost" :key-type :ec-p256}))
  (with [listener (net/listen "localhost" "0")]
    (ev/go (fn [] (serve (net/accept listener) identity)))
    (visit "localhost" (string (in (net/localname listener) 1)) {:trusted-cert (identity :cert)})))

(defn main [_ &opt host port]
  (if host (visit host (or port "25") {}) (demonstrate)))
