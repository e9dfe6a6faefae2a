# A server that keeps its certificates itself, with pebble as its CA and curl as a client.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "")
(import ../support/peers :as peers)
(import ../support/pebble :as pebble)
(import jsec/acme)
(import jsec/cert)
(import jsec/tls)

(defn handle [s]
  (when (:read s 4096)
    (:write s "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n"))
  (:close s))

(defn with-server
  "Run `f` with events of a server on the port that pebble validates, and its store."
  [pebble more f &opt handler]
  (def events (ev/chan 1000))
  (def store (get more :store (string (tmpdir) "/store")))
  (with [listener (tls/listen "127.0.0.1" (get-in pebble [:ports :tls]) {:share-port true})]
    (def options (merge (pebble :client) {:directory (pebble :directory) :store store
                                          :on-event |(ev/give events $)} more))
    (def task (spawn (acme/serve listener options (or handler handle))))
    (turns)
    (f events store)
    (:close listener)
    (is= [:ok listener] (await task))))

(defn dial [pebble name]
  (tls/connect "127.0.0.1" (get-in pebble [:ports :tls])
               {:hostname name :ca (pebble :root) :timeout 30}))

(defn serial-of [pebble name]
  (with [s (dial pebble name)] (((:connection-info s) :peer-certificate) :serial)))

(peer-test [;pebble/programs "curl"] "from an empty store to a connection that curl verifies"
  (pebble/with-pebble [server {}]
    (with-server server {:names ["a.example"]}
      (fn [events store]
        (is= [:issued "a.example"] (tuple ;(map (ev/take events) [:event :name])))
        (def root (string (tmpdir) "/root.pem"))
        (spit root (server :root))
        (def port (get-in server [:ports :tls]))
        (def curl (os/spawn ["curl" "-sS" "--cacert" root "--resolve"
                             (string "a.example:" port ":127.0.0.1")
                             (string "https://a.example:" port "/")] :p {:out :pipe}))
        (is= "hello\n" (string (ev/read (curl :out) :all)))
        (is= 0 (os/proc-wait curl))
        (is= ["a.example.lock" "a.example.pem" "account.key" "account.lock"]
             (tuple ;(sorted (os/dir store))))
        (is= ["rw-------" "rw-------" "rwx------"]
             [;(map |(os/stat (string store "/" $) :permissions) ["a.example.pem" "account.key"])
              (os/stat store :permissions)])))))

(peer-test pebble/programs
           "names are obtained when clients ask, if they are allowed, and once for all"
  (pebble/with-pebble [server {}]
    (with-server server {:allow |(string/has-suffix? ".example" $)}
      (fn [events store]
        (def tasks (seq [i :range [0 20]]
                     (spawn (serial-of server (if (even? i) "b.example" "c.example")))))
        (def serials (map await tasks))
        (is= [] (tuple ;(filter |(= :error (first $)) serials)))
        (is= 2 (length (distinct serials)))
        (is= 2 (ev/count events))
        (fails-with "unrecognized name" (dial server "d.other"))
        (is= 2 (ev/count events))
        (def again (serial-of server "b.example"))
        (is (has-value? serials [:ok again]))))))

(peer-test pebble/programs "a second server on the store takes what the first one obtained"
  (pebble/with-pebble [server {}]
    (def store (string (tmpdir) "/shared"))
    (with-server server {:names ["e.example"] :store store}
      (fn [events _]
        (ev/take events)
        (def before (serial-of server "e.example"))
        (with-server server {:names ["e.example"] :store store}
          (fn [others _]
            (repeat 5 (is= before (serial-of server "e.example")))
            (is= 0 (ev/count others))))))))

(peer-test pebble/programs "what the CA refuses is an event, with its words, and ends no server"
  (pebble/with-pebble [server {"domainBlocklist" ["blocked.example"]}]
    (with-server server {:names ["blocked.example" "f.example"]}
      (fn [events store]
        (def seen (sorted-by |($ :name) [(ev/take events) (ev/take events)]))
        (is= [:failed :issued] (tuple ;(map |($ :event) seen)))
        (is (string/find "rejectedIdentifier" ((first seen) :error)))
        (is (< 20 ((first seen) :retry) 40))
        (fails-with "internal error" (dial server "blocked.example"))
        (is (serial-of server "f.example"))))))

(peer-test pebble/programs "renewals go on under traffic, and no handshake fails"
  :deadline 90
  (pebble/with-pebble [server {"certificateValidityPeriod" 20}]
    (with-server server {:names ["g.example"]}
      (fn [events store]
        (def issued (ev/take events))
        (when (> (issued :not-after) (+ 100 (os/clock :realtime)))
          (break)) # a pebble that issues no short ones
        (def until (+ 34 (os/clock :monotonic)))
        (def serials @{})
        (while (< (os/clock :monotonic) until)
          (put serials (serial-of server "g.example") true)
          (ev/sleep 0.05))
        (is (<= 3 (length serials)))
        (while (pos? (ev/count events)) (is= :renewed ((ev/take events) :event)))))))

(peer-test pebble/programs "damaged files of the store, and those of other names, count as none"
  (pebble/with-pebble [server {}]
    (def store (string (tmpdir) "/damaged"))
    (os/mkdir store)
    (def other (cert/generate-self-signed-cert {:common-name "b.example" :key-type :ec-p256}))
    (def own (cert/generate-self-signed-cert {:common-name "a.example" :key-type :ec-p256}))
    (each text ["" "no PEM" (own :cert) (string (own :cert) (other :key))
                (string (other :cert) (other :key))]
      (spit (string store "/a.example.pem") text)
      (with-server server {:names ["a.example"] :store store}
        (fn [events _]
          (is= :issued ((ev/take events) :event))
          (is (serial-of server "a.example")))))))

(peer-test pebble/programs "a wildcard by :dns-01 serves its names"
  (pebble/with-pebble [server {}]
    (def dns {:add (fn [name value] (pebble/set-txt server name value))
              :remove (fn [name _] (pebble/clear-txt server name))})
    (with-server server {:names ["*.k.example"] :dns-01 dns}
      (fn [events store]
        (ev/take events)
        (is (serial-of server "www.k.example"))
        (fails-with "unrecognized name" (dial server "k.example"))
        (is= 0 (ev/count events))))))

(peer-test pebble/programs "names that no CA would verify reach neither :allow nor the store"
  (pebble/with-pebble [server {}]
    (def asked @[])
    (with-server server {:allow (fn [name] (array/push asked name) true)}
      (fn [events store]
        (each name ["account" "localhost" "a_b.example"]
          (fails-with "handshake failed" (dial server name)))
        (is= [] (tuple ;asked))
        (is= 0 (ev/count events))))))

(peer-test pebble/programs "a clock far ahead of the CA's does not use up the quota"
  (pebble/with-pebble [server {"certificateValidityPeriod" 1}]
    (with-server server {:names ["h.example"]}
      (fn [events store]
        (ev/take events)
        (ev/sleep 4)
        (is= 0 (ev/count events))))))

(peer-test pebble/programs "no handler sees the CA's connections"
  (pebble/with-pebble [server {}]
    (var handled 0)
    (with-server server {:names ["i.example"]
                         :loop {:on-error (fn [text] (eprint text))}}
      (fn [events store]
        (ev/take events)
        (is= 0 handled)
        (serial-of server "i.example")
        (turns)
        (is= 1 handled))
      (fn [s] (++ handled) (handle s)))))

(test "a server that ends takes its orders with it, and reports none of them"
  (var seen nil)
  (with [ca (tls/listen "127.0.0.1" 0)]
    (def [_ port] (address-of ca))
    (def asked (ev/chan 10))
    (ev/go (fn []
             (tls/accept-loop ca server-options (fn [s] (ev/give asked true) (ev/sleep 20))))
           nil (ev/chan 10))
    (with-server {:client {:terms true :tls {:ca (identity :cert)}} :ports {:tls 0}
                  :directory (string "https://localhost:" port "/")} {:names ["j.example"]}
      (fn [events store]
        (set seen events)
        (ev/take asked))))
  (turns 10)
  (is= 0 (ev/count seen)))

(test "options of the wrong form are refused"
  (with [listener (tls/listen "127.0.0.1" 0)]
    (def good {:directory "https://localhost/dir" :terms true :names ["a.example"] :store "x"})
    (each [change why] [[{:terms false} "agree to the CA's terms"] [{:store ""} "give :store"]
                        [{:names ["x"]} "a name is no host name"]
                        [{:names ["*.a.example"]} "a wildcard is verified by :dns-01 only"]
                        [{:names 1} "bad option :names"]
                        [{:nothing 1} "unknown option"]]
      (fails-with (string "acme/serve: " why)
                  (acme/serve listener (merge good change) handle)))
    (fails-with "acme/serve: give :names, or :allow"
                (acme/serve listener {:terms true :store "x"} handle))
    (fails-with "acme/serve: handler: bad slot #2" (acme/serve listener good 1))))

(end)
