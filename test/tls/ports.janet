# Ports of servers: one server has a port for itself unless all that listen there share it.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "")
(import jsec/tls)
(import jsec/dtls)

(defn dtls-address [server] (tuple ;(dtls/localname server)))

(def kinds
  ``How each kind listens, and where it does.``
  {"tls/listen" [tls/listen net/localname {}]
   "dtls/listen" [dtls/listen dtls-address {:cert (identity :cert) :key (identity :key)}]})

(eachp [name [listen address-of options]] kinds
  (test (string name ": the port of another server raises, and names the cure")
    (with [first-one (listen "127.0.0.1" 0 options)]
      (def [host port] (address-of first-one))
      (is= [:error (string/format (string "%s: port %d of 127.0.0.1: Address already in use: end "
                                          "the server that listens there, or give :share-port true "
                                          "to both")
                                  name port)]
           (outcome (listen host port options)))
      (fails-with "in use" (listen "0.0.0.0" port options))))

  (test (string name ": a host with several addresses takes no other one when a port is taken")
    (with [first-one (listen "127.0.0.1" 0 options)]
      (def [_ port] (address-of first-one))
      # localhost is ::1 as well
      (fails-with "in use" (listen "localhost" port options))))

  (test (string name ": the port is free again when its server is closed")
    (def first-one (listen "127.0.0.1" 0 options))
    (def [host port] (address-of first-one))
    (:close first-one)
    (:close (listen host port options)))

  (test (string name ": servers with :share-port share a port")
    (def shared (merge options {:share-port true}))
    (with [first-one (listen "127.0.0.1" 0 shared)]
      (def [host port] (address-of first-one))
      (with [second-one (listen host port shared)]
        (is= [host port] (address-of second-one)))))

  (test (string name ": :share-port is true or false")
    (fails-with "bad option :share-port, expected"
                (listen "127.0.0.1" 0 (merge options {:share-port 1})))))

(test "a port where core listens is taken as well"
  (with [other (net/listen "127.0.0.1" 0)]
    (fails-with "in use" (tls/listen ;(net/localname other)))
    (:close (tls/listen ;(net/localname other) {:share-port true}))))

(test "a port that a program without SO_REUSEPORT has is taken, shared or not"
  (with [other (net/listen "127.0.0.1" 0 :stream true)]
    (each shared [false true]
      (fails-with "in use" (tls/listen ;(net/localname other) {:share-port shared})))))

(test "a server that restarts gets its port beside its old connections"
  (def listener (tls/listen "127.0.0.1" 0))
  (def [host port] (net/localname listener))
  (def accepted (spawn (tls/accept listener server-options)))
  (with [client (tls/connect host port client-options)]
    (def [_ server] (await accepted))
    (:close listener)
    (with [again (tls/listen host port)]
      (is= [host port] (net/localname again))
      (:write server "still here")
      (is= @"still here" (:read client 100)))
    (:close server)) # the server closes first: its side is in TIME_WAIT then
  (:close (tls/listen host port)))

(test "listeners with :share-port both get connections"
  (def shared {:share-port true})
  (with [a (tls/listen "127.0.0.1" 0 shared)]
    (def [host port] (net/localname a))
    (with [b (tls/listen host port shared)]
      (def seen @{})
      (each [name listener] [[:a a] [:b b]]
        (ev/go (fn [] (tls/accept-loop listener server-options
                                       (fn [s] (put seen name true) (:close s))))))
      (while (< (length seen) 2)
        (with [s (tls/connect host port client-options)] (:read s 1))))))

(end)
