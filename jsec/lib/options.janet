# The options of code that calls net/* and has no argument for them: those of the dynamic binding,
# or of the import. One table serves clients and servers.
(import ./arguments)

(def key "The dynamic binding of `tls/with-options`." :jsec/tls-options)

# Options of accept-loop and of tls/listen, beside those of a connection.
(def- of-loops [:max-connections :max-handshakes :max-handshakes-per-host :on-error :reload])
(def- of-listeners [:backlog :share-port])

# What one side alone can use. :timeout is for connect: an accept waits as long as it takes.
(def- of-clients
  [:hostname :verify-hostname :session :on-session :pins :ocsp :ocsp-max-age
   :legacy-server-connect :post-handshake-auth :timeout :send-proxy])
(def- of-servers [:sni :ticket-keys :session-tickets :session-cache-size :ocsp-response
                  :client-ca-names :on-hello :max-asking :proxy-protocol])

# What counts beside a context; all others are of the context.
(def- beside-context
  [:session :on-session :hostname :verify-hostname :timeout :handshake-timeout :handshake
   :handshake-timing :close-timeout :buffer-size :tcp-nodelay :truncation :proxy-protocol
   :send-proxy ;of-loops ;of-listeners])

(def- what-identifies [:cert :key :context :sni :on-hello])

(defn current
  "The options in effect: those of the dynamic binding, or else `fallback`."
  [fallback]
  (dyn key fallback))

(defn without
  "The options but for those with the names of the lists."
  [options & lists]
  (def left (arguments/flat options))
  (each names lists (each name names (put left name nil)))
  left)

(defn- chosen [options names]
  (def found @{})
  (each name names (put found name (get options name)))
  found)

(defn- side
  ``The options of one side: those for both, and over them its own. Where its own are a context, of
  those for both only what counts beside one.``
  [options name others]
  (def given (get options name))
  (def own (if (or (nil? given) (dictionary? given)) (arguments/flat given) @{:context given}))
  (def shared (without options [:client :server] others))
  (merge (if (own :context) (chosen shared beside-context) shared) own))

(defn- of-side [options name others]
  (if (dictionary? options) (side options name others) options))

(defn for-client
  "What `tls/connect` takes. nil: no options."
  [options]
  (of-side options :client [;of-servers ;of-loops ;of-listeners]))

(defn- for-server-of [options] (of-side options :server of-clients))

(defn for-server
  "What `tls/accept` takes. nil: none that name a certificate."
  [options]
  (def given (for-server-of options))
  (cond
    (nil? given) nil
    (not (dictionary? given)) given
    (some |(not (nil? (get given $))) what-identifies) (without given of-loops of-listeners)))

(defn for-loop
  "What `tls/accept-loop` takes for itself."
  [options]
  (chosen (if (dictionary? options) (for-server-of options)) of-loops))

(defn for-listener
  "What `tls/listen` takes: the socket's options, and those of a server if there are any."
  [options]
  (def server (for-server options))
  (def socket (chosen (if (dictionary? options) (for-server-of options)) of-listeners))
  (if (or (nil? server) (dictionary? server))
    (merge socket (or server {}))
    (put socket :context server)))

(defn over
  "Options, and over them those of another table."
  [options more]
  (def context? (not (or (nil? options) (dictionary? options))))
  (merge (if context? {:context options} (arguments/flat options)) (arguments/flat more)))
