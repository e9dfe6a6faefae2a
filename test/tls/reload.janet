# A context takes other certificates, keys and CAs while it serves.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "" :only [spawn await])
(import jsec/cert)
(import jsec/crypto)
(import jsec/tls)
(import jsec/tls-stream)

(def dir (tmpdir))
(defn- at [name] (string dir "/" name))

(def root (cert/generate-self-signed-cert {:common-name "root" :key-type :ec-p256}))
(defn- issue [name &opt host]
  (cert/issue-cert {:issuer-cert (root :cert) :issuer-key (root :key) :common-name name
                    :key-type :ec-p256
                    :san [(string "DNS:" (or host "localhost"))]}))
(def [one two] [(issue "one") (issue "two")])

(defn- put-files
  "The files of a server as a renewal leaves them."
  [pair &opt name]
  (default name "own")
  (spit (at (string name ".pem")) (pair :cert))
  (spit (at (string name ".key")) (pair :key))
  {:cert (at (string name ".pem")) :key (at (string name ".key"))})

(defn- echo [s] (with [_ s] (while (def data (:read s 100)) (:write s data))))

(defmacro- with-server
  "Run `body` beside an echoing server."
  [[port opts loop-opts] & body]
  (with-syms [listener]
    ~(let [,listener (tls/listen "127.0.0.1" 0)
           ,port (in (net/localname ,listener) 1)]
       (ev/go (fn [] (tls/accept-loop ,listener ,opts ,echo ,loop-opts)))
       (defer (:close ,listener) ,;body))))

(defn- dial [port &opt opts]
  (tls/connect "127.0.0.1" port (merge {:hostname "localhost" :ca (root :cert)} (or opts {}))))

(defn- name-of [s] ((:peer-certificate s :data) :subject-text))

(defn- echoes [s]
  (:write s "hello")
  (is= @"hello" (:chunk s 5)))

(defn- visit
  "The server's name in its certificate, whether a session was resumed, and the new session."
  [port &opt opts]
  (with [s (dial port opts)]
    (echoes s)
    [(name-of s) (:session-reused? s) (:get-session s)]))

(defn- served-name [port &opt opts] (first (visit port opts)))

(each version [:TLS1_2 :TLS1_3]
  (def opts {:max-version version})
  (def named (partial string version " "))

  (test (named "reload: new connections get the new certificate, an open one goes on")
    (def ctx (tls/new-context (put-files one)))
    (with-server [port ctx]
      (with [open (dial port opts)]
        (echoes open)
        (put-files two)
        (is= "CN=one" (served-name port opts))
        (is= ctx (tls/reload ctx))
        (is= "CN=two" (served-name port opts))
        (echoes open)
        (is= "CN=one" (name-of open)))))

  (test (named "reload: a session from before is resumed, by random keys and by given ones")
    (each keys [{} {:ticket-keys [(string/repeat "k" 80)]}]
      (def ctx (tls/new-context (merge (put-files one) keys)))
      (with-server [port ctx]
        (def [_ reused session] (visit port opts))
        (is= false reused)
        (put-files two)
        (tls/reload ctx)
        (is= true (in (visit port (merge opts {:session session})) 1))
        (tls/reload ctx (put-files one))
        (is= true (in (visit port (merge opts {:session session})) 1)))))

  (test (named "reload: keys of set-ticket-keys stay, those of :ticket-keys in the options count")
    (def [given set-later] [(string/repeat "g" 80) (string/repeat "s" 80)])
    (def ctx (tls/new-context (merge (put-files one) {:ticket-keys [given]})))
    (with-server [port ctx]
      (tls/set-ticket-keys ctx [set-later])
      (def session (last (visit port opts)))
      (tls/reload ctx)
      (is= true (in (visit port (merge opts {:session session})) 1))
      (tls/reload ctx (merge (put-files one) {:ticket-keys [given]}))
      (is= false (in (visit port (merge opts {:session session})) 1))))

  (test (named "reload: with other CAs for clients a session needs a full handshake")
    (def client (issue "client"))
    (def other (cert/generate-self-signed-cert {:common-name "other" :key-type :ec-p256}))
    (def own (merge (put-files one) {:verify true :ca (root :cert)}))
    (def ctx (tls/new-context own))
    (with-server [port ctx]
      (def as-client (merge opts {:cert (client :cert) :key (client :key)}))
      (def session (last (visit port as-client)))
      (is= true (in (visit port (merge as-client {:session session})) 1))
      (tls/reload ctx (merge own {:ca (other :cert)}))
      (is (string? (in (protect (visit port (merge as-client {:session session}))) 1)))
      (tls/reload ctx own)
      (is= true (in (visit port (merge as-client {:session session})) 1))))

  (test (named "reload: the files of virtual hosts are read again, all of them or none")
    (def files {"localhost" (put-files one) "b.example" (put-files (issue "b1" "b.example") "b")})
    (def ctx (tls/new-context {:sni files}))
    (def to-b (merge opts {:hostname "b.example"}))
    (with-server [port ctx]
      (is= ["CN=one" "CN=b1"] [(served-name port opts) (served-name port to-b)])
      (put-files two)
      (put-files {:cert ((issue "b2" "b.example") :cert) :key (two :key)} "b")
      (fails-with ":key does not belong to :cert" (tls/reload ctx))
      (is= ["CN=one" "CN=b1"] [(served-name port opts) (served-name port to-b)])
      (put-files (issue "b2" "b.example") "b")
      (tls/reload ctx)
      (is= ["CN=two" "CN=b2"] [(served-name port opts) (served-name port to-b)])))

  (test (named "reload: a virtual host's own context takes effect in its listener")
    (def host (tls/new-context (put-files one)))
    (with-server [port (tls/new-context {:sni {:default host}})]
      (is= "CN=one" (served-name port opts))
      (tls/reload host (put-files two))
      (is= "CN=two" (served-name port opts))))

  (test (named "accept-loop :reload takes changed files, and reports once what does not fit")
    (def errors @[])
    (def reported (ev/chan 10))
    (def own (put-files one))
    (with-server [port own {:reload 0.02
                            :on-error (fn [err facts] (array/push errors [err facts])
                                        (ev/give reported true))}]
      (is= "CN=one" (served-name port opts))
      (spit (own :cert) (two :cert))
      (ev/take reported)
      (is= "CN=one" (served-name port opts))
      (ev/sleep 0.1)
      (is= 1 (length errors))
      (is= {:stage :reload} (in (errors 0) 1))
      (is (string/find "reload: :key does not belong to :cert" (in (errors 0) 0)))
      (spit (own :key) (two :key))
      (while (not= "CN=two" (served-name port opts)) (ev/sleep 0.01))
      (is= 1 (length errors)))))

(test "reload: what does not fit raises and changes nothing"
  (def own (put-files one))
  (def ctx (tls/new-context own))
  (with-server [port ctx]
    (spit (own :key) (two :key))
    (fails-with "tls/reload: :key does not belong to :cert" (tls/reload ctx))
    (os/rm (own :key))
    (fails-with "tls/reload: :key" (tls/reload ctx))
    (fails-with "a server needs a certificate" (tls/reload ctx {}))
    (fails-with "unknown option :certt" (tls/reload ctx {:certt "x"}))
    (each wrong [{:hostname "x"} {:timeout 1} {:session "x"} {:context ctx}]
      (fails-with "it is a connection's" (tls/reload ctx (merge (put-files one) wrong))))
    (fails-with "threads may share" (tls/reload ctx (merge own {:ocsp-response (fn [])})))
    (fails-with ":sni within :sni"
                (let [host (tls/new-context own)]
                  (tls/new-context {:sni {:default host}})
                  (tls/reload host {:sni {:default own}})))
    (is= "CN=one" (served-name port))))

(test "reload: a key that a password opens stays open, given as text or in a file"
  (def [sealed-one sealed-two]
    (map |{:cert ($ :cert) :password "p"
           :key (crypto/export-key ($ :key) {:password "p" :iterations 1000})} [one two]))
  (def ctx (tls/new-context sealed-one))
  (def own (put-files sealed-one))
  (def other (tls/new-context (merge own {:password "p"})))
  (with-server [port ctx]
    (tls/reload ctx)
    (is= "CN=one" (served-name port))
    (fails-with ":key: private key is encrypted: wrong password"
                (tls/reload ctx (merge sealed-two {:password "q"})))
    (fails-with ":key: private key is encrypted: give its password"
                (tls/reload ctx {:cert (two :cert) :key (sealed-two :key)}))
    (is= "CN=one" (served-name port))
    (tls/reload ctx sealed-two)
    (tls/reload ctx)
    (is= "CN=two" (served-name port)))
  (with-server [port other]
    (put-files sealed-two)
    (tls/reload other)
    (is= "CN=two" (served-name port))))

(test "reload: a client's context takes another CA; trust-cert's certificates stay until options"
  (def other (cert/generate-self-signed-cert {:common-name "other" :key-type :ec-p256}))
  (spit (at "ca.pem") (other :cert))
  (with-server [port (put-files one)]
    (def ctx (tls/new-context {:ca (at "ca.pem")}))
    (defn fine? [] (first (protect (with [s (tls/connect "localhost" port ctx)] (echoes s)))))
    (is= false (fine?))
    (spit (at "ca.pem") (root :cert))
    (tls/reload ctx)
    (is= true (fine?))
    (tls/reload ctx {:ca (other :cert)})
    (is= false (fine?))
    (tls-stream/trust-cert ctx (one :cert))
    (is= true (fine?))
    (tls/reload ctx)
    (is= true (fine?))
    (tls/reload ctx {:ca (other :cert)})
    (is= false (fine?))))

(test "reload: a thread that shares the context serves the new certificate"
  (def ctx (tls/new-context (put-files one)))
  (def [ready stop] [(ev/thread-chan 1) (ev/thread-chan 1)])
  (ev/thread
    (fn []
      (with [listener (tls/listen "127.0.0.1" 0)]
        (ev/give ready (in (net/localname listener) 1))
        (ev/go (fn [] (ev/take stop) (ev/close listener)))
        (tls/accept-loop listener ctx (fn [s] (with [_ s] (:write s (:read s 100)))))))
    nil :n)
  (def port (ev/take ready))
  (is= "CN=one" (served-name port))
  (put-files two)
  (tls/reload ctx)
  (is= "CN=two" (served-name port))
  (ev/give stop true))

(test "tls/server takes :reload"
  (with [listener (tls/server "127.0.0.1" 0 echo (merge (put-files one) {:reload 0.02}))]
    (def port (in (net/localname listener) 1))
    (is= "CN=one" (served-name port))
    (put-files two)
    (while (not= "CN=two" (served-name port)) (ev/sleep 0.01))))

(test "reload: counts go on"
  (def ctx (tls/new-context (put-files one)))
  (with-server [port ctx]
    (served-name port)
    (tls/reload ctx)
    (served-name port)
    (is= 2 ((tls/stats ctx) :handshakes))))

(test "accept-loop :reload sees a change between new-context and the loop"
  (def ctx (tls/new-context (put-files one)))
  (put-files two)
  (with-server [port ctx {:reload 0.02}]
    (while (not= "CN=two" (served-name port)) (ev/sleep 0.01))))

(test "1,000 reloads while clients connect: no handshake fails, each reload takes under 2 ms"
  (def ctx (tls/new-context (put-files one)))
  (with-server [port ctx]
    (var done false)
    (defn client []
      (var session nil)
      (var visits 0)
      (while (not done)
        (def [name _ fresh] (visit port (if session {:session session} {})))
        (set session fresh)
        (is (or (= "CN=one" name) (= "CN=two" name)))
        (++ visits))
      visits)
    (def clients (seq [_ :range [0 3]] (spawn (client))))
    (def times @[])
    (repeat (load 1000)
      (put-files (if (odd? (length times)) one two))
      (def start (os/clock :monotonic))
      (tls/reload ctx)
      (array/push times (- (os/clock :monotonic) start))
      (ev/sleep 0))
    (set done true)
    (each c clients
      (def [outcome visits] (await c))
      (is= :ok outcome)
      (is (pos? visits)))
    (def middle (in (sorted times) (div (length times) 2)))
    (when (os/getenv "JSEC_FIGURES") (eprintf "median of a reload: %.0f us" (* 1e6 middle)))
    (is (< middle (* 2e-3 (scan-number (os/getenv "JSEC_SLOW" "1")))))))

(end)
