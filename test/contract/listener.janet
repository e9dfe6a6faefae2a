# Listeners of tls/listen are never served in the clear (row 35 of docs/stream-contract.md): core's
# functions give TLS or raise.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "")
(import ../support/process :prefix "")
(import jsec/tls)

(def no-certificate "the listener of tls/listen has no certificate: give it :cert and :key")

(def ways
  "Each way in which core's functions accept, as a function of a listener and a handler."
  {"net/accept" (fn [listener handler] (handler (net/accept listener)))
   ":accept" (fn [listener handler] (handler (:accept listener)))
   "net/accept-loop" net/accept-loop
   ":accept-loop" (fn [listener handler] (:accept-loop listener handler))})

(defn echo [s]
  (while (def data (:read s 100))
    (:write s data))
  (:close s))

(defn dial [listener & more]
  (def [host port] (address-of listener))
  (tls/connect host port ;more))

(defn echoes?
  "Does a TLS server answer?"
  [listener]
  (with [c (dial listener client-options)]
    (:write c "ping")
    (= "ping" (string (:read c 10 nil 5)))))

(eachp [name serve] ways
  (test (string name " raises on a listener that has no certificate")
    (with [listener (tls/listen "127.0.0.1" 0)]
      (fails-with no-certificate (serve listener echo)))
    (with [listener (tls/listen :unix (fresh-path) {:backlog 4})]
      (fails-with no-certificate (serve listener echo))))

  (test (string name " gives TLS on a listener with certificate options")
    (with [listener (tls/listen "127.0.0.1" 0 server-options)]
      (spawn (serve listener echo))
      (is (echoes? listener))))

  (test (string name " gives TLS on a listener with a context, also beside a backlog")
    (def context (tls/new-context server-options))
    (each options [context {:context context} {:context context :backlog 4}]
      (with [listener (tls/listen "127.0.0.1" 0 options)]
        (spawn (serve listener echo))
        (is (echoes? listener)))))

  (test (string name " gives a plaintext client no answer")
    (with [listener (tls/listen "127.0.0.1" 0 server-options)]
      (def handled (ev/chan 1))
      (spawn (serve listener (fn [s] (ev/give handled (outcome (echo s))))))
      (def [host port] (address-of listener))
      (with [c (plain-connect host port)]
        (:write c "GET / HTTP/1.0\r\n\r\n")
        (def answer (:read c :all nil 5))
        (is (not (string/find "GET" (or answer ""))))))))

(test "code that was compiled before the import gets TLS as well"
  (is= "raised\n"
       (run-code ``
         (defn early [listener] (net/accept listener 0.1))
         (require "jsec/native")
         (def listen (get-in (require "jsec/native") ['tls/listen :value]))
         (def listener (listen "127.0.0.1" "0"))
         (print (if (string/find "no certificate" (try (early listener) ([err] err))) "raised"))
         (:close listener)
         ``)))

(test "core's own functions in code that is not rebound refuse a listener, with options or without"
  (os/setenv "JSEC_NO_REBIND" "1")
  (defer (os/setenv "JSEC_NO_REBIND" nil)
    (is= "4 raise: bad stream, expected server socket\n"
         (run-code ``
           (def early [(fn [l] (net/accept l 0.1)) (fn [l] (net/accept-loop l (fn [s])))])
           (import jsec/cert)
           (import jsec/tls)
           (def made (cert/generate-self-signed-cert {:key-type :ec-p256}))
           (def errors
             (seq [options :in [nil made] accept :in early]
               (with [l (tls/listen "127.0.0.1" 0 options)]
                 (try (do (ev/with-deadline 1 (accept l)) "none") ([err] err)))))
           (print (length errors) " raise: " (string/join (distinct errors) ", "))
           ``))))

(test "a listener cannot be taken over"
  (with [listener (tls/listen "127.0.0.1" 0)]
    (fails-with "it is a listener" (tls/wrap listener "localhost"))))

(test ":accept returns before the client speaks, and the handshake is the first read's"
  (with [listener (tls/listen "127.0.0.1" 0 server-options)]
    (def silent (plain-connect ;(address-of listener)))
    (def s (:accept listener 5))
    (is (string/find "handshaking" (string s)))
    (def client (spawn (dial listener client-options)))
    (def served (:accept listener 5))
    (:write served "hi")
    (is= "hi" (string (:read (last (await client)) 10)))
    (:close silent)
    (is= :error (first (outcome (:read s 10 nil 5))))))

(test "tls/accept and tls/accept-loop without options take those of the listener"
  (with [listener (tls/listen "127.0.0.1" 0 server-options)]
    (spawn (echo (tls/accept listener)))
    (is (echoes? listener))
    (spawn (tls/accept-loop listener nil echo))
    (is (echoes? listener))))

(test "options that are given to tls/accept replace those of the listener"
  (with [listener (tls/listen "127.0.0.1" 0 (merge server-options {:alpn ["listener"]}))]
    (spawn (echo (tls/accept listener (merge server-options {:alpn ["accept"]}))))
    (with [c (dial listener (merge client-options {:alpn ["accept" "listener"]}))]
      (is= "accept" ((:connection-info c) :alpn)))))

(test "a listener of core's stays core's, and tls/accept takes it"
  (with [listener (net/listen "127.0.0.1" 0)]
    (def [host port] (address-of listener))
    (def plain (spawn (net/accept listener)))
    (:close (plain-connect host port))
    (:close (last (await plain)))
    (spawn (echo (tls/accept listener server-options)))
    (is (echoes? listener))))

(test "options that lack what a server needs are refused by tls/listen"
  (fails-with "tls/listen: a server needs a certificate" (tls/listen "127.0.0.1" 0 {:alpn ["h2"]}))
  (fails-with "tls/listen: unknown option :backlogg, did you mean :backlog"
              (tls/listen "127.0.0.1" 0 {:backlogg 1}))
  (fails-with "tls/listen: bad option :verify"
              (tls/listen "127.0.0.1" 0 (merge server-options {:verify 1}))))

(test "options live as long as their listener, and end with it"
  (def listener (tls/listen "127.0.0.1" 0 (table/clone server-options)))
  (gccollect)
  (spawn (echo (:accept listener)))
  (is (echoes? listener))
  (:close listener)
  (fails-with "stream is closed" (:accept listener))
  (repeat 20 (tls/listen "127.0.0.1" 0 server-options))
  (gccollect))

(test ":stream may stand where core takes a type; :datagram names jsec/dtls"
  (with [listener (tls/listen "127.0.0.1" 0 :stream server-options)]
    (spawn (echo (:accept listener)))
    (with [c (dial listener :stream client-options)]
      (:write c "ping")
      (is= "ping" (string (:read c 10)))))
  (:close (tls/listen "127.0.0.1" 0 :stream))
  (:close (tls/listen "127.0.0.1" 0 nil {:backlog 1}))
  (each f [tls/connect tls/listen]
    (fails-with "jsec/dtls" (f "127.0.0.1" 1 :datagram))
    (fails-with "jsec/dtls" (f "127.0.0.1" 1 :datagram {}))
    (fails-with "bad slot #2, expected :stream, options or TLS context, got :udp"
                (f "127.0.0.1" 1 :udp))
    (fails-with "arity mismatch" (f "127.0.0.1" 1 {} {}))
    (fails-with "arity mismatch" (f "127.0.0.1" 1 :stream {} {})))
  (fails-with "Connection refused"
              (with [l (net/listen "127.0.0.1" 0)]
                (def [host port] (address-of l))
                (:close l)
                (tls/connect host port :stream))))

(end)
