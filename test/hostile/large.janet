# Certificates of a megabyte, and chains of a hundred, from us and from others, in both roles: taken
# up to OpenSSL's limits (100 KB of certificates, 60 of a client, 100 issuers below the anchor), and
# refused beyond them with a reason.
(import ../support/check :prefix "")
(import ../support/peers :prefix "")
(import ../support/datagrams :as datagrams)
(import jsec/cert)
(import jsec/dtls)
(import jsec/tls)

(def slowness (scan-number (os/getenv "JSEC_SLOW" "1")))
(def ca (authority "Test CA"))
(def small (issue ca))
(def trust {:ca-file (ca :cert)})
(def versions [:TLS1_2 :TLS1_3])

(defn sized
  "A certificate of that many bytes or a little more: names make it so."
  [bytes]
  (def part (string/repeat "x" 60))
  (def names (seq [i :range [0 (div bytes 250)]]
               (string/format "DNS:%08d.%s.%s.%s.%s" i part part part (string/repeat "y" 50))))
  (issue ca :san ["DNS:localhost" "IP:127.0.0.1" ;names]))

(def broad "Certificates that are just small enough." {:server (sized 95000) :client (sized 58000)})
(def broader "And one that is too large for a client." (sized 64000))
(def huge (sized 1000000))

(defn at [version & options]
  (merge {:min-version version :max-version version :close-timeout 0.05} ;options))

(defn meet
  "Let a client and a server with these options meet, and echo: what each says."
  [client server]
  (with-server [s server (fn [stream] (:write stream (:read stream 10)) :echoed)]
    (def said
      (protect (with [c (tls/connect "127.0.0.1" (s :port) client)] (:write c "x") (:read c 10))))
    (def heard (ev/select (s :results) (s :refused)))
    # whatever came of it, the next is served
    (def next-one
      (protect
        (with [c (tls/connect "127.0.0.1" (s :port)
                              (merge client {:cert (small :cert) :key (small :key)}))]
          (:write c "y") (:read c 10))))
    [(last said) (match heard [:take _ [_ result]] result [:take _ text] text) (last next-one)]))

(def too-large
  (string
    "excessive message size: the peer's message is too large: its certificates exceed 100 KB, "
    "or a client's 60 KB"))
# OpenSSL's later versions say another thing to clients of TLS 1.3
(def refused '(* (thru "(SSL alert number ")
                 (+ (* "47): the peer refused a message of ours, such as "
                       "certificates that exceed its limit")
                    "42): the peer refused our certificate") -1))

(each version versions
  (test (string version ": a server's certificate of 95 KB is taken, and a client's of 58")
    (is= [@"x" :echoed @"y"] (meet (at version trust) (at version (broad :server))))
    (is= [@"x" :echoed @"y"] (meet (at version trust (broad :client))
                                   (at version small {:verify true :ca-file (ca :cert)}))))

  (test (string version ": a server's certificate of a megabyte is refused, and both are told why")
    (def [said heard] (meet (at version trust) (at version huge)))
    (is= (string "tls/connect: handshake failed: " too-large) said)
    (is (peg/match refused heard) heard))

  (each [size identity] [["64 KB" broader] ["a megabyte" huge]]
    (test (string version ": a client's certificate of " size
                  " is refused, both are told why, and the next client is served")
      (def [said heard after]
        (meet (at version trust identity) (at version small {:verify true :ca-file (ca :cert)})))
      (is= (string "tls/accept-loop: handshake failed: " too-large) heard)
      (is (and (string? said) (peg/match refused said)) said)
      (is= @"y" after))))

# ---- DTLS ----

(defn visit-dtls
  "An echo over DTLS, or what the client says."
  [server options]
  (def [_ heard]
    (protect (with [c (dtls/connect "127.0.0.1" (datagrams/port-of server) (merge trust options))]
               (string (datagrams/ask c "x")))))
  heard)

(def large-in-dtls
  (string "handshake failed: the peer's message is damaged or too large: its certificates exceed "
          "100 KB, or a client's 60 KB"))

(defmacro with-dtls [[s errors options] & body]
  ~(let [,errors (ev/chan 10)]
     (datagrams/with-server [,s (merge {:on-error |(ev/give ,errors $)} ,options)] ,;body)))

(test "DTLS: a server's certificate of 95 KB is taken, one of a megabyte refused"
  (with-dtls [s errors (broad :server)] (is= "x" (visit-dtls s {})))
  (with-dtls [s errors huge]
    (is= (string "dtls/connect: " large-in-dtls) (visit-dtls s {}))))

(test (string "DTLS: a client's certificate of 58 KB is taken, one of 64 KB and of a megabyte "
              "refused, and the next client is served")
  (with-dtls [s errors (merge small {:verify true :ca (ca :cert)})]
    (is= "x" (visit-dtls s (broad :client)))
    (each identity [broader huge]
      # OpenSSL says nothing to the peer
      (is (string/has-prefix? "dtls/connect: handshake timed out"
                              (visit-dtls s (merge {:handshake-timeout (* slowness 0.5)}
                                                   identity))))
      (is (string/has-suffix? large-in-dtls (ev/take errors))))
    (is= "x" (visit-dtls s small))))

# ---- from others ----

(def dir (tmpdir))
(def huge-files (saved dir "huge" huge))
(def less-files "GnuTLS sends no more." (saved dir "less" (sized 120000)))
(def ca-file ((saved dir "ca" ca) :cert))

(def others # the peers: their names, commands for serving and for connecting
  [["openssl"
    (fn [port]
      ["openssl" "s_server" "-accept" port "-cert" (huge-files :cert) "-key" (huge-files :key)])
    (fn [port]
      ["openssl" "s_client" "-connect" (string "127.0.0.1:" port) "-cert" (huge-files :cert) "-key"
       (huge-files :key)])]
   ["gnutls-serv"
    (fn [port]
      ["gnutls-serv" "-p" port "--x509certfile" (less-files :cert) "--x509keyfile"
       (less-files :key)])
    (fn [port]
      ["gnutls-cli" "--insecure" "-p" port "--x509certfile" (less-files :cert) "--x509keyfile"
       (less-files :key) "127.0.0.1"])]])

(each [program server client] others
  (peer-test program (string "a certificate that is too large from " program
                             " is refused in the same words, by clients and by servers")
    (def port (free-port))
    (with-child [c ;(server port)]
      (until-up c port)
      (is= (string "tls/connect: handshake failed: " too-large)
           (last (protect (tls/connect "127.0.0.1" port trust)))))
    (with-server [s (merge small {:verify true :ca-file (ca :cert)}) echo]
      (with-child [c ;(client (s :port))]
        (is= (string "tls/accept-loop: handshake failed: " too-large) (refusal s)))
      (with [c (tls/connect "127.0.0.1" (s :port) (merge trust small))]
        (is= @"after" (sent-back c "after"))))))

# ---- chains ----

(defn chain
  ``A leaf for localhost below n intermediate CAs below a root: {:root :cert (leaf and
  intermediates) :key}.``
  [n]
  (def root (authority "Far root"))
  (var issuer root)
  (def middles @[])
  (for i 0 n
    (set issuer (issue issuer :common-name (string "Middle " i) :ca true :san []))
    (array/push middles (issuer :cert)))
  (def leaf (issue issuer))
  {:root (root :cert) :cert (string (leaf :cert) ;(reverse middles)) :key (leaf :key) :leaf leaf})

(def long "A chain of 100 certificates." (chain 99))
(def longer (chain 101))

(each version versions
  (test (string version
                ": a chain of 100 certificates is sent, verified and told of, in both roles")
    (with-server [s (at version {:cert (long :cert) :key (long :key) :verify true
                                 :ca-file (long :root)}) |(length (:peer-chain $))]
      (with [c (tls/connect "127.0.0.1" (s :port)
                            (at version
                                {:cert (long :cert) :key (long :key) :ca-file (long :root)}))]
        (is= 100 (length (:peer-chain c)))
        (is= 100 (result s)))))

  (test (string version ": a longer chain than OpenSSL looks at is refused as such")
    (def [said] (meet (at version {:ca-file (longer :root)})
                      (at version {:cert (longer :cert) :key (longer :key)})))
    (is (string/find "certificate verify failed: certificate chain too long" said) said)
    (def [_ heard] (meet (at version trust {:cert (longer :cert) :key (longer :key)})
                         (at version small {:verify true :ca-file (longer :root)})))
    (is (string/find "certificate verify failed: certificate chain too long" heard) heard)))

(test "a chain of a hundred without its middle is refused"
  (def parts (string/split "-----BEGIN" (long :cert)))
  (def gap (string (string/join (array/concat @[] (array/slice parts 0 50) (array/slice parts 51))
                                "-----BEGIN")))
  (def [said] (meet (at :TLS1_3 {:ca-file (long :root)}) (at :TLS1_3 {:cert gap :key (long :key)})))
  (is (string/find "unable to get local issuer certificate" said) said))

(test "cert/verify-chain has the same limit and the same text"
  (defn verdict [{:cert sent :root root}] (cert/verify-chain sent {:roots root :host "localhost"}))
  (is= [true 101] [((verdict long) :valid) (length ((verdict long) :chain))])
  (is= [false true] [((verdict longer) :valid)
                     (string/has-prefix? "certificate chain too long" ((verdict longer) :reason))]))

(end)
