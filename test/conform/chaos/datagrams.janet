# Clients of DTLS over a network that loses, doubles and reorders datagrams. A datagram is a hash
# and what it is the hash of: its client, its number and some bytes. The server sends back what it
# gets.
(import ./faults :prefix "")
(import ../../support/udp-proxy)
(import jsec/crypto)
(import jsec/dtls)

(defn- make-datagram [rng client n]
  (def body
    (string (string/format "%06d %06d " client n) (math/rng-buffer rng (between rng 1 1000))))
  (string (crypto/digest :sha256 body) body))

(defn- check-datagram
  ``Count a datagram that `seen` has not; one that is changed, doubled or another client's is a
  fault.``
  [what datagram seen]
  (def [hash body] [(string/slice datagram 0 32) (string/slice datagram 32)])
  (unless (= hash (string (crypto/digest :sha256 body))) (fault what ": a datagram was changed"))
  (if (seen body) (fault what ": a datagram was given twice"))
  (put seen body true)
  (count :datagrams))

(defn serve
  "A server that echoes, until it is closed."
  [identity rng]
  (def server (dtls/listen "127.0.0.1" 0 (merge identity {:session-timeout 5})))
  (def seen @{})
  (ev/go (fn []
           (while (def peer (dtls/recv-from server 2000 (def datagram @"")))
             (check-datagram "DTLS server" datagram
                             (or (seen (string peer)) (set (seen (string peer)) @{})))
             # a peer that left meanwhile has no session
             (protect (dtls/send-to server peer datagram)))))
  (def proxy (udp-proxy/start (last (dtls/localname server)) {:seed (math/rng-int rng 1000000)
                                                              :lose 0.1 :double 0.05 :reorder 0.1}))
  {:server server :proxy proxy})

(defn stop [{:server server :proxy proxy}]
  (dtls/close-server server)
  (udp-proxy/stop proxy))

(defn- read-echoes [client n]
  (def seen @{})
  (repeat n
    (def datagram (try (:read client 2000 @"" 0.05) ([err] (unless (= err "timeout") (error err)))))
    (if datagram (check-datagram "DTLS client" datagram seen))))

(var- clients 0)

(defn run-one
  "One client: some datagrams, and an end of one kind or another."
  [rng {:proxy proxy} options]
  (def number (++ clients))
  (def connected (protect (dtls/connect "127.0.0.1" (proxy :port)
                                        (merge options {:handshake-timeout 10 :retransmit 0.05}))))
  (if (first connected)
    (let [client (last connected) n (between rng 1 20)]
      (count :dtls)
      (for i 0 n (:write client (make-datagram rng number i)))
      (read-echoes client n)
      (case (math/rng-int rng 3) 0 (:close client) 1 (:close client true) nil))
    (count :dtls-lost)))
