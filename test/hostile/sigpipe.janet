# A write to a connection that is gone raises, and never causes SIGPIPE, which would end the
# process: seen with that signal's default in force, as in any program.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "")
(import ../support/datagrams :as datagrams)
(import jsec/dtls)
(import jsec/tls)

(defn ignored?
  "Whether this process ignores SIGPIPE, signal 13; nil where that can't be told."
  []
  (if-let [status (if (os/stat "/proc/self/status") (slurp "/proc/self/status"))
           [mask] (peg/match ~(* (thru "SigIgn:") :s* (<- :h+)) status)]
    (odd? (brshift (scan-number (string "16r" (string/slice mask -5))) 12))))

# the parent process may ignore it, and that is inherited
(when (ignored?)
  (if (os/getenv "JSEC_SIGPIPE") (error "SIGPIPE is ignored all the same"))
  (os/exit (os/execute ["env" "--default-signal=PIPE" "JSEC_SIGPIPE=1" (dyn *executable*)
                        (dyn *current-file*)] :p)))

(def gone (quote (+ "Broken pipe" "Connection reset by peer" "the peer closed the connection"
                    "connection truncated")))

(defn fails
  "The body raises one of the errors of a connection that is gone."
  [f]
  (def [status why] (outcome (f)))
  (is (and (= :error status) (peg/find gone (string why))) (string/format "%q" [status why])))

(if (nil? (ignored?))
  (skip "core's own write to a connection that is gone ends the process with SIGPIPE"
        "what is ignored can't be told here")
  (test (string "core's own write to a connection that is gone ends the process with SIGPIPE: "
                "the signal is in force")
    (def code
      (string `(import ./test/support/pairs :prefix "") (def [a b] (core-pair true)) (:close `
              `b) (ev/write a "x") (print "lived")`))
    (is= (+ 128 13) (os/execute ["sh" "-c" `"$0" -e "$1"; exit $?` (dyn *executable*) code] :p))))

(defn- until-it-fails [f] (repeat 1000 (f) (ev/sleep 0.0002)))

(each kind tls-kinds
  (each role [:client :server]
    (test (string kind ": a " role " whose peer is gone gets errors from writes, and closes")
      (def [client server] (pair kind))
      (def [mine other] (if (= role :client) [client server] [server client]))
      (def reading (spawn (:read mine 1)))
      (:close other true)
      (fails |(until-it-fails |(:write mine "x")))
      (fails |(:write mine (string/repeat "x" plenty-size)))
      (is= :error (first (await reading)))
      (protect (:shutdown mine :w))
      (is= mine (:close mine))
      # the side that closes first sees it
      (def [client server] (pair kind))
      (def [mine other] (if (= role :client) [client server] [server client]))
      (:close other true)
      (is= mine (:close mine)))))

(each unix [false true]
  (test (string "handshakes with a peer that is gone fail, in both roles, over "
                (if unix "unix sockets" "TCP"))
    (repeat (load 20)
      (each [wrap what] [[wrap-client "hello"] [wrap-server "hello"]]
        (def [near far] (core-pair unix))
        (:close far)
        (turns)
        (fails |(wrap near)))
      # one that hangs up on our first flight, with bytes that it has not read
      (def [near far] (core-pair unix))
      (def server (spawn (wrap-server far)))
      (def client (spawn (wrap-client near {:handshake false})))
      (:close (last (await client)) true)
      (fails |(let [[status value] (await server)] (if (= :error status) (error value) value))))))

(test "accept and accept-loop outlive clients that hang up in their handshakes"
  (with [listener (tls/listen "127.0.0.1" 0)]
    (def [host port] (address-of listener))
    (def hello (string "\x16\x03\x01\0\x04\x01\0\x02\0"))
    (repeat (load 20)
      (def accepting (spawn (tls/accept listener server-options)))
      (with [raw (plain-connect host port)] (:write raw hello))
      (is= :error (first (await accepting))))
    (def errors (ev/chan 100))
    (ev/go (fn [] (tls/accept-loop listener server-options (fn [s] (with [s s] (:write s "hi")))
                                   {:on-error |(ev/give errors $)})))
    (repeat (load 20)
      (with [raw (plain-connect host port)] (:write raw hello))
      (is (peg/find gone (ev/take errors))))
    (with [c (tls/connect host port client-options)] (is= @"hi" (:read c 2)))))

(test "datagrams to a closed port are errors at most"
  (def server (dtls/listen "127.0.0.1" 0 datagrams/server-options))
  (ev/go (fn [] (datagrams/serve server)))
  (def c (datagrams/connect server))
  (datagrams/ask c "there?")
  (dtls/close-server server true)
  (repeat 10 (protect (:write c "hello?")) (ev/sleep 0.001))
  (is= c (:close c)))

(end)
