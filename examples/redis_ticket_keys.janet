# Ticket keys of a fleet in Redis: each server asks for the keys of the last hours. The first that
# misses one adds random bytes, and all others read these.
#   janet examples/redis_ticket_keys.janet localhost 6379
(import jsec/cert)
(import jsec/crypto)
(import jsec/tls)

(defn read-line [stream]
  (def line @"")
  (while (not (string/has-suffix? "\r\n" line))
    (unless (ev/read stream 1 line) (error "Redis has closed the connection")))
  (string/trimr line))

(defn ask
  "Redis's answer to a command: bytes, a line, or nil."
  [stream & words]
  (ev/write stream (string "*" (length words) "\r\n"
                           ;(map |(string "$" (length $) "\r\n" $ "\r\n") words)))
  (def line (read-line stream))
  (cond
    (string/has-prefix? "-" line) (error (string "Redis: " line))
    (= "$-1" line) nil
    (string/has-prefix? "$" line)
    (string/slice (ev/chunk stream (+ 2 (scan-number (string/slice line 1)))) 0 -3)
    line))

(defn keys-of
  ``The keys of this period and of the two before, for `:source`. With NX, the first one that is set
  stays.``
  [host port every]
  (with [redis (net/connect host port)]
    (def period (math/floor (/ (os/clock :realtime) every)))
    (defn key-of [number]
      (def name (string/format "ticket-key:%.14g" number))
      (ask redis "SET" name (string (crypto/random-bytes 80)) "NX" "EX" (string (* 4 every)))
      (ask redis "GET" name))
    (map key-of [period (- period 1) (- period 2)])))

(defn main [_ &opt host port]
  (default host "localhost")
  (default port "6379")
  (def identity (cert/generate-self-signed-cert {:common-name "localhost" :key-type :ec-p256}))
  (def context (tls/new-context {:cert (identity :cert) :key (identity :key)}))
  (def [fine why]
    (protect (tls/rotate-ticket-keys context {:source |(keys-of host port 3600) :every 3600})))
  (if fine
    (do (print "the context has the keys of Redis") (why)) # a server goes on instead
    (print "no keys: " why)))
