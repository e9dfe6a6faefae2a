# Load for as long as JSEC_SECONDS says (300): handshakes, resumed and not, mutual ones, ones that
# fail, and transfers, all in this process, in ten slices. Prints rates, and how memory and
# descriptors, counted between slices, grew in the second half, when all is warm; fails where either
# did. The slope is in bytes a handshake.
(import ../support/check :prefix "")
(import ../support/compile :prefix "")
(import ../support/pairs :prefix "")
(import jsec/tls)

(def seconds (scan-number (os/getenv "JSEC_SECONDS" "300")))
# a server keeps 20,000 sessions by default, which would look like a leak until they are there
(def shop (merge server-options {:session-cache-size 100}))
(def mutual {:cert (identity :cert) :key (identity :key) :trusted-cert (identity :cert)})
(def counts @{:handshakes 0 :refused 0 :bytes 0})
(def piece (string/repeat "0123456789abcdef" 65536))

(def- heap (compile-native "heap"))
(def- memory "Bytes of memory in use; of pages, which is less exact, where there is no other count."
  (if heap (get-in (native heap) ['in-use :value]) |(* 1024 (or (resident) 0))))

(defn- handle [s]
  (defer (:close s true)
    (def chunk @"")
    (while (:read s 65536 (buffer/clear chunk)) (:write s chunk))))

(defn- serve [options]
  (def listener (tls/listen "127.0.0.1" 0))
  (ev/go (fn [] (tls/accept-loop listener options (fn [s] (protect (handle s))))))
  listener)

(def plain (serve shop))
(def closed-shop (serve (merge shop mutual {:verify true})))

(defn- visit [listener options &opt size]
  (def [host port] (address-of listener))
  (with [s (tls/connect host port (merge client-options options)) |(:close $ true)]
    (:write s "ping")
    (unless (= "ping" (string (:chunk s 4))) (error "other data"))
    (when size
      (def writer (spawn (:write s piece)))
      (unless (= piece (string (:chunk s (length piece)))) (error "other data"))
      (await writer)
      (update counts :bytes + (* 2 (length piece))))
    (update counts :handshakes inc)
    (:get-session s)))

(defn- round [version]
  (def session (visit plain {:max-version version}))
  (repeat 6 (visit plain {:max-version version :session session}))
  (visit closed-shop (merge mutual {:max-version version}))
  (visit plain {:max-version version} true)
  # strangers are turned away, on either side
  (if (first (protect (visit closed-shop {:max-version version}))) (error "let in"))
  (if (first (protect (visit plain {:max-version version :hostname "other.example"})))
    (error "taken in"))
  (update counts :refused + 2))

(defn- state []
  (ev/sleep 0.5) # what the other side closes is closed
  (repeat 3 (gccollect) (ev/sleep 0.01))
  {:memory (memory) :descriptors (descriptors) :handshakes (counts :handshakes)})

(def begun (os/clock :monotonic))
(defn- elapsed [] (- (os/clock :monotonic) begun))

(defn- slice
  "Four at work until so many seconds have passed since the beginning; what there is then."
  [until]
  (defn worker [version] (while (< (elapsed) until) (round version)))
  (def workers (seq [i :range [0 4]] (spawn (worker (if (even? i) :TLS1_3 :TLS1_2)))))
  (each w workers (let [[status why] (await w)] (if (= :error status) (error why))))
  (state))

# what is kept for reuse (OpenSSL's sessions, say) is there after half of the time
(def samples (seq [i :range-to [1 10]] (slice (* i (/ seconds 10)))))
(def [warm at-end] [(samples 4) (last samples)])
(def slope
  (/ (- (at-end :memory) (warm :memory)) (max 1 (- (at-end :handshakes) (warm :handshakes)))))
(printf "%d handshakes (%d refused), %.1f GB in %d s; %.0f handshakes a second" (counts :handshakes)
        (counts :refused)
        (/ (counts :bytes) 1e9) (math/round (elapsed)) (/ (counts :handshakes) (elapsed)))
(printf "memory, KB%s: %s" (if heap "" " of pages")
        (string/join (map |(string/format "%d" (math/round (/ ($ :memory) 1e3))) samples) " "))
(printf "slope of the second half: %.2f bytes a handshake; descriptors: %d, %d at the end" slope
        (warm :descriptors) (at-end :descriptors))
(test "memory and descriptors stay flat"
  # some noise, over the handshakes there were
  (is (< slope (max 5 (/ (if heap 2e5 4e6) (max 1 (- (at-end :handshakes) (warm :handshakes))))))
      slope)
  (is (<= (at-end :descriptors) (warm :descriptors))))
(end)
