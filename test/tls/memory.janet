# TLS without a socket: between memory BIOs, moved by any program.
(import ../support/check :prefix "")
(import jsec/bio)
(import jsec/cert)
(import jsec/tls)

(def made (cert/generate-self-signed-cert {:common-name "a.example" :key-type :ec-p256}))
(def server-opts {:cert (made :cert) :key (made :key)})
(def client-opts {:trusted-cert (made :cert)})

(defn- both [client server]
  (def results (ev/chan 2))
  (ev/go (fn [] (ev/give results [:client (protect (client))])))
  (ev/go (fn [] (ev/give results [:server (protect (server))])))
  (def found (from-pairs [(ev/take results) (ev/take results)]))
  (map (fn [side] (let [[good value] (found side)] (if good value (error value))))
       [:client :server]))

(defn- joined [&opt client server]
  (def [up down] [(bio/new-mem) (bio/new-mem)])
  (both |(tls/wrap [down up] "a.example" (merge client-opts (or client {})))
        |(tls/wrap [up down] (merge server-opts (or server {})))))

(each version [:TLS1_2 :TLS1_3]
  (test (string version " two streams that share their BIOs talk, with no one to carry the bytes")
    (def [client server] (joined {:security {:max-version version}}))
    (is= "CN=a.example,O=Test,C=US" ((:peer-certificate client :data) :subject-text))
    (:write client "hello")
    (is= @"hello" (:chunk server 5))
    (def data (string/repeat "0123456789" 50000))
    (both |(:write server data) |(do (:write client "at once") nil))
    (is= (buffer data) (:chunk client 500000))
    (is= @"at once" (:chunk server 7))
    (both |(:close client) |(:close server))))

(test "bytes are carried one at a time, and close_notify ends the stream"
  (def [client-in client-out server-in server-out] (seq [_ :range [0 4]] (bio/new-mem)))
  (var carrying true)
  (defn carry [from to]
    (ev/go (fn []
             (while carrying
               (while (def data (bio/read from 1000))
                 (each byte data (bio/write to (string/from-bytes byte))))
               (ev/sleep 0.001)))))
  (carry client-out server-in)
  (carry server-out client-in)
  (defer (set carrying false)
    (def [client server] (both |(tls/wrap [client-in client-out] "a.example" client-opts)
                               |(tls/wrap [server-in server-out] server-opts)))
    (:write client "hello")
    (is= @"hello" (:chunk server 5))
    (both |(:close client) |(is= nil (:read server 5)))
    (:close server)))

(defn pump
  "Carry bytes until a queue ends, without polling."
  [from to]
  (ev/go (fn [] (while (bio/wait from) (bio/write to (bio/to-string from))) (bio/end to))))

(each version [:TLS1_2 :TLS1_3]
  (test (string version ": bytes are carried without polling, and carriers end with the streams")
    (def [client-in client-out server-in server-out] (seq [_ :range [0 4]] (bio/new-mem)))
    (def ended (ev/chan 2))
    (each [from to] [[client-out server-in] [server-out client-in]]
      (ev/go (fn []
               (while (bio/wait from) (bio/write to (bio/to-string from)))
               (bio/end to)
               (ev/give ended true))))
    (def options (merge client-opts {:max-version version}))
    (def [client server] (both |(tls/wrap [client-in client-out] "a.example" options)
                               |(tls/wrap [server-in server-out] server-opts)))
    (:write client "hello")
    (is= @"hello" (:chunk server 5))
    (both |(:close client) |(do (is= nil (:read server 5)) (:close server)))
    (repeat 2 (is (ev/take ended))))

  (test (string version ": what came before the transport's end is read, then the end is an error")
    (def [up down] [(bio/new-mem) (bio/new-mem)])
    (def options (merge client-opts {:max-version version}))
    (def [client server] (both |(tls/wrap [down up] "a.example" options)
                               |(tls/wrap [up down] server-opts)))
    (:write server "last words")
    (bio/end down)
    (is= @"last words" (:read client 100))
    (fails-with "connection truncated" (:read client 100))
    (fails-with '(+ "Broken pipe" "alert") (:write server "more")))

  (test (string version ": a hard close is an error for the peer")
    (def [client server] (joined {:max-version version}))
    (:write server "part")
    (:close server true)
    (is= @"part" (:read client 100))
    (fails-with "connection truncated" (:read client 100))))

(test "a handshake that fails ends the output"
  (def [client-in client-out server-in server-out] (seq [_ :range [0 4]] (bio/new-mem)))
  (pump client-out server-in)
  (pump server-out client-in)
  (def server (ev/go (fn [] (protect (tls/wrap [server-in server-out] server-opts)))))
  (fails-with "certificate" (tls/wrap [client-in client-out] "another.example" client-opts))
  (bio/to-string client-out)
  (while (not (nil? (bio/wait client-out 5)))))

(test "a BIO that is closed is a connection that was cut"
  (def [in out] [(bio/new-mem) (bio/new-mem)])
  (ev/go (fn [] (ev/sleep 0.01) (bio/close in)))
  (fails-with "handshake failed: the peer closed the connection"
              (tls/wrap [in out] "a.example" client-opts)))

(test "bytes that wait before a client begins are refused"
  (def [in out] [(bio/new-mem) (bio/new-mem)])
  (bio/write in "250 injected\r\n")
  (fails-with "plaintext is left over" (tls/wrap [in out] "a.example" client-opts)))

(test "what has no socket has no names"
  (def [client server] (joined))
  (each method [:peername :localname]
    (is= false (first (protect ((in client method) client))) method))
  (both |(:close client) |(:close server))
  (fails-with "stream is closed" (:write client "x")))

(test "timeouts and cancels hold"
  (def [client server] (joined))
  (fails-with "timeout" (:read client 10 nil 0.01))
  (def waiting (ev/go (fn [] (protect (:read client 10)))))
  (ev/sleep 0)
  (ev/cancel waiting "enough")
  (:write server "later")
  (is= @"later" (:chunk client 5))
  (fails-with "timeout" (tls/wrap [(bio/new-mem) (bio/new-mem)] "a.example"
                                  (merge client-opts {:timeout 0.01})))
  (each s [client server] (:close s true)))

(test "what is no pair of BIOs is refused"
  (each bad [[] [(bio/new-mem)] [(bio/new-mem) 1] [(bio/new-mem) (bio/new-mem) (bio/new-mem)] {}
             "x"]
    (fails-with "expected core/stream or [in out] of memory BIOs"
                (tls/wrap bad "a.example" client-opts))))

(if (os/getenv "JSEC_SLOW")
  (skip "forgotten pairs give their memory back" "sanitizers keep what was freed")
  (test "forgotten pairs give their memory back"
    (defn pages [] (scan-number (in (string/split " " (slurp "/proc/self/statm")) 1)))
    (repeat (load 200) (joined))
    (gccollect)
    (def before (pages))
    (repeat (load 1000) (joined))
    (gccollect)
    # each pair holds some 80 KB of OpenSSL's
    (is (< (- (pages) before) 4000))))

(test "a stream that is collected ends its output, for fibers that wait and for later ones"
  (defn drop-stream [out] (tls/wrap [(bio/new-mem) out] "localhost" {:handshake false}) nil)
  (def [waited later] [(bio/new-mem) (bio/new-mem)])
  (def waiting (ev/go (fn [] (bio/wait waited))))
  (drop-stream waited)
  (drop-stream later)
  (while (not= :dead (fiber/status waiting)) # until a collection finds no trace on the stack
    (gccollect)
    (ev/sleep 0.01))
  (is= nil (fiber/last-value waiting))
  (is= nil (bio/wait later 5)))

(test "a fiber that waits for output keeps the stream while its input may come"
  (def [in out] [(bio/new-mem) (bio/new-mem)])
  (def waiting (ev/go (fn [] (bio/wait out))))
  ((fn [] (tls/wrap [in out] "localhost" {:handshake false}) nil))
  (repeat 3 (gccollect) (ev/sleep 0.01))
  (is (not= :dead (fiber/status waiting)))
  (bio/end in)
  (bio/end out)
  (ev/sleep 0)
  (is= :dead (fiber/status waiting)))

(end)
