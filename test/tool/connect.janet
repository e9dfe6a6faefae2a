# jsec connect: DTLS, terminals, URLs, help; what the other files of this folder leave.
(import ../support/check :prefix "")
(import ../support/peers :prefix "")
(import jsec/cli/args)
(import jsec/cli/show)
(import jsec/dtls)

(def dir (tmpdir))
(def ca-made (authority "Test CA"))
(def ca ((saved dir "ca" ca-made) :cert))
(def made (issue ca-made))
(def tool (string (os/cwd) "/bin/jsec"))

(defn jsec-with [input & words]
  (with-child [c (dyn *executable*) tool ;words]
    (feed c input)
    [(exit-status c) (string (c :out)) (string (c :err))]))

(defmacro with-echo
  "Run `body` while a DTLS server echoes at `place`."
  [place & body]
  (with-syms [server data peer]
    ~(let [,server (,dtls/listen "127.0.0.1" 0 made)
           ,place (string "localhost:" (in (,dtls/localname ,server) 1))]
       (ev/go (fn []
                (def ,data @"")
                (while (def ,peer (,dtls/recv-from ,server 1500 (buffer/clear ,data)))
                  (,dtls/send-to ,server ,peer ,data))))
       (defer (,dtls/close-server ,server) ,;body))))

(test "connect --dtls reports, and bridges datagrams until a second passes without one"
  (with-echo place
    (def [status out err] (jsec-with "a datagram" "connect" "--dtls" "--ca" ca place))
    (is= [0 "a datagram"] [status out] err)
    (each part ["verified     yes" "DTLSv1.2" "CN=localhost"] (is (string/find part err) err))))

(test "connect --dtls: a server with an unverified certificate gets no data, and gives status 3"
  (with-echo place
    (def [status out err] (jsec-with "a datagram" "connect" "--dtls" place))
    (is= [3 ""] [status out] err)
    (is (string/find "NO: certificate verify failed" err) err)))

(test "connect --dtls without a server ends with 1, and names host and port"
  (def place (string "127.0.0.1:" (free-port)))
  (def [status _ err] (jsec-with "" "connect" "--dtls" "--timeout" "3" place))
  (is= 1 status)
  (is (string/find (string "could not connect to " place ": Connection refused") err) err))

(test "connect sends what other commands have left of a file, and nothing twice"
  (with-server [s made echo]
    (def file (string dir "/lines"))
    (spit file "first\nsecond\nthird\n")
    (with-child [c "sh" "-c" `{ read -r line; "$@"; } <"$0"` file (dyn *executable*) tool "connect"
                 "-q" "--ca" ca (string "localhost:" (s :port))]
      (is= [0 "second\nthird\n"] [(exit-status c) (string (c :out))] (described c)))))

(peer-test "script" "on a terminal connect says that it bridges, and how that ends"
  (with-server [s made echo]
    (def place (string "localhost:" (s :port)))
    (def line (string/join (map |(string "'" $ "'") [(dyn *executable*) tool "connect" "--ca" ca
                                                     place]) " "))
    (with-child [c "script" "-qec" line "/dev/null"]
      (await c :out "Ctrl-D ends")
      (ev/write ((c :proc) :in) "there and back\n\x04")
      (await c :out '(* "there and back" (thru "there and back")))
      (is= 0 (exit-status c) (described c)))
    (def [_ _ err] (jsec-with "" "connect" "--ca" ca place))
    (is (not (string/find "Ctrl-D" err)) "standard input is no terminal")))

(test "targets are hosts, addresses, URLs and unix sockets"
  (each [text place] [["a.example" ["a.example" "443"]] ["a.example:8443" ["a.example" "8443"]]
                      ["https://a.example/path?q#f" ["a.example" "443"]]
                      ["HTTPS://a.example:8443" ["a.example" "8443"]]
                      ["https://user:secret@a.example/" ["a.example" "443"]]
                      ["imaps://mail.example" ["mail.example" "993"]]
                      ["https://[::1]:8443/" ["::1" "8443"]] ["::1" ["::1" "443"]]
                      ["[::1]" ["::1" "443"]] ["unix:/run/s" [:unix "/run/s"]]]
    (is= place (args/target text "443") text))
  (each text ["" ":443" "a:b" "a:99999" "a:1e3" "http://a.example" "https://" "[::1"]
    (is (dictionary? ((protect (args/target text "443")) 1)) text)))

(test "a suggestion is near: one letter in four, at least one"
  (def names ["hostname" "ca" "cert" "insecure" "starttls"])
  (each [word meant] [["hostnam" "hostname"] ["hsotname" "hostname"] ["cret" "cert"]
                      ["stattls" "starttls"] ["xy" nil] ["verbose" nil] ["quiet" nil] ["host" nil]]
    (is= meant (args/nearest word names) word)))

(test "help fits into 80 columns, and into the terminal's"
  (each command ["connect" "serve" "cert" "check" "completions" "version"]
    (def [status out] (jsec-with "" command "--help"))
    (is= 0 status)
    (each line (string/split "\n" out)
      # examples are lines to copy, columns stay columns
      (unless (or (string/has-prefix? "  jsec" line) (string/has-prefix? "  printf" line)
                  (peg/match '(* :w+ " " (to "   ")) line))
        (is (<= (length line) 80) line)))))

(test "--version is one line"
  (def [status out] (jsec-with "" "--version"))
  (is= 0 status)
  (is (peg/match '(* "jsec " (some (if-not "\n" 1)) "\n" -1) out) out))

(test "errors speak of the tool's options"
  (each [text said] [["tls/connect: :cert without :key" "--cert without --key"]
                     ["give :ca-file or :trusted-cert" "give --ca or --trust"]
                     ["at 12:30:01 of :other" "at 12:30:01 of :other"]]
    (is= said (show/plain text))))

(test "lines are filled to the width, and words longer than that stay whole"
  (def text (string/repeat "word " 40))
  (each line (string/split "\n" (show/wrap text 4)) (is (<= (length line) 81) line))
  (is= "a b" (show/wrap "a b"))
  (is= (string/repeat "x" 200) (show/wrap (string/repeat "x" 200))))

(end)
