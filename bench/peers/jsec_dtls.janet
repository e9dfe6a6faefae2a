# Ours over DTLS: jsec_dtls.janet echo CERT KEY; until standard input ends. With plain for echo,
# Janet's own net/* over UDP.
(import jsec/dtls)

(defn echo [server]
  (def buf (buffer/new 2048))
  (while (def peer (dtls/recv-from server 2048 (buffer/clear buf)))
    (dtls/send-to server peer buf)))

(defn plain-echo [server]
  (def buf (buffer/new 2048))
  (while (def peer (net/recv-from server 2048 (buffer/clear buf)))
    (net/send-to server peer buf)))

(defn main [_ mode cert key]
  (def plain (= mode "plain"))
  (def server
    (if plain
      (net/listen "127.0.0.1" "0" :datagram)
      (dtls/listen "127.0.0.1" 0
                   {:cert cert :key key :max-sessions 4000 :max-sessions-per-host 4000})))
  (print (in (net/localname server) 1))
  (flush)
  (ev/go |((if plain plain-echo echo) server))
  (ev/thread |(:read stdin 1))
  (os/exit 0))
