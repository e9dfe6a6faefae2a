# Cipher suites without certificates (aNULL): a connection that verifies, or pins, never uses one,
# whatever :ciphers and
# :security-level say. TLS 1.2 and DTLS; TLS 1.3 has none.
(import ../support/check :prefix "")
(import ../support/datagrams)
(import ../support/peers :prefix "")
(import jsec/cert)
(import jsec/dtls)
(import jsec/tls)

(def ca (authority "Test CA"))
(def identity (issue ca))
(def anonymous "aNULL:@SECLEVEL=0")
(def every "ALL:eNULL:@SECLEVEL=0")
(def pin "The pin of another key." [(string "sha256//" (string/repeat "A" 43) "=")])
(def lax {:verify false :max-version :TLS1_2})

(defn- outcome
  "The suite that client and server come to, or the client's error."
  [server client]
  (with-server [s (merge identity server) (fn [stream] (:read stream 1))]
    (def [fine value]
      (protect (with [c (tls/connect "127.0.0.1" (s :port) (merge {:max-version :TLS1_2} client))]
                 (:cipher c))))
    (if fine (protect (result s)))
    value))

(defn- datagram-outcome [server client]
  (with [s (dtls/listen "127.0.0.1" 0 (merge identity server))]
    (ev/go (fn [] (protect (dtls/recv-from s 1))))
    (def [fine value]
      (protect
        (with [c (dtls/connect "127.0.0.1" (datagrams/port-of s)
                               (merge {:handshake-timeout 5} client))] (:cipher c))))
    value))

(defn- anonymous? [suite] (truthy? (peg/match '(+ "ADH-" "AECDH-") suite)))

(each [name meet max-version] [["TLS 1.2" outcome :TLS1_2] ["DTLS" datagram-outcome :DTLS1_2]]
  (def open {:verify false :ciphers anonymous :max-version max-version})

  (test (string "without verification and pins such a suite is used (" name ")")
    (is (anonymous? (meet open open))))

  (each [what client] [["verifies by default" {}] ["verifies" {:verify true}]
                       ["has pins" {:pins pin}]
                       ["has pins alone" {:verify false :pins pin}]]
    (each ciphers ["ALL:@SECLEVEL=0" every
                   "AECDH-AES128-SHA:ECDHE-ECDSA-AES128-GCM-SHA256:@SECLEVEL=0"]
      (test (string "a client that " what " refuses it, with :ciphers " ciphers " (" name ")")
        (def why
          (meet open (merge {:ca-file (ca :cert) :ciphers ciphers :security-level 0} client)))
        (is (string/find "handshake failed" why) why)))
    (test (string "a client that " what " says that it has no other, where it is given no other ("
                  name ")")
      (fails-with
        (string ":ciphers has only suites without certificates (aNULL): they need :verify "
                "false, and no :pins")
        (error (meet open (merge {:ciphers anonymous} client))))))

  (each ciphers ["ALL:@SECLEVEL=0" every]
    (test (string "a server that requires certificates never offers it, with :ciphers " ciphers
                  " (" name ")")
      (def closed {:verify true :ca-file (ca :cert) :ciphers ciphers})
      (def why (meet closed open))
      (is (string/find "handshake failed" why) why)
      (is (string/find "handshake failed" (meet (merge closed {:verify :optional}) open)))
      (is (not (anonymous? (meet closed
                                 (merge identity {:verify false :ciphers every
                                                  :max-version max-version})))))))

  (test (string "a virtual host that requires certificates does not use its listener's (" name ")")
    (def closed (merge identity {:verify true :ca-file (ca :cert) :ciphers "ALL:@SECLEVEL=0"}))
    (def listener
      (merge open {:sni {"closed.example" closed "open.example" (merge identity open)}}))
    (is (anonymous? (meet listener (merge open {:hostname "open.example"}))))
    (def why (meet listener (merge open {:hostname "closed.example"})))
    (is (string/find "handshake failed" why) why)))

(defn- openssl-server [protocol]
  (start "openssl" "s_server" "-accept" "127.0.0.1:0" "-nocert" protocol "-cipher"
         "ALL:@SECLEVEL=0"))

(each [protocol connect] [["-tls1_2" tls/connect] ["-dtls1_2" dtls/connect]]
  (peer-test "openssl"
    (string "a server of OpenSSL's without a certificate reaches no client that verifies (" protocol
            ")")
    (each [admitted options] [[true {:verify false}] [false {}] [false {:verify false :pins pin}]]
      (def server (openssl-server protocol))
      (defer (stop server)
        (def [port] (await server :out '(* "ACCEPT 127.0.0.1:" (<- :d+))))
        (def [fine value]
          (protect (connect "127.0.0.1" port
                            (merge {:ciphers "ALL:@SECLEVEL=0" :hostname "bank.example"
                                    :ca-file (ca :cert)
                                    :handshake-timeout 5} options))))
        (if fine (:close value true))
        (is= admitted fine value)))))

(end)
