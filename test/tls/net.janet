# jsec/net: core's functions over TLS, with core's parameters and results.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "")
(import jsec/net :as over)
(import jsec/tls)

(def both {:cert (identity :cert) :key (identity :key) :trusted-cert (identity :cert)})

(def core {:connect net/connect :listen net/listen :accept net/accept
           :accept-loop net/accept-loop :server net/server})
(def ours {:connect over/connect :listen over/listen :accept over/accept
           :accept-loop over/accept-loop :server over/server})

(defn shown
  "A value, without what differs from call to call."
  [value]
  (case (type value)
    :core/stream :stream
    :jsec/tls-stream :stream
    :tuple (tuple/slice (map shown value))
    :buffer (string value)
    value))

(defmacro alike
  "The body gives the same with core's functions and with ours, as `f`."
  [name & body]
  ~(test ,name
     (defn run [f] (def [status value] (outcome ,;body)) [status (shown value)])
     (is= (run core) (tls/with-options both (run ours)))))

(defn echo [s]
  (while (def data (:read s 100))
    (:write s data))
  (:close s))

(defn serve
  "A server of `f`, and what `g` returns for its host and port."
  [f g]
  (with [server ((f :server) "127.0.0.1" "0" echo)]
    (g ;(address-of server))))

(alike "a server echoes"
  (serve f (fn [host port]
             (with [c ((f :connect) host port)]
               (:write c "ping")
               (:read c 4)))))

(alike "a type of :stream, nil for it, and a number as port are taken"
  (serve f (fn [host port]
             (seq [arguments :in [[host port :stream] [host (scan-number port) nil]]]
               (with [c ((f :connect) ;arguments)]
                 (:write c "ping")
                 (:read c 4))))))

(alike "a client binds to an address"
  (serve f (fn [host port]
             (with [c ((f :connect) host port :stream "127.0.0.2")]
               (:write c "ping")
               [(:read c 4) (first (net/localname c))]))))

(alike "a client binds to an address and port"
  (serve f (fn [host port]
             (with [c ((f :connect) host port :stream "127.0.0.1" "0")]
               (:write c "ping")
               [(:read c 4) (first (net/localname c))]))))

(alike "unix sockets"
  (do
    (def path (fresh-path))
    (with [server ((f :server) :unix path echo)]
      (with [c ((f :connect) :unix path)]
        (:write c "ping")
        (:read c 4)))))

(alike "a server without a handler is a listener, for accept and its method"
  (with [listener ((f :server) "127.0.0.1" "0")]
    (def task (spawn (echo ((f :accept) listener 5)) (echo (:accept listener 5))))
    (def answers
      (seq [_ :range [0 2]]
        (with [c ((f :connect) ;(address-of listener))]
          (:write c "ping")
          (:read c 4))))
    [answers (await task)]))

(alike "accept times out, and gives nil when its listener is closed"
  (with [listener ((f :listen) "127.0.0.1" "0" :stream)]
    (def late (outcome ((f :accept) listener 0.01)))
    (def waits (spawn ((f :accept) listener)))
    (turns)
    (:close listener)
    [late (await waits) (outcome ((f :accept) listener))]))

(test "accept-loop returns its listener when that is closed, as core's documentation has it"
  (tls/with-options both
    (def listener (over/listen "127.0.0.1" "0"))
    (def task (spawn (over/accept-loop listener echo)))
    (turns)
    (:close listener)
    (is= [:ok listener] (await task))))

(alike "no-reuse makes a port exclusive"
  (with [listener ((f :listen) "127.0.0.1" "0" :stream true)]
    (first (protect ((f :listen) ;(address-of listener) :stream true)))))

(alike "nothing listens: the system's reason"
  (do
    (def listener ((f :listen) "127.0.0.1" "0"))
    (def address (address-of listener))
    (:close listener)
    (last (string/split ": " (last (outcome ((f :connect) ;address)))))))

(alike "a handler that takes no argument is refused"
  (with [listener ((f :listen) "127.0.0.1" "0")]
    (def [_ err] (outcome ((f :accept-loop) listener (fn []))))
    (last (string/split ": " err))))

(alike "a server of datagrams takes no handler"
  ((f :server) "127.0.0.1" "0" echo :datagram))

(test "datagrams are refused, and jsec/dtls is named"
  (tls/with-options both
    (fails-with "jsec/dtls" (over/connect "127.0.0.1" 1 :datagram))
    (fails-with "jsec/dtls" (over/listen "127.0.0.1" 0 :datagram))
    (fails-with "jsec/dtls" (over/server "127.0.0.1" 0 nil :datagram))))

# ---- where the options come from ----

(test "without a certificate nothing is served"
  (fails-with "net/server: a server needs a certificate" (over/server "127.0.0.1" 0 echo))
  (tls/with-options {:trusted-cert (identity :cert)}
    (fails-with "net/server: a server needs a certificate" (over/server "127.0.0.1" 0 echo)))
  (each listen [tls/listen over/listen net/listen]
    (with [listener (listen "127.0.0.1" 0)]
      (fails-with "net/accept: a server needs a certificate" (over/accept listener))
      (fails-with "net/accept-loop: a server needs a certificate"
                  (over/accept-loop listener echo)))))

(test "without options a client verifies against the system's CAs"
  (with [server (tls/with-options both (over/server "127.0.0.1" "0" echo))]
    (fails-with "certificate verify failed" (over/connect ;(address-of server)))))

(test "options may come after the listener was made"
  (with [listener (net/listen "127.0.0.1" "0")]
    (spawn (tls/with-options both (echo (over/accept listener))))
    (with [c (tls/with-options both (over/connect ;(address-of listener)))]
      (:write c "ping")
      (is= "ping" (string (:read c 4))))))

(test "a listener keeps the options that it was made with"
  (with [listener (tls/with-options both (over/listen "127.0.0.1" "0"))]
    (spawn (echo (over/accept listener)))
    (with [c (tls/with-options both (over/connect ;(address-of listener)))]
      (:write c "ping")
      (is= "ping" (string (:read c 4))))))

(test "an inner with-options replaces an outer one, and its end restores it"
  (tls/with-options {:cert "no such file" :key "none"}
    (tls/with-options both (:close (over/listen "127.0.0.1" "0")))
    (fails-with "No such file" (over/server "127.0.0.1" "0" echo))))

(test "with-options returns the value of its body, and passes its error on"
  (is= 3 (tls/with-options {} 1 (+ 1 2)))
  (fails-with "oops" (tls/with-options {} (error "oops"))))

(test "contexts serve as options, for both sides or for one"
  (def server (tls/new-context server-options))
  (def client (tls/new-context {:trusted-cert (identity :cert)}))
  (each options [(tls/new-context both)
                 {:context (tls/new-context both)}
                 {:client client :server server}
                 {:client {:context client} :server server-options}]
    (tls/with-options options
      (with [listener (over/server "127.0.0.1" "0" echo)]
        (with [c (over/connect ;(address-of listener))]
          (:write c "ping")
          (is= "ping" (string (:read c 4))))))))

(test "what is meant for clients does not disturb a server, nor the reverse"
  (def mixed (merge both {:hostname "localhost" :timeout 5 :backlog 7 :max-connections 10
                          :on-error (fn [_]) :session-tickets 1 :alpn ["x"]
                          :sni {"localhost" {}} :session-cache-size 10
                          :client {:max-version :TLS1_2} :server {:close-timeout 0.02}}))
  (tls/with-options mixed
    (with [listener (over/server "127.0.0.1" "0" echo)]
      (with [c (over/connect ;(address-of listener))]
        (:write c "ping")
        (is= "ping" (string (:read c 4)))
        (is= "TLSv1.2" (:version c))))))

(test "certificates of clients are asked for with :verify"
  (tls/with-options (merge both {:verify true})
    (with [listener (over/server "127.0.0.1" "0" (fn [s] (:read s 1)
                                                   (:write s (:peer-certificate s))
                                                   (:close s)))]
      (with [c (over/connect ;(address-of listener))]
        (:write c "x")
        (is (string/has-prefix? "-----BEGIN CERTIFICATE" (:read c :all)))))))

(test "an option that is unknown raises where it is used"
  (tls/with-options (merge both {:certt 1})
    (fails-with "unknown option :certt" (over/server "127.0.0.1" "0" echo))
    (fails-with "unknown option :certt" (over/connect "127.0.0.1" 1))))

# ---- bad clients ----

(test "silent and bad clients neither stop nor stall a loop around accept"
  (tls/with-options both
    (def listener (over/listen "127.0.0.1" "0"))
    (def errors (ev/chan 10))
    (spawn (while (def s (over/accept listener))
             (ev/go (fn [] (echo s)) nil errors)))
    (def [host port] (address-of listener))
    (def silent (plain-connect host port))
    (def bad (plain-connect host port))
    (:write bad "GET / HTTP/1.0\r\n\r\n")
    (:close (plain-connect host port))
    (repeat 2
      (with [c (over/connect host port)]
        (:write c "ping")
        (is= "ping" (string (:read c 4 nil 5)))))
    (each s [silent bad listener] (:close s))))

(test "on-error of the options hears of bad clients"
  (def errors (ev/chan 10))
  (tls/with-options (merge both {:on-error |(ev/give errors $)})
    (with [listener (over/server "127.0.0.1" "0" echo)]
      (def bad (plain-connect ;(address-of listener)))
      (:write bad "GET / HTTP/1.0\r\n\r\n")
      (is (string/find "tls/accept-loop: handshake failed" (ev/take errors)))
      (:close bad))))

# ---- tls/server ----

(test "tls/server serves, with options and handler in either order"
  (def context (tls/new-context server-options))
  (each arguments [[echo server-options] [server-options echo] [echo context] [context echo]]
    (with [listener (tls/server "127.0.0.1" "0" ;arguments)]
      (with [c (tls/connect ;(address-of listener) client-options)]
        (:write c "ping")
        (is= "ping" (string (:read c 4)))))))

(test "tls/server takes the options of with-options, and those of a loop"
  (def errors (ev/chan 10))
  (tls/with-options (merge server-options {:on-error |(ev/give errors $)})
    (with [listener (tls/server "127.0.0.1" "0" echo)]
      (def bad (plain-connect ;(address-of listener)))
      (:write bad "GET / HTTP/1.0\r\n\r\n")
      (is (string/find "handshake failed" (ev/take errors)))
      (:close bad))))

(test "tls/server without a handler gives a listener; closing it ends the loop"
  (with [listener (tls/server "127.0.0.1" "0" nil server-options)]
    (spawn (echo (:accept listener)))
    (with [c (tls/connect ;(address-of listener) client-options)]
      (:write c "ping")
      (is= "ping" (string (:read c 4)))))
  (fails-with "certificate" (tls/server "127.0.0.1" "0" echo {:alpn ["h2"]}))
  (fails-with "certificate" (tls/server "127.0.0.1" "0" echo))
  (with [listener (tls/server "127.0.0.1" "0")]
    (spawn (echo (tls/accept listener server-options)))
    (with [c (tls/connect ;(address-of listener) client-options)]
      (:write c "ping")
      (is= "ping" (string (:read c 4))))))

# ---- tls/stream-factory ----

(defn factory-type
  "The type of stream that the factory makes to a listener."
  [listener & more]
  (with [s (tls/stream-factory ;(address-of listener) ;more)] (type s)))

(test "the factory gives TLS for TLS schemes, unknown ones and none; plain for the rest"
  (def secure (tls/server "127.0.0.1" "0" echo server-options))
  (def plain (net/server "127.0.0.1" "0" echo))
  (each scheme ["https" "wss" "amqps" "mqtts" "rediss" "HTTPS" :https "postgresql" nil]
    (is= :jsec/tls-stream (factory-type secure (merge client-options {:scheme scheme})) scheme))
  (each scheme ["http" "ws" "amqp" "mqtt" "redis" "HTTP" :http]
    (is= :core/stream (factory-type plain {:scheme scheme}) scheme))
  (is= :jsec/tls-stream (factory-type secure client-options))
  (is= :jsec/tls-stream (factory-type secure (tls/new-context client-options)))
  (each s [secure plain] (:close s)))

(test "the factory takes the options of with-options, and the call's over them"
  (with [secure (tls/server "127.0.0.1" "0" echo server-options)]
    (fails-with "certificate verify failed" (factory-type secure))
    (tls/with-options client-options
      (is= :jsec/tls-stream (factory-type secure))
      (is= :jsec/tls-stream (factory-type secure {:scheme "https"}))
      (fails-with "hostname mismatch" (factory-type secure {:hostname "other"})))
    (tls/with-options (tls/new-context client-options)
      (is= :jsec/tls-stream (factory-type secure))
      (is= :jsec/tls-stream (factory-type secure {:scheme "https" :timeout 5})))))

(test "the factory refuses options that are none"
  (fails-with "unknown option :shceme" (tls/stream-factory "127.0.0.1" 1 {:shceme 1})))

(end)
