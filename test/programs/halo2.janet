# halo2, an HTTP server around (:accept listener), with connections that stay open.
(import ./over)

(defn check []
  (def server (over/value (over/load "/src/halo2") 'server))
  (def port (over/free-port))
  (ev/go (fn [] (server (fn [request] {:status 200 :body (string "you asked for " (request :uri))})
                        port "127.0.0.1"))
         nil (ev/chan 100))
  (:close (over/until-connected "127.0.0.1" port))
  (over/disturb "127.0.0.1" port)
  (with [s (over/connect "127.0.0.1" port)]
    (each path ["/a" "/b" "/c"]
      (def [head body] (over/get-page s path))
      (assert (string/has-prefix? "HTTP/1.1 200 OK" head) head)
      (assert (= (string "you asked for " path) body) body)))
  "3 requests")
