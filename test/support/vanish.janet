# Facts about peers that vanish, for test/hostile/vanish.janet, which runs this under `unshare -n`:
# two network namespaces, and a cable between them that is cut.
#   vanish.janet here         states the facts
#   vanish.janet there DIR    is the host that vanishes
(import ./cable :prefix "")
(import ./check :prefix "")
(import ./datagrams :as datagrams)
(import ./pairs :prefix "")
(import jsec/dtls)
(import jsec/tls)

(def slowness (scan-number (os/getenv "JSEC_SLOW" "1")))
(def here "10.123.46.1")
(def there "10.123.46.2")
(def versions [:TLS1_2 :TLS1_3])

(defn- say [& words] (print (string/join (map string words) " ")) (flush))

# both sides have one identity, which is handed over
(defn- serving [dir &opt more]
  (merge {:cert (string dir "/cert") :key (string dir "/key")} (or more {})))
(defn- asking [dir &opt more]
  (merge {:trusted-cert (string dir "/cert") :hostname "localhost"} (or more {})))
(def patience {:close-timeout 0.3})

# ---- the host that vanishes ----

(defn- be-there [dir]
  (def in (os/open "/dev/stdin" :r))
  (defn heard [] (string/trim (ev/read in 100)))
  (say "in")
  (def [tls-port dtls-port] (string/split " " (heard)))
  (up "line1" there)
  (def listener (tls/listen there 0))
  (ev/go (fn [] (tls/accept-loop listener (serving dir) (fn [s] (:write s "hi") (:read s 1)))))
  (def server (dtls/listen there 0 (serving dir)))
  (ev/go (fn [] (datagrams/serve server)))
  (def kept
    [;(seq [version :in versions]
        (def c (tls/connect here tls-port (asking dir {:max-version version})))
        (:write c "hi")
        c)
     (let [c (dtls/connect here dtls-port (asking dir))] (datagrams/ask c "hi") c)])
  (say (last (address-of listener)) (datagrams/port-of server))
  (heard)
  (run "ip" "link" "set" "line1" "down")
  (say "gone")
  (heard)
  (os/exit (length kept)))

# ---- the other host ----

(defn- takes
  "The body, which takes about so many seconds."
  [seconds f]
  (def began (os/clock :monotonic))
  (f)
  (def took (- (os/clock :monotonic) began))
  (is (<= (* 0.8 seconds) took (+ seconds (* 2 slowness))) took))

(defn- be-here []
  (def dir (tmpdir))
  (spit (string dir "/cert") (identity :cert))
  (spit (string dir "/key") (identity :key))
  (run "ip" "link" "set" "lo" "up")
  (lay here)
  (def accepted (ev/chan 10))
  (def listener (tls/listen here 0))
  (def serving-loop (spawn (tls/accept-loop listener (serving dir patience)
                                            |(do (:read $ 2) (ev/give accepted $)))))
  (def dtls-server (dtls/listen here 0 (serving dir {:session-timeout 2})))
  (ev/go (fn [] (datagrams/serve dtls-server)))
  (def child (os/spawn ["unshare" "-n" (dyn *executable*) (dyn *current-file*) "there" dir] :p
                       {:in :pipe :out :pipe}))
  (defn heard [] (string/trim (ev/read (child :out) 100)))
  (heard)
  (hand-over child)
  (ev/write (child :in)
            (string (last (address-of listener)) " " (datagrams/port-of dtls-server) "\n"))
  (def [tls-port dtls-port] (string/split " " (heard)))
  (defn dial [version]
    (let [c (tls/connect there tls-port (asking dir {:max-version version}))] (:read c 2) c))
  (defn streams [] # clients and servers, of each version
    (from-pairs [;(seq [version :in versions] [(string version ", client") (dial version)])]))
  (def [first-ones second-ones third-ones] [(streams) (streams) (streams)])
  (def servers (seq [_ :in versions] (ev/take accepted)))
  (def dtls-client (dtls/connect there dtls-port (asking dir)))
  (datagrams/ask dtls-client "hi")
  (is= 1 (length (dtls/peers dtls-server)))
  (ev/write (child :in) "vanish\n")
  (is= "gone" (heard))
  # else the kernel finds out by itself that the address is unused
  (run "ip" "neigh" "replace" there "lladdr" "02:00:00:00:00:01" "dev" "line0" "nud" "permanent")

  (def all (merge first-ones (from-pairs (map |[(string (:version $) ", server") $] servers))))
  (eachp [name s] all
    (test (string name ": a read ends by its timeout, by its deadline, or when it is cancelled")
      (takes 0.2 |(fails-with "timeout" (:read s 1 nil 0.2)))
      (takes 0.2 |(fails-with "deadline expired" (ev/with-deadline 0.2 (:read s 1))))
      (def reading (spawn (:read s 1)))
      (turns)
      (ev/cancel (reading :fiber) "enough")
      (is= [:error "enough"] (await reading))))

  (test "keep-alive ends the reads of streams that have it"
    (each [name value] [["time" 1] ["intvl" 1] ["probes" 1]]
      (spit (string "/proc/sys/net/ipv4/tcp_keepalive_" name) (string value)))
    (def tasks (seq [s :in second-ones] (:setsockopt s :so-keepalive true) (spawn (:read s 1))))
    (def others (seq [s :in third-ones] (spawn (:read s 1))))
    (each task tasks
      (def [status why] (await task))
      (is= [:error "Connection timed out"] [status why]))
    (each task others (is= nil (task :done)) (ev/cancel (task :fiber) "enough") (await task)))

  (eachp [name s] all
    (test (string
            name
            ": a write passes while the kernel takes it, and ends by its timeout then; close "
            "takes its :close-timeout")
      (:write s "lost")
      (takes 0.3 |(fails-with "timeout" (:write s (string/repeat "x" 30000000) 0.3)))
      (takes 0.3 |(:close s))
      (is= s (:close s true))))

  (eachp [name s] third-ones
    (test (string name ": a hard close is at once")
      (def reading (spawn (:read s 1)))
      (turns)
      (takes 0 |(:close s true))
      (is= [:ok nil] (await reading))))

  (test "connecting to a vanished host ends by the timeouts"
    (takes 0.3 |(fails-with "timeout" (tls/connect there tls-port (asking dir {:timeout 0.3}))))
    (takes 0.3 |(fails-with "handshake timed out"
                            (dtls/connect there dtls-port (asking dir {:handshake-timeout 0.3})))))

  (test "a client of DTLS notices nothing, reads end by their timeout, and it closes at once"
    (takes 0.2 |(fails-with "timeout" (:read dtls-client 1 nil 0.2)))
    (protect (:write dtls-client "lost"))
    (takes 0 |(:close dtls-client)))

  (test "a DTLS server forgets vanished peers after :session-timeout, and closes"
    (while (next (dtls/peers dtls-server)) (ev/sleep 0.01))
    (takes 0 |(dtls/close-server dtls-server)))

  (test "a server whose clients have vanished can be closed"
    (takes 0 |(:close listener))
    (is= [:ok listener] (await serving-loop)))

  (ev/write (child :in) "end\n")
  (os/proc-wait child)
  (end))

(defn main [_ what & more]
  (try (if (= what "there") (be-there ;more) (be-here))
    ([err fiber] (debug/stacktrace fiber err "") (os/exit 1))))
