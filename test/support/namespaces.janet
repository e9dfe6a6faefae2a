# Two network namespaces with a bad line between them, for test/dtls/network.janet, which runs this
# under `unshare -n`:
#   namespaces.janet COUNT          the server's side: makes the line, starts the other side, serves
#   it
#   namespaces.janet client CERT N  the client's side, in a namespace of its own: COUNT handshakes
#   and echoes
(import ./cable :prefix "")
(import ./datagrams :prefix "")
(import jsec/dtls)

(def here "10.123.45.1")
(def there "10.123.45.2")

(defn- lose-some
  "Drop a fifth of the datagrams that come into this namespace."
  []
  (run "nft" "add table inet lossy")
  (run "nft" "add chain inet lossy in { type filter hook input priority 0 ; }")
  (run "nft" "add rule inet lossy in meta l4proto udp numgen random mod 100 < 20 drop"))

(defn- be-client [certificate port count]
  (print "in")
  (flush)
  (file/read stdin :line) # the line is there
  (up "line1" there)
  (lose-some)
  (def times
    (in-parallel count 20
      (fn [_]
        (def start (os/clock :monotonic))
        (with [c (dtls/connect here port {:trusted-cert certificate :hostname "localhost"
                                          :handshake-timeout 30})]
          (def took (- (os/clock :monotonic) start))
          (each word ["one" "two" "three"] (ask c word))
          took))))
  (sort times)
  (printf "%d handshakes between namespaces at 20 %% loss: median %.2f s, all within %.2f"
          (length times)
          (times (div (length times) 2)) (last times)))

(defn- be-server [count]
  (lay here)
  (lose-some)
  (def server (dtls/listen here 0 server-options))
  (ev/go (fn [] (serve server)))
  (def client
    (os/spawn ["unshare" "-n" (dyn *executable*) (dyn *current-file*) "client" (identity :cert)
               (port-of server) count] :p
              {:in :pipe :out :pipe}))
  (ev/read (client :out) 100) # it has a namespace
  (hand-over client)
  (ev/write (client :in) "go\n")
  (prin (ev/read (client :out) :all))
  (def status (os/proc-wait client))
  (dtls/close-server server)
  (os/exit status))

(defn main [_ what & more]
  (if (= what "client")
    (let [[certificate port count] more] (be-client certificate port (scan-number count)))
    (be-server what)))
