# A chat server without any code for TLS: it reads and writes streams. Some guests come over TCP,
# others over TLS, and they chat with each other.
#   janet examples/chat_server.janet                 with a few guests of its own
#   janet examples/chat_server.janet 6697 6667       serves TLS and TCP on these ports
(import jsec/cert)
(import jsec/tls)

# ---- the chat: ev/read and ev/write, as for any stream ----

(def guests @{})

(defn say [text]
  (eachp [stream _] guests (protect (ev/write stream (string text "\n") 5))))

(defn read-line
  "The next line of a guest, or nil at the end. `pending` keeps the bytes after a line."
  [stream pending]
  (if-let [end (string/find "\n" pending)]
    (let [line (string/trim (string/slice pending 0 end))
          rest (buffer/slice pending (inc end))]
      (buffer/push (buffer/clear pending) rest)
      line)
    (if (ev/read stream 1024 pending) (read-line stream pending))))

(defn welcome
  "Serve a guest, from the name to the goodbye."
  [stream]
  (def pending @"")
  (ev/write stream "who are you?\n")
  (when-let [name (read-line stream pending)]
    (put guests stream name)
    (defer (do (put guests stream nil) (say (string name " has left")))
      (say (string name " is here"))
      # a guest with a broken connection has left, too
      (protect (while (def line (read-line stream pending))
                 (say (string name ": " line))))))
  (ev/close stream))

# ---- the two listeners ----

(defn open-doors [tls-port plain-port own]
  (def doors [(tls/listen "127.0.0.1" tls-port) (net/listen "127.0.0.1" plain-port)])
  (ev/go (fn [] (tls/accept-loop (doors 0) own welcome)))
  (ev/go (fn [] (net/accept-loop (doors 1) welcome)))
  (each [kind door] [["TLS" (doors 0)] ["plain TCP" (doors 1)]]
    (print kind " on port " (get (net/localname door) 1)))
  doors)

# ---- the guests of the demonstration ----

(defn wait-for
  "Read until that text has come."
  [stream heard text]
  (while (not (string/find text heard))
    (assert (ev/read stream 1024 heard 10) "the server has gone")))

(defn visit [stream name]
  (def heard @"")
  (wait-for stream heard "who are you?")
  (ev/write stream (string name "\n"))
  (wait-for stream heard (string name " is here"))
  heard)

(defn demonstrate []
  (def own (cert/generate-self-signed-cert {:common-name "localhost" :key-type :ec-p256}))
  (def [tls-door plain-door] (open-doors "0" "0" own))
  (def ann (tls/connect "localhost" (get (net/localname tls-door) 1) {:trusted-cert (own :cert)}))
  (def bob (net/connect "127.0.0.1" (get (net/localname plain-door) 1)))
  (def ann-heard (visit ann "Ann, over TLS"))
  (def bob-heard (visit bob "Bob, in clear"))
  (ev/write ann "hello, Bob\n")
  (wait-for bob bob-heard "hello, Bob")
  (ev/write bob "hello, Ann\n")
  (wait-for ann ann-heard "hello, Ann")
  (ev/close bob)
  (wait-for ann ann-heard "has left")
  (print "what Ann has heard:\n" ann-heard)
  (ev/close ann)
  (each door [tls-door plain-door] (ev/close door)))

(defn main [_ &opt tls-port plain-port]
  (if tls-port
    (open-doors tls-port (or plain-port "0")
                (cert/generate-self-signed-cert {:common-name "localhost" :key-type :ec-p256}))
    (demonstrate)))
