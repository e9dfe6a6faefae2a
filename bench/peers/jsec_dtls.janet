# Our server of datagrams:
#   jsec_dtls.janet echo CERT KEY    until standard input ends
(import jsec/dtls)

(defn echo [server]
  (def buffer (buffer/new 2048))
  (while (def peer (dtls/recv-from server 2048 (buffer/clear buffer)))
    (dtls/send-to server peer buffer)))

(defn main [_ _ cert key]
  (def server (dtls/listen "127.0.0.1" 0 {:cert cert :key key}))
  (ev/go |(echo server))
  (print (in (dtls/localname server) 1))
  (flush)
  (ev/thread |(:read stdin 1))
  (os/exit 0))
