# Handshakes that break off, stall or are spoilt at each of their bytes.
(import ../support/check :prefix "")
(import ../support/peers :prefix "")
(import ../support/cut :prefix "")
(import ../support/pairs :only [descriptors])
(import jsec/tls)

(def slowness (scan-number (os/getenv "JSEC_SLOW" "1")))
(def ca (authority "Test CA"))
# Ed25519 signatures all have one length, and so have these handshakes
(def identity (issue ca :key-type :ed25519))
(defn server-options [version & more]
  (merge identity {:session-tickets 0 :min-version version :max-version version} (table ;more)))
(defn client-options [version & more]
  (merge {:ca-file (ca :cert) :min-version version :max-version version} (table ;more)))
(def versions [:TLS1_3 :TLS1_2])

(defn settled
  "Collect what is unreferenced, in a turn of the event loop of its own."
  []
  (ev/sleep 0)
  (gccollect)
  (ev/sleep 0)
  (gccollect))

(defn in-parallel
  "Call f with each of the items, so many at a time; the first error is raised."
  [n items f]
  (def queue (reverse items))
  (def done (ev/chan n))
  (repeat n (ev/go (fn [] (ev/give done (protect (while (def item (array/pop queue)) (f item)))))))
  (def results (seq [_ :range [0 n]] (ev/take done)))
  (each [fine why] results (unless fine (error why))))

(defn offsets
  "Each byte of a direction; in slow runs some of them, never the same."
  [total]
  (def step (max 1 (math/floor (/ total (load total)))))
  (range (math/floor (* step (math/random))) total step))

(defn broken? [[fine why]]
  (and (not fine)
       (peg/match '(* "tls/wrap: handshake failed: "
                      (+ "the peer closed the connection" "Connection reset by peer" "Broken pipe")
                      -1)
                  why)))

(defn timed-out? [[fine why]]
  (and (not fine)
       (peg/match '(* "tls/wrap: handshake timed out: the peer did not finish it within "
                      (some (range "09" "..")) " s" -1) why)))

(math/seedrandom (os/cryptorand 8))

(each version versions
  (def whole (meet (client-options version) (server-options version) :pass))

  (test (string version
                ": a handshake has the same lengths each time, and passes in single bytes as well")
    (is (first (whole :client)) (whole :client))
    (is (first (whole :server)) (whole :server))
    (each action [:pass :drip]
      (def other (meet (client-options version) (server-options version) action))
      (is= [(whole :client) (whole :server) (whole :up) (whole :down)]
           [(other :client) (other :server) (other :up) (other :down)])))

  # the side that waits for the missing bytes fails in any case, and so does the side that waits for
  # its answer
  (each [way receiver] [[:up :server] [:down :client]]
    (test (string version ": a handshake cut at any byte to the " receiver " fails")
      (def before (pairs/descriptors))
      (each at (offsets (whole way))
        (def cut (meet (client-options version) (server-options version) :close way at))
        (is (broken? (cut receiver)) (string/format "at %d: %q" at (cut receiver)))
        (def other (cut (if (= receiver :server) :client :server)))
        (is (or (first other) (broken? other)) (string/format "at %d: %q" at other)))
      (settled)
      (is= before (pairs/descriptors)))

    (test (string version ": a handshake that stalls at any byte to the " receiver
                  " times out, and nothing else waits for it")
      (def before (pairs/descriptors))
      (def limit (* slowness 0.2))
      (def others @{:count 0 :ended (ev/chan 1)})
      (ev/go (fn []
               (while (not (others :enough))
                 (def fine (meet (client-options version) (server-options version) :pass))
                 (unless (and (first (fine :client)) (first (fine :server)))
                   (put others :failed fine))
                 (update others :count inc)
                 (ev/sleep 0.01))
               (ev/give (others :ended) true)))
      (in-parallel 100 (offsets (whole way))
        (fn [at]
          (def stalled (meet (client-options version :handshake-timeout limit)
                             (server-options version :handshake-timeout limit)
                             :stall way at))
          # the other side has the same patience, and may lose it first
          (def other (stalled (if (= receiver :server) :client :server)))
          (is (or (timed-out? (stalled receiver)) (timed-out? other))
              (string/format "at %d: %q" at (stalled receiver)))
          (is (not (first (stalled receiver))))))
      (def made (others :count))
      (put others :enough true)
      (ev/take (others :ended))
      (is= nil (others :failed))
      (is (pos? made) "no handshake meanwhile")
      (settled)
      (is= before (pairs/descriptors)))

    (test (string version ": a byte spoilt on its way to the " receiver " is noticed")
      (def unnoticed @[])
      (def limit (* slowness 0.3)) # where a length was spoilt more bytes are waited for
      (in-parallel 50 (offsets (whole way))
        (fn [at]
          (def spoilt (meet (client-options version :handshake-timeout limit)
                            (server-options version :handshake-timeout limit)
                            :flip way at))
          (def results [(spoilt :client) (spoilt :server)])
          (if (all first results) (array/push unnoticed at))
          (each [fine why] results
            (is (or fine (and (string/has-prefix? "tls/wrap: " why)
                              (not (string/find "no reason" why)))) why))))
      # versions in the headers of records mean nothing any more (RFC 8446, 5.1)
      (is (<= (length unnoticed) 12) (string/format "%q" unnoticed)))))

(end)
