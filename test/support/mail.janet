# Mail servers of Debian's packages, each in a folder of its own on a port of its own, and the lines
# they speak.
(import ./check)
(import ./peers)

# ---- lines ----

(defn lines
  ``A function that reads the next line of a stream, without its CRLF; nil at the end. What came
  after the line waits.``
  [stream]
  (def pending @"")
  (defn next-line []
    (if-let [end (string/find "\r\n" pending)]
      (let [line (string/slice pending 0 end)
            rest (buffer/slice pending (+ 2 end))]
        (buffer/push (buffer/clear pending) rest)
        line)
      (if (:read stream 4096 pending) (next-line)))))

(defn say
  "Send lines."
  [stream & texts]
  (:write stream (string/join (map |(string $ "\r\n") texts))))

(defn smtp-reply
  "All lines of a server's reply (RFC 5321)."
  [next-line]
  (def reply @[])
  (forever
    (def line (or (next-line) (error "the SMTP server closed the connection")))
    (array/push reply line)
    (unless (string/has-prefix? "-" (string/slice line 3)) (break)))
  (string/join reply "\n"))

(defn smtp
  "Send a command, read the reply, which must have that code."
  [stream next-line code command]
  (say stream command)
  (def reply (smtp-reply next-line))
  (unless (string/has-prefix? (string code) reply) (errorf "%s: %s" command reply))
  reply)

(defn imap
  "Send a command, read the answer up to its tagged line, which must be OK."
  [stream next-line command]
  (say stream (string "tag " command))
  (def answer @[])
  (var line (next-line))
  (while (not (string/has-prefix? "tag " (or line (error "the IMAP server closed the connection"))))
    (array/push answer line)
    (set line (next-line)))
  (unless (string/has-prefix? "tag OK" line) (errorf "%s: %s" command line))
  (string/join [;answer line] "\n"))

# ---- servers ----

(defn- word-of [& command]
  (peers/with-child [c ;command] (peers/exit-status c) (string/trim (c :out))))

(def- user "The user that runs the tests." (word-of "id" "-un"))
(def root? "Exim's daemon runs only as root." (= "0" (word-of "id" "-u")))

(defn- folder [& names]
  (def dir (check/tmpdir))
  (each name names (os/mkdir (string dir "/" name)))
  dir)

(defn- own [owner & paths]
  (if root? (os/execute ["chown" owner ;paths] :px)))

(defn- run-server
  ``Call `body` with a connection to a server as soon as it takes some. It is asked to end, so
  that it ends its helpers.``
  [command port body]
  (peers/with-child [child ;command]
    (defer (protect (os/proc-kill (child :proc) true :term))
      (peers/until-up child port)
      (def stream (net/connect "127.0.0.1" port))
      (defer (ev/close stream) (body stream child)))))

(defn with-exim
  ``Call `body` with a plaintext connection to an Exim that takes mail under TLS only, and the
  path of the file it delivers to. The daemon starts as root, and goes on as its own user.``
  [identity body]
  (def dir (folder "spool" "box"))
  (def paths (peers/saved dir "server" identity))
  (def port (peers/free-port))
  (spit (string dir "/conf")
        (string/join
          ["primary_hostname = localhost"
           (string "spool_directory = " dir "/spool")
           (string "log_file_path = " dir "/spool/%slog")
           (string "pid_file_path = " dir "/spool/pid")
           "local_interfaces = 127.0.0.1"
           (string "daemon_smtp_ports = " port)
           "tls_advertise_hosts = *"
           (string "tls_certificate = " (paths :cert))
           (string "tls_privatekey = " (paths :key))
           "host_lookup ="
           "rfc1413_query_timeout = 0s"
           "keep_environment ="
           "acl_smtp_rcpt = accept encrypted = *"
           "acl_smtp_data = accept"
           "begin routers"
           "all:"
           "  driver = accept"
           "  transport = box"
           "begin transports"
           "box:"
           "  driver = appendfile"
           (string "  file = " dir "/box/mail")
           "  user = Debian-exim"
           "  mode = 0644"
           ""] "\n"))
  (own "Debian-exim" (paths :key) (string dir "/spool") (string dir "/box"))
  (run-server [(check/find-program "exim4") "-C" (string dir "/conf") "-bdf"] port
              (fn [stream child] (body stream (string dir "/box/mail")))))

(defn with-dovecot
  ``Call `body` with a plaintext connection to an IMAP server that requires TLS, user "me" and
  password "secret".``
  [identity body]
  (def dir (folder "run" "state" "mail"))
  (def paths (peers/saved dir "server" identity))
  (def port (peers/free-port))
  (def mail (if root? "nobody" user))
  (spit (string dir "/conf")
        (string/join
          [(string "base_dir = " dir "/run")
           (string "state_dir = " dir "/state")
           (string "log_path = " dir "/log")
           ;(if root? []
              [(string "default_internal_user = " user)
               (string "default_login_user = " user)
               (string "default_internal_group = " (word-of "id" "-gn"))])
           "protocols = imap"
           "listen = 127.0.0.1"
           "ssl = required"
           (string "ssl_cert = <" (paths :cert))
           (string "ssl_key = <" (paths :key))
           (string "mail_location = maildir:" dir "/mail/%u")
           "passdb {\n  driver = static\n  args = password=secret\n}"
           (string "userdb {\n  driver = static\n  args = uid=" mail " gid="
                   (word-of "id" "-gn" mail)
                   " home=" dir "/mail/%u\n}")
           "service anvil {\n  chroot =\n}"
           "service imap-login {\n  chroot =\n"
           (string "  inet_listener imap {\n    port = " port "\n  }")
           "  inet_listener imaps {\n    port = 0\n  }\n}"
           ""] "\n"))
  (own mail (string dir "/mail"))
  (run-server [(check/find-program "dovecot") "-F" "-c" (string dir "/conf")] port
              (fn [stream child] (body stream))))
