# The specification's rows of jsec/tls, jsec/tls-stream and "Security Options", each by its name:
# every option through every entry point that is said to take it.
(import ../support/check :prefix "")
(import jsec/cert)
(import jsec/tls)
(import jsec/tls-stream)

(def dir (tmpdir))
(defn- at [name] (string dir "/" name))

(def root (cert/generate-self-signed-cert {:common-name "root" :key-type :ec-p256}))
(defn- issue [name &opt opts]
  (cert/issue-cert
    (merge {:issuer-cert (root :cert) :issuer-key (root :key) :common-name name :key-type :ec-p256
            :san [(string "DNS:" name) "DNS:localhost" "IP:127.0.0.1"]}
           (or opts {}))))
(def server-cert (issue "server.example"))
(def client-cert (issue "client.example"))
(def other-cert (issue "other.example"))
(eachp [name made] {"server" server-cert "client" client-cert}
  (spit (at (string name ".pem")) (made :cert))
  (spit (at (string name ".key")) (made :key)))
(spit (at "root.pem") (root :cert))

# --- entry points: each makes a pair of streams of the options of both sides

(defn- tcp-pair []
  (with [listener (net/listen "127.0.0.1" "0")]
    (def accepted (ev/chan 1))
    (ev/go (fn [] (ev/give accepted (net/accept listener))))
    [(net/connect "127.0.0.1" (string ((net/localname listener) 1))) (ev/take accepted)]))

(defn- at-once
  "Results of calls that need each other; the first error ends it."
  [& calls]
  (def results (ev/chan (length calls)))
  (eachp [i call] calls (ev/go (fn [] (ev/give results [i (protect (call))]))))
  (def found @{})
  (repeat (length calls)
    (def [i [good value]] (ev/take results))
    (unless good
      (each stream found (if (= :jsec/tls-stream (type stream)) (:close stream true)))
      (error value))
    (put found i value))
  (map found (range (length calls))))

(defn- over-listener [host port connect serve]
  (def listener (tls/listen host port))
  (defer (:close listener)
    (at-once |(connect (if (= host :unix) port (in (net/localname listener) 1)))
             |(serve listener))))

(defn- accept-by-loop [listener opts]
  (def served (ev/chan 1))
  (def task (ev/go (fn [] (tls/accept-loop listener opts (fn [s] (ev/give served [true s]))
                                           {:on-error (fn [why] (ev/give served [false why]))}))))
  (def [good value] (ev/take served))
  (if good value (error value)))

(var- socket-number 0)
(defn- unix-path [] (at (string "socket" (++ socket-number))))

(def- clients
  {"connect" (fn [port opts] (tls/connect "127.0.0.1" port opts))
   "connect with a context" (fn [port opts] (tls/connect "127.0.0.1" port (tls/new-context opts)))})
(def- servers
  {"accept" (fn [listener opts] (tls/accept listener opts))
   "accept with a context" (fn [listener opts] (tls/accept listener (tls/new-context opts)))
   "accept-loop" accept-by-loop
   "accept-loop with a context" (fn [listener opts]
                                  (accept-by-loop listener (tls/new-context opts)))})

(def- plain {:hostname "server.example" :ca-file (root :cert)})
(def- served {:cert (server-cert :cert) :key (server-cert :key)})

(def- entries
  (array/concat
    (seq [[name connect] :pairs clients]
      [name :client (fn [client server]
                      (over-listener "127.0.0.1" "0" |(connect $ client) |(tls/accept $ server)))])
    (seq [[name serve] :pairs servers]
      [name :server
       (fn [client server]
         (over-listener "127.0.0.1" "0" |(tls/connect "127.0.0.1" $ client) |(serve $ server)))])
    @[["connect :unix" :client (fn [client server]
                                 (over-listener :unix (unix-path) |(tls/connect :unix $ client)
                                                |(tls/accept $ server)))]
      ["upgrade" :client (fn [client server]
                           (def [a b] (tcp-pair))
                           (at-once |(tls/upgrade a "server.example" client) |(tls/wrap b server)))]
      ["wrap with a host name" :client (fn [client server]
                                         (def [a b] (tcp-pair))
                                         (at-once |(tls/wrap a "server.example" client)
                                                  |(tls/wrap b server)))]
      ["upgrade with a context" :client (fn [client server]
                                          (def [a b] (tcp-pair))
                                          (at-once |(tls/upgrade a "server.example"
                                                                 (tls/new-context client))
                                                   |(tls/wrap b server)))]
      ["wrap with a host name and a context" :client (fn [client server]
                                                       (def [a b] (tcp-pair))
                                                       (at-once
                                                         |(tls/wrap a "server.example"
                                                                    (tls/new-context client))
                                                         |(tls/wrap b server)))]
      ["wrap with options" :server (fn [client server]
                                     (def [a b] (tcp-pair))
                                     (at-once |(tls/wrap a "server.example" client)
                                              |(tls/wrap b server)))]
      ["wrap with a context" :server (fn [client server]
                                       (def [a b] (tcp-pair))
                                       (at-once |(tls/wrap a "server.example" client)
                                                |(tls/wrap b (tls/new-context server))))]]))

(defn- talk [[client server]]
  (:write client "from client")
  (is= @"from client" (:chunk server 11))
  (:write server "from server")
  (is= @"from server" (:chunk client 11)))

(defn- finish [[client server]]
  (at-once |(:close client) |(:close server)))

(defn- with-options
  "Options over others; :none takes one away."
  [base over]
  (def all (merge base over))
  (eachp [name value] all (if (= value :none) (put all name nil)))
  (table/to-struct all))

(defn- through [pair client server check]
  (def streams (pair (with-options plain client) (with-options served server)))
  (defer (finish streams)
    (talk streams)
    (check ;streams)))

# --- options of both sides: what is given to the side under test, what to the other, what is seen
# then

(defn- peer-of [made] (fn [stream] (is= (string (made :cert)) (:peer-certificate stream))))
(defn- same [expected method] (fn [stream & _] (is= expected (method stream))))

(def- both
  [[":cert and :key as PEM strings"
    {:client {:cert (client-cert :cert) :key (client-cert :key)} :server {}}
    {:client {:verify true :ca (root :cert)} :server {}} nil]
   [":security {:min-version :max-version} as keywords"
    {:security {:min-version :TLS1_2 :max-version :TLS1_2}} {} (same "TLSv1.2" :version)]
   [":security {:min-version} as a string" {:security {:min-version "TLS1.3"}} {}
    (same "TLSv1.3" :version)]
   [":security {:max-version} as a string" {:security {:max-version "TLS1.2"}} {}
    (same "TLSv1.2" :version)]
   [":security {:ciphers} as a keyword"
    {:security {:ciphers :ECDHE-ECDSA-AES256-GCM-SHA384 :max-version :TLS1_2}} {}
    (same "ECDHE-ECDSA-AES256-GCM-SHA384" :cipher)]
   [":security {:ciphers} as a string"
    {:security {:ciphers "ECDHE-ECDSA-CHACHA20-POLY1305" :max-version :TLS1_2}} {}
    (same "ECDHE-ECDSA-CHACHA20-POLY1305" :cipher)]
   [":security {:ciphers :HIGH}" {:security {:ciphers :HIGH}} {}
    (fn [stream & _] (is (>= (:cipher-bits stream) 128)))]
   [":security {:curves} as a keyword" {:security {:curves :secp384r1}} {}
    (fn [stream & _] (is= "secp384r1" ((:connection-info stream) :group)))]
   [":security {:curves} as a string" {:security {:curves "secp521r1:secp384r1"}} {}
    # which of the two OpenSSL 3.5 decides otherwise than 3.0
    (fn [stream & _]
      (is (has-value? ["secp521r1" "secp384r1"] ((:connection-info stream) :group))))]
   [":alpn" {:alpn ["h2" "http/1.1"]} {:alpn ["http/1.1"]}
    (fn [stream & _] (is= "http/1.1" ((:connection-info stream) :alpn)))]
   [":buffer-size" {:buffer-size 4096} {} (fn [stream other]
                                            (def data (string/repeat "0123456789" 20000))
                                            (at-once |(:write stream data)
                                                     |(is= (buffer data) (:chunk other 200000)))
                                            (at-once |(:write other data)
                                                     |(is= (buffer data) (:chunk stream 200000))))]
   [":tcp-nodelay false" {:tcp-nodelay false} {} (fn [& _])]
   [":tcp-nodelay true" {:tcp-nodelay true} {} (fn [& _])]
   [":handshake-timing true" {:handshake-timing true} {}
    (fn [stream & _] (is (< 0 ((:connection-info stream) :handshake-time) 30)))]
   [":handshake-timing false is the default" {} {}
    (fn [stream & _] (is= nil ((:connection-info stream) :handshake-time)))]])

(each [entry side pair] entries
  (each [name own other check] both
    (def [own other] (if (own :client) [(own side) (other side)] [own other]))
    (def check (or check (if (= side :client)
                           (fn [stream peer] ((peer-of client-cert) peer))
                           (fn [stream peer] ((peer-of server-cert) peer)))))
    (test (string entry " " name)
      (if (= side :client)
        (through pair own other check)
        (through pair other own (fn [client server] (check server client)))))))

# --- a client's options

(defn- of-clients [name opts server check]
  (each [entry side pair] entries
    (if (= side :client) (test (string entry " " name) (through pair opts server check)))))

(defn- refused-to-clients [name opts pattern]
  (each [entry side pair] entries
    (if (= side :client)
      (test (string entry " " name)
        (fails-with pattern (finish (pair opts served)))))))

(refused-to-clients ":verify is true by default" {:hostname "server.example"}
                    "certificate verify failed")
(refused-to-clients ":verify true" {:hostname "server.example" :verify true}
                    "certificate verify failed")
(of-clients ":verify false" {:verify false :ca-file :none} {} (fn [& _]))
(of-clients ":hostname is asked for" {:hostname "localhost"} {}
            (fn [_ server] (is= "localhost" ((:connection-info server) :server-name))))
(of-clients ":verify-hostname" {:hostname "elsewhere.example" :verify-hostname "server.example"} {}
            (fn [_ server] (is= "elsewhere.example" ((:connection-info server) :server-name))))
(refused-to-clients ":verify-hostname defaults to :hostname"
                    {:hostname "elsewhere.example" :ca-file (root :cert)}
                    `hostname mismatch: wanted "elsewhere.example"`)
(of-clients ":trusted-cert as string" {:ca-file :none :trusted-cert (string (server-cert :cert))} {}
            (fn [& _]))
(of-clients ":trusted-cert as buffer" {:ca-file :none :trusted-cert (buffer (server-cert :cert))} {}
            (fn [& _]))
(refused-to-clients ":trusted-cert trusts no other"
                    {:hostname "server.example" :trusted-cert (client-cert :cert)}
                    "certificate verify failed")
(of-clients ":ca-file as path" {:ca-file (at "root.pem")} {} (fn [& _]))
(of-clients ":ca-file as PEM string" {:ca-file (string (root :cert))} {} (fn [& _]))
(of-clients ":ca-file as PEM buffer" {:ca-file (buffer (root :cert))} {} (fn [& _]))
(of-clients ":security {:ca-file}" {:ca-file :none :security {:ca-file (root :cert)}} {} (fn [& _]))
(of-clients ":cert and :key as paths" {:cert (at "client.pem") :key (at "client.key")}
            {:verify true :ca (root :cert)}
            (fn [_ server] ((peer-of client-cert) server)))
(of-clients ":cert and :key as buffers"
            {:cert (buffer (client-cert :cert)) :key (buffer (client-cert :key))}
            {:verify true :ca (root :cert)} (fn [_ server] ((peer-of client-cert) server)))

(each [entry side pair] entries
  (if (= side :client)
    (test (string entry " :session")
      (def server (merge served {:ticket-keys [(string/repeat "k" 80)]}))
      (var session nil)
      (through pair {} server (fn [client _]
                                (set session (:get-session client))
                                (is= false (:session-reused? client))))
      (through pair {:session session} server (fn [client server]
                                                (is= true (:session-reused? client))
                                                (is= true (:session-reused? server)))))))

(peer-test "openssl" ":ca-path"
  (def hash
    (with [out (os/spawn ["openssl" "x509" "-hash" "-noout" "-in" (at "root.pem")] :p {:out :pipe})]
      (string/trim (ev/read (out :out) :all))))
  (os/mkdir (at "cas"))
  (spit (at (string "cas/" hash ".0")) (root :cert))
  (each opts [{:ca-file :none :ca-path (at "cas")} {:ca-file :none :security {:ca-path (at "cas")}}]
    (each [_ side pair] entries
      (if (= side :client) (through pair opts {} (fn [& _])))))
  (each [_ side pair] entries
    (if (= side :server)
      (through pair {:cert (client-cert :cert) :key (client-cert :key)}
               {:verify true :ca-path (at "cas")} (fn [& _])))))

# --- a server's options

(defn- of-servers [name client opts check]
  (each [entry side pair] entries
    (if (= side :server) (test (string entry " " name) (through pair client opts check)))))

(def- with-client-cert {:cert (client-cert :cert) :key (client-cert :key)})
(of-servers ":cert and :key as paths" {} {:cert (at "server.pem") :key (at "server.key")}
            (fn [client _] ((peer-of server-cert) client)))
(of-servers ":cert and :key as buffers" {}
            {:cert (buffer (server-cert :cert)) :key (buffer (server-cert :key))}
            (fn [client _] ((peer-of server-cert) client)))
(of-servers ":verify is false by default" with-client-cert {}
            (fn [_ server] (is= nil (:peer-certificate server))))
(each name [:ca :ca-file]
  (of-servers (string/format "%q as PEM" name) with-client-cert {:verify true name (root :cert)}
              (fn [_ server] ((peer-of client-cert) server)))
  (of-servers (string/format "%q as path" name) with-client-cert {:verify true name (at "root.pem")}
              (fn [_ server] ((peer-of client-cert) server))))
(of-servers ":trusted-cert" with-client-cert {:verify true :trusted-cert (client-cert :cert)}
            (fn [_ server] ((peer-of client-cert) server)))
(of-servers ":sni" {:hostname "other.example"}
            {:sni {"other.example" {:cert (other-cert :cert) :key (other-cert :key)}}}
            (fn [client _] ((peer-of other-cert) client)))

(each [entry side pair] entries
  (if (= side :server)
    (each [name client why] [["none" {} "certificate"]
                             ["one of a stranger"
                              (let [made (cert/generate-self-signed-cert
                                           {:common-name "x" :key-type :ec-p256})]
                                {:cert (made :cert) :key (made :key)}) "certificate verify failed"]]
      (test (string entry " :verify true refuses a client with a certificate that is " name)
        (fails-with why
          (finish (pair (merge plain client {:security {:max-version :TLS1_2}})
                        (merge served {:verify true :ca (root :cert)}))))))))

# --- the rest of the module

(test "tls/listen takes a host and a port, and :backlog"
  (with [listener (tls/listen "127.0.0.1" "0")] (is= "127.0.0.1" (in (net/localname listener) 0)))
  (with [listener (tls/listen "127.0.0.1" "0" {:backlog 3})] (is= :core/stream (type listener)))
  (fails-with "bad option :backlog, expected integer from 1 to 65535, got 0"
              (tls/listen "127.0.0.1" "0" {:backlog 0})))

(peer-test "ss" "tls/listen :backlog is the kernel's"
  (defn backlog [opts]
    (with [listener (tls/listen "127.0.0.1" "0" ;opts)]
      (def out (os/spawn ["ss" "-Hltn" (string "sport = :" (in (net/localname listener) 1))] :p
                         {:out :pipe}))
      (def line (ev/read (out :out) :all))
      (os/proc-wait out)
      (scan-number (in (peg/match '(* (some :a) (some :s) (some :d) (some :s) (<- (some :d))) line)
                       0))))
  (is= 7 (backlog [{:backlog 7}]))
  (is= (min 1024 (scan-number (string/trim (slurp "/proc/sys/net/core/somaxconn")))) (backlog [])))

(test "tls/accept-loop returns the listener when it is closed"
  (def listener (tls/listen "127.0.0.1" "0"))
  (def ended (ev/chan 1))
  (ev/go (fn [] (ev/give ended (tls/accept-loop listener served (fn [s] (:close s))))))
  (ev/sleep 0)
  (:close listener)
  (is= listener (ev/take ended)))

(test "tls/upgrade and tls/wrap consume the stream"
  (def [a b] (tcp-pair))
  (def pair
    (at-once |(tls/upgrade a "server.example" {:ca-file (root :cert)}) |(tls/wrap b served)))
  (fails-with "closed" (:write a "in clear"))
  (fails-with "closed" (:write b "in clear"))
  (talk pair)
  (finish pair))

(test "tls-stream's functions are the methods"
  (def pair
    (over-listener "127.0.0.1" "0" |(tls/connect "127.0.0.1" $ plain) |(tls/accept $ served)))
  (def [client server] pair)
  (talk pair)
  (each name [:version :cipher :cipher-bits :connection-info :session-reused? :get-session]
    (def function (in (dyn (symbol "tls-stream/" name)) :value))
    (is= (function client) ((keyword name) client) name))
  (is= "TLSv1.3" (tls-stream/version client))
  (is (string? (tls-stream/cipher client)))
  (is= 256 (tls-stream/cipher-bits client))
  (is= false (tls-stream/session-reused? client))
  (is (string? (tls-stream/get-session client)))
  (is= client (tls-stream/key-update client))
  (talk pair)
  (def info (tls-stream/connection-info client))
  (is= ["TLSv1.3" (tls-stream/cipher client) 256 nil "server.example"]
       [(info :version) (info :cipher) (info :cipher-bits) (info :alpn) (info :server-name)])
  (is= client (tls-stream/shutdown client))
  (is= nil (:read server 10))
  (finish pair))

(test "each method of TLS is a function of jsec/tls-stream"
  (def pair
    (over-listener "127.0.0.1" "0" |(tls/connect "127.0.0.1" $ plain) |(tls/accept $ served)))
  (def core
    [:read :write :chunk :close :flush :setsockopt :peername :localname :evread :evwrite :evchunk])
  (each name (keys (first pair))
    (unless (index-of name core)
      (is (cfunction? (in (dyn (symbol "tls-stream/" name)) :value)) name)))
  (finish pair))

(test "(tls-stream/set-session stream data) resumes before the handshake"
  (def server (merge served {:ticket-keys [(string/repeat "k" 80)]}))
  (defn pair [opts] (over-listener "127.0.0.1" "0" |(tls/connect "127.0.0.1" $ (merge plain opts))
                                   |(tls/accept $ server)))
  (def first-pair (pair {}))
  (talk first-pair)
  (def session (tls-stream/get-session (first first-pair)))
  (finish first-pair)
  (each data [session (buffer session)]
    (with [listener (tls/listen "127.0.0.1" "0")]
      (def client
        (tls/connect "127.0.0.1" (in (net/localname listener) 1) (merge plain {:handshake false})))
      (is= client (tls-stream/set-session client data))
      (def again (at-once |(:handshake client) |(tls/accept listener server)))
      (talk again)
      (is= true (tls-stream/session-reused? client))
      (finish again))))

(test "(tls-stream/renegotiate stream) is off, and on where it is asked for"
  (def old {:max-version :TLS1_2})
  (each [opts works] [[{} false] [{:renegotiation true} true]]
    (def pair (over-listener "127.0.0.1" "0" |(tls/connect "127.0.0.1" $ (merge plain old opts))
                             |(tls/accept $ (merge served old opts))))
    (if works
      (at-once |(is= (first pair) (tls-stream/renegotiate (first pair)))
               |(is= @"x" (:read (pair 1) 1)) |(:write (first pair) "x"))
      (fails-with "renegotiation is off" (tls-stream/renegotiate (first pair))))
    (finish pair)))

(test "(tls-stream/trust-cert ctx cert-pem) adds to the trust of a context"
  (each given [(string (server-cert :cert)) (buffer (server-cert :cert))]
    (def context (tls/new-context {:hostname "server.example"}))
    (fails-with "certificate verify failed"
                (finish (over-listener "127.0.0.1" "0" |(tls/connect "127.0.0.1" $ context)
                                       |(tls/accept $ served))))
    (is= context (tls-stream/trust-cert context given))
    (def pair
      (over-listener "127.0.0.1" "0" |(tls/connect "127.0.0.1" $ context) |(tls/accept $ served)))
    (talk pair)
    (finish pair)))

(test "(:shutdown stream true) skips close_notify"
  (def pair
    (over-listener "127.0.0.1" "0" |(tls/connect "127.0.0.1" $ plain) |(tls/accept $ served)))
  (def [client server] pair)
  (talk pair)
  (tls-stream/shutdown client true)
  (fails-with "connection truncated" (:read server 10))
  (each s pair (:close s true)))

(test "every public binding has documentation that begins with its call"
  (each module ["jsec/tls" "jsec/tls-stream"]
    (eachp [name entry] (require module)
      (if (and (symbol? name) (not (entry :private)))
        (is (string/has-prefix? (string "(" (last (string/split "/" module)) "/" name) (entry :doc))
            name)))))

(end)
