# Facts about a DTLS connection, and its sessions, as the specification has them.
(import ../support/check :prefix "")
(import ../support/dtls :prefix "")
(import jsec/dtls)
(import jsec/dtls-stream)

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

(end)
