# janet-irc-client, with an IRC server of a few lines.
(import ./over)

(defn serve [heard]
  (fn [s]
    (ev/give heard (over/read-until s "NICK me\r\n"))
    (:write s ":srv 001 me :welcome\r\nPING :token\r\n")
    (ev/give heard (over/read-until s "PONG"))
    (:write s ":you!u@h PRIVMSG #room :hello there\r\n")
    (:close s)))

(defn check []
  (def connect (over/value (over/load "/irc-client") 'connect))
  (def heard (ev/chan 10))
  (def messages @[])
  (with [listener (over/server "127.0.0.1" "0" (serve heard))]
    (connect {:host "127.0.0.1" :port (over/port-of listener) :channels ["#room"]
              :nickname "me" :username "me" :realname "Me"}
             (fn [writer message] (array/push messages message))))
  (assert (string/has-prefix? "USER me" (ev/take heard)))
  (assert (string/find "JOIN #room" (ev/take heard)))
  (assert (some |(deep= [:priv "u@h" "you" "#room" "hello there"] $) messages)
          (string/format "%q" messages))
  (string (length messages) " messages"))
