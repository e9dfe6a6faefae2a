# listen-fds: listeners that a parent opened. The parent is Python or systemd-socket-activate, the
# child a Janet program.
(import ../support/check :prefix "")
(import ../support/peers :as peers)
(import ../support/pairs :prefix "")
(import jsec/tls)

(def dir (tmpdir))

# Opens a socket for each letter, and runs the rest of its arguments as a program.
(def parent ``
import os, socket, sys
def opened(kind):
    datagram = kind == "d"
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if datagram else socket.SOCK_STREAM)
    if kind != "u": s.bind(("127.0.0.1", 0))
    if kind == "t": s.listen()
    return s
sockets = [opened(kind) for kind in sys.argv[1]]
high = [os.dup2(s.fileno(), 100 + i) for i, s in enumerate(sockets)]
for s in sockets: s.close()
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i)
    os.close(fd)
os.environ["LISTEN_FDS"] = os.environ.get("LISTEN_FDS", str(len(sockets)))
os.environ["LISTEN_PID"] = os.environ.get("LISTEN_PID", str(os.getpid()))
os.execvp(sys.argv[2], sys.argv[2:])
``)
(def parent-file (string dir "/parent.py"))
(spit parent-file parent)

(defn program
  "A file with a program of these forms."
  [name & forms]
  (def file (string dir "/" name ".janet"))
  (spit file (string/join (map |(string/format "%j" $)
                               ['(import jsec/tls) ;forms]) "\n"))
  file)

(defn run-with
  "What a child prints that gets these sockets and these variables, or its error."
  [sockets env file]
  (def child
    (os/spawn ["python3" parent-file sockets "janet" file] :pe
              (merge (os/environ) env {:out :pipe :err :pipe})))
  (def errors (ev/chan 1))
  (ev/go (fn [] (ev/give errors (ev/read (child :err) :all))))
  (def said (ev/read (child :out) :all))
  (def error-text (ev/take errors))
  (if (= 0 (os/proc-wait child)) (string/trim (or said "")) (error (string error-text))))

(def names (program "names"
  '(each name [nil "web" "mail" "none"]
     (prin (length (tls/listen-fds name)) " "))))

(peer-test "python3" "each listener is taken once, and sockets of other kinds are left"
  (is= "2 0 0 0" (run-with "tdtu" {} names)))

(peer-test "python3" "a listener that was taken and closed is not missed"
  (is= "2 0" (run-with "tt" {}
               (program "closed"
                 '(def taken (tls/listen-fds))
                 '(each listener taken (:close listener))
                 '(prin (length taken) " " (length (tls/listen-fds)))))))

(peer-test "python3" "listeners are taken by their names"
  (def by-name (program "by-name"
                 '(each name ["web" "none" "mail" "" nil]
                    (prin (length (tls/listen-fds name)) " "))))
  (is= "2 0 1 0 0" (run-with "ttt" {"LISTEN_FDNAMES" "web:mail:web"} by-name))
  (is= "1 0 0 0 2" (run-with "ttt" {"LISTEN_FDNAMES" "web"} by-name)))

(peer-test "python3" "the variables of another process count for nothing"
  (is= "0 0 0 0" (run-with "t" {"LISTEN_PID" "1"} names)))

(test "without the variables the array is empty"
  (is= @[] (tls/listen-fds))
  (is= @[] (tls/listen-fds "web")))

(peer-test "python3" "malformed variables, and descriptors that are not there, raise"
  (each bad ["x" "-1" "99999999999999999999" "1x" ""]
    (fails-with "tls/listen-fds: the environment's LISTEN_FDS is not a number"
                (run-with "t" {"LISTEN_FDS" bad} names)))
  (fails-with "the environment's LISTEN_PID is not a number"
              (run-with "t" {"LISTEN_PID" "me"} names))
  (fails-with "was announced and not passed" (run-with "t" {"LISTEN_FDS" "300"} names)))

(peer-test "python3" "the descriptors are closed in children"
  (is= "closed"
       (run-with "t" {}
                 (program "children"
                   '(tls/listen-fds)
                   '(def silent {:err (file/open "/dev/null" :w)})
                   '(def status (os/execute ["sh" "-c" ": <&3"] :p silent))
                   '(print (if (= 0 status) "open" "closed"))))))

(test "listen-fds refuses bad arguments"
  (fails-with "tls/listen-fds" (tls/listen-fds 1))
  (fails-with "a server needs" (tls/listen-fds nil {}))
  (fails-with "nothing" (tls/listen-fds nil {:nothing 1})))

# ---- systemd ----

(def paths (peers/saved dir "server" identity))

(def server (program "server"
  ~(def [listener] (tls/listen-fds))
  ~(each name ["net/accept" "net/accept-loop"]
     (def [fine why] (protect ((eval (symbol name)) listener print)))
     (eprint why))
  ~(tls/accept-loop listener {:cert ,(paths :cert) :key ,(paths :key)}
     (fn [s] (:read s 10) (:write s "hello from the child") (:close s) (:close listener)))))

(defn dial-patiently
  "systemd-socket-activate listens soon after its start."
  [port]
  (var client nil)
  (while (nil? client)
    (try (set client (tls/connect "127.0.0.1" port client-options))
      ([err] (unless (string/find "refused" err) (error err)) (ev/sleep 0.01))))
  client)

(peer-test "systemd-socket-activate" "a server that systemd-socket-activate starts serves TLS"
  (def port (with [probe (net/listen "127.0.0.1" "0")] (in (net/localname probe) 1)))
 
  (def child (peers/start "systemd-socket-activate" "-E" "JANET_PATH" "-l"
                           (string "127.0.0.1:" port) "janet" server))
  (def client (dial-patiently port))
  (:write client "x")
  (is= "hello from the child" (string (:read client :all)))
  (:close client)
  (ev/take (child :ended))
  (is= 0 (child :status))
  (is (string/find "the listener of tls/listen has no certificate" (child :err))))

(end)
