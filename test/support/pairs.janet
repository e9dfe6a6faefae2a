# Pairs of connected streams: core's own, and TLS in all its shapes, so that the same code can run
# on each.
(import jsec/tls)
(import jsec/cert)
(import ./check)

(def identity
  "A certificate and key for localhost, fresh in each process."
  (cert/generate-self-signed-cert
    {:common-name "localhost" :san ["DNS:localhost" "IP:127.0.0.1"] :key-type :ec-p256}))

# Most facts close an end while the other does not read: the second that a close waits by default
# would add up.
(def server-options @{:cert (identity :cert) :key (identity :key) :close-timeout 0.02})
(def client-options @{:trusted-cert (identity :cert) :hostname "localhost" :close-timeout 0.02})

(def core-kinds "What all else is compared with." [:tcp :unix])
(def tls-kinds
  ``TLS 1.2 and 1.3, made by connect and accept over TCP and unix sockets, and by wrap over core's
  streams.``
  [:tls13 :tls12 :tls13-unix :tls12-unix :tls13-wrap :tls12-wrap])

(def- traits
  {:tcp {} :unix {:unix true}
   :tls13 {:version :TLS1_3} :tls13-unix {:version :TLS1_3 :unix true}
   :tls13-wrap {:version :TLS1_3 :wrap true}
   :tls12 {:version :TLS1_2} :tls12-unix {:version :TLS1_2 :unix true}
   :tls12-wrap {:version :TLS1_2 :wrap true}})

(var- folder nil)
(var- paths 0)
(defn fresh-path "A path for a unix socket." []
  (default folder (set folder (check/tmpdir)))
  (string folder "/" (++ paths)))

(defn address-of
  "Where a listener on a free port of this machine listens, as `net/connect` takes it."
  [listener]
  (def [host port] (net/localname listener))
  [host (string port)])

(defn outcome-of [f]
  (try [:ok (f)] ([err] [:error err])))

(defmacro outcome
  "`[:ok value]` or `[:error error]` of the body."
  [& body]
  ~(,outcome-of (fn [] ,;body)))

(defn start
  "Run `f` in a task of its own: `:fiber` to cancel it by, `:result` for `await`."
  [f]
  (def result (ev/chan 1))
  (def task @{:result result})
  (put task :fiber (ev/go (fn [] (ev/give result (outcome-of f)) (put task :done true))))
  task)

(defmacro spawn "A task that runs the body." [& body] ~(,start (fn [] ,;body)))

(defn await "The outcome of a task." [task] (ev/take (task :result)))

(defn turns
  "Let everything that is ready have its turn, n times."
  [&opt n]
  (repeat (or n 3) (ev/sleep 0)))

(defn spin
  "Be busy, the event loop stopped, for so many seconds."
  [seconds]
  (def until (+ (os/clock :monotonic) seconds))
  (while (< (os/clock :monotonic) until)))

(defn core-pair
  "Two connected streams of core's."
  [&opt unix]
  (def path (if unix (fresh-path)))
  (with [listener (if unix (net/listen :unix path) (net/listen "127.0.0.1" 0))]
    (def [host port] (if unix [:unix path] (address-of listener)))
    (def client (check/plain-connect host port))
    [client (net/accept listener)]))

(defn wrap-client "TLS on a core stream, as the client." [stream &opt more]
  (tls/wrap stream "localhost" (merge client-options (or more {}))))

(defn wrap-server "TLS on a core stream, as the server." [stream &opt more]
  (tls/wrap stream (merge server-options (or more {}))))

(defn- both [client server]
  (def [a b] [(start client) (start server)])
  (def results [(await a) (await b)])
  (each [status value] results (if (= :error status) (error value)))
  (map last results))

(defn tls-pair
  "A client's and a server's TLS stream. Options are added to the usual ones."
  [kind &opt client-extra server-extra]
  (def {:version version :unix unix :wrap wrap} (traits kind))
  (def client-more (merge {:max-version version} (or client-extra {})))
  (def server-more (merge {:max-version version} (or server-extra {})))
  (if wrap
    (let [[client server] (core-pair unix)]
      (both |(wrap-client client client-more) |(wrap-server server server-more)))
    (let [path (if unix (fresh-path))]
      (with [listener (if unix (tls/listen :unix path) (tls/listen "127.0.0.1" 0))]
        (def [host port] (if unix [:unix path] (address-of listener)))
        (both |(tls/connect host port (merge client-options client-more))
              |(tls/accept listener (merge server-options server-more)))))))

(defn pair
  "Two connected streams of a kind."
  [kind &opt client-extra server-extra]
  (if (index-of kind core-kinds)
    (core-pair ((traits kind) :unix))
    (tls-pair kind client-extra server-extra)))

(def piece "What `full-pair` writes." (string/repeat "x" 1000))
(def- fitting @{})

(defn count-fitting-writes
  ``How many writes the kernel takes that the peer does not read: with unix sockets, the same
  number each time.``
  [s]
  (var n 0)
  (while (= :ok (first (outcome (:write s piece 0.02)))) (++ n))
  n)

(defn- fitting-writes
  "How many fit into a fresh pair."
  [kind]
  (def [a b] (pair kind))
  (defer (each s [a b] (:close s true)) (count-fitting-writes a)))

(defn full-pair
  ``Two connected streams over a unix socket, of which the first can send no more, although all
  its writes are complete.``
  [kind &opt client-extra server-extra]
  (unless (fitting kind) (put fitting kind (fitting-writes kind)))
  (def [a b] (pair kind client-extra server-extra))
  (repeat (fitting kind) (:write a piece))
  [a b])

(defn run-on
  "What `f` returns for a fresh pair of that kind, which is closed then."
  [kind f client-extra server-extra]
  (def [a b] (pair kind client-extra server-extra))
  (defer (do
           # hard, where there is such a thing: what is left open is no matter of the fact
           (each s [a b] (if (index-of kind core-kinds) (:close s) (:close s true))))
    (f a b)))

# TCP holds megabytes on their way: too many for slow runs, where unix sockets' 200 KB serve.
(def- slow (os/getenv "JSEC_SLOW"))
(def plenty-size
  "More bytes than are held on their way: a write of so many has to wait for its reader."
  (if slow 1000000 12000000))
(defn- kinds-for [options kinds]
  (if (and slow (options :plenty)) (filter |(string/has-suffix? "unix" $) kinds) kinds))

(defn run-same [fact options f]
  (def kinds (kinds-for options [;core-kinds ;tls-kinds]))
  (var expected nil)
  (each kind kinds
    (check/test (string fact " (" kind ")")
      (def result (run-on kind f nil nil))
      (if (= kind (first kinds))
        (set expected result)
        (check/is= expected result "as core has it")))))

(defn- split-options
  "A struct of options before forms, and these."
  [body]
  (if (dictionary? (first body)) [(first body) (drop 1 body)] [{} body]))

(defmacro same
  ``State that the body, run with the two ends of a connection, has the same result on TLS as on
  core's own streams, and that its checks hold: `(same "a read gives the buffer" [a b] …)`. With
  `{:plenty true}` before the body it needs `plenty-size`.``
  [fact [a b] & body]
  (def [options forms] (split-options body))
  ~(,run-same ,fact ,options (fn [,a ,b] ,;forms)))

(defn run-tls [fact options f]
  (each kind (kinds-for options (get options :kinds tls-kinds))
    (check/test (string fact " (" kind ")")
      (run-on kind f (options :client) (options :server)))))

(defmacro on-tls
  ``State a fact about TLS streams alone. A struct before the body may give `:client` and `:server`
  options, `:kinds`, and `:plenty` as for `same`.``
  [fact [a b] & body]
  (def [options forms] (split-options body))
  ~(,run-tls ,fact ,options (fn [,a ,b] ,;forms)))

(def- pattern @"")

(defn bytes-of
  "n bytes with a pattern that shows where a piece comes from."
  [n]
  (while (< (length pattern) n) (buffer/push pattern (string (length pattern)) ","))
  (string/slice pattern 0 n))

(defn resident
  ``Kilobytes of memory that this process has, garbage aside; nil where that can't be told, or
  says nothing: sanitizers keep what was freed.``
  []
  (gccollect)
  (unless (or (os/getenv "JSEC_SLOW") (not (os/stat "/proc/self/status")))
    (first (peg/match '(thru (* "VmRSS:" :s+ (number :d+))) (slurp "/proc/self/status")))))

(defn- timer? [descriptor]
  (= [true "anon_inode:[timerfd]"] (protect (os/readlink (string "/proc/self/fd/" descriptor)))))

(defn descriptors
  ``How many descriptors this process has open, nil where that can't be told: garbage aside, and
  timers, since libkqueue opens one for each that runs.``
  []
  (gccollect)
  (if (os/stat "/proc/self/fd") (length (filter |(not (timer? $)) (os/dir "/proc/self/fd")))))
