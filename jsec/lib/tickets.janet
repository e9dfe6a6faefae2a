# Ticket keys that change with time: the same ones in all processes of a fleet.
(import ./arguments)

(def- natives (require "../native"))
(defn- native-function [name] (get-in natives [name :value]))
(def- crypto/hkdf (native-function 'crypto/hkdf))
(def- tls/set-ticket-keys (native-function 'tls/set-ticket-keys))
(def- dtls/set-ticket-keys (native-function 'dtls/set-ticket-keys))

(def- key-length 80)
(def- max-keys 8) # of set-ticket-keys
(def- min-secret 32) # bytes
(def- max-wait 60) # seconds between looks at the clock, which may jump

# ---- options ----

(defn- read-every [name value]
  (unless (and (number? value) (> value 0) (< value math/inf))
    (errorf "%s: bad option :every, expected a positive number of seconds" name))
  value)

# Beside the keys of the past are that of now, and that of a process whose clock is ahead.
(defn- read-keep [name value]
  (def max-keep (- max-keys 2))
  (unless (and (int? value) (<= 0 value max-keep))
    (errorf "%s: bad option :keep, expected an integer from 0 to %d" name max-keep))
  value)

(defn- check-secret [name secret]
  (unless (or (string? secret) (buffer? secret))
    (errorf "%s: bad option :secret, expected string or buffer, got %s" name
            (string (type secret))))
  (when (< (length secret) min-secret)
    (errorf "%s: bad option :secret, expected at least %d random bytes" name min-secret)))

(defn- check-function [name option value]
  (unless (or (nil? value) (function? value) (cfunction? value))
    (errorf "%s: bad option :%s, expected function, got %s" name (string option)
            (string (type value)))))

(def- options [:secret :source :every :keep :on-error])

(defn- check-names [name opts]
  (arguments/check-options name 1 opts options)
  (when (= (nil? (get opts :secret)) (nil? (get opts :source)))
    (errorf "%s: give one of the options :secret and :source" name)))

(defn- key-of
  "The key of one period."
  [secret every number]
  (def info (string/format "jsec ticket key of %.14g seconds, number %.14g" every number))
  (crypto/hkdf :sha256 secret nil info key-length))

(defn- keys-of
  "The keys of a secret in a period, the one that encrypts first."
  [secret every keep number]
  (def past (seq [i :range-to [1 keep]] (- number i)))
  (map |(key-of secret every $) [number (inc number) ;past]))

(defn- read-options [name opts]
  (check-names name opts)
  (each option [:source :on-error] (check-function name option (get opts option)))
  (def every (read-every name (get opts :every 3600)))
  (def keep (read-keep name (get opts :keep 3)))
  (def [secret source] [(get opts :secret) (get opts :source)])
  (unless (nil? secret) (check-secret name secret))
  {:every every
   :on-error (get opts :on-error)
   :keys (if source (fn [_] (source)) (partial keys-of secret every keep))})

# ---- the rotation ----

(defn- now [] (os/clock :realtime))
(defn- period-of [every] (math/floor (/ (now) every)))

(defn- seconds-left
  "Until the next period, or the next look at the clock."
  [every]
  (min max-wait (max 0.001 (- (* every (inc (period-of every))) (now)))))

(defn- stopped? [stop seconds]
  (first (protect (ev/with-deadline seconds (ev/take stop)))))

# After an error the keys stay as they are, and the next look asks again.
(defn- go-on [set-keys {:every every :keys keys :on-error on-error} first-period stop]
  (var done first-period)
  (while (not (stopped? stop (seconds-left every)))
    (def period (period-of every))
    (unless (= period done)
      (try (do (set-keys (keys period)) (set done period))
        ([err] (when on-error (on-error err)))))))

(defn- rotate [name set-keys opts]
  (def options (read-options name opts))
  (def period (period-of (options :every)))
  (set-keys ((options :keys) period))
  (def stop (ev/chan 1))
  (ev/go (fn [] (go-on set-keys options period stop)))
  (var running true)
  (fn []
    (when running
      (set running false)
      (ev/give stop true)
      nil)))

(defn- check-context [name type-name context]
  (unless (= type-name (type context))
    (arguments/refuse name "ctx" 0 "context" context)))

(defn tls/rotate-ticket-keys
  ``Replace the ticket keys of a context from `tls/new-context` from time to time, so that clients
  resume their sessions with each server of a fleet, and keys do not stay in use for long. The first
  keys are set before the function returns; a task sets the next ones. The options are a table or
  struct of:

  * `:secret` - at least 32 random bytes that all servers of the fleet have. The keys are derived
    from it and from the number of the period (HKDF, RFC 5869), so that nothing need be
    distributed; the servers' clocks may differ by one period.
  * `:source` - in place of the secret: function without arguments that returns an array of keys for
    `tls/set-ticket-keys`, from a file or a database. It may wait.
  * `:every` - seconds of a period, the same in all servers. Default 3600.
  * `:keep` - with `:secret`: keys of past periods that still decrypt, 0 to 6. A session can be
    resumed for `:every` times `:keep` seconds at least. Default 3.
  * `:on-error` - function called with each later error of the source. The keys stay, and within a
    minute the source is called again. Default: errors are silent.

  The secret decrypts all tickets of past and future: a new one on all servers ends that. Returns
  a function without arguments that ends the rotation; until then the task keeps the program
  running. Raises when an option is wrong, and what the first call of the source raises.

      (tls/rotate-ticket-keys context {:secret (slurp "ticket.secret")})``
  [ctx opts]
  (check-context "tls/rotate-ticket-keys" :jsec/tls-context ctx)
  (rotate "tls/rotate-ticket-keys" (partial tls/set-ticket-keys ctx) opts))

(defn dtls/rotate-ticket-keys
  ``Replace the ticket keys of a context from `dtls/new-context` from time to time, by keys that are
  derived from a shared secret or come from a function: see `tls/rotate-ticket-keys`, which has the
  same options. Returns a function without arguments that ends the rotation. Raises when an option
  is wrong, and what the first call of the source raises.

      (dtls/rotate-ticket-keys context {:secret (slurp "ticket.secret")})``
  [ctx opts]
  (check-context "dtls/rotate-ticket-keys" :jsec/dtls-context ctx)
  (rotate "dtls/rotate-ticket-keys" (partial dtls/set-ticket-keys ctx) opts))
