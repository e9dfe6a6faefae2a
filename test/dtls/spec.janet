# The specification's rows of jsec/dtls and jsec/dtls-stream, each by its name.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "" :only [spawn await turns outcome])
(import jsec/cert)
(import jsec/dtls)
(import jsec/dtls-stream)
(import jsec/tls)

(def dir (tmpdir))
(def root (cert/generate-self-signed-cert {:common-name "root" :key-type :ec-p256}))
(defn- issue [name & more]
  (cert/issue-cert
    (merge {:issuer-cert (root :cert) :issuer-key (root :key) :common-name name :key-type :ec-p256
            :san [(string "DNS:" name) "DNS:localhost" "IP:127.0.0.1" "IP:::1"]}
           (table ;more))))
(def server-cert (issue "server.example"))
(def client-cert (issue "client.example"))
(def self-signed (cert/generate-self-signed-cert {:common-name "localhost" :key-type :ec-p256}))
(spit (string dir "/root.pem") (root :cert))

(def served {:cert (server-cert :cert) :key (server-cert :key)})
(def plain {:ca (root :cert)})

(defn- port-of [server] (in (dtls/localname server) 1))

(defn- answer
  "Echo until the server is closed."
  [server]
  (def buffer @"")
  (while (def peer (dtls/recv-from server 65536 (buffer/clear buffer)))
    (dtls/send-to server peer buffer)))

(defmacro- with-server
  "Run `body` beside an echoing server."
  [[name options] & body]
  ~(with [,name (dtls/listen "127.0.0.1" 0 ,options)]
     (ev/go (fn [] (,answer ,name)))
     ,;body))

(defmacro- with-client [[name server options] & body]
  ~(with [,name (dtls/connect "127.0.0.1" (,port-of ,server) ,options)]
     ,;body))

(defn- echoes [client &opt data]
  (default data "a datagram")
  (is= (length data) (ev/write client data))
  (is= (buffer data) (ev/read client 65536)))

# ---- server: listen

(test "dtls/listen takes the port as an integer and as a string, and a name for the host"
  (each [host port] [["127.0.0.1" 0] ["127.0.0.1" "0"] ["localhost" 0]]
    (with [s (dtls/listen host port served)]
      (ev/go (fn [] (answer s)))
      (def [own port] (dtls/localname s))
      (is (int? port))
      (with [c (dtls/connect own port plain)] (echoes c)))))

(test "dtls/listen requires :cert and :key"
  (fails-with "a server needs a certificate: give :cert and :key" (dtls/listen "127.0.0.1" 0 {}))
  (fails-with ":cert without :key" (dtls/listen "127.0.0.1" 0 {:cert (server-cert :cert)}))
  (fails-with "arity" (dtls/listen "127.0.0.1")))

(test (string "dtls/listen: :verify true requires a client's certificate that :ca vouches for, "
              ":optional asks, false does not")
  (def named {:ca (root :cert) :cert (client-cert :cert) :key (client-cert :key)})
  (def other (cert/generate-self-signed-cert {:common-name "other" :key-type :ec-p256}))
  (with-server [s (merge served {:verify true :ca (root :cert)})]
    (with-client [c s named] (echoes c))
    (fails-with "the peer" (dtls/connect "127.0.0.1" (port-of s) plain))
    (fails-with "the peer" (dtls/connect "127.0.0.1" (port-of s)
                                         (merge plain {:cert (other :cert) :key (other :key)}))))
  (with-server [s (merge served {:verify :optional :ca (root :cert)})]
    (with-client [c s named] (echoes c))
    (with-client [c s plain] (echoes c)))
  (with-server [s served]
    (with-client [c s named]
      (echoes c)
      (is= nil (dtls-stream/peer-certificate s (first (dtls/peers s)))))))

(test "dtls/listen: :session-timeout ends the session of a silent peer, with a close_notify"
  (with-server [s (merge served {:session-timeout 0.2})]
    (with-client [c s plain]
      (echoes c)
      (is= 1 (length (dtls/peers s)))
      (is= nil (ev/read c 10 nil 20))
      (is= 0 (length (dtls/peers s))))))

(test "dtls/listen: by default a session outlasts silence"
  (with-server [s served]
    (with-client [c s plain]
      (echoes c)
      (ev/sleep 0.3)
      (echoes c))))

# ---- server: recv-from, send-to, close-server, localname

(test (string "dtls/recv-from gives the peer's address, appends to the buffer, and cuts what "
              "nbytes does not hold")
  (with [s (dtls/listen "127.0.0.1" 0 served)]
    (def buffer @"kept ")
    (def received (spawn (dtls/recv-from s 4 buffer)))
    (with-client [c s plain]
      (ev/write c "0123456789")
      (def [_ peer] (await received))
      (is (dtls-stream/address? peer))
      (is= @"kept 0123" buffer)
      (ev/write c "next")
      (is= peer (dtls/recv-from s 100 buffer))
      (is= @"kept 0123next" buffer)
      (is= (dtls/localname c) [(dtls-stream/address-host peer) (dtls-stream/address-port peer)]))))

(test "dtls/recv-from: nil after a timeout, given as a number or as {:timeout n}"
  (with [s (dtls/listen "127.0.0.1" 0 served)]
    (is= nil (dtls/recv-from s 10 @"" 0.01))
    (is= nil (dtls/recv-from s 10 @"" {:timeout 0.01}))
    (is= nil (dtls/recv-from s 10 @"" 0))
    (is= nil (:recv-from s 10 @"" 0.01))))

(test "dtls/recv-from makes handshakes while it waits, and they are made without it too"
  (with [s (dtls/listen "127.0.0.1" 0 served)]
    (with-client [c s plain]
      (is= "DTLSv1.2" (:version c))
      (is= 1 (length (dtls/peers s)))
      (is= nil (dtls/recv-from s 10 @"" 0.01)))))

(test "dtls/send-to returns the number of bytes, takes strings and buffers, and a timeout"
  (with [s (dtls/listen "127.0.0.1" 0 served)]
    (with-client [c s plain]
      (ev/write c "x")
      (def peer (dtls/recv-from s 10 @""))
      (is= 5 (dtls/send-to s peer "hello"))
      (is= @"hello" (ev/read c 100))
      (is= 3 (dtls/send-to s peer @"abc" 1))
      (is= @"abc" (ev/read c 100))
      (is= 3 (dtls/send-to s peer "def" {:timeout 1}))
      (is= @"def" (ev/read c 100))
      (is= 0 (dtls/send-to s peer ""))
      (is= 2 (:send-to s peer "ok"))
      (is= @"ok" (ev/read c 100))
      (is= 2 (dtls/send-to s [(dtls-stream/address-host peer) (dtls-stream/address-port peer)]
                           "[]"))
      (is= @"[]" (ev/read c 100)))))

(test "dtls/send-to refuses what no record holds, and sends nothing of it"
  (with-server [s served]
    (with-client [c s plain]
      (echoes c)
      (def peer (first (dtls/peers s)))
      (fails-with "16385 bytes are more than a record of DTLS holds: expected 16384 at most"
                  (dtls/send-to s peer (string/repeat "x" 16385)))
      (is= 16384 (dtls/send-to s peer (string/repeat "x" 16384)))
      (is= (buffer/new-filled 16384 120) (ev/read c 20000)))))

(test "dtls/send-to to an address without a session raises"
  (with [s (dtls/listen "127.0.0.1" 0 served)]
    (fails-with "no session with 127.0.0.1 port 9"
                (dtls/send-to s (dtls-stream/address "127.0.0.1" 9) "x"))
    (fails-with "bad slot #1, expected jsec/dtls-address" (dtls/send-to s "127.0.0.1" "x"))))

(test "dtls/close-server ends all sessions with a close_notify, and wakes waiting fibers"
  (with [s (dtls/listen "127.0.0.1" 0 served)]
    (with-client [a s plain]
      (with-client [b s plain]
        (def waiting (spawn (dtls/recv-from s 10 @"")))
        (turns)
        (is= s (dtls/close-server s))
        (is= [:ok nil] (await waiting))
        (is= nil (ev/read a 10 nil 5))
        (is= nil (ev/read b 10 nil 5))
        (is= s (dtls/close-server s) "again")
        (fails-with "stream is closed" (dtls/recv-from s 10 @""))
        (fails-with "stream is closed" (dtls/send-to s (dtls-stream/address "127.0.0.1" 9) "x"))
        (fails-with "stream closed" (dtls/localname s))))))

(test "dtls/close-server with force says nothing to the peers"
  (with [s (dtls/listen "127.0.0.1" 0 served)]
    (with-client [c s plain]
      (dtls/close-server s true)
      (is= [:error "timeout"] (outcome (ev/read c 10 nil 0.1))))))

(test "dtls/localname is [host port], of IPv6 too"
  (with [s (dtls/listen "127.0.0.1" 0 served)]
    (def [host port] (dtls/localname s))
    (is= "127.0.0.1" host)
    (is (< 0 port 65536))
    (is= (dtls/localname s) (:localname s)))
  (with [s (dtls/listen "::1" 0 served)]
    (is= "::1" (first (dtls/localname s)))
    (ev/go (fn [] (answer s)))
    (with [c (dtls/connect "::1" (port-of s) plain)]
      (echoes c)
      (is= ["::1" (port-of s)] (:peername c))
      (def peer (first (dtls/peers s)))
      (is= (string/format "[::1]:%d" ((dtls/localname c) 1))
           (string/slice (string/format "%v" peer) 19 -2)))))

(test "a server on all addresses serves IPv4 and IPv6, and names IPv4 peers as IPv4"
  (with [s (dtls/listen "::" 0 served)]
    (ev/go (fn [] (answer s)))
    (each host ["127.0.0.1" "::1"]
      (with [c (dtls/connect host (port-of s) plain)]
        (echoes c)
        (is= host (dtls-stream/address-host (first (dtls/peers s))))))))

(test "the methods of a server: recv-from send-to close localname, listed by keys"
  (with [s (dtls/listen "127.0.0.1" 0 served)]
    (each method [:recv-from :send-to :close :localname :connection-info]
      (is (has-value? (keys s) method)))
    (is= s (:close s))))

(test "net/recv-from, net/send-to, net/localname and ev/close take a server"
  (with [s (dtls/listen "127.0.0.1" 0 served)]
    (def port (port-of s))
    (is= ["127.0.0.1" port] (net/localname s))
    (with-client [c s plain]
      (ev/write c "via net")
      (def buffer @"")
      (def peer (net/recv-from s 100 buffer))
      (is= @"via net" buffer)
      (net/send-to s peer "back")
      (is= @"back" (ev/read c 10)))
    (ev/close s)))

# ---- client: connect

(test "dtls/connect verifies by default: the chain, and the name"
  (with-server [s served]
    (def port (port-of s))
    (fails-with "certificate verify failed: unable to get local issuer certificate"
                (dtls/connect "127.0.0.1" port))
    (fails-with
      `hostname mismatch: wanted "wrong.example", certificate names "server.example", "localhost"`
      (dtls/connect "127.0.0.1" port (merge plain {:verify-hostname "wrong.example"})))
    (with [c (dtls/connect "127.0.0.1" port {:verify false})] (echoes c))
    (with [c (dtls/connect "127.0.0.1" (string port) plain)] (echoes c))
    (with [c (dtls/connect "localhost" port plain)] (echoes c))))

(test "dtls/connect: :cert and :key for mTLS, :ca as PEM or path, :trusted-cert"
  (with-server [s (merge served {:verify true :ca (root :cert)})]
    (with-client [c s {:ca (string dir "/root.pem") :cert (client-cert :cert)
                       :key (client-cert :key)}]
      (echoes c)
      (def peer (first (dtls/peers s)))
      (is= (string (client-cert :cert)) (dtls-stream/peer-certificate s peer))))
  (with-server [s self-signed]
    (with [c (dtls/connect "localhost" (port-of s) {:trusted-cert (self-signed :cert)})]
      (echoes c))))

(test (string "dtls/connect: :sni asks for a name, :hostname is the same, :verify-hostname is "
              "what is verified")
  (with-server [s served]
    (def port (port-of s))
    (each name [:sni :hostname]
      (with [c (dtls/connect "127.0.0.1" port (merge plain {name "server.example"}))]
        (echoes c)
        (is= "server.example"
             ((dtls-stream/connection-info s (first (dtls/peers s))) :server-name))))
    (with [c (dtls/connect "127.0.0.1" port
                           (merge plain {:sni "asked.example" :verify-hostname "server.example"}))]
      (echoes c)
      (is= "asked.example" ((dtls-stream/connection-info s (first (dtls/peers s))) :server-name)))
    (fails-with "options :hostname and :sni say the same"
                (dtls/connect "127.0.0.1" port (merge plain {:sni "a" :hostname "b"})))
    (with [c (dtls/connect "127.0.0.1" port plain)]
      (echoes c)
      (is= nil ((dtls-stream/connection-info s (first (dtls/peers s))) :server-name)
           "no SNI for an address"))))

(test "dtls/connect: :handshake-timing"
  (with-server [s (merge served {:handshake-timing true})]
    (with-client [c s (merge plain {:handshake-timing true})]
      (echoes c)
      (is (< 0 ((:connection-info c) :handshake-time) 30))
      (is (< 0 (dtls-stream/handshake-time s (first (dtls/peers s))) 30)))
    (with-client [c s plain] (is= nil (:handshake-time c)))))

(test "dtls/connect raises if no server listens, and after :timeout if no answer comes"
  (def port (with [s (dtls/listen "127.0.0.1" 0 served)] (port-of s)))
  (fails-with "dtls/connect: Connection refused" (dtls/connect "127.0.0.1" port plain))
  (with [silent (net/listen "127.0.0.1" "0" :datagram)]
    (def port ((net/localname silent) 1))
    (is= [:error "timeout"] (outcome (dtls/connect "127.0.0.1" port (merge plain {:timeout 0.1}))))
    (fails-with "handshake timed out: the peer did not finish it within 0.2 s"
                (dtls/connect "127.0.0.1" port (merge plain {:handshake-timeout 0.2})))))

# ---- client: read, write, close

(test "dtls/read: a datagram at a time, up to n bytes, appended; what is left of one comes next"
  (with-server [s served]
    (with-client [c s plain]
      (each data ["first" "second"] (dtls/write c data))
      (is= @"first" (dtls/read c 100 nil 5))
      (is= @"sec" (dtls/read c 3))
      (def buffer @"and ")
      (is (= buffer (dtls/read c 100 buffer)))
      (is= @"and ond" buffer)
      (fails-with "timeout" (dtls/read c 10 nil 0.01)))))

(test "dtls/read gives nil when the server has ended the session"
  (with-server [s served]
    (with-client [c s plain]
      (echoes c)
      (is (dtls/close-peer s (first (dtls/peers s))))
      (is= nil (dtls/read c 10 nil 5))
      (is= nil (dtls/read c 10)))))

(test "dtls/write returns the number of bytes; more than a record holds raises, and nothing is sent"
  (with-server [s served]
    (with-client [c s plain]
      (is= 16384 (dtls/write c (string/repeat "x" 16384)))
      (is= 16384 (length (dtls/read c 20000 nil 5)))
      (fails-with "dtls/write: 16385 bytes are more than a record of DTLS holds"
                  (dtls/write c (string/repeat "x" 16385)))
      (is= 0 (dtls/write c ""))
      (is= 3 (dtls/write c @"abc" 1))
      (is= @"abc" (dtls/read c 100 nil 5)))))

(test "dtls/close ends the session, with a close_notify unless forced; again is no error"
  (with [s (dtls/listen "127.0.0.1" 0 served)]
    (with-client [c s plain]
      (is= c (dtls/close c))
      (is= c (dtls/close c))
      (while (next (dtls/peers s)) (turns))
      (fails-with "stream is closed" (dtls/read c 1))
      (fails-with "stream is closed" (dtls/write c "x")))
    (with-client [c s plain]
      (dtls/close c true)
      (turns 5)
      (is= 1 (length (dtls/peers s)) "it was told nothing"))))

(test "the methods of a client: :read :write :close :chunk :shutdown and the rest, listed by keys"
  (with-server [s served]
    (with-client [c s plain]
      (each method [:read :write :close :chunk :shutdown :peername :version :cipher :get-session]
        (is (has-value? (keys c) method)))
      (is= 2 (:write c "hi"))
      (is= @"hi" (:read c 10))
      (is= c (:close c)))))

(test "ev/read, ev/write, ev/chunk and ev/close work on a client"
  (with-server [s served]
    (with-client [c s plain]
      (is= 4 (ev/write c "0123"))
      (is= 4 (ev/write c "4567"))
      (is= @"01234" (ev/chunk c 5))
      (is= @"567" (ev/read c 100))
      (ev/close c))))

# ---- addresses

(test "dtls-stream/address, address-host, address-port, address?"
  (def a (dtls-stream/address "192.0.2.1" 5684))
  (is= "192.0.2.1" (dtls-stream/address-host a))
  (is= 5684 (dtls-stream/address-port a))
  (is= true (dtls-stream/address? a))
  (each x [nil 1 "192.0.2.1:5684" ["192.0.2.1" 5684] @{}] (is= false (dtls-stream/address? x)))
  (is= "<jsec/dtls-address 192.0.2.1:5684>" (string/format "%v" a))
  (def six (dtls-stream/address "2001:db8::1" "5684"))
  (is= "2001:db8::1" (dtls-stream/address-host six))
  (is= 5684 (dtls-stream/address-port six))
  (is= "<jsec/dtls-address [2001:db8::1]:5684>" (string/format "%v" six)))

(test "addresses compare by value and can be a table's key"
  (def [a b c] [(dtls-stream/address "192.0.2.1" 1) (dtls-stream/address "192.0.2.1" "1")
                (dtls-stream/address "192.0.2.1" 2)])
  (is= a b)
  (is (= a b))
  (is (not= a c))
  (is (= (hash a) (hash b)))
  (is= :found (get @{a :found} b))
  (is= nil (get @{a :found} c))
  (is (or (< a c) (> a c)))
  (is (= (dtls-stream/address "::ffff:192.0.2.1" 1) a) "an IPv4 address in IPv6's clothes"))

(test "a link-local address keeps its zone"
  (def loopback (if (= :macos (os/which)) "lo0" "lo"))
  (each zone [loopback "4294967"]
    (is= (string "fe80::1%" zone)
         (dtls-stream/address-host (dtls-stream/address (string "fe80::1%" zone) 5684)))))

(test "options that DTLS does not have are refused"
  (fails-with "a function as :ocsp-response"
              (dtls/listen "127.0.0.1" 0 (merge served {:ocsp-response (fn [] nil)})))
  (def path (string (tmpdir) "/socket"))
  (with [listener (net/listen :unix path :datagram)]
    (fails-with "the stream is not connected to an IP address"
                (dtls-stream/upgrade (net/connect :unix path :datagram) {}))))

(test "addresses survive marshalling"
  (def a (dtls-stream/address "fe80::1" 9))
  (is= a (unmarshal (marshal a)))
  (def bytes (marshal a))
  (def changed (filter |(= "not a marshalled address" $)
                       (seq [at :range [0 (length bytes)] bit :in [1 4 64]]
                         (get (protect (unmarshal (put (buffer bytes) at (bxor bit (bytes at)))))
                              1))))
  (is (not (empty? changed)) "what is no address is refused"))

(test "a value that is no address raises"
  (each [host port] [["localhost" 1] ["300.0.0.1" 1] ["" 1] ["127.0.0.1" -1] ["127.0.0.1" 65536]
                     ["127.0.0.1" "x"] [nil 1] ["127.0.0.1" nil]
                     ["127.0.0.1\0" 1] [:unix "/tmp/x"]]
    (fails-with "dtls-stream/address" (dtls-stream/address host port)))
  (fails-with "expected jsec/dtls-address" (dtls-stream/address-host "127.0.0.1")))

# ---- what a client tells

(test ":connection-info :version :cipher :cipher-bits :peername, as methods and as functions"
  (with-server [s served]
    (with-client [c s (merge plain {:security {:ciphers "ECDHE-ECDSA-AES128-GCM-SHA256"}})]
      (def info (:connection-info c))
      (is= info (dtls-stream/connection-info c))
      (is= ["DTLSv1.2" "DTLSv1.2"] [(:version c) (dtls-stream/version c)])
      (is= "DTLSv1.2" (info :version))
      (is= ["ECDHE-ECDSA-AES128-GCM-SHA256" 128] [(info :cipher) (info :cipher-bits)])
      (is= [(info :cipher) (info :cipher-bits)] [(:cipher c) (:cipher-bits c)])
      (is= [(info :cipher) (info :cipher-bits)]
           [(dtls-stream/cipher c) (dtls-stream/cipher-bits c)])
      (is= ["127.0.0.1" (port-of s)] (:peername c))
      (is= (:peername c) (dtls-stream/peername c))
      (is= true ((:verify-result c) :ok))
      (is= (string (server-cert :cert)) (:peer-certificate c))
      (is= [(string (server-cert :cert))] (dtls-stream/peer-chain c)))))

(test "the same of a server's peer, by its address"
  (with-server [s (merge served {:alpn ["coap"] :verify true :ca (root :cert)})]
    (with-client [c s (merge plain
                             {:alpn ["coap"] :cert (client-cert :cert) :key (client-cert :key)})]
      (echoes c)
      (def peer (first (dtls/peers s)))
      (def info (:connection-info s peer))
      (is= "coap" (info :alpn))
      (is= "client.example" (get-in info [:peer-certificate :subject :common-name]))
      (is= (:version c) (dtls-stream/version s peer))
      (is= (:cipher c) (:cipher s peer))
      (is= true ((:verify-result s peer) :ok))
      (is= (string (client-cert :cert)) (:peer-certificate s peer :pem))
      (fails-with "no session with" (:version s (dtls-stream/address "127.0.0.1" 9)))
      (fails-with "arity" (:version s)))))

# ---- sessions

(test ":get-session, :session of dtls/connect, :session-reused?, :set-session"
  (with-server [s served]
    (def session (with-client [c s plain]
                   (is= false (:session-reused? c))
                   (:get-session c)))
    (is (string? session))
    (with-client [c s (merge plain {:session session})]
      (echoes c)
      (is= [true true] [(:session-reused? c) (dtls-stream/session-reused? c)])
      (is= true (dtls-stream/session-reused? s (first (dtls/peers s)))))
    (with-client [c s (merge plain {:handshake false})]
      (is= c (dtls-stream/set-session c session))
      (is= c (:handshake c))
      (is= true (:session-reused? c))
      (fails-with "the handshake has begun" (:set-session c session)))
    (fails-with "session was made with"
                (dtls/connect "localhost" (port-of s) (merge plain {:session session})))
    (def by-name (with [c (dtls/connect "localhost" (port-of s) plain)] (:get-session c)))
    (fails-with "other verification settings"
                (dtls/connect "localhost" (port-of s) {:verify false :session by-name}))
    (fails-with "not a session"
                (dtls/connect "127.0.0.1" (port-of s) (merge plain {:session "junk"})))))

(test "a session of security level 0 is not resumed at a higher level, in either role"
  (def shared {:ticket-keys [(string/repeat "k" 80)]})
  (def [lax strict] [{:security-level 0} {:security-level 2}])
  (defn resumed? [level-of-server & options]
    (with-server [s (merge served shared level-of-server)]
      (with-client [c s (merge plain ;options)]
        [(:session-reused? c) (:get-session c)])))
  (def [_ session] (resumed? lax))
  (is= true (first (resumed? lax {:session session})))
  (is= false (first (resumed? strict {:session session})))
  (def [_ session] (resumed? lax lax))
  (fails-with "other verification settings"
    (dtls/connect "127.0.0.1" 1 (merge plain strict {:session session}))))

(test (string "a server knows the name that a client asks for, resumed or not, and resumes "
              "under the same name only")
  (with-server [s served]
    (defn visit [name session]
      (with-client [c s (merge plain {:hostname name :session session})]
        (echoes c)
        (def info (:connection-info s (:localname c)))
        [(info :server-name) (info :session-reused) (:get-session c)]))
    (def [name _ session] (visit "localhost" nil))
    (is= "localhost" name)
    (is= ["localhost" true] (slice (visit "localhost" session) 0 2))
    # the same bytes under the other name, as a client without scruples would offer them
    (def offered (string/replace "localhost" "server.example" session))
    (is= ["server.example" false] (slice (visit "server.example" offered) 0 2))))

# ---- operations

(test ":shutdown ends the session, with a close_notify unless forced"
  (with [s (dtls/listen "127.0.0.1" 0 served)]
    (with-client [c s plain]
      (is= c (:shutdown c))
      (while (next (dtls/peers s)) (turns))
      (is= nil (ev/read c 10))
      (fails-with "Broken pipe" (ev/write c "x")))
    (with-client [c s plain]
      (is= c (dtls-stream/shutdown c true))
      (turns 5)
      (is= 1 (length (dtls/peers s))))))

(test ":chunk reads exactly n bytes, over several datagrams"
  (with-server [s served]
    (with-client [c s plain]
      (each data ["abc" "def" "ghi"] (ev/write c data))
      (is= @"abcdefg" (:chunk c 7))
      (is= @"<hi" (dtls-stream/chunk c 2 @"<" 5))
      (fails-with "timeout" (dtls-stream/chunk c 1 nil 0.01)))))

(test "dtls-stream/trust-cert adds to a context, of either kind"
  (def context (dtls/new-context))
  (is= context (dtls-stream/trust-cert context (self-signed :cert)))
  (with-server [s self-signed]
    (with [c (dtls/connect "localhost" (port-of s) context)] (echoes c)))
  (def stream-context (tls/new-context))
  (is= stream-context (dtls-stream/trust-cert stream-context (self-signed :cert))))

(test "contexts: of dtls/new-context for both roles, and refused where they are TLS's"
  (def [server client] [(dtls/new-context served) (dtls/new-context plain)])
  (with-server [s server]
    (with-client [c s client] (echoes c))
    (with-client [c s {:context client :hostname "server.example"}] (echoes c))
    (fails-with "bad slot #2, expected options or DTLS context"
                (dtls/connect "127.0.0.1" (port-of s) (tls/new-context plain)))
    (fails-with "bad slot #2, expected options or TLS context" (tls/connect "127.0.0.1" 1 client))))

(test "dtls-stream/upgrade speaks DTLS over a connected UDP socket, which is consumed"
  (with-server [s served]
    (def socket (net/connect "127.0.0.1" (string (port-of s)) :datagram))
    (with [c (dtls-stream/upgrade socket plain)]
      (echoes c)
      (is= true ((:verify-result c) :ok) "the address is verified where no name is given")
      (fails-with "closed" (net/write socket "x")))
    (with [c (dtls-stream/upgrade (net/connect "127.0.0.1" (string (port-of s)) :datagram)
                                  (merge plain {:hostname "server.example"}))]
      (echoes c))
    (fails-with "hostname mismatch"
                (dtls-stream/upgrade (net/connect "127.0.0.1" (string (port-of s)) :datagram)
                                     (merge plain {:sni "wrong.example"}))))
  (with [listener (net/listen "127.0.0.1" "0")]
    (with [tcp (net/connect "127.0.0.1" (string ((net/localname listener) 1)))]
      (fails-with "it is not a socket of datagrams" (dtls-stream/upgrade tcp plain))))
  (fails-with "expected core/stream" (dtls-stream/upgrade 5 plain)))

# ---- security options

(test ":security: versions as keywords and strings, ciphers, curves, ca-file, ca-path"
  (each version [:DTLS1_2 "DTLS1.2" "DTLSv1.2" :dtls1_2]
    (with-server [s (merge served {:security {:min-version version :max-version version}})]
      (with-client [c s (merge plain {:min-version version})] (is= "DTLSv1.2" (:version c)))))
  (with-server [s (merge served {:security {:curves :secp384r1}})]
    (with-client [c s {:security {:ca-file (root :cert) :curves "secp384r1:prime256v1"}}]
      (is= "secp384r1" ((:connection-info c) :group)))
    (fails-with "handshake failed" (dtls/connect "127.0.0.1" (port-of s)
                                                 (merge plain {:security {:curves :prime256v1}}))))
  (with-server [s (merge served {:security {:ciphers :ECDHE-ECDSA-CHACHA20-POLY1305}})]
    (with-client [c s plain] (is= "ECDHE-ECDSA-CHACHA20-POLY1305" (:cipher c)))))

(test (string "DTLS 1.0 is a floor; alone it raises unless :security-level 0 is given; TLS's "
              "versions are none of DTLS's")
  (each version [:DTLS1_0 "DTLS1.0"]
    (fails-with "give :security-level 0 with it"
                (dtls/new-context {:security {:max-version version}}))
    (fails-with "give :security-level 0 with it"
                (dtls/new-context {:min-version version :max-version version}))
    (dtls/new-context {:security {:max-version version :security-level 0}})
    (def low {:security {:min-version version}})
    (with-server [s (merge served low)]
      (with-client [c s (merge plain low)] (is= "DTLSv1.2" (:version c)))
      (fails-with "handshake"
                  (dtls/connect "127.0.0.1" (port-of s)
                                (merge plain
                                       {:security {:max-version version :security-level 0}})))))
  (with-server [s (merge served {:security {:min-version :DTLS1_0 :security-level 0}})]
    (with-client [c s (merge plain
                             {:security {:max-version :DTLS1_0 :min-version :DTLS1_0
                                         :security-level 0}})]
      (is= "DTLSv1" (:version c))
      (echoes c)))
  (fails-with "bad option :min-version" (dtls/new-context {:security {:min-version :TLS1_2}}))
  (fails-with "bad option :min-version" (tls/new-context {:security {:min-version :DTLS1_2}}))
  (fails-with ":min-version is above :max-version"
              (dtls/new-context {:min-version :DTLS1_2 :max-version :DTLS1_0 :security-level 0})))

(test "virtual hosts: :sni of a server chooses certificate and trust by name"
  (def [a b] [(issue "a.example") (issue "b.example")])
  (with-server [s (merge served {:sni {"a.example" {:cert (a :cert) :key (a :key)}
                                       "b.example" (dtls/new-context {:cert (b :cert) :key (b :key)
                                                                      :verify true
                                                                      :ca (root :cert)})}})]
    (defn name-of [options] (with-client [c s (merge plain options)]
                              (echoes c)
                              ((:peer-certificate c :data) :subject-text)))
    (is= "CN=a.example" (name-of {:sni "a.example"}))
    (is= "CN=server.example" (name-of {:sni "server.example"}))
    (fails-with "the peer" (name-of {:sni "b.example"}))
    (is= "CN=b.example"
         (name-of {:sni "b.example" :cert (client-cert :cert) :key (client-cert :key)}))))

(test "options: unknown ones, wrong types and ranges raise, with a suggestion"
  (fails-with "unknown option :verfy, did you mean :verify"
              (dtls/connect "127.0.0.1" 1 {:verfy false}))
  (fails-with "unknown option :max-sesions, did you mean :max-sessions"
              (dtls/listen "127.0.0.1" 0 (merge served {:max-sesions 3})))
  (fails-with "unknown option :tcp-nodelay" (dtls/connect "127.0.0.1" 1 {:tcp-nodelay true}))
  (each [name value] [[:mtu 255] [:mtu 16385] [:mtu "big"] [:retransmit 0] [:retransmit 61]
                      [:retransmit math/nan] [:sni 5] [:timeout -1]]
    (fails-with (string "bad option :" name) (dtls/connect "127.0.0.1" 1 {name value})))
  (each [name value] [[:session-timeout -1] [:max-sessions 0] [:max-sessions-per-host 1.5]
                      [:on-error 5]]
    (fails-with (string "bad option :" name)
                (dtls/listen "127.0.0.1" 0 (merge served {name value}))))
  (fails-with "expected options or DTLS context" (dtls/connect "127.0.0.1" 1 5)))

(test ":mtu bounds the datagrams of a handshake; a large chain still arrives"
  (def big (issue "big.example" :key-type :rsa :bits 4096))
  (with-server [s {:cert (string (big :cert) (root :cert)) :key (big :key) :mtu 300}]
    (with-client [c s (merge plain {:mtu 300})] (echoes c))))

(test ":on-error receives the reason of a failed handshake and the peer's address"
  (def told (ev/chan 1))
  (with-server [s (merge served {:on-error |(ev/give told $)})]
    (protect (dtls/connect "127.0.0.1" (port-of s)))
    (is (peg/find "dtls/listen: peer 127.0.0.1 port" (ev/take told)))))

(test "caps: further peers are not answered"
  (with-server [s (merge served {:max-sessions 1})]
    (with-client [c s plain]
      (is= [:error "timeout"]
           (outcome (dtls/connect "127.0.0.1" (port-of s) (merge plain {:timeout 0.3}))))
      (echoes c))
    (while (next (dtls/peers s)) (turns))
    (with-client [c s plain] (echoes c))))

(end)
