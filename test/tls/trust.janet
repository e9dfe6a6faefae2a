# What must not be got around: resumption does not skip a check, a virtual host does not lose one,
# an option is never read and then without effect.
(import ../support/check :prefix "")
(import jsec/cert)
(import jsec/crypto)
(import jsec/tls)
(import jsec/tls-stream)

(def root (cert/generate-self-signed-cert {:common-name "root" :key-type :ec-p256}))
(defn- issue [name &opt opts]
  (cert/issue-cert
    (merge {:issuer-cert (root :cert) :issuer-key (root :key) :common-name name :key-type :ec-p256}
           (or opts {}))))
(defn- identity [made] {:cert (made :cert) :key (made :key)})
(def leaf (issue "a.example"))
(def client (issue "client.example"))
(defn- pin-of [made]
  (string "sha256//" (crypto/base64-encode
                       (crypto/digest :sha256
                                      (crypto/convert-key (crypto/export-public-key (made :key))
                                                          :der)))))
(def wrong-pin (string "sha256//" (crypto/base64-encode (crypto/random-bytes 32))))

(var handled 0)
(defn- serve [opts &opt loop-opts]
  (def listener (tls/listen "127.0.0.1" "0"))
  (ev/go (fn [] (tls/accept-loop listener opts
                                 (fn [s] (++ handled)
                                   (defer (:close s)
                                     (var data (protect (:read s 100)))
                                     (while (and (data 0) (data 1))
                                       (:write s (data 1))
                                       (set data (protect (:read s 100))))))
                                 (or loop-opts {}))))
  [listener (in (net/localname listener) 1)])

(defmacro- with-server [[port opts loop-opts] & body]
  (with-syms [listener]
    ~(let [[,listener ,port] (,serve ,opts ,loop-opts)]
       (defer (:close ,listener) ,;body))))

(defn- visit
  "Echo a word; gives [resumed? session info]."
  [port & opts]
  (with [s (tls/connect "127.0.0.1" port (merge {:hostname "a.example" :ca (root :cert)} ;opts))]
    (:write s "hello")
    (is= @"hello" (:chunk s 5))
    [(:session-reused? s) (:get-session s) (:connection-info s)]))

(def versions [{:security {:max-version :TLS1_2}} {:security {:min-version :TLS1_3}}])

(test (string "a server with wrong pins refuses a client for good: no session comes of it, and "
              "an alert says so")
  (each version versions
    (def server (merge (identity leaf) {:verify true :ca (root :cert) :pins [wrong-pin]}))
    (def sessions @[])
    (def before handled)
    (with-server [port server]
      (repeat 2
        (fails-with "alert"
                    (visit port version (identity client) {:on-session |(array/push sessions $)}))))
    (is= before handled)
    (is= @[] sessions)))

(test (string "a client of TLS 1.3 that is refused after its handshake is told why, whether it "
              "writes or reads")
  (def opts {:hostname "a.example" :ca (root :cert) :security {:min-version :TLS1_3}})
  (def server (merge (identity leaf) {:verify true :ca (root :cert)}))
  (def why "the peer requires a certificate: give :cert and :key")
  (with [listener (tls/listen "127.0.0.1" "0")]
    (def port (in (net/localname listener) 1))
    (each first-call [:write :read]
      (def refused (ev/chan 1))
      (ev/go (fn [] (ev/give refused (protect (tls/accept listener server)))))
      (with [s (tls/connect "127.0.0.1" port opts)]
        (is= false (first (ev/take refused)))
        (if (= first-call :write)
          (fails-with ~(* "tls/write: " (thru ,why) -1)
                      (repeat 1000 (:write s "hello") (ev/sleep 0.001))))
        (fails-with ~(* "tls/read: " (thru ,why) -1) (:read s 1))))))

(test "a client with wrong pins gets no session of the refused server"
  (each version versions
    (def sessions @[])
    (with-server [port (identity leaf)]
      (repeat 2
        (fails-with "pin mismatch"
                    (visit port version {:pins [wrong-pin] :on-session |(array/push sessions $)})))
      (is= @[] sessions)
      (is (visit port version {:pins [wrong-pin (pin-of leaf)]}))
      (is (visit port version {:pins [(pin-of root)]}) "a CA's key in the verified chain"))))

(test "without verification the pin is the leaf's, and the result says that nothing was verified"
  (with-server [port {:cert (string (leaf :cert) (root :cert)) :key (leaf :key)}]
    (def [_ _ info] (visit port {:verify false :pins [(pin-of leaf)]}))
    (is= false (get-in info [:verify-result :ok]))
    (fails-with "pin mismatch" (visit port {:verify false :pins [(pin-of root)]}))))

(test "pins on a server that requests no certificates are refused"
  (fails-with ":pins on a server need :verify true"
    (with-server [port (merge (identity leaf) {:pins [wrong-pin]})]
      (tls/accept (tls/listen "127.0.0.1" "0") (merge (identity leaf) {:pins [wrong-pin]})))))

(test "a virtual host verifies with its own depth, time and purpose"
  (def middle (issue "middle" {:ca true}))
  (def deep (cert/issue-cert {:issuer-cert (middle :cert) :issuer-key (middle :key)
                              :common-name "deep" :key-type :ec-p256}))
  (def with-chain {:cert (string (deep :cert) (middle :cert)) :key (deep :key)})
  (def vetted (merge (identity leaf) {:verify true :ca (root :cert)}))
  (defn refused? [server who]
    (with-server [port server]
      (not (first (protect (visit port {:security {:max-version :TLS1_2}} who))))))
  (each [strict lax who]
        [[{:verify-depth 0} {:verify-depth 1} with-chain]
         [{:verify-time (+ (os/time) (* 400 86400))} {:verify-time (os/time)} (identity client)]
         [{:purpose :server} {:purpose :any} (identity (issue "x" {:ext-key-usage [:clientAuth]}))]]
    (is (refused? (merge vetted strict) who) "itself")
    (defn with-host [opts host]
      (merge (identity leaf) opts {:sni {"a.example" (merge vetted host)}}))
    (is (refused? (with-host {} strict) who) "as a host")
    (is (refused? (with-host strict {}) who) "inherited")
    (is (not (refused? (with-host strict lax) who)) "beside the host")))

(test "a virtual host has its own groups and number of tickets"
  (with-server [port
                (merge (identity leaf)
                       {:sni {"a.example" (merge (identity leaf)
                                                 {:curves "secp521r1" :session-tickets 0})}})]
    (def [_ session info] (visit port {:security {:min-version :TLS1_3}}))
    (is= "secp521r1" (info :group))
    (is= nil session)))

(test "what a virtual host can't have of its own is refused"
  (each [name value] [[:ticket-keys (string/repeat "k" 48)] [:session-timeout 5]
                      [:handshake-timeout 1] [:truncation :eof]
                      [:timeout 1] [:close-timeout 1] [:on-session print] [:sni {}]]
    (fails-with (string/format "option %q in :sni: it is the listener's" name)
      (tls/new-context {:sni {"a.example" (merge (identity leaf) {name value})}})))
  (fails-with "a function as :ocsp-response in :sni"
              (tls/new-context
                {:sni {"a.example" (merge (identity leaf) {:ocsp-response (fn [] nil)})}})))

(test ":on-session beside a context that was made without it is refused"
  (def ctx (tls/new-context {:verify false}))
  (fails-with ":on-session beside a context"
              (tls/connect "127.0.0.1" 1 {:context ctx :on-session print})))

(test "trust-cert twice is not as if it never was, and :trusted-cert is not :ca"
  (def stranger (cert/generate-self-signed-cert {:common-name "a.example" :key-type :ec-p256}))
  (with-server [port (identity stranger)]
    (def twice (tls/new-context {:ca (root :cert) :hostname "a.example"}))
    (repeat 2 (tls-stream/trust-cert twice (stranger :cert)))
    (def session
      (with [s (tls/connect "127.0.0.1" port twice)] (:write s "x") (:chunk s 1) (:get-session s)))
    (is (string? session))
    (fails-with "under other verification settings" (visit port {:session session})))
  (with-server [port (identity leaf)]
    (def [_ session] (visit port {:ca nil :trusted-cert (leaf :cert)}))
    (fails-with "options :"
                (visit port {:ca (leaf :cert) :trusted-cert (leaf :cert) :ca-file (leaf :cert)}))
    (fails-with "under other verification settings"
      (tls/connect "127.0.0.1" port {:hostname "a.example" :ca (leaf :cert) :session session}))))

(peer-test "openssl"
  (string "revocation holds for sessions, for contexts that are given their CA later, and for "
          "lists in one file")
  (def dir (tmpdir))
  (defn at [name] (string dir "/" name))
  (spit (at "ca.cnf") (string "[ca]\ndefault_ca=d\n[d]\ndatabase=" (at "index")
                              "\ndefault_md=sha256\ndefault_crl_days=30\n"))
  (eachp [name text] {"root.pem" (root :cert) "root.key" (root :key) "leaf.pem" (leaf :cert)
                      "client.pem" (client :cert) "index" ""}
    (spit (at name) text))
  (defn ca [& words]
    (with [null (file/open "/dev/null" :w)]
      (is= 0 (os/execute ["openssl" "ca" "-config" (at "ca.cnf") "-cert" (at "root.pem") "-keyfile"
                          (at "root.key") ;words]
                         :p {:err null :out null}))))
  (ca "-gencrl" "-out" (at "none.crl"))
  (ca "-revoke" (at "leaf.pem"))
  (ca "-revoke" (at "client.pem"))
  (ca "-gencrl" "-out" (at "both.crl"))

  # a client's session, the list at the same path meanwhile another
  (spit (at "now.crl") (slurp (at "none.crl")))
  (with-server [port (identity leaf)]
    (def [_ session] (visit port {:crl (at "now.crl")}))
    (spit (at "now.crl") (slurp (at "both.crl")))
    (fails-with "certificate revoked" (visit port {:crl (at "now.crl")}))
    (fails-with "under other verification settings"
                (visit port {:crl (at "now.crl") :session session})))

  # a client's ticket, at a server with a changed list
  (def tls12 {:security {:max-version :TLS1_2}})
  (def server
    (merge (identity leaf) {:verify true :ca (root :cert) :ticket-keys (string/repeat "k" 80)}))
  (def [_ session]
    (with-server [port (merge server {:crl (at "none.crl")})] (visit port tls12 (identity client))))
  (with-server [port (merge server {:crl (at "both.crl")})]
    (fails-with "alert" (visit port tls12 (identity client) {:session session})))

  # a server's CA that comes after its lists
  (def late (tls/new-context (merge (identity leaf) {:verify true :crl (at "both.crl")})))
  (fails-with "no CA to verify clients against" (tls/accept (tls/listen "127.0.0.1" "0") late))
  (tls-stream/trust-cert late (root :cert))
  (with-server [port late]
    (fails-with "alert" (visit port tls12 (identity client))))

  # lists of two CAs in one file
  (def other (cert/generate-self-signed-cert {:common-name "other root" :key-type :ec-p256}))
  (eachp [name text] {"other.pem" (other :cert) "other.key" (other :key)} (spit (at name) text))
  (with [null (file/open "/dev/null" :w)]
    (os/execute ["openssl" "ca" "-config" (at "ca.cnf") "-cert" (at "other.pem") "-keyfile"
                 (at "other.key") "-gencrl" "-out" (at "other.crl")]
                :p {:err null :out null}))
  (with-server [port (identity leaf)]
    (is (visit port {:crl (string (slurp (at "other.crl")) (slurp (at "none.crl")))}))))

(test "session-timeout is a number of seconds up to a week"
  (each bad [0 -1 1.5 604801 math/inf "1"]
    (fails-with ":session-timeout" (tls/new-context {:session-timeout bad}))))

(test "connections that were forgotten give back their places at :max-connections"
  (def listener (tls/listen "127.0.0.1" "0"))
  (defer (:close listener)
    (ev/go (fn [] (tls/accept-loop listener (identity leaf) (fn [s] nil) {:max-connections 2})))
    (def clients
      (seq [_ :range [0 6]]
        (tls/connect "127.0.0.1" (in (net/localname listener) 1)
                     {:hostname "a.example" :ca (root :cert) :timeout 10})))
    (each s clients (:close s true))))

(test "a wait that was turned into an error does not keep the process"
  (def text
    ``(import jsec/tls) (import jsec/bio)
      (def [a b] [(bio/new-mem) (bio/new-mem)])
      (def done (ev/chan 1))
      (ev/go (fn [] (def s (tls/wrap [a b] {:verify false :handshake false}))
                    (protect (peg/match ~(cmt (<- "x") ,(fn [_] (:read s 1))) "x"))
                    (ev/give done s)))
      (:close (ev/take done) true)
      (print "main ends")``)
  (def child (os/spawn ["janet" "-e" text] :p {:out :pipe :err :pipe}))
  (def said (ev/with-deadline 20 (ev/read (child :out) :all)))
  (is= 0 (os/proc-wait child))
  (is (string/find "main ends" said)))

(end)
