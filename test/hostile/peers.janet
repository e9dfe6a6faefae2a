# Peers that speak something else than TLS, or nothing; and what must not reach from one connection
# to another.
(import ../support/check :prefix "")
(import ../support/peers :prefix "")
(import ../support/cut :prefix "")
(import jsec/tls)
(import jsec/tls-stream)

(def slowness (scan-number (os/getenv "JSEC_SLOW" "1")))
(def ca (authority "Test CA"))
(def identity (issue ca))
(def trust {:ca-file (ca :cert)})

(defn says
  ``Run a plain server that answers each connection with `(handler stream)`, and connect to it
  with TLS: the error.``
  [handler &opt options]
  (def listener (net/listen "127.0.0.1" "0"))
  (def streams @[])
  (ev/go (fn []
           (try (forever
                  (def s (net/accept listener))
                  (array/push streams s)
                  (ev/go (fn [] (try (handler s) ([_])))))
             ([_]))))
  (defer (do (ev/close listener) (each s streams (ev/close s)))
    (def [fine why]
      (protect (tls/connect "127.0.0.1" (port-of listener) (merge trust (or options {})))))
    (is (not fine))
    why))

(defn hears
  ``Run a TLS server, and send it plain text; the server's error, after it has served another
  client as well.``
  [text]
  (with-server [s (merge identity {:handshake-timeout (* slowness 0.2)}) echo]
    (with [plain (net/connect "127.0.0.1" (s :port))]
      (protect (:write plain text 5))
      (with [c (tls/connect "127.0.0.1" (s :port) trust)]
        (is= @"meanwhile" (sent-back c "meanwhile")))
      (def why (refusal s))
      why)))

(def speaks-no-tls
  (string "tls/connect: handshake failed: wrong version number: the peer does not speak TLS, "
          "or no version allowed here"))

(test "a TLS client on a plain port hears that it is one"
  (each banner ["HTTP/1.1 400 Bad Request\r\n\r\n" "220 mail.example ESMTP\r\n"
                "SSH-2.0-OpenSSH_9.2\r\n" "+OK POP3 ready\r\n"
                "* OK IMAP4rev1\r\n" "{\"json\":true}"]
    (is= speaks-no-tls (says |(do (:write $ banner) (:read $ 1) (:read $ 100000))))))

(test "a plaintext server that closes, echoes or stays silent is recognized"
  (is (peg/match '(* "tls/connect: handshake failed: "
                     (+ "the peer closed the connection" "Connection reset by peer") -1)
                 (says |(ev/close $))))
  (is (string/has-prefix? "tls/connect: handshake failed: "
                          (says |(while (def data (:read $ 4096)) (:write $ data)))))
  (is= "tls/connect: handshake timed out: the peer did not finish it within 0.1 s"
       (says |(:read $ 100000 nil 100) {:handshake-timeout 0.1}))
  (is= "timeout" (says |(:read $ 100000 nil 100) {:timeout 0.1})))

(test "a plaintext client on a TLS port is recognized, and others are served"
  (is= "tls/accept-loop: handshake failed: http request: the peer sent plain HTTP to a TLS port"
       (hears "GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
  (is= (string "tls/accept-loop: handshake failed: https proxy request: the peer sent a proxy "
               "request to a TLS port")
       (hears "CONNECT a.example:443 HTTP/1.1\r\n\r\n"))
  (each text ["EHLO a.example\r\n" "SSH-2.0-OpenSSH_9.2\r\n" "USER me\r\nPASS secret\r\n"]
    (is (string/find "the peer does not speak TLS" (hears text))))
  (is (string/find "handshake timed out" (hears "")))
  (is (string/find "handshake timed out" (hears "\x16"))))

(test "a megabyte of noise in place of a handshake is refused in both roles"
  (repeat (load 20)
    (def noise (string (noise 1000000)))
    (is (string/has-prefix? "tls/accept-loop: handshake " (hears noise)))
    (is (string/has-prefix? "tls/connect: handshake failed: "
                            (says |(do (:write $ noise) (:read $ 1000000)))))))

(test "a megabyte of noise in well-formed records is refused in both roles"
  (each kind [20 21 22 23 24 255]
    (def record (string (string/from-bytes kind 3 3 64 0) (noise 16384)))
    (def noise (string/repeat record 60))
    (is (string/has-prefix? "tls/accept-loop: handshake " (hears noise)))
    (is (string/has-prefix? "tls/connect: handshake failed: "
                            (says |(do (:write $ noise) (:read $ 1000000)))))))

(test "endless empty records, warnings and a handshake of 16 MB are refused"
  (each [record text] [[(string "\x17\x03\x03\0\0") "handshake"]
                       ["\x15\x03\x03\0\x02\x01\x5a" "handshake"]
                       ["\x14\x03\x03\0\x01\x01" "handshake"]
                       ["\x16\x03\x03\0\x04\x01\xff\xff\xff" "handshake"]]
    (def flood (string/repeat record 20000))
    (is (string/find text (hears flood)))
    (is (string/find text
                     (says |(do (:write $ flood) (:read $ 1000000)) {:handshake-timeout 0.5})))))

# ---- nothing reaches from one connection to another ----

(test "a failed connection's error is not seen by the next, nor by one that is open"
  (with-server [s identity echo]
    (with [open (tls/connect "127.0.0.1" (s :port) trust)]
      (repeat 3
        (fails-with "hostname mismatch"
                    (tls/connect "127.0.0.1" (s :port) (merge trust {:hostname "other.example"})))
        (fails-with "No such file" (tls/new-context {:ca-file "/no/such/file"}))
        (is= @"still fine" (sent-back open "still fine"))
        (with [c (tls/connect "127.0.0.1" (s :port) trust)] (is= @"fine" (sent-back c "fine")))))))

(test "options beside a shared context hold for one connection only, also when wrapped"
  (def context (tls/new-context trust))
  (with-server [s identity echo]
    (defn through [options]
      (def plain (net/connect "127.0.0.1" (s :port)))
      (protect (with [c (tls/wrap plain "localhost" options)] (sent-back c "x"))))
    (is= [true @"x"] (through context))
    (is (string/find "beside :context" (get (through {:context context :verify false}) 1)))
    (def [fine why] (through {:context context :verify-hostname "other.example"}))
    (is (and (not fine) (string/find "hostname mismatch" why)))
    (is= [true @"x"] (through context))))

(test "a connection without verification does not affect the next"
  (with-server [s identity echo]
    (def other {:ca-file ((authority "Other CA") :cert)})
    (repeat 3
      (with [c (tls/connect "127.0.0.1" (s :port) (merge other {:verify false}))]
        (is= @"x" (sent-back c "x")))
      (fails-with "certificate verify failed" (tls/connect "127.0.0.1" (s :port) other)))))

# ---- upgrading ----

(test "plaintext that came before STARTTLS is refused, and the stream stays the caller's"
  (def [client server] (plain-pair))
  (:write server "220 ready\r\n250 injected\r\n")
  (is= @"220 ready\r\n" (:read client 11))
  (def why "plaintext is left over on the stream: read it before TLS begins")
  (fails-with (string "tls/upgrade: " why) (tls/upgrade client "localhost" trust))
  (fails-with (string "tls/wrap: " why) (tls/wrap client "localhost" trust))
  (is= @"250 injected\r\n" (:read client 100))
  (each s [client server] (ev/close s)))

(test "a client that was upgraded talks TLS only, from both sides"
  (def [client server] (plain-pair))
  (:write server "220 go ahead\r\n")
  (is= @"220 go ahead\r\n" (:read client 100))
  (def serving (ev/chan 1))
  (ev/go (fn [] (ev/give serving (tls/wrap server identity))))
  (def c (tls/upgrade client "localhost" trust))
  (def s (ev/take serving))
  (:write c "in secret")
  (is= @"in secret" (:read s 100))
  (fails-with "stream is closed" (:write client "in clear"))
  (fails-with "stream is closed" (:read server 1))
  (:close c)
  (:close s))

(test (string "what can't be upgraded is refused: listeners, closed streams, pipes, TLS "
              "streams, streams in use")
  (with [listener (net/listen "127.0.0.1" "0")]
    (fails-with "tls/upgrade: " (tls/upgrade listener "localhost" trust)))
  (def [client server] (plain-pair))
  (def reader (ev/go (fn [] (protect (:read server 1)))))
  (ev/sleep 0)
  (fails-with "tls/wrap: " (tls/wrap server identity))
  (:write client "x")
  (ev/sleep 0)
  (ev/close client)
  (fails-with '(+ "tls/upgrade: " "stream is closed") (tls/upgrade client "localhost" trust))
  (ev/close server)
  (def [in out] (os/pipe))
  (each end [in out] (fails-with "tls/wrap: " (tls/wrap end "localhost" trust)) (ev/close end))
  (with-server [s identity echo]
    (with [c (tls/connect "127.0.0.1" (s :port) trust)]
      (fails-with "bad slot #0" (tls/wrap c "localhost" trust)))))

# ---- listening ----

(test "an existing file at a unix socket's path is refused, and stays"
  (def dir (tmpdir))
  (def path (string dir "/socket"))
  (spit path "a file")
  (fails-with "ddress already in use" (tls/listen :unix path))
  (is= "a file" (string (slurp path)))
  (os/rm path)
  (def listener (tls/listen :unix path))
  (fails-with "ddress already in use" (tls/listen :unix path))
  (ev/go (fn [] (with [s (tls/accept listener identity)] (echo s))))
  (with [c (tls/connect :unix path trust)] (is= @"x" (sent-back c "x")))
  (ev/close listener))

# ---- nothing is left behind ----

(test "thousands of handshakes that fail leave no descriptor and no fiber behind"
  (defn counts [] (gccollect) (ev/sleep 0) (gccollect) (length (os/dir "/proc/self/fd")))
  (with-server [s identity echo]
    (def before (counts))
    (repeat (load 500)
      (with [plain (net/connect "127.0.0.1" (s :port))] (:write plain "GET / HTTP/1.0\r\n\r\n"))
      (refusal s)
      (protect (tls/connect "127.0.0.1" (s :port) (merge trust {:hostname "other.example"})))
      (refusal s))
    (is= before (counts))))

(end)
