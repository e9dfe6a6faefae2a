# A TCP proxy between a client and a server, which splits, merges and delays bytes as a seed
# decides, and which stalls, ends or resets connections at a byte of choice: `(with-tcp-proxy [p
# server-port {:seed 7 :most 1}] …)`, where clients connect to `(p :port)`.
#
#   :seed    of the sizes and delays
#   :most    bytes passed on at a time: each piece has 1 to so many (65536)
#   :merge   seconds that bytes are gathered for before they go on (0)
#   :delay   share of the pieces that wait up to 5 ms (0)
#   :cut     {:way :up :at n :how :end} ends each connection after n bytes of a direction; `cut`
#   does it later
#
# The proxy counts what passed in each direction of its newest connection, (p :link): ((p :link)
# :up).

(import ./check)

(defn- size-of [link] (+ 1 (math/rng-int (link :rng) (link :most))))

(defn- gather
  "Read the next piece of a direction, nil at its end."
  [link from]
  (def piece (ev/read from (size-of link)))
  (when (and piece (pos? (link :merge)))
    (ev/sleep (link :merge))
    (while (first (protect (ev/read from 65536 piece 0)))
      (if (> (length piece) 200000) (break))))
  piece)

(defn- halt [pump] (protect (ev/cancel pump "cut")))

(defn- finish
  ``Do to a connection what its cut says. With :reset the receiver has to have written something
  meanwhile.``
  [link]
  (def {:way way :how how} (link :cut))
  (unless (= how :stall)
    (eachp [other pump] (link :pumps) (if (not= other way) (halt pump)))
    (each end [:near :far] (ev/close (link end))))
  (error "cut"))

(defn- send [link way to piece]
  (unless (empty? piece) (ev/write to piece))
  (update link way + (length piece)))

(defn- pass
  "Send a piece on; where the direction is cut within it, up to there."
  [link way to piece]
  (def {:way cut-way :at at} (or (link :cut) {}))
  (def left (if (= way cut-way) (- at (link way)) math/inf))
  (if (< (length piece) left)
    (send link way to piece)
    (do
      (send link way to (string/slice piece 0 left))
      (put link :kept (string/slice piece left))
      (finish link))))

(defn- pump [link way from to]
  (while (def piece (gather link from))
    (if (< (math/rng-uniform (link :rng)) (link :delay))
      (ev/sleep (* 0.005 (math/rng-uniform (link :rng)))))
    (pass link way to piece))
  (net/shutdown to :w))

(defn- begin-pump [link way]
  (def [from to] (map link (if (= way :up) [:near :far] [:far :near])))
  # whichever side goes first, the other pump ends with an error
  (put (link :pumps) way (ev/go (fn [] (try (pump link way from to) ([_]))))))

(defn- serve [proxy client]
  (def link (merge @{:up 0 :down 0 :pumps @{} :near client} (proxy :options)))
  (put link :rng (math/rng (+ (link :seed) (length (proxy :links)))))
  (array/push (proxy :links) link)
  (put proxy :link link)
  (put link :far (check/plain-connect "127.0.0.1" (proxy :to)))
  (begin-pump link :up)
  (begin-pump link :down))

(defn start
  "A proxy to a port; see above."
  [port &opt options]
  (def listener (net/listen "127.0.0.1" "0"))
  (def proxy @{:listener listener :port (string (get (net/localname listener) 1)) :to (string port)
               :links @[]
               :options (merge {:seed 1 :most 65536 :merge 0 :delay 0} (or options {}))})
  (ev/go (fn [] (try (while (def client (net/accept listener)) (serve proxy client)) ([_]))))
  proxy)

(defn stop [proxy]
  (ev/close (proxy :listener))
  (each link (proxy :links)
    (each pump (link :pumps) (halt pump))
    (each end [:near :far] (if (link end) (ev/close (link end))))))

(defn cut
  ``From now on, pass n bytes of a direction of the newest connection and then let it :stall, :end
  it (both sides hear that), or :reset it. Before a reset no more passes the other way, since
  unread bytes make the kernel reset.``
  [proxy way n how]
  (def link (proxy :link))
  (when (= how :reset) (halt ((link :pumps) (if (= way :up) :down :up))))
  (put link :cut {:way way :at (+ n (link way)) :how how}))

(defn go-on
  "Let a direction that has stalled go on."
  [proxy]
  (def {:cut {:way way} :kept kept} (proxy :link))
  (def link (proxy :link))
  (put link :cut nil)
  (send link way (link (if (= way :up) :far :near)) kept)
  (begin-pump link way))

(defmacro with-tcp-proxy
  "Run `body` with a proxy: `(with-tcp-proxy [p port options] …)`."
  [[name port options] & body]
  ~(let [,name (,start ,port ,options)]
     (defer (,stop ,name) ,;body)))
