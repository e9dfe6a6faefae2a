# Hundreds of fibers that connect, write, cancel, close and collect for JSEC_SECONDS, over TCP, unix
# sockets and a UDP network that loses datagrams. What is judged: every byte that arrives is the one
# that was written, in order; what ended cleanly is whole; what was cut shows an error; nothing
# hangs. JSEC_SEED gives the same choices again, though not the same times; JSEC_LOAD=0.1 is a tenth
# of the fibers.
(import ./faults :prefix "")
(import ./transfers)
(import ./datagrams)
(import ../../support/check)
(import jsec/cert)
(import jsec/tls)

(def- run-seconds (scan-number (os/getenv "JSEC_SECONDS" "30")))
(def- seed (scan-number (os/getenv "JSEC_SEED" (string (mod (os/time) 1000000)))))
(def- load (scan-number (os/getenv "JSEC_LOAD" "1")))

(def- identity
  (cert/generate-self-signed-cert {:common-name "localhost" :san ["DNS:localhost" "IP:127.0.0.1"]
                                   :key-type :ec-p256}))
(def- server-options {:cert (identity :cert) :key (identity :key)})
(def- client-options {:trusted-cert (identity :cert) :hostname "localhost"})

(def- raised "What handlers raise is judged where they run." (ev/chan 100))

(defn- start-server [host port]
  (def listener (tls/listen host port))
  (ev/go (fn [] (tls/accept-loop listener (merge server-options {:close-timeout 20})
                                 transfers/handle)) nil raised)
  {:listener listener :options client-options
   :address (if (= host :unix)
              [host port]
              (let [[host port] (net/localname listener)] [host (string port)]))})

(defn- work-until [until f]
  (def done (ev/chan 1))
  (ev/go (fn []
           (while (< (os/clock :monotonic) until)
             (try (f) ([err fib] (fault (string err)) (debug/stacktrace fib err ""))))
           (ev/give done true)))
  done)

(defn main [&]
  (print "seed " seed)
  (def rng (math/rng seed))
  (transfers/choose-contents rng)
  (ev/go (fn [] (forever (ev/take raised))))
  (def until (+ run-seconds (os/clock :monotonic)))
  (def servers
    [(start-server "127.0.0.1" "0") (start-server :unix (string (check/tmpdir) "/chaos"))])
  (def datagram-server (datagrams/serve server-options rng))
  (defn fibers [n f]
    (seq [_ :range [0 (math/ceil (* n load))]]
      (let [own (math/rng (math/rng-int rng 1000000))] (work-until until |(f own)))))
  (def workers
    [;(fibers 200 |(transfers/run-one $ servers))
     ;(fibers 50 |(datagrams/run-one $ datagram-server client-options))])
  # streams that were abandoned are closed by the collector, and their peers wait for that
  (var working true)
  (ev/go (fn [] (while working (gccollect) (ev/sleep 0.05))))
  (each worker workers (ev/take worker))
  (set working false)
  (each {:listener listener} servers (:close listener))
  (datagrams/stop datagram-server)
  (print (string/join (seq [key :in (sorted (keys counts))] (string (counts key) " " key)) ", "))
  (each text (distinct faults) (print "fault: " text))
  (printf "%d passed, %d failed"
          (sum (map |(get counts $ 0) [:polite :one-way :deaf :reckless :raising :dtls]))
          (length faults))
  (os/exit (if (empty? faults) 0 1)))
