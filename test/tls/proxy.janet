# The PROXY protocol: headers before TLS, of balancers that connect to us and of clients of ours.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "")
(import ../support/peers :as peers)
(import jsec/tls)
(import jsec/tls-stream :as stream)

(def loopback {:proxy-protocol ["127.0.0.0/8"]})
(def line "PROXY TCP4 192.0.2.7 198.51.100.1 5000 443\r\n")
(def start "\r\n\r\n\0\r\nQUIT\n")

(defn binary
  "A header of version 2."
  [command family & parts]
  (def rest (string ;parts))
  (string start (string/from-bytes command family (div (length rest) 256) (% (length rest) 256))
          rest))

(def addresses (string/from-bytes 192 0 2 7 198 51 100 1 0x13 0x88 0x01 0xbb))
(def addresses-6 (string "\x20\x01\x0d\xb8" (string/repeat "\0" 11) "\x01" # 2001:db8::1
                         "\x20\x01\x0d\xb8" (string/repeat "\0" 11) "\x02" "\x13\x88\x01\xbb"))

(defn extension [kind value] (string/from-bytes kind 0 (length value) ;(string/bytes value)))

(defn facts [s] [(:peername s) ((stream/connection-info s) :proxy)])

(defn with-server
  ``Run `f` with the port of a loop, a channel of what its handlers found, and one of errors' texts
  and facts.``
  [options f &opt loop-options]
  (def found (ev/chan 100))
  (def errors (ev/chan 100))
  (with [listener (tls/listen "127.0.0.1" 0)]
    (def [_ port] (address-of listener))
    (ev/go (fn []
             (tls/accept-loop listener (merge server-options options)
               (fn [s]
                 (:handshake s)
                 (ev/give found (facts s))
                 (:write s "served")
                 (:close s))
               (merge {:on-error (fn [text facts] (ev/give errors [text facts]))}
                      (or loop-options {}))))
           nil (ev/chan 100))
    (f port found errors)))

(defn connect-with
  "What a client gets that sends this before TLS."
  [port header &opt options]
  (def plain (plain-connect "127.0.0.1" port))
  (:write plain header)
  (with [s (tls/upgrade plain "localhost" (merge client-options (or options {})))]
    (string (:read s :all))))

(def ours ["192.0.2.7" 5000])

# ---- headers ----

(each deferred [false true]
  (each version [:TLS1_2 :TLS1_3]
    (test (string "the client's address is that of the header (" version
                  (if deferred ", handshake in the handler") ")")
      (with-server (merge loopback {:handshake (not deferred)})
        (fn [port found _]
          (each [header n peer]
            [[line 1 ours]
             ["PROXY TCP6 2001:db8::1 2001:db8::2 5000 443\r\n" 1 ["2001:db8::1" 5000]]
             [(binary 0x21 0x11 addresses) 2 ours]
             [(binary 0x21 0x21 addresses-6) 2 ["2001:db8::1" 5000]]]
            (is= "served" (connect-with port header {:max-version version}))
            (def [peername proxy] (ev/take found))
            (is= peer peername)
            (is= [n peer 443] [(proxy :version) (proxy :peername) (last (proxy :localname))])))))))

(test "a balancer's own connections, and unknown clients, have the address of the socket"
  (with-server loopback
    (fn [port found _]
      (each header ["PROXY UNKNOWN\r\n" "PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n" (binary 0x20 0)
                    (binary 0x20 0x11 "anything") (binary 0x21 0)
                    (binary 0x21 0x31 (string/repeat "/" 216))]
        (is= "served" (connect-with port header))
        (def [[host] proxy] (ev/take found))
        (is= ["127.0.0.1" nil] [host (proxy :peername)])))))

(test "extensions are given by name or number, and a checksum is verified"
  (with-server loopback
    (fn [port found errors]
      (def extensions [(extension 1 "h2") (extension 2 "a.example") (extension 4 "padding")
                       (extension 5 "id-1") (extension 0x20 "\x01\0\0\0\0") (extension 0xe0 "own")])
      (is= "served" (connect-with port (binary 0x21 0x11 addresses ;extensions)))
      (is= {:alpn "h2" :authority "a.example" :unique-id "id-1" :ssl "\x01\0\0\0\0" 0xe0 "own"}
           (get-in (ev/take found) [1 :extensions]))
      # CRC32c (RFC 3720) of the header, computed in Python
      (def checksum (extension 3 "\x99\x8a\x61\x35"))
      (is= "served" (connect-with port (binary 0x21 0x11 addresses checksum)))
      (is= {} (get-in (ev/take found) [1 :extensions])))))

(test "a header in pieces is read, and what follows it is left to TLS"
  (with-server loopback
    (fn [port found _]
      (each header [line (binary 0x21 0x11 addresses (extension 2 "a.example"))]
        (def plain (plain-connect "127.0.0.1" port))
        (each byte (string/bytes header)
          (:write plain (string/from-bytes byte))
          (turns 1))
        (with [s (tls/upgrade plain "localhost" client-options)]
          (is= "served" (string (:read s :all))))
        (is= ours (first (ev/take found)))))))

(test "what is no header is refused, with the reason"
  (with-server loopback
    (fn [port _ errors]
      (each [header why]
        [["" "the connection begins with other bytes"]
         ["GET / HTTP/1.0\r\n" "the connection begins with other bytes"]
         ["PROXY TCP4 192.0.2.7 198.51.100.1 5000\r\n" "its line is malformed"]
         ["PROXY TCP4 192.0.2.7 198.51.100.1 5000 443 x\r\n" "its line is malformed"]
         ["PROXY TCP4 192.0.2.7 198.51.100.1 5000 65536\r\n" "its line is malformed"]
         ["PROXY TCP4 192.0.2.7 198.51.100.1 05000 443\r\n" "its line is malformed"]
         ["PROXY TCP4 192.0.2.7  198.51.100.1 5000 443\r\n" "its line is malformed"]
         ["PROXY TCP4 2001:db8::1 2001:db8::2 5000 443\r\n" "its line is malformed"]
         ["PROXY UDP4 192.0.2.7 198.51.100.1 5000 443\r\n" "its line is malformed"]
         ["PROXY TCP4 192.0.2.7 198.51.100.1 5000 443\n" "its line is malformed"]
         [(string "PROXY UNKNOWN " (string/repeat "x" 200)) "its line is too long"]
         [(binary 0x11 0x11 addresses) "its command is unknown"]
         [(binary 0x22 0x11 addresses) "its command is unknown"]
         [(binary 0x21 0x12 addresses) "its addresses are not those of TCP"]
         [(binary 0x21 0x11 "short") "it has no room for its addresses"]
         [(binary 0x21 0x11 addresses "\x02\xff\xff") "its extensions are malformed"]
         [(binary 0x21 0x11 addresses "\x02") "its extensions are malformed"]
         [(binary 0x21 0x11 addresses (extension 3 "1234")) "its checksum is wrong"]
         [(binary 0x21 0x11 (string/repeat "x" 4090)) "it is too long"]]
        (is= :error (first (outcome (connect-with port header))))
        (def [text facts] (ev/take errors))
        (is (string/find (string "PROXY header expected: " why) text) text)
        (is= [:handshake "127.0.0.1"] [(facts :stage) (first (facts :peername))])))))

(test "a header that does not come is waited for as long as a handshake, and its end is an error"
  (with-server loopback
    (fn [port _ errors]
      (def quiet (plain-connect "127.0.0.1" port))
      (:write quiet "PROXY TCP4 ")
      (def [text] (ev/take errors))
      (is (string/find "handshake timed out" text))
      (:close quiet)
      (def gone (plain-connect "127.0.0.1" port))
      (:write gone "PROXY TCP4 ")
      (:close gone)
      (ev/take errors))
    {:handshake-timeout 0.2}))

# ---- trust ----

(test "a header from a peer of no given network is refused, and TLS alone is served"
  (with-server {:proxy-protocol ["192.0.2.0/24" "2001:db8::/32"]}
    (fn [port found errors]
      (is= "served" (connect-with port ""))
      (is= [true nil] [(= "127.0.0.1" (get-in (ev/take found) [0 0])) nil])
      (is= :error (first (outcome (connect-with port line))))
      (is= "127.0.0.1" (get-in (ev/take errors) [1 :peername 0])))))

(test "errors, :on-hello and :on-verify see the client's address"
  (def seen @[])
  (with-server (merge loopback {:on-hello (fn [hello] (array/push seen (hello :peername)) true)})
    (fn [port found errors]
      (is= "served" (connect-with port line))
      (is= [ours] (tuple ;seen))
      (def plain (plain-connect "127.0.0.1" port))
      (:write plain (string line "no TLS at all, but plain text"))
      (is= ours (get-in (ev/take errors) [1 :peername]))
      (:close plain))))

(test "clients of a balancer do not share the limit of a host"
  (with-server loopback
    (fn [port found _]
      (def quiet (seq [_ :range [0 4]] (plain-connect "127.0.0.1" port)))
      (ev/sleep 0.6)
      (is= "served" (connect-with port line))
      (each s quiet (is= [:error "timeout"] (outcome (:read s 1 nil 0.01))) (:close s)))
    {:max-handshakes-per-host 2}))

(test "tls/accept and unix sockets take headers"
  (def path (string (tmpdir) "/socket"))
  (each [listener connect networks]
    [[(tls/listen "127.0.0.1" 0) |(plain-connect ;(address-of $)) ["127.0.0.1"]]
     [(tls/listen :unix path) (fn [_] (net/connect :unix path)) [:unix]]]
    (def server
      (spawn (with [s (tls/accept listener (merge server-options {:proxy-protocol networks}))]
               (:write s "accepted")
               (:peername s))))
    (def plain (connect listener))
    (:write plain line)
    (with [s (tls/upgrade plain "localhost" client-options)]
      (is= "accepted" (string (:read s :all))))
    (is= [:ok ours] (await server))
    (:close listener)))

# ---- sending ----

(each version [1 2]
  (test (string "a client sends what it is given (version " version ")")
    (with-server loopback
      (fn [port found _]
        (each [peer local]
          [[ours ["198.51.100.1" 443]]
           [["2001:db8::1" 65535] ["2001:db8::2" 0]]
           [["::ffff:192.0.2.7" 5000] ["198.51.100.1" 443]]]
          (def options {:send-proxy {:peername peer :localname local :version version}})
          (with [s (tls/connect "127.0.0.1" port (merge client-options options))]
            (is= "served" (string (:read s :all))))
          (def [peername proxy] (ev/take found))
          (is= [(if (= "::ffff:192.0.2.7" (first peer)) ours peer) local version]
               [peername (proxy :localname) (proxy :version)]))))))

(test "options of the wrong form are refused"
  (def both {:peername ours :localname ours})
  (each bad [nil 1 "x" {} {:peername ours} (merge both {:peername ["a.example" 1]})
             (merge both {:peername ["192.0.2.7" 65536]}) (merge both {:peername ["192.0.2.7"]})
             (merge both {:localname ["2001:db8::1" 1]}) (merge both {:version 3})]
    (unless (nil? bad)
      (fails-with "tls/connect: bad option :send-proxy"
                  (tls/connect "127.0.0.1" 1 (merge client-options {:send-proxy bad})))))
  (with [listener (tls/listen "127.0.0.1" 0)]
    (each bad [1 "10.0.0.0/8" [] [1] ["10.0.0.1/8"] ["10.0.0.0/33"] ["10.0.0.0/"] ["a.example"]
               ["2001:db8::/129"] ["::ffff:10.0.0.0/104"] ["10.0.0.0/8x"]
               [:tcp] (tuple ;(range 17))]
      (fails-with "bad option :proxy-protocol"
                  (tls/accept listener (merge server-options {:proxy-protocol bad}) 1))))
  (fails-with "option :proxy-protocol is for servers only"
              (tls/connect "127.0.0.1" 1 (merge client-options loopback)))
  (def [a b] (core-pair))
  (fails-with "for connections that jsec makes or accepts itself"
              (tls/upgrade a "localhost" (merge client-options {:send-proxy both})))
  (each networks [["127.0.0.1"] [:unix]]
    (fails-with "for connections that jsec makes or accepts itself"
                (tls/wrap b (merge server-options {:handshake false :proxy-protocol networks}))))
  (each s [a b] (protect (:close s))))

# ---- HAProxy and nginx ----

(def dir (tmpdir))

(def haproxy-config ``
global
  maxconn 100
defaults
  mode tcp
  timeout connect 10s
  timeout client 10s
  timeout server 10s
listen relay
  bind 127.0.0.1:%s
  server ours 127.0.0.1:%s %s
``)

(def nginx-relay-config ``
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off; master_process off; pid %s/nginx.pid; error_log stderr info;
events {}
stream { server { listen 127.0.0.1:%s; proxy_pass 127.0.0.1:%s; proxy_protocol on; } }
``)

(defn dial-relay
  "Connect through a relay; its client's own address and what the server found."
  [child relay found]
  (peers/until-up child relay)
  (def plain (plain-connect "127.0.0.1" relay))
  (def own (net/localname plain))
  (with [s (tls/upgrade plain "localhost" client-options)]
    (is= "served" (string (:read s :all))))
  [own (ev/take found)])

(defn judge-relay [program start version]
  (peer-test program (string "the client's address comes through " program ", version " version)
    (with-server loopback
      (fn [port found _]
        (def relay (peers/free-port))
        (peers/with-child [child ;(start relay port)]
          (def [own [peername proxy]] (dial-relay child relay found))
          (is= own peername)
          (is= [version own] [(proxy :version) (proxy :peername)]))))))

(each [words version] [["send-proxy" 1] ["send-proxy-v2" 2]
                       ["send-proxy-v2 proxy-v2-options crc32c,unique-id" 2]]
  (judge-relay "haproxy"
    (fn [relay port]
      (def file (string dir "/haproxy-" relay))
      (spit file (string/format (string haproxy-config "\n") relay (string port) words))
      ["haproxy" "-db" "-f" file])
    version))

(if (os/stat "/usr/lib/nginx/modules/ngx_stream_module.so")
  (judge-relay "nginx"
    (fn [relay port]
      (def file (string dir "/nginx-" relay))
      (spit file (string/format nginx-relay-config dir relay (string port)))
      ["nginx" "-e" "stderr" "-c" file])
    1)
  (skip "the client's address comes through nginx" "no stream module"))

(def nginx-server-config ``
daemon off; master_process off; pid %s/server.pid; error_log stderr info;
events {}
http {
  access_log off;
  client_body_temp_path %s/b; proxy_temp_path %s/p; fastcgi_temp_path %s/f; uwsgi_temp_path %s/u;
  scgi_temp_path %s/s;
  server {
    listen 127.0.0.1:%s ssl proxy_protocol; ssl_certificate %s; ssl_certificate_key %s;
    location / { return 200 "$proxy_protocol_addr $proxy_protocol_port"; }
  }
}
``)

(each version [1 2]
  (peer-test "nginx" (string "nginx takes our header, version " version)
    (def port (peers/free-port))
    (def paths (peers/saved dir "server" identity))
    (def file (string dir "/server-" port))
    (spit file (string/format nginx-server-config ;(array/new-filled 6 dir) port (paths :cert)
                              (paths :key)))
    (peers/with-child [child "nginx" "-e" "stderr" "-c" file]
      (peers/until-up child port)
      (def options {:send-proxy {:peername ours :localname ["198.51.100.1" 443] :version version}})
      (with [s (tls/connect "127.0.0.1" port (merge client-options options))]
        (:write s "GET / HTTP/1.0\r\n\r\n")
        (is (string/has-suffix? "192.0.2.7 5000" (string (:read s :all))))))))

(end)
