# Code that knows nothing of TLS, compiled before jsec is loaded: servers and clients of plain
# streams.

(defn roundtrip
  "Say something on `a`, hear it on `b`, and the other way round, by core's functions."
  [a b]
  (ev/write a "hello")
  (def heard (ev/read b 100))
  (net/write b "hello yourself")
  (def answer (ev/chunk a 5 @"<"))
  (def rest (net/read a 100))
  (def timed-out (try (ev/read a 1 nil 0) ([e] e)))
  [heard answer rest timed-out])

(defn names [s] [(net/peername s) (net/localname s)])

(defn half-close [a b]
  (net/shutdown a :w)
  (def end (net/chunk b 10))
  (net/write b "after the end")
  (net/flush b)
  [end (ev/read a 100)])

(defn settings [a b]
  (def set (try (net/setsockopt a :so-keepalive true) ([e] e)))
  [(if (= set a) :itself set) (try (net/setsockopt b :nonsense 5) ([e] e))])

(defn closing [a b]
  (def closed (ev/close a))
  [(= a closed) (ev/read b :all) (= b (net/close b))
   (try (ev/read a 1) ([e] e)) (try (net/write b "x") ([e] e)) (try (net/peername a) ([e] e))])

(defn echo [s]
  (with [s s]
    (while (def line (ev/read s 1000)) (ev/write s line))))

(defn ask [s text]
  (with [s s]
    (ev/write s text)
    (def answer (ev/chunk s (length text)))
    (net/shutdown s :w)
    [answer (ev/read s :all)]))

(defn parked [a b]
  (def results (ev/chan 3))
  (def reader (ev/go (fn [] (ev/give results (try (ev/read a 1) ([e] e))))))
  (ev/sleep 0)
  (ev/cancel reader "stop")
  (def cancelled (ev/take results))
  (def late (try (ev/with-deadline 0.01 (net/read a 1)) ([e] e)))
  (ev/go (fn [] (ev/give results (ev/read a 1))))
  (ev/sleep 0)
  (ev/close a)
  [cancelled late (ev/take results)])

(defn gathered [a b]
  (def text (string/repeat "gather" 50000))
  (def got @"")
  (ev/gather
    (do (ev/write a text) (net/shutdown a :w))
    (while (ev/read b 4096 got)))
  (= text (string got)))

(def values "Core's functions as values." @{:read ev/read :write net/write :close ev/close})
