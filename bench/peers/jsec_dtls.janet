# Ours over DTLS: jsec_dtls.janet echo CERT KEY; until standard input ends.
(import jsec/dtls)

(defn echo [server]
  (def buf (buffer/new 2048))
  (while (def peer (dtls/recv-from server 2048 (buffer/clear buf)))
    (dtls/send-to server peer buf)))

(defn main [_ mode cert key]
  (def server (dtls/listen "127.0.0.1" 0 {:cert cert :key key :max-sessions 4000 :max-sessions-per-host 4000}))
  (print (in (dtls/localname server) 1))
  (flush)
  (ev/go |(echo server))
  (ev/thread |(:read stdin 1))
  (os/exit 0))
