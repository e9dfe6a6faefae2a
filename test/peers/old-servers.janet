# Servers with old software: the error names the option that lets a client connect all the same.
(import ../support/check :prefix "")
(import ../support/peers :prefix "")
(import jsec/cert)
(import jsec/tls)

(def dir (tmpdir))
(def identity (cert/generate-self-signed-cert {:common-name "localhost" :key-type :rsa}))
(def trust {:trusted-cert (identity :cert) :hostname "localhost" :max-version :TLS1_2 :timeout 10})

# A ServerHello of TLS 1.2 for ECDHE-RSA-AES128-GCM-SHA256, without extensions: the server does not
# know RFC 5746.
(def- old-hello
  (let [body (string "\x03\x03" (string/repeat "r" 32) "\0" "\xc0\x2f" "\0")
        message (string "\x02\0\0" (string/from-bytes (length body)) body)]
    (string "\x16\x03\x03\0" (string/from-bytes (length message)) message)))

(defn- error-of-old-hello [options]
  (with [listener (net/listen "127.0.0.1" 0)]
    (ev/go (fn [] (with [s (net/accept listener)]
                    (net/read s 4096)
                    (net/write s old-hello)
                    (protect (net/read s 4096)))))
    (last (protect (tls/connect "127.0.0.1" (port-of listener) (merge trust options))))))

(test "a server without secure renegotiation is refused, with :legacy-server-connect as the cure"
  (def why (error-of-old-hello {}))
  (is (string/find
        "unsafe legacy renegotiation disabled: the server does not know secure renegotiation" why)
      why)
  (is (string/find "allow it with :legacy-server-connect true" why))
  (def allowed (error-of-old-hello {:legacy-server-connect true :handshake-timeout 0.3}))
  (is (not (string/find "renegotiation" allowed)) allowed))

(def- small-group
  "RFC 2409's group of 1024 bits."
  ``-----BEGIN DH PARAMETERS-----
MIGHAoGBAP//////////yQ/aoiFowjTExmKLgNwc0SkCTgiKZ8x0Agu+pjsTmyJR
Sgh5jjQE3e+VGbPNOkMbMCsKbfJfFDdP4TVtbVHCReSFtXZiXn7G9ExC6aY37WsL
/1y29Aa37e44a/taiZ+lrp8kEXxLH+ZJKGZR7OZTgf//////////AgEC
-----END DH PARAMETERS-----
  ``)

(peer-test "openssl"
  "a Diffie-Hellman group of 1024 bits is refused, with :security-level 1 as the cure"
  (def paths (saved dir "server" identity))
  (spit (string dir "/dh") small-group)
  (with-child [c "openssl" "s_server" "-accept" "127.0.0.1:0" "-tls1_2" "-cipher"
               "DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0"
               "-dhparam" (string dir "/dh") "-cert" (paths :cert) "-key" (paths :key)]
    (def [port] (await c :out '(* "ACCEPT 127.0.0.1:" (<- :d+))))
    (def options (merge trust {:ciphers "DHE-RSA-AES128-GCM-SHA256"}))
    (def [_ why] (protect (tls/connect "127.0.0.1" port (merge options {:security-level 2}))))
    (is (string/find "dh key too small: the server's Diffie-Hellman group is too small" why) why)
    (is (string/find ":security-level 1" why))
    (with [s (tls/connect "127.0.0.1" port (merge options {:security-level 1}))]
      (is= "DHE-RSA-AES128-GCM-SHA256" (:cipher s)))))

(end)
