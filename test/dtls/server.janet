# Servers of the specification: jsec/dtls's listen, recv-from, send-to, close-server, localname.
(import ../support/check :prefix "")
(import ../support/dtls :prefix "")
(import ../support/pairs :prefix "" :only [spawn await turns outcome])
(import jsec/cert)
(import jsec/dtls)
(import jsec/dtls-stream)

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

(test "dtls/send-to refuses data larger than a record, and sends none of it"
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

(test "dtls/close-server with force sends nothing to the peers"
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

(end)
