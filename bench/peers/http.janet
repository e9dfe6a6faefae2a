# Ours, as an HTTP server: http.janet https|http CERT KEY, until standard input ends. With http, it
# is the same server on Janet's own net functions.
(import jsec/tls)

(def answer
  (string "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\n"
          "hello, world\n"))
(def last-answer (string/replace "\r\n\r\n" "\r\nConnection: close\r\n\r\n" answer))

(defn serve-requests
  "Answer until the client ends, or asks to."
  [s]
  (def buf @"")
  (while (ev/read s 4096 buf)
    (when (string/has-suffix? "\r\n\r\n" buf)
      (def end (string/find "onnection: close" buf))
      (ev/write s (if end last-answer answer))
      (if end (break))
      (buffer/clear buf)))
  (:close s))

(defn main [_ mode cert key]
  (def listen (if (= mode "https") tls/listen net/listen))
  (def listener (listen "127.0.0.1" 0))
  (print ((net/localname listener) 1))
  (flush)
  (ev/go (fn []
           (if (= mode "https")
             (tls/accept-loop listener {:cert cert :key key} serve-requests)
             (net/accept-loop listener serve-requests))))
  (ev/thread |(:read stdin 1))
  (os/exit 0))
