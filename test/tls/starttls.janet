# From plaintext to TLS on one connection: STARTTLS of SMTP (RFC 3207) and IMAP (RFC 9051).
(import ../support/check :prefix "")
(import ../support/mail :prefix "")
(import ../support/pairs)
(import ../support/peers :prefix "")
(import jsec/tls)
(import jsec/tls-stream)

(def ca (authority "Test CA"))
(def stranger (authority "Unknown CA"))
(def identity (issue ca))
(def trust {:ca (ca :cert)})

# ---- as the client of a real server ----

(defn- smtp-upgrade [stream options]
  (def next-line (lines stream))
  (is (string/has-prefix? "220 " (smtp-reply next-line)))
  (is (string/find "STARTTLS" (smtp stream next-line 250 "EHLO client.example")))
  (smtp stream next-line 220 "STARTTLS")
  (tls/upgrade stream "localhost" options))

(defn- send-mail [s text]
  (def next-line (lines s))
  (is (not (string/find "STARTTLS" (smtp s next-line 250 "EHLO client.example")))
      "no second STARTTLS")
  (smtp s next-line 250 "MAIL FROM:<a@client.example>")
  (smtp s next-line 250 "RCPT TO:<b@localhost>")
  (smtp s next-line 354 "DATA")
  (smtp s next-line 250 (string "Subject: test\r\n\r\n" text "\r\n."))
  (smtp s next-line 221 "QUIT"))

(defn- await-text [path text]
  (while (not (and (os/stat path) (string/find text (slurp path)))) (ev/sleep 0.01)))

(defmacro- exim-test [fact & body]
  ~(if root? (peer-test "exim4" ,fact ,;body) (skip ,fact "only root can start Exim's daemon")))

(exim-test "a mail goes to Exim under TLS"
  (with-exim identity
    (fn [plain box]
      (with [s (smtp-upgrade plain trust)]
        (is= {:ok true :reason "ok" :code 0} (tls-stream/verify-result s))
        (send-mail s "sealed on its way"))
      (await-text box "sealed on its way"))))

(exim-test "a context, and TLS 1.2, serve an upgrade as well"
  (with-exim identity
    (fn [plain _]
      (with [s (smtp-upgrade plain (tls/new-context (merge trust {:max-version :TLS1_2})))]
        (is= "TLSv1.2" (:version s))
        (smtp s (lines s) 250 "EHLO client.example")))))

(exim-test "a server of another CA is refused"
  (with-exim identity
    (fn [plain _]
      (fails-with "tls/upgrade: certificate verify failed"
                  (smtp-upgrade plain {:ca (stranger :cert)})))))

(exim-test "a server of another name is refused"
  (with-exim (issue ca :common-name "other.example" :san ["DNS:other.example"])
    (fn [plain _]
      (fails-with "certificate verify failed: hostname mismatch: wanted \"localhost\""
                  (smtp-upgrade plain trust)))))

(exim-test "without TLS Exim takes no mail from us"
  (with-exim identity
    (fn [plain _]
      (def next-line (lines plain))
      (smtp-reply next-line)
      (smtp plain next-line 250 "EHLO client.example")
      (smtp plain next-line 250 "MAIL FROM:<a@client.example>")
      (fails-with "550" (smtp plain next-line 250 "RCPT TO:<b@localhost>")))))

(defn- imap-upgrade [stream options]
  (def next-line (lines stream))
  (is (string/has-prefix? "* OK " (next-line)))
  (is (string/find "STARTTLS" (imap stream next-line "CAPABILITY")))
  (imap stream next-line "STARTTLS")
  (tls/upgrade stream "localhost" options))

(peer-test "dovecot" "a mailbox at Dovecot is listed under TLS"
  (with-dovecot identity
    (fn [plain]
      (with [s (imap-upgrade plain trust)]
        (def next-line (lines s))
        (is (not (string/find "STARTTLS" (imap s next-line "CAPABILITY"))))
        (imap s next-line "LOGIN me secret")
        (imap s next-line "CREATE Work")
        (is (string/find "Work" (imap s next-line `LIST "" *`)))
        (imap s next-line "LOGOUT")))))

(peer-test "dovecot" "an IMAP server of another CA is refused"
  (with-dovecot identity
    (fn [plain]
      (fails-with "tls/upgrade: certificate verify failed"
                  (imap-upgrade plain {:ca (stranger :cert)})))))

# ---- as the server of a real client ----

(defn- serve-plain
  ``A listener whose connections go to `talk`, one after the other; the outcome of each goes to a
  channel.``
  [talk]
  (def listener (net/listen "127.0.0.1" "0"))
  (def outcomes (ev/chan 10))
  (ev/go (fn []
           (forever
             (def [fine stream] (protect (net/accept listener)))
             (if-not (and fine stream) (break))
             (ev/give outcomes (protect (defer (ev/close stream) (talk stream)))))))
  [listener outcomes])

(defmacro- with-plain [[port outcomes talk] & body]
  (with-syms [listener]
    ~(let [[,listener ,outcomes] (,serve-plain ,talk)
           ,port (,port-of ,listener)]
       (defer (ev/close ,listener) ,;body))))

(defn- smtp-greet
  "The server's part in clear, up to its go-ahead."
  [stream]
  (def next-line (lines stream))
  (say stream "220 server.example")
  (is (string/has-prefix? "EHLO " (next-line)))
  (say stream "250-server.example" "250 STARTTLS")
  (is= "STARTTLS" (next-line))
  (say stream "220 go ahead"))

(defn- imap-greet [stream]
  (def next-line (lines stream))
  (say stream "* OK server.example")
  (forever
    (def [tag verb] (string/split " " (next-line)))
    (when (= "STARTTLS" verb)
      (say stream (string tag " OK go ahead"))
      (break))
    (say stream "* CAPABILITY IMAP4rev2 STARTTLS" (string tag " OK done"))))

(defn- answer-one [greet]
  (fn [stream]
    (greet stream)
    (with [s (tls/wrap stream identity)]
      (def line ((lines s)))
      (say s (string "heard " line))
      line)))

(each [protocol greet] [["smtp" smtp-greet] ["imap" imap-greet]]
  (peer-test "openssl" (string "openssl s_client -starttls " protocol " is served")
    (def paths (saved (tmpdir) "ca" ca))
    (with-plain [port outcomes (answer-one greet)]
      (with-child [c "openssl" "s_client" "-starttls" protocol "-connect" (string "127.0.0.1:" port)
                   "-quiet"
                   "-servername" "localhost" "-CAfile" (paths :cert) "-verify_return_error"]
        (ev/write ((c :proc) :in) "hello\r\n")
        (await c :out "heard hello")
        (is= [true "hello"] (ev/take outcomes))))))

# ---- what came in clear is not taken for what TLS said ----

(test "bytes that a server or an attacker adds to its agreement are refused"
  (with-plain [port _ (fn [stream]
                        (say stream "220 go ahead" "250 forged")
                        (:read stream 100))]
    (with [plain (net/connect "127.0.0.1" port)]
      (is= @"220 go ahead\r\n" (:chunk plain 14)) # what follows came in the same write
      (fails-with "tls/upgrade: plaintext is left over on the stream"
                  (tls/upgrade plain "localhost" trust)))))

(test "bytes that come in clear while the handshake runs are no TLS"
  (with-plain [port _ (fn [stream]
                        (:read stream 5) # the hello has begun
                        (say stream "250 forged")
                        (:read stream 4096))]
    (with [plain (net/connect "127.0.0.1" port)]
      (fails-with "tls/upgrade: handshake failed" (tls/upgrade plain "localhost" trust)))))

(test "what a client pipelines in clear after STARTTLS is never heard under TLS"
  (def heard @[])
  (with-plain [port outcomes (fn [stream]
                               (:chunk stream (length "STARTTLS\r\n"))
                               (with [s (tls/wrap stream identity)]
                                 (array/push heard ((lines s)))))]
    (with [plain (net/connect "127.0.0.1" port)]
      (say plain "STARTTLS" "MAIL FROM:<forged@client.example>")
      (fails-with "tls/upgrade: handshake failed" (tls/upgrade plain "localhost" trust))
      (def [fine why] (ev/take outcomes))
      (is= false fine)
      (is (string/has-prefix? "tls/wrap: handshake failed: wrong version number" why))
      (is= @[] heard))))

(test "the plaintext stream is consumed"
  (with-plain [port _ (answer-one smtp-greet)]
    (with [plain (net/connect "127.0.0.1" port)]
      (with [s (smtp-upgrade plain trust)]
        (fails-with "closed" (ev/write plain "x"))
        (say s "still here")
        (is= "heard still here" ((lines s)))))))

(test "a stream that another fiber reads from can't be upgraded"
  (def [a b] (pairs/core-pair))
  (def reader (pairs/spawn (ev/read a 1)))
  (ev/sleep 0)
  (fails-with "tls/upgrade: " (tls/upgrade a "localhost" trust))
  (ev/write b "x")
  (is= [:ok @"x"] (pairs/await reader) "the reader is not harmed")
  (each s [a b] (ev/close s)))

(end)
