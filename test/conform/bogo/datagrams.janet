# DTLS for the shim: the runner's datagrams come in frames over TCP, "P", a length and the datagram;
# "T" and a time in nanoseconds says that a read timed out, and is answered with "t". A relay
# carries them to a UDP socket of jsec's.
(import jsec/dtls)
(import jsec/dtls-stream)

(def- longest-wait "Seconds of a simulated timeout that the shim is ready to wait." 2.5)

(defn- number-of [bytes] (reduce (fn [sum byte] (+ (* 256 sum) byte)) 0 bytes))

(defn- frame [datagram]
  (def size (length datagram))
  (buffer "P" (string/from-bytes 0 0 (brushift size 8) (band size 255)) datagram))

(defn- wait-as-told [relay]
  (def seconds (/ (number-of (:chunk (relay :tcp) 8)) 1e9))
  (if (> seconds longest-wait) (os/exit 89))
  (ev/sleep (+ seconds 0.05))
  (:write (relay :tcp) "t"))

(defn- carry-in
  "Bring the runner's datagrams to jsec's socket, until the runner ends."
  [relay]
  (protect
    (while (def kind (:read (relay :tcp) 1))
      (case (kind 0)
        (chr "P") (do
                    ((relay :deliver) (:chunk (relay :tcp) (number-of (:chunk (relay :tcp) 4))))
                    (ev/sleep 0)) # let jsec read it: a socket's buffer is soon full
        (chr "T") (wait-as-told relay)
        (error "bad frame"))))
  (put relay :ended true))

(defn- carry-out [relay receive]
  (protect (while (def datagram (receive)) (:write (relay :tcp) (frame datagram)))))

(defn- drained
  "Wait until what jsec sent has gone to the runner."
  [relay]
  (ev/sleep 0.02)
  (:close (relay :tcp))
  (:close (relay :udp)))

# ---- a client ----

(defn- client-relay [config]
  (def udp (net/listen "127.0.0.1" "0" :datagram))
  (def relay @{:tcp (net/connect "::1" (config :port)) :udp udp})
  (var peer nil)
  (put relay :deliver |(:send-to udp peer $))
  (ev/go |(carry-out relay (fn []
                             (def datagram @"")
                             (if (set peer (:recv-from udp 65536 datagram)) datagram))))
  (ev/go |(carry-in relay))
  relay)

(defn- end-with
  "End what `stream` waits for a moment after the runner ended: nothing on UDP says so."
  [relay stream]
  (ev/go (fn []
           (while (not (relay :ended)) (ev/sleep 0.01))
           (ev/sleep 0.1)
           (protect (:close stream true)))))

(defn- connect-client [config resumed session steps]
  (def sessions @[])
  (def relay (client-relay config))
  (def options (merge ((steps :options) config) ((steps :client-options) config session sessions)
                      {:handshake false}))
  (def [_ port] (net/localname (relay :udp)))
  (defer (drained relay)
    (def stream (dtls-stream/upgrade (net/connect "127.0.0.1" (string port) :datagram) options))
    (end-with relay stream)
    ((steps :handshake) config resumed stream)
    ((steps :talk) config stream))
  (last sessions))

# ---- a server ----

(def- servers @{})

(defn- server-of
  "A server with the options of a configuration, the same one for the same."
  [config steps]
  (def options ((steps :options) config))
  (def key (freeze options))
  (or (servers key)
      (do
        (def errors @[])
        (put servers key
             {:errors errors
              :server (dtls/listen "127.0.0.1" 0
                                   (merge options {:on-error |(array/push errors $)}))})))
  (servers key))

(defn- server-relay [config server]
  (def [host port] (dtls/localname server))
  (def udp (net/connect host (string port) :datagram))
  (def relay @{:tcp (net/connect "::1" (config :port)) :udp udp :deliver |(:write udp $)})
  (ev/go |(carry-out relay (fn [] (:read udp 65536))))
  (ev/go |(carry-in relay))
  relay)

(defn- await-peer
  "Wait for the handshake; the peer's address."
  [relay {:server server :errors errors}]
  (def [host port] (net/localname (relay :udp)))
  (def address (dtls-stream/address host port))
  (while (not (has-value? (dtls/peers server) address))
    (if-let [text (last errors)] (error text))
    (if (relay :ended) (error "the runner ended before the handshake was done"))
    (ev/sleep 0.005))
  address)

(defn- serve [config relay server address steps]
  (if (config :writes-first) (dtls/send-to server address "hello"))
  (while (and (not (config :shuts-down)) (not (relay :ended))
              (has-value? (dtls/peers server) address))
    (def bytes @"")
    (if (dtls/recv-from server 16384 bytes 0.02)
      (dtls/send-to server address ((steps :inverted) bytes))))
  (dtls/close-peer server address))

(defn- connect-server [config resumed steps]
  (def {:server server :errors errors} (server-of config steps))
  (def relay (server-relay config server))
  (array/clear errors)
  (defer (drained relay)
    (def address (await-peer relay (server-of config steps)))
    ((steps :check) config resumed (dtls-stream/connection-info server address))
    (serve config relay server address steps)
    (if-let [text (last errors)] (error text)))
  nil)

(defn connect [config resumed session steps]
  (if (config :server)
    (connect-server config resumed steps)
    (connect-client config resumed session steps)))
