# Post-handshake authentication (TLS 1.3, RFC 8446, 4.6.2): a server asks for a certificate later.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "" :only [spawn await turns])
(import ../support/peers :prefix "" :only [authority issue saved port-of with-child exit-status
                                           described])
(import ../support/peers)
(import jsec/bio)
(import jsec/dtls)
(import jsec/tls)

(def ca (authority "CA"))
(def own (issue ca))
(def alice (issue ca :common-name "alice"))
(def stranger (issue (authority "Other CA") :common-name "stranger"))
(def server-options {:cert (own :cert) :key (own :key) :ca (ca :cert) :close-timeout 0.1})
(defn- client-options [identity]
  (merge {:ca (ca :cert) :hostname "localhost" :post-handshake-auth true :close-timeout 0.1}
         (if identity {:cert (identity :cert) :key (identity :key)} {})))

(defn- joined
  "A client and a server of ours; options are added to the usual ones."
  [identity &opt client server base]
  (def listener (tls/listen "127.0.0.1" 0))
  (defer (:close listener)
    (def task (spawn (tls/accept listener (merge (or base server-options) (or server {})))))
    (def c (tls/connect "127.0.0.1" (port-of listener)
                        (merge (client-options identity) (or client {}))))
    (def [status s] (await task))
    (is= :ok status s)
    [c s]))

(defn- name-of [s] (get-in (:peer-certificate s :data) [:subject :common-name]))

(defn- end-both [& streams] (each s streams (protect (:close s))))

(test "a server gets the certificate of a client that reads, and verifies it"
  (def [c s] (joined alice))
  (is= nil (:peer-certificate s))
  (is= "not asked for" ((:verify-result s) :reason))
  (def task (spawn (:request-certificate s)))
  (:write c "one")
  (def answer (spawn (:read c 100)))
  (is= [:ok (alice :cert)] (await task))
  (is= "alice" (name-of s))
  (is= true ((:verify-result s) :ok))
  (is= @"one" (:read s 100))
  (:write s "two")
  (is= [:ok @"two"] (await answer))
  (is= ["CN=CA,O=Test,C=US"] (tuple ;(map |(string/replace-all "\0" "" $)
                                          (((:connection-info c) :certificate-request) :cas))))
  (end-both c s))

(test "a client without :post-handshake-auth is not asked, and all stays as it was"
  (def [c s] (joined alice {:post-handshake-auth false}))
  (fails-with "the client does not allow requests after the handshake" (:request-certificate s))
  (is= "not asked for" ((:verify-result s) :reason))
  (:write c "one")
  (is= @"one" (:read s 100))
  (:write s "two")
  (is= @"two" (:read c 100))
  (end-both c s))

(test "a client without a certificate ends the connection, unless it is optional"
  (def [c s] (joined nil))
  (def task (spawn (:request-certificate s)))
  (def answer (spawn (:read c 100)))
  (def [status err] (await task))
  (is= :error status)
  (is (string/find "the client gave no certificate, and one is required" err) err)
  (is (string/find "requires a certificate" (last (await answer))))
  (fails-with "one is required" (:read s 1))
  (end-both c s)
  (def [c s] (joined nil))
  (def task (spawn (:request-certificate s {:optional true})))
  (def answer (spawn (:read c 100)))
  (is= [:ok nil] (await task))
  (is= false ((:verify-result s) :ok))
  (:write s "go on")
  (is= [:ok @"go on"] (await answer))
  (end-both c s))

(test "a certificate of another CA ends the connection, optional or not, and both sides say why"
  (each optional [true false]
    (def [c s] (joined stranger))
    (def task (spawn (:request-certificate s {:optional optional})))
    (def answer (spawn (:read c 100)))
    (def [status err] (await task))
    (is= :error status)
    (is (string/find "certificate verify failed" err) err)
    (is (string/find "Other CA" err) err)
    (is (string/find "does not trust the CA of our certificate" (last (await answer))))
    (fails-with "certificate verify failed" (:read s 1))
    (end-both c s)))

(test "a certificate that is optional is verified beside :verify true all the same, and required"
  (def [c s] (joined alice {} {:verify true}))
  (is= "alice" (name-of s))
  (def task (spawn (:request-certificate s {:optional true})))
  (def answer (spawn (:read c 100)))
  (is= :ok (first (await task)))
  (is= "alice" (name-of s))
  (end-both c s))

(test "data before the answer stays for readers, in its order, and a reader takes the answer in"
  (def [c s] (joined alice))
  (:write c "before ")
  (def task (spawn (:request-certificate s)))
  (turns)
  (:write c "between ")
  (def answer (spawn (:read c 100)))
  (is= :ok (first (await task)))
  (:write c "after")
  (is= @"before between after" (:chunk s 20))
  (def reader (spawn (:read s 100)))
  (def task (spawn (:request-certificate s)))
  (is= :ok (first (await task)))
  (:write c "to the reader")
  (is= [:ok @"to the reader"] (await reader))
  (end-both c s))

(test "more than 64 KB before the answer wait for a reader"
  (def [c s] (joined alice))
  (def data (string/repeat "0123456789" 30000))
  (def writer (spawn (:write c data)))
  (def task (spawn (:request-certificate s)))
  (is= @"0123456789" (:chunk s 10))
  (def answer (spawn (:read c 100)))
  (is= (string/slice data 10) (string (:chunk s (- (length data) 10))))
  (is= :ok (first (await task)))
  (is= :ok (first (await writer)))
  (:write s "done")
  (is= [:ok @"done"] (await answer))
  (end-both c s))

(test "a read that takes the answer in wakes the call that waits"
  (def [c s] (joined alice))
  (def data (string/repeat "0123456789" 10000))
  (:write c data)
  (def task (spawn (:request-certificate s)))
  (def answer (spawn (:read c 100)))
  (turns 50)
  (is= data (string (:chunk s (length data))))
  (is= :ok (first (await task)))
  (:write s "done")
  (is= [:ok @"done"] (await answer))
  (end-both c s))

(test "a call that times out or is cancelled leaves the request to the next call"
  (def [c s] (joined alice))
  (fails-with "timeout" (:request-certificate s {:timeout 0.02}))
  (def fiber (ev/go (fn [] (protect (:request-certificate s)))))
  (ev/sleep 0)
  (ev/cancel fiber "enough")
  (ev/sleep 0)
  (def answer (spawn (:read c 100)))
  (is= (alice :cert) (:request-certificate s))
  (:write s "ok")
  (is= [:ok @"ok"] (await answer))
  (end-both c s))

(test "a request can be repeated, and several calls wait for one answer"
  (def [c s] (joined alice))
  (def answer (spawn (:read c 100)))
  (repeat 3
    (def tasks (seq [_ :range [0 3]] (spawn (:request-certificate s))))
    (each task tasks (is= [:ok (alice :cert)] (await task))))
  (:write s "ok")
  (is= [:ok @"ok"] (await answer))
  (end-both c s))

(test "a close on either side ends the wait"
  (def [c s] (joined alice))
  (def task (spawn (:request-certificate s)))
  (ev/sleep 0)
  (:close s)
  (is= [:error "stream closed"] (await task))
  (end-both c)
  (def [c s] (joined alice))
  (def task (spawn (:request-certificate s)))
  (ev/sleep 0)
  (:shutdown c :w)
  (is (string/find "the client ended before it showed a certificate" (last (await task))))
  (end-both c s)
  (def [c s] (joined alice))
  (def task (spawn (:request-certificate s)))
  (ev/sleep 0)
  (tls/abort c)
  (is= :error (first (await task)))
  (end-both c s))

(test "only a server of TLS 1.3 with CAs for clients may ask"
  (def [c s] (joined alice {} {} {:cert (own :cert) :key (own :key)}))
  (fails-with "no CA to verify clients against" (:request-certificate s))
  (fails-with "servers request certificates, this is a client" (:request-certificate c))
  (fails-with "unknown option :optionl" (:request-certificate s {:optionl true}))
  (end-both c s)
  (def [c s] (joined alice {:max-version :TLS1_2}))
  (fails-with "TLS 1.3 has requests after the handshake, and this is TLSv1.2"
    (:request-certificate s))
  (end-both c s)
  (fails-with "stream is closed" (:request-certificate s))
  (def [c s] (joined alice {} {:verify :optional :on-verify (fn [_] true)}))
  (fails-with "can't wait for :on-verify" (:request-certificate s))
  (end-both c s))

(test "the option belongs to clients of TLS with a key of their own"
  (fails-with "clients" (tls/listen "127.0.0.1" 0 (merge server-options
                                                         {:post-handshake-auth true})))
  (fails-with "unknown option" (dtls/new-context {:post-handshake-auth true}))
  (fails-with "does not go with :post-handshake-auth"
    (tls/new-context {:cert (alice :cert) :signer {:sign identity} :post-handshake-auth true})))

(test "a session from after the answer has the certificate, one from before does not"
  (def sessions @[])
  (def [c s] (joined alice {:on-session |(array/push sessions $)}))
  (:write s "a")
  (is= @"a" (:read c 1))
  (def answer (spawn (:read c 100)))
  (:request-certificate s)
  (:write s "b")
  (is= [:ok @"b"] (await answer))
  (ev/sleep 0)
  (end-both c s)
  (is (<= 2 (length sessions)))
  (def context (tls/new-context server-options))
  (defn again [session]
    (def listener (tls/listen "127.0.0.1" 0))
    (defer (:close listener)
      (def task (spawn (tls/accept listener context)))
      (def c (tls/connect "127.0.0.1" (port-of listener)
                          (merge (client-options alice)
                                 (if session {:session session} {})
                                 {:on-session |(array/push sessions $)})))
      (def s (last (await task)))
      [c s]))
  (array/clear sessions)
  (def [c s] (again nil))
  (def answer (spawn (:read c 100)))
  (:request-certificate s)
  (:write s "b")
  (await answer)
  (ev/sleep 0)
  (def [before after] [(first sessions) (last sessions)])
  (end-both c s)
  (def [c s] (again before))
  (is= [true nil] [(:session-reused? s) (:peer-certificate s)])
  (end-both c s)
  (def [c s] (again after))
  (is= true (:session-reused? s))
  (is= "alice" (name-of s))
  (is= false ((:verify-result s) :ok) "it was not verified in this connection")
  (end-both c s))

(test "a virtual host verifies by its own CAs"
  (def other (authority "Host CA"))
  (def host (issue other :common-name "bob"))
  (def sni {"localhost" {:ca (other :cert)}})
  (each [identity good] [[host true] [alice false]]
    (def [c s] (joined identity {} {:sni sni}))
    (def task (spawn (:request-certificate s)))
    (def answer (spawn (:read c 100)))
    (is= good (= :ok (first (await task))))
    (end-both c s)))

(test "streams over memory BIOs ask and answer as well"
  (def [up down] [(bio/new-mem) (bio/new-mem)])
  (def task (spawn (tls/wrap [up down] server-options)))
  (def c (tls/wrap [down up] "localhost" (client-options alice)))
  (def s (last (await task)))
  (def answer (spawn (:read c 100)))
  (is= (alice :cert) (:request-certificate s))
  (:write s "ok")
  (is= [:ok @"ok"] (await answer))
  (end-both c s))

# ---- other implementations ----

(def dir (tmpdir))
(def ca-file ((saved dir "ca" ca) :cert))
(def own-files (saved dir "own" own))
(def alice-files (saved dir "alice" alice))

(defn- serve-once
  "A server that asks its client; its port, and a task with what it saw."
  []
  (def listener (tls/listen "127.0.0.1" 0))
  {:port (port-of listener)
   :task (spawn
           (defer (:close listener)
             (with [s (tls/accept listener server-options)]
               (def request (:read s 1000))
               (:request-certificate s {:timeout 20})
               (:write s (string "HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\n" (name-of s) "\n"))
               (string request))))})

(peer-test "openssl" "openssl s_client shows its certificate when we ask"
  (def {:port port :task task} (serve-once))
  (with-child [c "openssl" "s_client" "-connect" (string "127.0.0.1:" port) "-CAfile" ca-file
               "-enable_pha" "-cert" (alice-files :cert) "-key" (alice-files :key) "-quiet"]
    (ev/write ((c :proc) :in) "hello\n")
    (peers/await c :out "alice")
    (is= [:ok "hello\n"] (await task))))

(peer-test "curl" "curl shows its certificate when we ask"
  (def {:port port :task task} (serve-once))
  (with-child [c "curl" "-sS" "--cacert" ca-file "--cert" (alice-files :cert) "--key"
               (alice-files :key) (string "https://localhost:" port "/admin")]
    (is= 0 (exit-status c) (described c))
    (is= "alice\n" (string (c :out)))
    (is (string/has-prefix? "GET /admin" (last (await task))))))

(def python-client
  ``
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
context.load_cert_chain(sys.argv[3], sys.argv[4])
context.post_handshake_auth = True
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as plain:
    with context.wrap_socket(plain, server_hostname="localhost") as connection:
        connection.sendall(b"hello")
        print(connection.recv(1000))
``)

(def python-server
  ``
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3])
context.load_verify_locations(sys.argv[1])
context.verify_mode = ssl.CERT_REQUIRED
context.post_handshake_auth = True
listener = socket.create_server(("127.0.0.1", 0))
print("port", listener.getsockname()[1], flush=True)
with context.wrap_socket(listener.accept()[0], server_side=True) as connection:
    print("before", connection.getpeercert(), flush=True)
    print(connection.recv(100))
    connection.verify_client_post_handshake()
    connection.sendall(b"asked")
    print(connection.recv(100))
    print("after", connection.getpeercert()["subject"], flush=True)
    connection.sendall(b"done")
``)

(peer-test "python3" "Python as a client shows its certificate when we ask"
  (def {:port port :task task} (serve-once))
  (with-child [c "python3" "-c" python-client port ca-file (alice-files :cert) (alice-files :key)]
    (is= 0 (exit-status c) (described c))
    (is (string/find "alice" (c :out)))
    (is= [:ok "hello"] (await task))))

(peer-test "python3" "Python as a server asks, and we show our certificate"
  (with-child [c "python3" "-c" python-server ca-file (own-files :cert) (own-files :key)]
    (def [port] (peers/await c :out ~(* "port " (<- :d+))))
    (with [s (tls/connect "127.0.0.1" port (client-options alice))]
      (:write s "hello")
      (is= @"asked" (:read s 100))
      (:write s "on")
      (is= @"done" (:read s 100))
      (is= 0 (exit-status c) (described c))
      (is (string/find "before {}" (string/replace "None" "{}" (c :out))))
      (is (string/find "'alice'" (c :out))))))

(peer-test "openssl" "openssl s_server asks, and we show our certificate"
  (with-child [c "openssl" "s_server" "-accept" "127.0.0.1:0" "-naccept" "1" "-cert"
               (own-files :cert) "-key" (own-files :key) "-CAfile" ca-file "-msg" "-tls1_3"]
    (def [port] (peers/await c :out ~(* "ACCEPT " (thru ":") (<- :d+))))
    (with [s (tls/connect "127.0.0.1" port (client-options alice))]
      (def answer (spawn (:read s 100)))
      (peers/await c :out "Finished")
      (ev/write ((c :proc) :in) "c\n")
      (peers/await c :out "SSL_do_handshake -> 1")
      (peers/await c :out ~(* "CertificateRequest" (thru "CertificateVerify") (thru "Finished")))
      (ev/write ((c :proc) :in) "bye\n")
      (is= [:ok @"bye\n"] (await answer)))))

(end)
