# A UDP proxy that loses, doubles, holds back and delays datagrams: `(with-udp-proxy [p server-port
# {:seed 7 :lose 0.2}] …)`, where clients send to `(p :port)`. Each client gets a socket of its own
# towards the server, as from a NAT.
#
#   :seed      of all that is decided by chance: the n-th datagram of a direction meets the same
#   fate in each run
#   :lose      share of datagrams that never arrive
#   :double    share that arrives twice
#   :reorder   share that waits until the next of its direction has passed it, or for `patience`
#   :delay     seconds, or [least most], for all that passes
#   :rule      (fn [way n datagram]) decides instead of chance: way is :up or :down, n counts from 0
#   in each. It returns
#              :pass, :lose, :double, :hold, a number of seconds, or the bytes to send in the
#              datagram's place
#   :host      of the proxy and of the server, 127.0.0.1 by default
#
# (p :up) and (p :down) count what came from that side, (p :fates) says what became of each.

(def- patience "Seconds that a datagram is held back at most: the next may never come." 0.05)

# ---- fates ----

(defn- chance
  ``A function of a datagram that draws its fate. As many draws for each datagram, whatever its
  fate: see :seed.``
  [options seed]
  (def rng (math/rng seed))
  (fn [&]
    (def [lost doubled held] [(math/rng-uniform rng) (math/rng-uniform rng) (math/rng-uniform rng)])
    (cond
      (< lost (options :lose)) :lose
      (< doubled (options :double)) :double
      (< held (options :reorder)) :hold
      :pass)))

(defn- delays
  "A function that draws a datagram's delay."
  [options seed]
  (def rng (math/rng seed))
  (def range (options :delay))
  (def [least most] (if (number? range) [range range] range))
  (fn [] (+ least (* (- most least) (math/rng-uniform rng)))))

(defn- decider [options way]
  (def seed (+ (* 2 (options :seed)) (if (= way :up) 0 1)))
  (def rule (options :rule))
  {:fate (if rule (fn [n datagram] (rule way n datagram)) (chance options seed))
   :delay (delays options (+ seed 1000003))})

# ---- a direction ----

(defn- later [proxy seconds f]
  (if (pos? seconds)
    (ev/go (fn [] (ev/sleep seconds) (unless (proxy :closed) (f))))
    (f)))

(defn- release
  "Let go what was held back."
  [direction]
  (when-let [send (direction :held)]
    (put direction :held nil)
    (send)))

(defn- hold [proxy direction send]
  (release direction)
  (put direction :held send)
  (later proxy patience |(if (= send (direction :held)) (release direction))))

(defn- forward
  "Let a datagram meet its fate; `send` sends bytes on."
  [proxy way datagram send]
  (def direction (get-in proxy [:directions way]))
  (def fate ((direction :fate) (proxy way) datagram))
  (update proxy way inc)
  (array/push (proxy :fates) [way (if (bytes? fate) (if (keyword? fate) fate :changed) fate)])
  (defn pass [bytes &opt extra] (later proxy (+ (or extra 0) ((direction :delay))) |(send bytes)))
  (case fate
    :lose nil
    :hold (hold proxy direction |(pass datagram))
    (do
      (cond
        (= :pass fate) (pass datagram)
        (= :double fate) (repeat 2 (pass datagram))
        (number? fate) (pass datagram fate)
        (pass fate))
      (release direction))))

# ---- sockets ----

(defn- sockets-of
  "How many sockets of this machine have a port, where that can be told; else 1."
  [port]
  (def hex (string/format ":%04X " port))
  (defn count-in [path] (if (os/stat path) (length (string/find-all hex (slurp path))) 0))
  (max 1 (+ (count-in "/proc/net/udp") (count-in "/proc/net/udp6"))))

(defn listen-alone
  ``A socket of datagrams on a port that no other has. Core's share their ports (SO_REUSEPORT),
  and may be given one that is in use.``
  [&opt host]
  (default host "127.0.0.1")
  (def socket (net/listen host "0" :datagram))
  (if (= 1 (sockets-of (get (net/localname socket) 1)))
    socket
    (do (ev/close socket) (listen-alone host))))

(defn- each-datagram
  "Call f with each datagram, copied, and its sender, until the socket is closed."
  [socket f]
  (def room @"")
  (try
    (while (def from (net/recv-from socket 65536 (buffer/clear room)))
      (f (string room) from))
    ([err] (unless (peg/find '(+ "closed" "bad file" "Bad file") (string err)) (error err)))))

(defn- send-to [socket address bytes]
  # closed meanwhile, or a full socket: datagrams get lost
  (try (net/send-to socket address bytes) ([_])))

(defn- new-client
  "The socket towards the server of a client that is seen for the first time."
  [proxy address]
  (def socket (listen-alone (proxy :host)))
  (ev/go (fn []
           (each-datagram socket
                          (fn [datagram _]
                            (forward proxy :down datagram |(send-to (proxy :socket) address $))))))
  socket)

(defn- client-of [proxy address]
  (def name (net/address-unpack address))
  (or (get-in proxy [:clients name])
      (let [socket (new-client proxy address)]
        (put-in proxy [:clients name] socket)
        socket)))

(defn start
  "A proxy to a port; see above."
  [port &opt options]
  (def options
    (merge {:seed 1 :lose 0 :double 0 :reorder 0 :delay 0 :host "127.0.0.1"} (or options {})))
  (def host (options :host))
  (def socket (listen-alone host))
  (def server (net/address host (string port) :datagram false))
  (def proxy
    @{:socket socket :host host :port (string (get (net/localname socket) 1)) :clients @{}
      :fates @[] :up 0 :down 0
      :directions {:up (merge @{} (decider options :up))
                   :down (merge @{} (decider options :down))}})
  (ev/go (fn []
           (each-datagram socket
             (fn [datagram from]
               (def client (client-of proxy from))
               (forward proxy :up datagram |(send-to client server $))))))
  proxy)

(defn stop [proxy]
  (put proxy :closed true)
  (each socket [(proxy :socket) ;(values (proxy :clients))] (ev/close socket)))

(defmacro with-udp-proxy
  "Run `body` with a proxy: `(with-udp-proxy [p port options] …)`."
  [[name port options] & body]
  ~(let [,name (,start ,port ,options)]
     (defer (,stop ,name) ,;body)))
