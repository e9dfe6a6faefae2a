# Facts of docs/security.md that no other file states: which peers each entry point admits, and
# what a loop does without descriptors.
(import ../support/check :prefix "")
(import ../support/peers :prefix "")
(import ../support/cut :prefix "")
(import jsec/tls)

(def slowness (scan-number (os/getenv "JSEC_SLOW" "1")))
(def ca (authority "Test CA"))
(def identity (issue ca))
(def me (issue ca :common-name "a client" :san ["email:a@b.example"]))
(def trust {:ca-file (ca :cert)})
(def closed-shop (merge identity {:verify true :ca-file (ca :cert)}))

# ---- every way in ----

(defn- by-wrap [wrap options context]
  (def [near far] (plain-pair))
  (def server (ev/chan 1))
  (ev/go (fn []
           (ev/give server (protect (wrap far (if context (tls/new-context options) options))))))
  [(fn [client] (tls/wrap near "localhost" client)) |(ev/take server)
   (fn [] (each s [near far] (protect (ev/close s))))])

(defn- by-accept [options context]
  (def listener (tls/listen "127.0.0.1" "0"))
  (def server (ev/chan 1))
  (ev/go (fn []
           (ev/give server
                    (protect (tls/accept listener
                                         (if context (tls/new-context options) options))))))
  [(fn [client]
     (tls/connect "127.0.0.1" (port-of listener) client)) |(ev/take server) |(ev/close listener)])

(defn- by-loop [options context]
  (def listener (tls/listen "127.0.0.1" "0"))
  (def server (ev/chan 1))
  (ev/go (fn [] (tls/accept-loop listener (if context (tls/new-context options) options)
                                 |(ev/give server [true $])
                                 {:on-error |(ev/give server [false $])})))
  [(fn [client]
     (tls/connect "127.0.0.1" (port-of listener) client)) |(ev/take server) |(ev/close listener)])

(defn- by-virtual-host [options context]
  (by-loop {:cert (identity :cert) :key (identity :key)
            :sni {"localhost" (if context (tls/new-context options) options)}} false))

(each [name enter] [["accept" by-accept] ["accept-loop" by-loop]
                    ["wrap" (fn [& more] (by-wrap tls/wrap ;more))]
                    ["a virtual host" by-virtual-host]]
  (each context [false true]
    (each version [:TLS1_2 :TLS1_3]
      (test (string "a server with :verify true admits no client without a certificate, through "
                    name
                    (if context " with a context" "") ", " version)
        (each [client admitted] [[{} false] [me true]
                                 [(issue (authority "Other CA") :common-name "x") false]]
          (def [connect served close] (enter closed-shop context))
          (defer (close)
            (def options (merge trust {:hostname "localhost" :max-version version}
                                (if (empty? client) {} {:cert (client :cert) :key (client :key)})))
            (def near (protect (connect options)))
            (def [fine far] (served))
            (is= admitted fine far)
            (each [up s] [near [fine far]] (if (= :jsec/tls-stream (type s)) (:close s true)))))))))

# ---- suites ----

(test "a peer that has CBC suites only is refused, unless :ciphers say otherwise"
  (def cbc {:max-version :TLS1_2 :ciphers "ECDHE-ECDSA-AES128-SHA256"})
  (each [server client] [[{} cbc] [cbc {}]]
    (with-server [s (merge identity server) echo]
      (fails-with "handshake failed"
                  (tls/connect "127.0.0.1" (s :port) (merge trust client {:max-version :TLS1_2})))))
  (with-server [s (merge identity cbc) echo]
    (with [c (tls/connect "127.0.0.1" (s :port) (merge trust cbc))]
      (is= @"x" (sent-back c "x")))))

# ---- descriptors ----

(def script
  ``(import jsec/tls)
    (def [_ cert key] (dyn *args*))
    (def listener (tls/listen "127.0.0.1" 0))
    (print (in (net/localname listener) 1))
    (flush)
    (defn serve [s] (protect (:read s 1)) (:close s true))
    (ev/go (fn [] (tls/accept-loop listener {:cert cert :key key} serve)))
    (ev/read (os/open "/dev/stdin" :r) 1)
    (print (string/format "cpu %.3f" (os/clock :cputime)))
    (flush)
    (os/exit 0)``)

(test "out of descriptors the loop goes on, and costs no time"
  (def dir (tmpdir))
  (def paths (saved dir "server" identity))
  (spit (string dir "/server.janet") script)
  (with-child [c "sh" "-c" `ulimit -n 40; exec "$@"` "sh" (dyn *executable*)
               (string dir "/server.janet") (paths :cert) (paths :key)]
    (def [port] (await c :out '(* (<- :d+) "\n")))
    # more than it can accept: they wait, and are served when others go
    (def held (seq [_ :range [0 60]] (plain-connect "127.0.0.1" port)))
    (ev/sleep (* slowness 0.5))
    (each s (slice held 0 55) (ev/close s))
    (with [s (tls/connect "127.0.0.1" port trust)] (:write s "x"))
    (each s (slice held 55) (ev/close s))
    (feed c "\n")
    (def [cpu] (await c :out '(* "cpu " (number (some (+ :d ".")) ))))
    (is (< cpu (* slowness 0.5)) cpu)))

(end)
