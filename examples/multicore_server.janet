# A server on several cores: a thread each, all listening on one port, all with the same TLS context.
#   janet examples/multicore_server.janet                 two workers, some clients, and an end
#   janet examples/multicore_server.janet 8443 server.crt server.key 4   four workers on a port, until interrupted
(import jsec/cert)
(import jsec/tls)

(defn handle
  "What a worker does with a connection: here, say who it is and what comes."
  [name stream]
  (while (def data (ev/read stream 4096))
    (ev/write stream (string name ": " data)))
  (ev/close stream))

# Certificates and keys are parsed once, for all threads; sessions that one worker began the others resume. A listener
# can't be shared, so each worker has its own on the same port, and the kernel deals the connections out (SO_REUSEPORT).
# A thread starts without module paths: `import` and `require` find nothing there. A function takes along all that it
# refers to, those of jsec included; where a worker has to load modules itself, let it begin with
# (setdyn *syspath* syspath), with a `syspath` that the function took along: (def syspath (dyn *syspath*)).
(defn serve [name port context ready stop]
  (def listener (tls/listen "127.0.0.1" port))
  (ev/give ready (string (in (net/localname listener) 1)))
  (ev/go (fn [] (ev/take stop) (ev/close listener)))
  (tls/accept-loop listener context (fn [stream] (handle name stream))))

(defn start
  "A worker in a thread. Closing its channel `:stop` ends it, once its connections are closed."
  [name port context]
  (def [ready stop] [(ev/thread-chan 1) (ev/thread-chan 1)])
  (ev/thread (fn [] (serve name port context ready stop)) nil :n)
  {:port (ev/take ready) :stop stop})

(defn ask [port context]
  (with [stream (tls/connect "127.0.0.1" port context)]
    (ev/write stream "hello")
    (string (ev/read stream 100))))

(defn demonstrate []
  (def identity (cert/generate-self-signed-cert {:common-name "localhost" :key-type :ec-p256}))
  (def context (tls/new-context identity))
  (def first-one (start "worker 1" "0" context)) # any port; the second takes the same
  (def second-one (start "worker 2" (first-one :port) context))
  (def client (tls/new-context {:trusted-cert (identity :cert) :hostname "localhost"}))
  (def answers @{})
  (while (< (length answers) 2)
    (update answers (ask (first-one :port) client) |(inc (or $ 0))))
  (eachp [answer count] answers (print answer ", " count (if (= 1 count) " time" " times")))
  (each worker [first-one second-one] (ev/chan-close (worker :stop))))

(defn main [_ &opt port cert key count]
  (if-not port
    (demonstrate)
    (let [context (tls/new-context {:cert cert :key key})]
      (for i 1 (+ 1 (scan-number (or count "2")))
        (start (string "worker " i) port context))
      (print "listening on port " port))))
