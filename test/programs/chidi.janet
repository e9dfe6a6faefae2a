# chidi's HTTP server: its loop waits for each connection's handler before it accepts the next.
(import ./over)

(defn check []
  (def start (over/value (over/load "/chidi/http/server") 'start))
  (def port (over/free-port))
  (def body (string/repeat "chidi " 1000))
  (ev/go (fn []
           (start (fn [request]
                    (string "HTTP/1.1 200 OK\r\nContent-Length: " (length body) "\r\n\r\n" body))
                  "127.0.0.1" (string port)))
         nil (ev/chan 100))
  (repeat 3
    (with [s (over/until-connected "127.0.0.1" port)]
      (def [head answer] (over/get-page s "/" "Content-Length: 0\r\n"))
      (assert (string/has-prefix? "HTTP/1.1 200 OK" head) head)
      (assert (= body answer))))
  "3 requests")
