# Clients of the specification: jsec/dtls's connect, read, write, close, and jsec/dtls-stream's
# operations.
(import ../support/check :prefix "")
(import ../support/dtls :prefix "")
(import ../support/pairs :prefix "" :only [turns outcome])
(import jsec/dtls)
(import jsec/dtls-stream)
(import jsec/tls)

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

(test "dtls/read: a datagram at a time, up to n bytes, appended; the rest of one comes next"
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

(end)
