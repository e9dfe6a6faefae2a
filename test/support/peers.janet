# Other programs as the other side: certificates for them, children that are waited for and stopped,
# servers of ours.
(import jsec/cert :as cert)
(import jsec/tls :as tls)

# ---- certificates ----

(defn authority
  "A CA: `{:cert pem :key pem}`."
  [name]
  (cert/generate-self-signed-cert {:common-name name :key-type :ec-p256}))

(defn issue
  ``A certificate of a CA, by default an EC one for "localhost" and 127.0.0.1:
  `{:cert pem :key pem}`.``
  [ca & options]
  (cert/issue-cert (merge {:issuer-cert (ca :cert) :issuer-key (ca :key) :key-type :ec-p256
                           :common-name "localhost"
                           :san ["DNS:localhost" "IP:127.0.0.1"]}
                          (table ;options))))

(defn saved
  "Write what was made to files in `dir`; their paths, as `:cert` and `:key`."
  [dir name made]
  (def paths {:cert (string dir "/" name ".crt") :key (string dir "/" name ".key")})
  (eachp [what path] paths (spit path (made what)))
  paths)

# ---- children ----

(defn- wake [child]
  (each waiter (child :waiters) (ev/give waiter true))
  (array/clear (child :waiters)))

(defn- await-news [child]
  (def waiter (ev/chan 1))
  (array/push (child :waiters) waiter)
  (ev/take waiter))

(defn- collect [child which]
  (def stream ((child :proc) which))
  (while (ev/read stream 65536 (child which)) (wake child)))

(defn- pump
  "Collect one output of a child to its end; the pipe may also be closed under our hands."
  [child which]
  (try (collect child which) ([_]))
  (put child :open (dec (child :open)))
  (wake child))

(defn start
  "Start a program. What it prints is collected in `(child :out)` and `(child :err)`."
  [& command]
  (def proc (os/spawn command :p {:in :pipe :out :pipe :err :pipe}))
  (def child @{:proc proc :command command :out @"" :err @"" :waiters @[] :open 2 :ended (ev/chan)})
  (ev/go (fn [] (pump child :out)))
  (ev/go (fn [] (pump child :err)))
  (ev/go (fn [] (put child :status (os/proc-wait proc)) (ev/chan-close (child :ended))))
  child)

(defn exit-status
  "Wait until a child has ended and all it printed is read; its status."
  [child]
  (ev/take (child :ended))
  (while (pos? (child :open)) (await-news child))
  (child :status))

(defn stop
  "Kill a child if it still runs, and let go of its pipes."
  [child]
  (unless (child :status) (protect (os/proc-kill (child :proc) false :kill)))
  (ev/take (child :ended))
  (each name [:in :out :err] (protect (ev/close ((child :proc) name)))))

(defn described
  "A child's command and what it printed, for messages."
  [child]
  (defn tail [text] (string/slice text (max 0 (- (length text) 3000))))
  (string (string/join (child :command) " ") "\nout: " (tail (child :out)) "\nerr: "
          (tail (child :err))))

(defn await
  ``Wait until the PEG `pattern` is found in what a child prints; its captures. Raises when the
  child ends without.``
  [child which pattern]
  (defn found []
    (if-let [at (peg/find pattern (child which))] (peg/match pattern (child which) at)))
  (var captures (found))
  (while (nil? captures)
    (if (zero? (child :open)) (error (string "no such output of " (described child))))
    (await-news child)
    (set captures (found)))
  captures)

(defn feed
  "Write to a child's input, and end that."
  [child data]
  (ev/write ((child :proc) :in) data)
  (ev/close ((child :proc) :in)))

(defmacro with-child
  "Run `body` with a program running: `(with-child [c \"openssl\" …] …)`."
  [[name & command] & body]
  ~(let [,name (,start ,;command)]
     (defer (,stop ,name) ,;body)))

# ---- ports ----

(defn port-of [listener] (string (get (net/localname listener) 1)))

(defn free-port
  ``A free port, for programs that can't choose one themselves. It is none of
  those that the kernel gives out by itself, from 32768 on: a run of tests leaves most of these
  waiting (TIME_WAIT), and the next connection may get the very port that a program is about to
  listen on.``
  []
  (def [a b] (os/cryptorand 2))
  (def port (string (+ 10000 (% (+ (* 256 a) b) 20000))))
  (defn try-port [] (with [listener (net/listen "127.0.0.1" port :stream true)] true)) # unshared
  (if (try (try-port) ([_])) port (free-port)))

(defn once-up
  ``What `connect` returns as soon as a child listens, that is: when connections are no longer
  refused.``
  [child connect]
  (var result nil)
  (while (not (set result
                   (try
                     (connect)
                     ([e f] (unless (string/has-suffix? "onnection refused" e) (propagate e f))))))
    (if (child :status) (error (string "ended: " (described child))))
    (ev/sleep 0.01))
  result)

(defn until-up
  ``Wait until a child listens on a port; it sees a connection that is closed at once. Not by
  `net/connect`: core (1.42.1) takes a collection that comes while it waits for the connection,
  and frees the error that it then raises.``
  [child port]
  (:close (once-up child |(tls/connect "127.0.0.1" port {:handshake false :verify false})) true))

# ---- servers of ours ----

(defn serve
  ``Serve TLS on a free port: `handler` gets each stream, closed after it. Errors of handshakes go
  to the channel `:refused`; what handlers return or raise to `:results`, as `[true value]` or
  `[false error]`.``
  [options handler]
  (def listener (tls/listen "127.0.0.1" "0"))
  (def server
    @{:listener listener :port (port-of listener) :refused (ev/chan 1000) :results (ev/chan 1000)
      :ended (ev/chan 1)})
  (defn handle [stream]
    (def result (protect (defer (:close stream) (handler stream))))
    (ev/give (server :results) result))
  (ev/go (fn []
           (ev/give (server :ended)
                    (protect (tls/accept-loop listener options handle
                                              {:on-error |(ev/give (server :refused) $)})))))
  (ev/sleep 0) # the loop begins, or says what is wrong with the options
  (if (pos? (ev/count (server :ended))) (error (get (ev/take (server :ended)) 1)))
  server)

(defn unserve [server]
  (ev/close (server :listener))
  (def [fine value] (ev/take (server :ended)))
  (unless fine (error value)))

(defmacro with-server
  "Run `body` while we serve: `(with-server [s options handler] …)`."
  [[name options handler] & body]
  ~(let [,name (,serve ,options ,handler)]
     (defer (,unserve ,name) ,;body)))

(defn result
  "What the next handler returned; raises what it raised."
  [server]
  (def [fine value] (ev/take (server :results)))
  (if fine value (error value)))

(defn refusal
  "The error of the next handshake that fails at a server."
  [server]
  (ev/take (server :refused)))

(defn echo
  "A handler that sends all back that comes."
  [stream]
  (def chunk @"")
  (while (:read stream 65536 (buffer/clear chunk)) (:write stream chunk)))

(defn echo-of
  "A handler that sends back `n` bytes and no more; returns what `:connection-info` says."
  [n]
  (fn [stream]
    (def chunk @"")
    (var left n)
    (while (and (pos? left) (:read stream (min left 65536) (buffer/clear chunk)))
      (:write stream chunk)
      (-= left (length chunk)))
    (:connection-info stream)))

(defn noise
  "That many random bytes."
  [n]
  (os/cryptorand n))

(defn sent-back
  "Write data while reading as much; what was read."
  [stream data]
  (def done (ev/chan 1))
  (ev/go (fn [] (ev/give done (protect (:write stream data)))))
  (def got (:chunk stream (length data)))
  (def [fine why] (ev/take done))
  (unless fine (error why))
  got)
