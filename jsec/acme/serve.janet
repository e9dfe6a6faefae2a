# A server that obtains and renews its certificates by itself.
(import ../lib/arguments)
(import ../tls)
(import ./account)
(import ./order)
(import ./session :as session)
(import ./solvers)
(import ./store)

(def- known
  [:directory :terms :email :contact :eab :tls :timeout :names :allow :store :on-event :key-type
   :profile :dns-01 :options :loop])

(def- min-check "Seconds between two looks at the certificates." 0.2)
(def- first-check "While names have no certificate." 1)
(def- max-check 60)
(def- first-retry "Seconds after a first failure; they double." 30)
(def- max-retry 14400)
(def- min-age "Seconds that a certificate is used at least, see `due?`." 5)
(def- max-orders "Orders at a time." 8)

(defn- now [] (os/clock :realtime))
(defn- uptime "Seconds that no change of the clock moves." [] (os/clock :monotonic))

# ---- events ----

(defn- tell [{:on-event on-event} event]
  (when on-event
    (ev/go (fn [] (on-event event)))))

# ---- when to renew ----

(defn- planned
  "Two thirds of the lifetime, a little earlier or later for each server."
  [{:not-before start :lifetime lifetime}]
  (+ start (* lifetime (+ 0.64 (* 0.04 (math/random))))))

(defn- ask-window
  "The time that the CA asks for, or nil; the CA is asked as often as it wishes."
  [manager entry]
  (when (>= (uptime) (get entry :ask-at 0))
    (def [fine info] (protect (order/acme/renewal-info ((manager :account)) (entry :cert))))
    (put entry :ask-at (+ (uptime) (if (and fine info) (max 60 (min 86400 (info :retry-after)))
                                     21600)))
    (when (and fine info)
      (def {:start start :end end} info)
      (unless (and (entry :window) (<= start (entry :window) end))
        (put entry :window (+ start (* (math/random) (- end start)))))))
  (if (entry :window) (min (entry :window) (- (entry :not-after) (/ (entry :lifetime) 10)))))

(defn- due?
  ``Is it time to renew? A clock that is wrong, or a CA whose window is always open, must not use up
  the quota: each certificate is used for a twentieth of its life.``
  [manager entry]
  (when (>= (uptime) (entry :earliest))
    (def [fine window] (protect (ask-window manager entry)))
    (>= (now) (or (if fine window) (entry :renew-at)))))

# ---- certificates ----

(defn- fail-again
  "Note a failure: the next attempt comes later than the one before."
  [manager name why]
  (def count (inc (get-in manager [:failures name :count] 0)))
  (def wait (* (min max-retry (* first-retry (math/pow 2 (min 20 (dec count)))))
               (+ 0.9 (* 0.2 (math/random)))))
  (put-in manager [:failures name] @{:count count :until (+ (uptime) wait)})
  (tell manager {:event :failed :name name :error (string why) :retry wait}))

(defn- entry-of [manager facts]
  (def options (merge (manager :options) {:cert (facts :cert) :key (facts :key)}))
  @{:context (tls/new-context options) :cert (facts :cert) :not-after (facts :not-after)
    :lifetime (facts :lifetime) :renew-at (planned facts) :earliest 0})

(defn- keep [manager name facts]
  (def entry (entry-of manager facts))
  (put-in manager [:entries name] entry)
  (put-in manager [:failures name] nil)
  entry)

(defn- fresher?
  "Has another process obtained a certificate meanwhile?"
  [facts entry]
  (and facts (> (facts :not-after) (now))
       (or (nil? entry) (> (facts :not-after) (entry :not-after)))))

(defn- order-new [manager name entry]
  (def options @{:key-type (manager :key-type) :profile (manager :profile)
                 :replaces (if entry (entry :cert))})
  (put options (if (manager :dns-01) :dns-01 :tls-alpn-01)
       (or (manager :dns-01) (solvers/on-table (manager :proofs))))
  (store/save (manager :store) name
              (order/acme/obtain ((manager :account)) [name] options)))

(defn- obtain [manager name]
  (def entry (get-in manager [:entries name]))
  (def folder (manager :store))
  (store/with-lock folder name
    (fn []
      (def kept (store/read folder name))
      (if (fresher? kept entry)
        (keep manager name kept)
        (do
          (order-new manager name entry)
          (def made (keep manager name (store/read folder name)))
          (put made :earliest (+ (uptime) (max min-age (/ (made :lifetime) 20))))
          (tell manager {:event (if entry :renewed :issued) :name name
                         :not-after (made :not-after)})
          made)))))

# ---- one attempt for all that wait ----

(defn- obtain-in-turn [manager name]
  (def turn (ev/take (manager :turns)))
  (defer (ev/give (manager :turns) turn) (obtain manager name)))

(defn- run-attempt [manager name]
  (def [fine result] (protect (obtain-in-turn manager name)))
  (unless (or fine (manager :ended)) (fail-again manager name result))
  (def {:waiters waiters} (get-in manager [:attempts name]))
  (put-in manager [:attempts name] nil)
  (each waiter waiters (ev/give waiter (if fine result))))

(defn- attempt
  "Obtain or renew, once for all fibers that ask. Returns the entry, or nil."
  [manager name]
  (def waiter (ev/chan 1))
  (def running (get-in manager [:attempts name]))
  (if running
    (array/push (running :waiters) waiter)
    (let [started @{:waiters @[waiter]}]
      (put-in manager [:attempts name] started)
      (put started :fiber (ev/go (fn [] (run-attempt manager name))))))
  (ev/take waiter))

(defn- end
  "No order outlives the server."
  [manager stop]
  (put manager :ended true)
  (ev/give stop true)
  (each {:fiber fiber} (values (manager :attempts))
    (ev/cancel fiber "the server has ended")))

(defn- resting? [manager name] (< (uptime) (get-in manager [:failures name :until] 0)))

(defn- current
  "The certificate of a name: the one in use, the one that is kept, or a new one."
  [manager name]
  (def entry (get-in manager [:entries name]))
  (def kept (if (nil? entry) (store/read (manager :store) name)))
  (cond
    entry entry
    (and kept (> (kept :not-after) (now))) (keep manager name kept)
    (resting? manager name) nil
    (attempt manager name)))

# ---- handshakes ----

(defn- covering
  "The name of the certificate for a name that a client asks for; nil: it is not allowed."
  [{:names names :allow allow} name]
  (def wildcard (string "*" (string/slice name (or (string/find "." name) 0))))
  (cond
    (index-of name names) name
    (index-of wildcard names) wildcard
    (if allow (allow name)) name))

(defn- sound-name
  "The name that a client asks for, if it is one that a CA would verify."
  [hello]
  (def [fine name] (protect (order/check-name (hello :server-name))))
  (if fine name))

(defn- judge-hello [manager hello]
  (def challenge (index-of solvers/protocol (get hello :alpn [])))
  (def name (cond
              challenge nil
              (nil? (hello :server-name)) (first (manager :names))
              (if-let [asked (sound-name hello)] (covering manager asked))))
  (cond
    challenge (solvers/answer-hello (manager :proofs) hello)
    (nil? name) nil
    (if-let [entry (current manager name)] (entry :context) {:alert :internal-error})))

(defn- challenge?
  "Did the CA connect to look at a proof? No other connection has its protocol."
  [{:proofs proofs} stream]
  (and (next proofs) (= solvers/protocol ((:connection-info stream) :alpn))))

(defn- serve-stream [manager handler stream]
  (if (challenge? manager stream) (:close stream) (handler stream)))

# ---- renewal ----

(defn- wait-time [{:entries entries :names names}]
  (def shortest (reduce min math/inf (map |($ :lifetime) (values entries))))
  (def max-wait (if (all entries names) max-check first-check))
  (max min-check (min max-wait (/ shortest 30))))

(defn- look-at [manager name]
  (def entry (get-in manager [:entries name]))
  (cond
    (resting? manager name) nil
    (nil? entry) (current manager name)
    (due? manager entry) (attempt manager name)))

# One name that takes its time delays no other.
(defn- look [manager]
  (each name (distinct [;(manager :names) ;(keys (manager :entries))])
    (unless (get-in manager [:attempts name])
      (ev/go (fn [] (protect (look-at manager name)))))))

(defn- stopped? [stop seconds]
  (first (protect (ev/with-deadline seconds (ev/take stop)))))

(defn- watch [manager stop]
  (look manager)
  (while (not (stopped? stop (wait-time manager))) (look manager)))

# ---- options ----

(defn- check-place [options]
  (unless (and (bytes? (options :store)) (not (empty? (options :store))))
    (session/fail "give :store, the path of a folder for the account and the certificates"))
  (unless (or (options :names) (function? (options :allow)))
    (session/fail "give :names, or :allow, a function of a name: otherwise any client could use "
                  "up what the CA allows"))
  (unless (= true (options :terms))
    (session/fail "agree to the CA's terms of service by :terms true")))

(defn- account-getter
  "A function that makes the account when it is first needed, and once."
  [options]
  (def chosen @{})
  (each key [:terms :email :contact :eab :tls :timeout] (put chosen key (options key)))
  (def turn (ev/chan 1))
  (ev/give turn true)
  (var made nil)
  (fn []
    (ev/take turn)
    (defer (ev/give turn true)
      (unless made
        (def key (store/account-key (options :store)))
        (set made (account/acme/account (options :directory) (put chosen :key key)))))
    made))

(defn- new-manager [options]
  (check-place options)
  (def names (get options :names []))
  (unless (indexed? names) (session/fail "bad option :names, expected an array"))
  (def checked (map order/check-name names))
  (if (and (some |(string/has-prefix? "*." $) checked) (nil? (options :dns-01)))
    (session/fail "a wildcard is verified by :dns-01 only"))
  (store/prepare (options :store))
  (def turns (ev/chan max-orders))
  (repeat max-orders (ev/give turns true))
  (merge options {:turns turns :names checked :account (account-getter options)
                  :options (merge (get options :options {}))
                  :entries @{} :failures @{} :attempts @{} :proofs @{}}))

(defn acme/serve
  ``Serve a listener with certificates that the server obtains and renews by itself, by the
  challenge tls-alpn-01 on the same listener, which the CA must reach at port 443 of each name.
  `handler` is called with each TLS stream, as by `tls/accept-loop`. The options:

  * `:directory` - URL of the CA's directory, as for `acme/account`; `:terms`, true: you agree to
    its terms; `:email`, `:contact`, `:eab`, `:tls` and `:timeout` are those of `acme/account`.
  * `:names` - array of the names to serve, with `:dns-01` wildcards too. Their certificates are
    obtained at once. Clients that ask for no name get the first.
  * `:allow` - function of a name that a client asks for: may a certificate be obtained for it? One
    of `:names` and `:allow` is required.
  * `:store` - folder for the account's key and the certificates, of this process's user alone.
    Servers may share it: each certificate is then obtained once.
  * `:on-event` - function of a struct: `:event`, one of :issued, :renewed and :failed; `:name`;
    `:not-after`, or `:error`, the CA's words, and `:retry`, seconds until the next attempt.
  * `:dns-01`, `:key-type` and `:profile` - as for `acme/obtain`.
  * `:options` - further options of a TLS server, such as `:alpn`. `:loop` - `loop-opts` of
    `tls/accept-loop`.

  A certificate is renewed when the CA asks for it (RFC 9773), or after two thirds of its life.
  While that fails, the old one serves on. A handshake for a name without certificate waits for
  the first one, within `:handshake-timeout`. Returns the listener when it is closed. Raises when
  options are wrong; what the CA refuses goes to `:on-event`.

      (acme/serve (tls/listen "0.0.0.0" 443)
                  {:directory "https://acme-staging-v02.api.letsencrypt.org/directory"
                   :terms true :names ["example.org"] :store "/var/lib/site"}
                  handle)``
  [listener opts handler]
  (account/in-function "acme/serve"
    (fn []
      (def options (account/check-options "acme/serve" 1 opts known))
      (arguments/check-handler "acme/serve" 2 handler)
      (def manager (new-manager options))
      (def stop (ev/chan 1))
      (ev/go (fn [] (watch manager stop)))
      (defer (end manager stop)
        (tls/accept-loop listener (merge (manager :options)
                                         {:on-hello |(judge-hello manager $)})
                         |(serve-stream manager handler $) (get options :loop {}))))))
