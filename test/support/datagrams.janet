# Servers and clients of DTLS for tests: an identity, servers that echo, clients that ask until they
# are answered.
(import jsec/dtls)
(import jsec/cert)
(import ./check)

(def identity
  "A certificate and key for localhost, fresh in each process."
  (cert/generate-self-signed-cert
    {:common-name "localhost" :san ["DNS:localhost" "IP:127.0.0.1" "IP:::1"] :key-type :ec-p256}))

(def server-options {:cert (identity :cert) :key (identity :key)})
(def client-options {:trusted-cert (identity :cert) :hostname "localhost"})

(defn port-of
  "The port of a server or a socket of datagrams, as text."
  [socket]
  (string (get ((if (= :core/stream (type socket)) net/localname dtls/localname) socket) 1)))

(defn serve
  ``Hand each datagram to `(f server peer datagram)` until the server is closed; by default it is
  sent back.``
  [server &opt f]
  (default f (fn [server peer datagram] (dtls/send-to server peer datagram)))
  (def room @"")
  (while (def peer (dtls/recv-from server 16384 (buffer/clear room)))
    (f server peer room)))

(defmacro with-server
  ``Run `body` with a server of ours on a free port; `f` as for `serve`: `(with-server [s options
  f] …)`.``
  [[name options f] & body]
  (with-syms [ended result]
    ~(let [,name (,dtls/listen "127.0.0.1" 0 (,merge ,server-options (or ,options {})))
           ,ended (ev/chan 1)]
       (ev/go (fn [] (ev/give ,ended (protect (,serve ,name ,f)))))
       (defer (do
                (,dtls/close-server ,name)
                (let [,result (ev/take ,ended)] (unless (,result 0) (error (,result 1)))))
         ,;body))))

(defn connect
  "A client of ours, of a server or a port on 127.0.0.1."
  [to &opt options]
  (dtls/connect "127.0.0.1" (if (bytes? to) to (port-of to))
                (merge client-options (or options {}))))

(defn read-within
  "The next datagram, or nil after `seconds` without one."
  [client seconds]
  (try (:read client 16384 nil seconds) ([err] (if (= "timeout" err) nil (error err)))))

(defn ask
  ``Write a datagram repeatedly, since some may be lost, until one comes back that
  `found?` takes.``
  [client data &opt found?]
  (default found? |(deep= (string $) (string data)))
  (var answer nil)
  (while (nil? answer)
    (:write client data)
    (def until (+ (os/clock :monotonic) 0.2))
    (while (and (nil? answer) (< (os/clock :monotonic) until))
      (def got (read-within client (max 0 (- until (os/clock :monotonic)))))
      (if (and got (found? got)) (set answer got))))
  answer)

(defn raw-socket
  "A plain socket of datagrams that is connected to a port of this machine."
  [port]
  (check/plain-connect "127.0.0.1" (string port) :datagram))

(defn recv
  "What a plain socket gets next, or nil after `seconds`."
  [socket &opt seconds]
  (try (net/read socket 65536 nil seconds) ([err] (if (= "timeout" err) nil (error err)))))

(defn in-parallel
  ``Call `(f i)` for i from 0 to n - 1, `width` at a time; what they returned. Raises what one
  raised.``
  [n width f]
  (var next -1)
  (def results (array/new-filled n))
  (def done (ev/chan))
  (defn work []
    (while (< (++ next) n)
      (def i next)
      (put results i (f i))))
  (repeat width (ev/go (fn [] (ev/give done (protect (work))))))
  (def outcomes (seq [_ :range [0 width]] (ev/take done)))
  (each [good value] outcomes (unless good (error value)))
  results)
