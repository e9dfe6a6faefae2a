# A server on several cores: one thread for each, all on one port and with the same TLS context.
#   janet examples/multicore_server.janet                 two workers, some clients, and an end
#   janet examples/multicore_server.janet 8443 server.crt server.key 4   four workers on that port
(import jsec/cert)
(import jsec/tls)

(defn handle
  "Serve a connection: send the worker's name and the received data."
  [name stream]
  (while (def data (ev/read stream 4096))
    (ev/write stream (string name ": " data)))
  (ev/close stream))

# Certificates and keys are parsed once for all threads, and each worker resumes the others'
# sessions. A listener can't be shared: each worker has its own on the same port, and the kernel
# distributes the connections (:share-port).
# A thread starts without module paths, so `import` and `require` find nothing. A function takes
# along all that it refers to, functions of jsec included. If a worker must load modules itself, it
# begins with (setdyn *syspath* syspath), where `syspath` is (def syspath (dyn *syspath*)) outside.
(defn serve [name port context ready stop]
  (def listener (tls/listen "127.0.0.1" port {:share-port true}))
  (ev/give ready (string (in (net/localname listener) 1)))
  (ev/go (fn [] (ev/take stop) (ev/close listener)))
  (tls/accept-loop listener context (fn [stream] (handle name stream))))

(defn start
  "A worker in a thread. Closing its channel `:stop` ends it after its last connection."
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
