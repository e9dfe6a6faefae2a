# Options of DTLS servers and clients, as the specification has them.
(import ../support/check :prefix "")
(import ../support/dtls :prefix "")
(import ../support/pairs :prefix "" :only [turns outcome])
(import jsec/dtls)
(import jsec/tls)

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
  (with-server [s (merge served {:on-error (fn [text facts] (ev/give told [text facts]))})]
    (protect (dtls/connect "127.0.0.1" (port-of s) {:hostname "b.example"}))
    (def [text facts] (ev/take told))
    (is (peg/find "dtls/listen: peer 127.0.0.1 port" text))
    (def {:peername [host port]} facts)
    (is= [host true] ["127.0.0.1" (truthy? (string/find (string "port " port ":") text))])
    (is= {:peername [host port] :stage :handshake :server-name "b.example"} facts)))

(test "caps: further peers are not answered"
  (with-server [s (merge served {:max-sessions 1})]
    (with-client [c s plain]
      (is= [:error "timeout"]
           (outcome (dtls/connect "127.0.0.1" (port-of s) (merge plain {:timeout 0.3}))))
      (echoes c))
    (while (next (dtls/peers s)) (turns))
    (with-client [c s plain] (echoes c))))

(end)
