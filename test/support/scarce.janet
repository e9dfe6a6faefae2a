# What happens with no descriptor left, for test/hostile/limits.janet, which runs this with few:
# scarce.janet WHAT. Prints what each call said, and whether it works again once there are
# descriptors.
(import ./check)
(import ./pairs :prefix "")
(import ./datagrams :as datagrams)
(import jsec/dtls)
(import jsec/tls)

(defn- take-all
  "Open files until there is no descriptor left: the files."
  []
  (def files @[])
  (while (def file (file/open "/dev/null" :r)) (array/push files file))
  files)

(defn- scarcely
  "The outcome of a call without descriptors, all but `left`, and with them again."
  [name left f]
  # what was closed before is closed at the other side as well
  (repeat 3 (ev/sleep 0.02) (gccollect))
  (def files (take-all))
  (repeat left (:close (array/pop files)))
  (def without (outcome (f)))
  (each file files (:close file))
  (printf "%s: %q, then %q" name (last without) (first (outcome (f))))
  (flush))

(defn- closing [s] (:close s true) true)

(defn- calls []
  (def dir (check/tmpdir))
  (spit (string dir "/ca.pem") (identity :cert))
  (def listener (tls/listen "127.0.0.1" 0))
  (def [host port] (address-of listener))
  (ev/go (fn [] (tls/accept-loop listener server-options
                                 (fn [s] (try (:read s 1) ([_])) (:close s true)))))
  (def dtls-server (dtls/listen "127.0.0.1" 0 datagrams/server-options))
  (ev/go (fn [] (datagrams/serve dtls-server)))
  (def held (tls/connect host port client-options))
  (scarcely "tls/connect" 0 |(closing (tls/connect host port client-options)))
  (scarcely "tls/connect by name" 0 |(closing (tls/connect "localhost" port client-options)))
  # one for the client's socket, none for the server's
  (scarcely "tls/connect, server without" 1
            |(closing (tls/connect host port (merge client-options {:timeout 0.3}))))
  (scarcely "dtls/connect" 0 |(closing (datagrams/connect dtls-server)))
  (scarcely "dtls/connect by name" 0
            |(closing (dtls/connect "localhost" (datagrams/port-of dtls-server)
                                    datagrams/client-options)))
  (scarcely "dtls/listen" 0
            |(dtls/close-server (dtls/listen "127.0.0.1" 0 datagrams/server-options)))
  (scarcely "tls/listen" 0 |(:close (tls/listen "127.0.0.1" 0)))
  (scarcely "ca-file" 0 |(tls/new-context {:ca-file (string dir "/ca.pem")}))
  (scarcely "ca-path" 0 |(tls/new-context {:ca-path dir}))
  (scarcely "keylog" 0 |(tls/new-context {:keylog (string dir "/keys.log")}))
  # what is open needs no more
  (scarcely "open" 0 |(do (:write held "") (:version held)))
  (scarcely "dtls, open" 1 |(with [c (datagrams/connect dtls-server)] (datagrams/ask c "x")))
  (:close held true)
  (check/rm-rf dir)
  (os/exit 0))

(defn- first-use
  "The first connection of a process makes the queue of events."
  []
  (def listener (net/listen "127.0.0.1" 0))
  (def [host port] (address-of listener))
  (scarcely "first" 0 |(closing (tls/connect host port {:handshake false :verify false})))
  (os/exit 0))

(defn- accept
  "A single accept, with a client that waits for it: it goes on when there are descriptors."
  []
  (each end (pair :tls13) (:close end true)) # else there is no queue of events yet
  (def listener (tls/listen "127.0.0.1" 0))
  (def client (check/plain-connect ;(address-of listener)))
  (def files (take-all))
  (def waiting (spawn (tls/accept listener server-options)))
  (def cpu (os/clock :cputime))
  (ev/sleep 0.5)
  (printf "accept: waits %q, idle %q" (nil? (waiting :done)) (< (- (os/clock :cputime) cpu) 0.25))
  (each file files (:close file))
  (def other (spawn (wrap-client client)))
  (printf "then: %q %q" (first (await waiting)) (first (await other)))
  (os/exit 0))

(defn main [_ what]
  (case what
    "calls" (calls)
    "first" (first-use)
    "accept" (accept)))
