# The specification's list of options of each function: none of them is refused, neither by itself
# nor beside all others. What each does is tested by test/tls/spec.janet and test/dtls/facts.janet.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "")
(import jsec/dtls)
(import jsec/dtls-stream)
(import jsec/tls)

(def dir (tmpdir))
(def cert (string (identity :cert)))
(def key (string (identity :key)))
(def ca-file (string dir "/ca.pem"))
(spit ca-file cert)

# The table of "Security Options", in keywords and strings. Its CAs stand beside it elsewhere: two
# places for one option are refused.
(def security
  {:min-version :TLS1_2 :max-version "TLS1.3" :ciphers :HIGH :curves "prime256v1"})
(def datagram-security
  {:min-version :DTLS1_2 :max-version "DTLS1.2" :ciphers "ECDHE-ECDSA-AES256-GCM-SHA384"
   :curves :prime256v1})
(def cas {:ca-file ca-file :ca-path dir})

(def session
  "A session of a server."
  (with [listener (tls/server "127.0.0.1" "0" (fn [s] (:write s "x") (:read s 1) (:close s))
                              server-options)]
    (with [c (tls/connect ;(address-of listener) client-options)]
      (:read c 1)
      (:get-session c))))

(def of-clients
  {:verify true :hostname "localhost" :verify-hostname "localhost" :session session
   :cert cert :key key :trusted-cert cert :buffer-size 16384 :tcp-nodelay true
   :handshake-timing true :security security :alpn ["x"] :ca-file ca-file :ca-path dir})

(def of-servers
  {:cert cert :key key :verify true :trusted-cert cert :ca-file ca-file :buffer-size 16384
   :tcp-nodelay true :handshake-timing true :security security :alpn ["x"] :ca-path dir})

(defn without [options & names]
  (def left (merge options))
  (each name names (if name (put left name nil)))
  left)

(defn connected
  "A stream of core's that is connected; its other end is closed with it."
  []
  (first (core-pair)))

# A handshake is not needed to see whether an option is refused.
(def later {:handshake false})

(def functions
  ``What the specification lists for each function, how to call it with them, and the options that
  must be there for another one.``
  {"tls/new-context"
   [{:cert cert :key key :verify true :ca-file ca-file :ca-path dir :security security
     :alpn ["h2" "http/1.1"] :sni {"example.com" {:cert cert :key key}}}
    tls/new-context]
   "tls/connect"
   [of-clients
    (fn [options]
      (with [listener (tls/listen "127.0.0.1" 0)]
        (:close (tls/connect ;(address-of listener) (merge options later)) true)))]
   "tls/connect on a unix socket"
   [of-clients
    (fn [options]
      (def path (fresh-path))
      (with [listener (tls/listen :unix path)]
        (:close (tls/connect :unix path (merge options later)) true)))]
   "tls/listen"
   [{:backlog 1024} (fn [options] (:close (tls/listen "127.0.0.1" 0 options)))]
   "tls/accept"
   [(merge of-servers {:ca ca-file})
    (fn [options]
      (with [listener (tls/listen "127.0.0.1" 0)]
        (def client (spawn (net/connect ;(address-of listener))))
        (:close (tls/accept listener (merge {:cert cert :key key} options later)) true)
        (await client)))]
   "tls/accept-loop"
   [of-servers
    (fn [options]
      (def listener (tls/listen "127.0.0.1" 0))
      (def served
        (spawn (tls/accept-loop listener (merge {:cert cert :key key} options) (fn [s]))))
      (turns)
      (:close listener)
      (def [status value] (await served))
      (if (= :error status) (error value)))]
   "tls/upgrade"
   [of-clients (fn [options] (:close (tls/upgrade (connected) "localhost" (merge options later))
                                     true))]
   "tls/wrap as a client"
   [(without of-clients :hostname :verify-hostname :ca-file :ca-path)
    (fn [options] (:close (tls/wrap (connected) "localhost" (merge options later)) true))]
   "tls/wrap as a server"
   [(merge (without of-servers :ca-file :ca-path) {:ca ca-file})
    (fn [options]
      (:close (tls/wrap (connected) (merge {:cert cert :key key} options later)) true))]
   "dtls/listen"
   [{:cert cert :key key :verify true :ca cert :session-timeout 300}
    (fn [options]
      (:close (dtls/listen "127.0.0.1" 0 (merge {:cert cert :key key} options))))]
   "dtls/connect"
   [{:verify true :cert cert :key key :ca cert :sni "localhost" :verify-hostname "localhost"
     :handshake-timing true :security datagram-security}
    (fn [options]
      (with [server (dtls/listen "127.0.0.1" 0 {:cert cert :key key})]
        (:close (dtls/connect "127.0.0.1" ((dtls/localname server) 1) (merge options later))
                true)))]
   "dtls-stream/upgrade"
   [{:verify true :cert cert :key key :ca cert :sni "localhost" :verify-hostname "localhost"
     :handshake-timing true}
    (fn [options]
      (with [server (dtls/listen "127.0.0.1" 0 {:cert cert :key key})]
        (def socket (net/connect "127.0.0.1" ((dtls/localname server) 1) :datagram))
        (:close (dtls-stream/upgrade socket (merge options later)) true)))]})

(def needs
  "What an option is given together with."
  {:cert [:key] :key [:cert] :verify [:trusted-cert :ca] :session [:hostname :trusted-cert]})

(defn alone [options name]
  (def given @{name (options name)})
  (each other (get needs name []) (put given other (options other)))
  given)

(defn together
  "All of them, but for the second name of an option, and a session, which is bound to the others."
  [options]
  (without options :session (if (options :ca) :ca-file)))

(eachp [name [options call]] functions
  (test (string name " takes each option that the specification lists")
    (eachk option options
      (def [status why] (outcome (call (alone options option))))
      (is= :ok status (string option ": " why)))
    (when-let [strength (options :security)]
      (def [status why] (outcome (call {:security (merge strength cas)})))
      (is= :ok status (string "the CAs of :security: " why))))
  (test (string name " takes all of them together")
    (def [status why] (outcome (call (together options))))
    (is= :ok status why)))

(end)
