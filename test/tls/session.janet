# Sessions: resumed where they may be, refused where resumption would skip a check.
(import ../support/check :prefix "")
(import ../support/peers :prefix "" :only [with-child exit-status described feed])
(import jsec/cert)
(import jsec/crypto)
(import jsec/tls)
(import jsec/tls-stream)

(def cert (cert/generate-self-signed-cert {:common-name "a.example" :key-type :ec-p256
                                           :san ["DNS:a.example" "DNS:b.example"]}))
(def identity {:cert (cert :cert) :key (cert :key)})

(defn- serve
  "An echo server until its listener is closed; gives listener and port."
  [opts]
  (def listener (tls/listen "127.0.0.1" "0"))
  (ev/go (fn [] (tls/accept-loop listener opts
                                 (fn [s] (with [_ s]
                                           (var data (:read s 100))
                                           (while data
                                             (:write s data)
                                             (set data (:read s 100))))))))
  [listener (in (net/localname listener) 1)])

(defmacro- with-server [[port opts] & body]
  (with-syms [listener]
    ~(let [[,listener ,port] (,serve ,opts)]
       (defer (:close ,listener) ,;body))))

(defn- dial [port opts]
  (tls/connect "127.0.0.1" port (merge {:hostname "a.example" :trusted-cert (cert :cert)} opts)))

(defn- visit
  "Connect, echo a word, give whether the session was resumed and the new session."
  [port opts]
  (with [s (dial port opts)]
    (:write s "hello")
    (is= @"hello" (:chunk s 5))
    [(:session-reused? s) (:get-session s)]))

(each version [:TLS1_2 :TLS1_3]
  (def named (partial string version " "))
  (test (named "a session is resumed")
    (with-server [port identity]
      (def opts {:security {:max-version version}})
      (def [reused session] (visit port opts))
      (is= false reused)
      (is (string? session))
      (is= true (first (visit port (merge opts {:session session}))))))

  (test (named "a session that was put into a buffer is resumed")
    (with-server [port identity]
      (def opts {:security {:max-version version}})
      (def [_ session] (visit port opts))
      (is= true (first (visit port (merge opts {:session (buffer session)}))))))

  (test (named "a session survives its process as bytes")
    (with-server [port identity]
      (def opts {:security {:max-version version}})
      (def file (string (tmpdir) "/session"))
      (spit file ((visit port opts) 1))
      (is= true (first (visit port (merge opts {:session (slurp file)}))))))

  (test (named "set-session offers a session before a deferred handshake")
    (with-server [port identity]
      (def opts {:security {:max-version version}})
      (def [_ session] (visit port opts))
      (with [s (dial port (merge opts {:handshake false}))]
        (is= s (:set-session s session))
        (:handshake s)
        (is= true (:session-reused? s))
        (fails-with "the handshake has begun" (:set-session s session)))))

  (test (named "set-session refuses what is no session")
    (with-server [port identity]
      (with [s (dial port {:handshake false})]
        (each bytes ["" "garbage" (string/repeat "\x30\x80" 100)]
          (fails-with "tls-stream/set-session: " (:set-session s bytes))))))

  (test (named "a server with other ticket keys makes a full handshake")
    (def [_ session] (with-server [port identity] (visit port {:security {:max-version version}})))
    (with-server [port (merge identity {:security {:max-version version} :session-tickets 2})]
      (is= false (first (visit port {:session session :security {:max-version version}})))))

  (test (named
          (string "servers that share ticket keys resume each other's sessions, with other "
                  "certificates too"))
    (def other (cert/generate-self-signed-cert {:common-name "a.example" :key-type :rsa}))
    (def keys [(string (crypto/random-bytes 80)) (string (crypto/random-bytes 48))])
    (def opts {:security {:max-version version}})
    (def [_ session]
      (with-server [port (merge identity {:ticket-keys keys})] (visit port opts)))
    (with-server [port {:cert (other :cert) :key (other :key) :ticket-keys (reverse keys)}]
      (is= true (first (visit port (merge opts {:session session})))))))

(test "on-session tells each session as it comes"
  (with-server [port (merge identity {:session-tickets 2})]
    (def told (ev/chan 10))
    (with [s (dial port {:on-session |(ev/give told $)})]
      (:write s "hello")
      (:chunk s 5)
      (def sessions [(ev/take told) (ev/take told)])
      (is (not= ;sessions))
      (is= true (first (visit port {:session (first sessions)}))))))

(test "get-session is nil while the server has given none"
  (with-server [port (merge identity {:session-tickets 0})]
    (with [s (dial port {:security {:min-version :TLS1_3}})]
      (:write s "x")
      (is= @"x" (:chunk s 1))
      (is= nil (:get-session s)))))

(test "get-session eats no data"
  (with-server [port identity]
    (with [s (dial port {})]
      (:write s "hello")
      (ev/sleep 0.05)
      (:get-session s)
      (:get-session s)
      (is= @"hello" (:chunk s 5)))))

(peer-test "openssl" "sessions last two hours, unless :session-timeout says otherwise"
  (def file (string (tmpdir) "/session"))
  (each [options seconds] [[{} 7200] [{:session-timeout 60} 60]]
    (with-server [port (merge identity options)]
      (def [_ session] (visit port {}))
      (spit file (last (string/split "\0" session 0 3)))
      (with-child [c "openssl" "sess_id" "-inform" "DER" "-noout" "-text" "-in" file]
        (is= 0 (exit-status c) (described c))
        (is (string/find (string "ticket lifetime hint: " seconds " (seconds)") (c :out))
            (described c))))))

(test "a session of another host is refused"
  (with-server [port identity]
    (def [_ session] (visit port {}))
    (fails-with `made with "a.example", and can't be resumed with "b.example"`
      (dial port {:session session :hostname "b.example"}))))

(test "a session made without verification is refused where one verifies"
  (with-server [port identity]
    (def [_ session] (visit port {:verify false}))
    (fails-with "under other verification settings" (dial port {:session session}))))

(test "a session made under another CA is refused"
  (def other (cert/generate-self-signed-cert {:common-name "a.example" :key-type :ec-p256}))
  (with-server [port identity]
    (def [_ session] (visit port {}))
    (fails-with "under other verification settings"
      (dial port {:session session :trusted-cert (string (cert :cert) (other :cert))}))))

(test "a session of other pins is refused, and of another purpose, depth or time"
  (with-server [port identity]
    (def [_ session] (visit port {}))
    (each other [{:pins [(string "sha256//" (crypto/base64-encode (crypto/random-bytes 32)))]}
                 {:purpose :any}
                 {:verify-depth 3} {:verify-time (os/time)}]
      (fails-with "under other verification settings"
                  (dial port (merge {:session session} other))))))

(test "what is no session is refused"
  (each bad ["" "x" @"jsec-session-1\0a.example\0garbage" (string (crypto/random-bytes 500))]
    (fails-with "not a session" (dial 1 {:session bad}))))

(test "a truncated session is refused"
  (with-server [port identity]
    (def [_ session] (visit port {}))
    (for n 0 (dec (length session))
      (fails-with "not a session" (dial 1 {:session (slice session 0 n)})))))

(test "a verifying listener does not resume a session of one that does not verify"
  (def keys [(string (crypto/random-bytes 80))])
  (def trusting (merge identity {:ticket-keys keys :trusted-cert (cert :cert)}))
  (each open [(merge identity {:ticket-keys keys}) trusting]
    (def [_ session] (with-server [port open] (visit port {})))
    (with-server [port open] (is= true (first (visit port {:session session}))))
    (with-server [port (merge trusting {:verify :optional})]
      (is= false (first (visit port {:session session}))))))

(test "a virtual host does not resume another's session"
  (def keys [(string (crypto/random-bytes 80))])
  (def opts (merge identity {:ticket-keys keys :sni {"a.example" identity "b.example" identity}}))
  (with-server [port opts]
    (def [_ session] (visit port {}))
    (is= true (first (visit port {:session session})))
    # the same bytes under the other name, as a client without scruples would offer them
    (def forged (string/replace "a.example" "b.example" session))
    (is= false (first (visit port {:hostname "b.example" :session forged})))))

(each [what lax strict]
  [["" {:security-level 0} {:security-level 2}]
   [" in :ciphers" {:security-level 1 :ciphers "ECDHE+AESGCM:@SECLEVEL=0"} {:security-level 1}]]
  (test (string "a session of security level 0" what
                " is not resumed at a higher level, in either role")
    (def keys {:ticket-keys [(string (crypto/random-bytes 80))]})
    (def tls12 {:security {:max-version :TLS1_2}})
    (each version [{} tls12]
      (def [_ session] (with-server [port (merge identity keys lax)] (visit port version)))
      (with-server [port (merge identity keys strict)]
        (is= false (first (visit port (merge version {:session session})))))
      (with-server [port (merge identity keys lax)]
        (is= true (first (visit port (merge version {:session session}))))
        (def [_ session] (visit port (merge version lax)))
        (fails-with "under other verification settings"
                    (dial port (merge version strict {:session session})))))))

(each version [:TLS1_2 :TLS1_3]
  (test (string
          version
          " a server knows the name that a client asks for, resumed or not, and resumes TLS "
          "1.2 under the same name only")
    (def names (ev/chan 10))
    (def listener (tls/listen "127.0.0.1" "0"))
    (def port (in (net/localname listener) 1))
    (defer (:close listener)
      (ev/go (fn [] (tls/accept-loop listener identity
                                     (fn [s]
                                       (ev/give names (in (:connection-info s) :server-name))
                                       (while (def data (:read s 100)) (:write s data))
                                       (:close s)))))
      (def opts {:security {:max-version version}})
      (def [_ session] (visit port opts))
      (is= "a.example" (ev/take names))
      (each [asked reused] [["a.example" true] ["b.example" (= version :TLS1_3)]]
        # the same bytes under the other name, as a client without scruples would offer them
        (def offered (string/replace "a.example" asked session))
        (is= reused (first (visit port (merge opts {:hostname asked :session offered}))) asked)
        (is= asked (ev/take names))))))

(peer-test "openssl"
  "a session in the server's cache is not resumed once the client's certificate has expired"
  (def dir (tmpdir))
  (defn at [name] (string dir "/" name))
  (def ca (cert/generate-self-signed-cert {:common-name "CA" :key-type :ec-p256}))
  (def lifetime 4)
  (def client (cert/issue-cert {:issuer-cert (ca :cert) :issuer-key (ca :key) :common-name "client"
                                :key-type :ec-p256
                                :days-valid (/ lifetime 86400)}))
  (spit (at "client.pem") (string (client :cert) (client :key)))
  (with-server [port (merge identity {:verify true :ca-file (ca :cert)})]
    (defn visit [& arguments]
      (with-child [c "openssl" "s_client" "-connect" (string "127.0.0.1:" port) "-tls1_2"
                   "-no_ticket"
                   "-cert" (at "client.pem") "-key" (at "client.pem") ;arguments]
        (feed c "")
        (exit-status c)
        (string (c :out) (c :err))))
    (def began (os/time))
    (is (string/find "New, TLSv1.2" (visit "-sess_out" (at "session"))))
    (is (string/find "Reused, TLSv1.2" (visit "-sess_in" (at "session"))))
    (while (<= (os/time) (+ began lifetime 1)) (ev/sleep 0.1))
    (is (string/find "certificate expired" (visit "-sess_in" (at "session"))))))

(test "a ticket key of another length is refused with the expected lengths"
  (def short (string (tmpdir) "/short"))
  (spit short (string/repeat "k" 47))
  (fails-with "a key has 48 or 80 bytes, got 47"
              (tls/new-context (merge identity {:ticket-keys [short]}))))

(test "ticket keys are rotated: the old one opens, the new one seals"
  (def [old new] [(string (crypto/random-bytes 80)) (string (crypto/random-bytes 80))])
  (def ctx (tls/new-context (merge identity {:ticket-keys [old]})))
  (with-server [port ctx]
    (def [_ session] (visit port {}))
    (is= ctx (tls/set-ticket-keys ctx [new old]))
    (def [reused fresh] (visit port {:session session}))
    (is= true reused)
    (tls/set-ticket-keys ctx [new])
    (is= true (first (visit port {:session fresh})))
    (is= false (first (visit port {:session session})))))

(test "ticket keys are read from files as nginx keeps them"
  (def file (string (tmpdir) "/ticket.key"))
  (spit file (crypto/random-bytes 48))
  (def [_ session] (with-server [port (merge identity {:ticket-keys file})] (visit port {})))
  (with-server [port (merge identity {:ticket-keys [(slurp file)]})]
    (is= true (first (visit port {:session session})))))

(test "ticket keys of another length are refused"
  (fails-with "expected 48 or 80 bytes" (tls/new-context (merge identity {:ticket-keys "short"})))
  (fails-with "1 to 8" (tls/new-context (merge identity {:ticket-keys []}))))

(test "session-timeout 1 makes a session too old after a while"
  (with-server [port (merge identity {:session-timeout 1})]
    (def [_ session] (visit port {:security {:max-version :TLS1_2}}))
    (ev/sleep 2.1)
    (is= false (first (visit port {:session session :security {:max-version :TLS1_2}})))))

(test "key-update renews the keys between two records"
  (with-server [port identity]
    (with [s (dial port {})]
      (for i 0 5
        (:write s "hello")
        (is= s (:key-update s))
        (is= @"hello" (:chunk s 5))))
    (with [s (dial port {:security {:max-version :TLS1_2}})]
      (fails-with "TLS 1.3 has key updates, and this is TLSv1.2" (:key-update s)))))

(test "renegotiation is off by default, and on if both sides enable it"
  (def tls12 {:security {:max-version :TLS1_2}})
  (with-server [port (merge identity {:renegotiation true})]
    (with [s (dial port tls12)]
      (fails-with "renegotiation is off: give :renegotiation true" (:renegotiate s)))
    (with [s (dial port (merge tls12 {:renegotiation true}))]
      (is= s (:renegotiate s))
      (:write s "hello")
      (is= @"hello" (:chunk s 5)))
    (with [s (dial port {:renegotiation true})]
      (fails-with "TLS 1.3 has no renegotiation" (:renegotiate s)))))

(end)
