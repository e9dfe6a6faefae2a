# Wrong arguments to the functions of DTLS: each is refused with a word about it.
(import ../support/check :prefix "")
(import ../support/datagrams :prefix "")
(import ../support/udp-proxy :prefix "")
(import jsec/cert)
(import jsec/dtls)
(import jsec/dtls-stream)

(test "Ed25519 keys, which OpenSSL's DTLS does not use, are refused"
  (def made (cert/generate-self-signed-cert {:common-name "localhost" :key-type :ed25519}))
  (def reason ":key is an Ed25519, Ed448 or ML-DSA one")
  (fails-with (string "dtls/listen: " reason) (dtls/listen "127.0.0.1" 0 made))
  (fails-with (string "dtls/connect: " reason) (dtls/connect "127.0.0.1" 1 made)))

(def- server (dtls/listen "127.0.0.1" 0 server-options))
(def- client (connect server))
(:write client "hello")
(def- peer (dtls/recv-from server 100 @""))
(def- context (dtls/new-context server-options))
(def- anything
  [nil true 12 -1 math/nan "text" @"buffer" :keyword 'symbol [1] @[1] {:a 1} @{:a 1} print
   (fiber/new (fn [])) context client server
   peer])
(def- bytes [:string :buffer :keyword :symbol])
(def- options [:table :struct :nil])

(each [name function arguments slot fine]
      [["dtls/new-context" dtls/new-context [{}] 0 options]
       ["dtls/listen" dtls/listen ["127.0.0.1" "0" server-options] 0 [:number ;bytes]]
       ["dtls/listen" dtls/listen ["127.0.0.1" "0" server-options] 1 [:number ;bytes]]
       ["dtls/listen" dtls/listen ["127.0.0.1" "0" server-options] 2 [:jsec/dtls-context ;options]]
       ["dtls/connect" dtls/connect ["localhost" "1"] 0 bytes]
       ["dtls/connect" dtls/connect ["localhost" "1"] 1 [:number ;bytes]]
       ["dtls/connect" dtls/connect ["localhost" "1" {}] 2 [:jsec/dtls-context ;options]]
       ["dtls/recv-from" dtls/recv-from [server 10 @""] 0 [:jsec/dtls-server]]
       ["dtls/recv-from" dtls/recv-from [server 10 @"" 0] 1 [:number]]
       ["dtls/recv-from" dtls/recv-from [server 10 @"" 0] 2 [:buffer]]
       ["dtls/recv-from" dtls/recv-from [server 10 @"" 0] 3 [:number ;options]]
       ["dtls/send-to" dtls/send-to [server peer "x"] 0 [:jsec/dtls-server]]
       ["dtls/send-to" dtls/send-to [server peer "x"] 1 [:jsec/dtls-address]]
       ["dtls/send-to" dtls/send-to [server peer "x"] 2 bytes]
       ["dtls/send-to" dtls/send-to [server peer "x" 0] 3 [:number ;options]]
       ["dtls/close-server" dtls/close-server [server] 0 [:jsec/dtls-server]]
       ["dtls/localname" dtls/localname [server] 0 [:jsec/dtls-server :jsec/dtls-client]]
       ["dtls/peers" dtls/peers [server] 0 [:jsec/dtls-server]]
       ["dtls/close-peer" dtls/close-peer [server peer] 0 [:jsec/dtls-server]]
       ["dtls/close-peer" dtls/close-peer [server peer] 1 [:jsec/dtls-address]]
       ["dtls/read" dtls/read [client 10] 0 [:jsec/dtls-client]]
       ["dtls/read" dtls/read [client 10 nil 0] 1 [:number :keyword]]
       ["dtls/read" dtls/read [client 10 nil 0] 2 [:buffer :nil]]
       ["dtls/write" dtls/write [client "x"] 0 [:jsec/dtls-client]]
       ["dtls/write" dtls/write [client "x"] 1 bytes]
       ["dtls/write" dtls/write [client "x" 0] 2 [:number ;options]]
       ["dtls/close" dtls/close [client] 0 [:jsec/dtls-client]]
       ["dtls-stream/upgrade" dtls-stream/upgrade [client] 0 [:core/stream]]
       ["dtls-stream/shutdown" dtls-stream/shutdown [client] 0 [:jsec/dtls-client]]
       ["dtls-stream/chunk" dtls-stream/chunk [client 1] 0 [:jsec/dtls-client]]
       ["dtls-stream/peername" dtls-stream/peername [client] 0 [:jsec/dtls-client]]
       ["dtls-stream/get-session" dtls-stream/get-session [client] 0 [:jsec/dtls-client]]
       ["dtls-stream/set-session" dtls-stream/set-session [client "x"] 0 [:jsec/dtls-client]]
       ["dtls-stream/address-host" dtls-stream/address-host [peer] 0 [:jsec/dtls-address]]
       ["dtls-stream/address-port" dtls-stream/address-port [peer] 0 [:jsec/dtls-address]]
       ["dtls-stream/version" dtls-stream/version [client] 0 [:jsec/dtls-client :jsec/dtls-server]]
       ["dtls-stream/version" dtls-stream/version [server peer] 1 [:jsec/dtls-address]]
       ["dtls-stream/trust-cert" dtls-stream/trust-cert [context (identity :cert)] 0
        [:jsec/dtls-context]]
       ["dtls-stream/trust-cert" dtls-stream/trust-cert [context (identity :cert)] 1
        [:string :buffer]]
       ["dtls/set-ticket-keys" dtls/set-ticket-keys [context "x"] 0 [:jsec/dtls-context]]
       ["dtls/reload" dtls/reload [context {}] 0 [:jsec/dtls-context]]]
  (test (string name " refuses wrong types in slot " slot)
    (each value anything
      (unless (index-of (type value) fine)
        (def given (array ;arguments))
        (put given slot value)
        (fails-with ~(+ ,(string "bad slot #" slot ", expected ")
                        ,(string name ": bad options, expected ")
                        ,(string name ": bad option "))
                    (function ;given))))))

(test "option values of wrong types and out of range are refused, and unknown ones named"
  (each [option value]
        [[:session-timeout -1] [:session-timeout math/nan] [:session-timeout "5"] [:mtu 255]
         [:mtu 16385] [:mtu 1200.5] [:mtu "1200"]
         [:retransmit 0] [:retransmit 0.01] [:retransmit 61] [:retransmit math/nan]
         [:retransmit "1"] [:max-sessions 0] [:max-sessions -1]
         [:max-sessions 1.5] [:max-sessions-per-host 0] [:handshake-timeout -1] [:on-error 12]
         [:verify 12] [:security 12]]
    (fails-with (string "dtls/listen: bad option " (describe option))
                (dtls/listen "127.0.0.1" 0 (merge server-options {option value}))))
  (fails-with "unknown option :session-timeot, did you mean :session-timeout"
              (dtls/listen "127.0.0.1" 0 (merge server-options {:session-timeot 5})))
  (fails-with "unknown option :max-sessions" (dtls/connect "127.0.0.1" 1 {:max-sessions 5}))
  (fails-with "a server needs a certificate" (dtls/listen "127.0.0.1" 0 {}))
  (fails-with "no CA to verify clients against"
              (dtls/listen "127.0.0.1" 0 (merge server-options {:verify true}))))

(test "hosts and ports that are none are refused"
  (each port [-1 65536 1.5 "nonsense port"]
    (is (not (first (protect (dtls/listen "127.0.0.1" port server-options))))))
  (fails-with "dtls/listen" (dtls/listen "nowhere.invalid" 0 server-options))
  (fails-with "dtls/connect" (dtls/connect "nowhere.invalid" 1))
  (fails-with "Connection refused"
              (dtls/connect "127.0.0.1"
                            (with [socket (listen-alone)] (get (net/localname socket) 1))
                            {:verify false}))
  (each [host port] [["localhost" 1] ["" 1] ["127.0.0.1" 65536] ["127.0.0.1" -1] ["127.0.0.1" "x"]
                     [12 1] ["::1\0" 1]]
    (fails-with "dtls-stream/address" (dtls-stream/address host port))))

(dtls/close client)
(dtls/close-server server)

(end)
