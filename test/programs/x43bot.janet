# x43bot, an IRC bot with commands, with an IRC server of a few lines.
(import ./over)

(defn check []
  (def main (over/value (over/load "/x43bot") 'main))
  (def answers (ev/chan 10))
  (defn serve [s]
    (over/read-until s "JOIN #room\r\n")
    (:write s "PING :token\r\n")
    (ev/give answers (over/read-until s "PONG :token\r\n"))
    (each command ["poke" "eval '(+ 1 2)'" "nonsense"]
      (:write s (string ":you PRIVMSG #room :x43bot: " command "\r\n"))
      (ev/give answers (over/read-until s "\r\n")))
    (:close s))
  (with [listener (over/server "127.0.0.1" "0" serve)]
    (def port (string (over/port-of listener)))
    (def bot
      (ev/go (fn []
               (with-dyns [*args* ["x43bot" "-c" "room" "-H" "127.0.0.1" "-p" port]]
                 (main "x43bot")))
             nil (ev/chan 10)))
    (each wanted ["PONG :token" "Hey, stop it!" "PRIVMSG #room :3" "Invalid command"]
      (def answer (ev/take answers))
      (assert (string/find wanted answer) answer))
    (ev/cancel bot "enough")
    "3 commands"))
