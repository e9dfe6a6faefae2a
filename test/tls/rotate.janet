# Ticket keys that change with time, the same ones in each process of a fleet.
(import ../support/check :prefix "")
(import ../support/peers :prefix "" :only [with-child])
(import jsec/cert)
(import jsec/crypto)
(import jsec/dtls)
(import jsec/tls)

(def dir (tmpdir))
(defn- at [name] (string dir "/" name))
(def cert (cert/generate-self-signed-cert {:common-name "a.example" :key-type :ec-p256}))
(def identity {:cert (cert :cert) :key (cert :key)})
(spit (at "own.pem") (cert :cert))
(spit (at "own.key") (cert :key))
(def secret (string (crypto/random-bytes 32)))
(spit (at "secret") secret)

(defn- server-process
  "A process that serves with rotating keys; gives [process port]."
  [code options]
  (def text
    (string/format
      ``(import jsec/tls)
        (import jsec/crypto)
        %s
        (def ctx (tls/new-context {:cert %q :key %q}))
        (tls/rotate-ticket-keys ctx %s)
        (def listener (tls/listen "127.0.0.1" 0))
        (print (in (net/localname listener) 1))
        (flush)
        (tls/accept-loop listener ctx
          (fn [s] (with [_ s] (while (def data (:read s 100)) (:write s data)))))``
      code (at "own.pem") (at "own.key") options))
  (def process (os/spawn ["janet" "-e" text] :p {:out :pipe}))
  (def said @"")
  (while (not (string/find "\n" said))
    (unless (ev/read (process :out) 100 said) (error "the server said nothing")))
  [process (scan-number (string/trim said))])

(defn- copy-bytes [from to]
  (protect (while (def data (ev/read from 4096)) (ev/write to data)))
  (protect (ev/close to)))

(defn- balance
  "A balancer that gives each connection to the next port in turn."
  [listener ports]
  (var turn 0)
  (protect
    (forever
      (def near (net/accept listener))
      (def far (net/connect "127.0.0.1" (string (ports (mod turn (length ports))))))
      (++ turn)
      (ev/go (fn [] (copy-bytes near far)))
      (ev/go (fn [] (copy-bytes far near))))))

(defmacro- with-fleet
  "Run the body with the port of a balancer before three processes."
  [[port code options] & body]
  (with-syms [fleet listener]
    ~(let [,fleet (seq [_ :range [0 3]] (,server-process ,code ,options))
           ,listener (net/listen "127.0.0.1" "0")
           ,port (in (net/localname ,listener) 1)]
       (ev/go (fn [] (,balance ,listener (map last ,fleet))))
       (defer (do (ev/close ,listener) (each [p] ,fleet (os/proc-kill p true)))
         ,;body))))

(defn- visit [port opts]
  (with [s (tls/connect "127.0.0.1" port
                        (merge {:hostname "a.example" :trusted-cert (cert :cert)} opts))]
    (:write s "hello")
    (is= @"hello" (:chunk s 5))
    [(:session-reused? s) (:get-session s)]))

(defn- resumes-for
  "Each visit resumes the session of the one before, at another process, for some seconds."
  [port opts seconds]
  (var session (last (visit port opts)))
  (def end (+ seconds (os/clock :monotonic)))
  (while (< (os/clock :monotonic) end)
    (def [reused fresh] (visit port (merge opts {:session session})))
    (is= true reused)
    (set session fresh)
    (ev/sleep 0.05)))

(defmacro- with-server [[port ctx] & body]
  (with-syms [listener]
    ~(with [,listener (tls/listen "127.0.0.1" 0)]
       (def ,port (in (net/localname ,listener) 1))
       (ev/go (fn [] (tls/accept-loop ,listener ,ctx
                                      (fn [s] (with [_ s] (:write s (:read s 100)))))))
       ,;body)))

(each version [:TLS1_2 :TLS1_3]
  (test (string version ": three processes with one secret resume each other's sessions, over "
                "several periods")
    (with-fleet [port "" (string/format "{:secret (slurp %q) :every 0.5}" (at "secret"))]
      (resumes-for port {:max-version version} 1.6))))

(test "another secret, or another length of the periods, makes other keys"
  (def ctx (tls/new-context identity))
  (with-server [port ctx]
    (def stops @[(tls/rotate-ticket-keys ctx {:secret secret})])
    (def session (last (visit port {})))
    (array/push stops (tls/rotate-ticket-keys ctx {:secret (crypto/random-bytes 32)}))
    (is= false (first (visit port {:session session})))
    (array/push stops (tls/rotate-ticket-keys ctx {:secret secret :every 3000}))
    (is= false (first (visit port {:session session})))
    (array/push stops (tls/rotate-ticket-keys ctx {:secret (buffer secret) :every 3600}))
    (is= true (first (visit port {:session session})))
    (each stop stops (stop) (is= nil (stop)))))

(test "a key that is not kept decrypts no more"
  (def ctx (tls/new-context identity))
  (with-server [port ctx]
    (def stop (tls/rotate-ticket-keys ctx {:secret secret :every 0.1 :keep 0}))
    (def session (last (visit port {})))
    (ev/sleep 0.3)
    (is= false (first (visit port {:session session})))
    (stop)))

(test "after its end a rotation changes nothing, and its task is over"
  (def ctx (tls/new-context identity))
  (with-server [port ctx]
    ((tls/rotate-ticket-keys ctx {:secret secret :every 0.05 :keep 0}))
    (def session (last (visit port {})))
    (ev/sleep 0.2)
    (is= true (first (visit port {:session session})))))

(test "a source may wait; when it raises later, the keys stay and :on-error is called"
  (def ctx (tls/new-context identity))
  (def errors (ev/chan 100))
  (var calls 0)
  (defn source []
    (ev/sleep 0)
    (if (> (++ calls) 1) (error "no keys today") [(string/repeat "k" 80)]))
  (with-server [port ctx]
    (def stop (tls/rotate-ticket-keys ctx {:source source :every 0.05
                                           :on-error |(ev/give errors $)}))
    (def session (last (visit port {})))
    (is= "no keys today" (ev/take errors))
    (is= "no keys today" (ev/take errors))
    (is= true (first (visit port {:session session})))
    (stop))
  (fails-with "no keys at first"
              (tls/rotate-ticket-keys ctx {:source |(error "no keys at first")})))

(test "keys that rotate stay after a reload"
  (def ctx (tls/new-context identity))
  (with-server [port ctx]
    (def stop (tls/rotate-ticket-keys ctx {:secret secret}))
    (def session (last (visit port {})))
    (tls/reload ctx)
    (is= true (first (visit port {:session session})))
    (stop)))

(test "wrong options are refused"
  (def ctx (tls/new-context identity))
  (defn refused [text opts] (fails-with text (tls/rotate-ticket-keys ctx opts)))
  (refused "expected options, got number" 1)
  (refused "one of the options :secret and :source" {})
  (refused "one of the options :secret and :source" {:secret secret :source (fn [])})
  (refused "at least 32 random bytes" {:secret "short"})
  (refused ":secret, expected string or buffer, got keyword" {:secret :key})
  (refused ":source, expected function" {:source "x"})
  (refused "unknown option" {:secret secret :kepp 2})
  (each every [0 -1 math/inf math/nan "1"] (refused ":every" {:secret secret :every every}))
  (each keep [-1 7 1.5 "1"] (refused "from 0 to 6" {:secret secret :keep keep}))
  (fails-with "tls/rotate-ticket-keys: ctx: bad slot #0, expected context"
              (tls/rotate-ticket-keys 1 {:secret secret}))
  (fails-with "dtls/rotate-ticket-keys: ctx: bad slot #0, expected context"
              (dtls/rotate-ticket-keys ctx {:secret secret})))

(test "DTLS: two servers with one secret resume each other's sessions"
  (def [one two] (seq [_ :range [0 2]] (dtls/new-context identity)))
  (def stops (map |(dtls/rotate-ticket-keys $ {:secret secret}) [one two]))
  (defn visit-at [ctx opts]
    (with [s (dtls/listen "127.0.0.1" 0 ctx)]
      (ev/go (fn [] (dtls/recv-from s 100 @"")))
      (with [c (dtls/connect "127.0.0.1" (in (dtls/localname s) 1)
                             (merge {:trusted-cert (cert :cert) :verify-hostname "a.example"}
                                    opts))]
        [(:session-reused? c) (:get-session c)])))
  (def [reused session] (visit-at one {}))
  (is= [false true] [reused (first (visit-at two {:session session}))])
  (each stop stops (stop)))

(defn- redis-answers? [port]
  (first (protect (with [s (net/connect "127.0.0.1" (string port))] s))))

(peer-test "redis-server" "three processes take their keys from Redis, and one makes them"
  (def port (with [l (net/listen "127.0.0.1" "0")] (in (net/localname l) 1)))
  (with-child [r "redis-server" "--port" (string port) "--bind" "127.0.0.1" "--save" ""
               "--dir" dir]
    (while (not (redis-answers? port)) (ev/sleep 0.05))
    (with-fleet [balancer
                 (string/format
                   ``(def recipe (dofile "examples/redis_ticket_keys.janet"))
                     (def keys-of (get-in recipe ['keys-of :value]))
                     (defn source [] (keys-of "127.0.0.1" "%d" 1))`` port)
                 "{:source source :every 1}"]
      (resumes-for balancer {} 2.5))))

(end)
