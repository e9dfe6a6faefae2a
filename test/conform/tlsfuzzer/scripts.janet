# tlsfuzzer's scripts, as `name words…`: `:pass` must pass, on each kind of server (server.janet).
# `:fail` has the others with the reason: after `OpenSSL`, behaviour of the library, not of jsec.
# docs/conformance.md has the figures of `openssl s_server`.

(def kinds
  {"default"
   {:pass
    ["aes-gcm-nonces -d" "atypical-padding -d" "ccs -d" "connection-abort -d" "conversation -d"
     "cve-2016-2107 -d" "cve-2016-6309 -d" "early-application-data -d" "encrypt-then-mac -d"
     "fuzzed-MAC -d" "fuzzed-ciphertext -d" "fuzzed-padding -d" "fuzzed-plaintext -d"
     "hello-request-by-client -d" "invalid-client-hello-w-record-overflow -d"
     "invalid-content-type -d" "large-hello -d" "large-number-of-extensions -d"
     "message-skipping -d" "no-heartbeat -d" "no-mlkem-in-old-tls -d"
     "record-layer-fragmentation -d" "renegotiation-disabled -d"
     "resumption-with-wrong-ciphers -d" "sessionID-resumption -d" "ssl-death-alert -d"
     "tls13-0rtt-garbage" "tls13-ccs" "tls13-connection-abort" "tls13-conversation"
     "tls13-ecdhe-curves" "tls13-empty-alert" "tls13-ffdhe-sanity" "tls13-finished-plaintext"
     "tls13-hrr" "tls13-invalid-ciphers" "tls13-keyshare-omitted" "tls13-keyupdate"
     "tls13-nociphers" "tls13-pkcs-signature" "tls13-record-padding" "tls13-rsa-signatures"
     "tls13-serverhello-random" "tls13-signature-algorithms" "tls13-unencrypted-alert"
     "tls13-unrecognised-groups" "tls13-version-negotiation" "tls13-zero-content-type"
     "tls13-zero-length-data" "truncating-of-client-hello -d" "version-numbers -d"
     "zero-length-data -d"]
    :fail
    [["OpenSSL: CCM suites are not in its default list"
      ["aesccm -d"]]
     ["OpenSSL: a ClientHello has 131,396 bytes at most"
      ["client-hello-max-size -d"]]
     ["asks for TLS 1.0 or 1.1, which a default server refuses"
      ["downgrade-protection -d" "export-ciphers-rejected -d" "fallback-scsv -d"]]
     ["asks for renegotiation, which is off by default"
      ["encrypt-then-mac-renegotiation -d" "extended-master-secret-extension -d"
       "interleaved-application-data-and-fragmented-handshakes-in-renegotiation -d"
       "interleaved-application-data-in-renegotiation -d" "legacy-renegotiation -d"
       "renegotiation-changed-clienthello -d" "session-ticket-resumption -d"
       "sig-algs-renegotiation-resumption -d"]]
     ["OpenSSL: refuses the same with another alert"
      ["invalid-compression-methods -d" "tls13-crfg-curves" "tls13-ffdhe-groups"
       "tls13-multiple-ccs-messages"]]
     ["expects a server that knows a single name"
      ["invalid-server-name-extension -d" "invalid-server-name-extension-resumption -d"]]
     ["asks for a certificate of a client"
      ["renegotiation-disabled-client-cert -d"]]
     ["OpenSSL: the script expects the hello of SSL 2.0 to be taken"
      ["sslv2hello-protocol -d"]]
     ["expects two session tickets; jsec gives one"
      ["tls13-count-tickets"]]
     ["takes minutes, or more"
      ["tls13-dhe-shared-secret-padding" "tls13-large-number-of-extensions"]]
     ["OpenSSL: refuses padding that makes a Finished longer than a record"
      ["tls13-finished" "tls13-record-layer-limits"]]
     ["expects a server that updates its keys when a request says so"
      ["tls13-keyupdate-from-server"]]
     ["OpenSSL: reads a legacy version of SSL 3.0 in its own way"
      ["tls13-legacy-version"]]
     ["OpenSSL: has other groups than the script expects"
      ["tls13-no-unknown-groups" "tls13-obsolete-curves"]]
     ["expects resumption without a key exchange, and TLS 1.2 tickets in TLS 1.3"
      ["tls13-session-resumption"]]
     ["OpenSSL: sends a HelloRetryRequest where the script expects none, or the other way round"
      ["tls13-shuffled-extentions"]]
     ["OpenSSL: CCM_8 suites are not in its default list"
      ["tls13-symetric-ciphers"]]
     ["OpenSSL 3.2 or later compresses certificates"
      ["tls13-certificate-compression"]]]}
   "legacy"
   {:pass
    ["TLSv1_2-rejected-without-TLSv1_2" "aes-gcm-nonces" "atypical-padding" "ccs"
     "clienthello-md5" "connection-abort" "conversation" "cve-2004-0079" "cve-2016-2107"
     "cve-2016-6309" "cve-2016-7054" "dhe-rsa-key-exchange"
     "dhe-rsa-key-exchange-with-bad-messages" "downgrade-protection" "early-application-data"
     "ecdhe-rsa-key-exchange-with-bad-messages" "empty-extensions" "encrypt-then-mac"
     "extensions" "fuzzed-MAC" "fuzzed-ciphertext" "fuzzed-finished" "fuzzed-padding"
     "fuzzed-plaintext" "hello-request-by-client" "interleaved-CKE-with-CCS"
     "invalid-cipher-suites" "invalid-client-hello" "invalid-client-hello-w-record-overflow"
     "invalid-content-type" "invalid-session-id" "invalid-version" "large-number-of-extensions"
     "message-duplication" "message-skipping" "no-heartbeat" "no-mlkem-in-old-tls"
     "record-layer-fragmentation" "renegotiation-disabled" "resumption-with-wrong-ciphers"
     "sessionID-resumption" "signature-algorithms" "ssl-death-alert" "sslv2-connection"
     "sslv2-force-cipher" "sslv2-force-cipher-3des" "sslv2-force-cipher-non3des"
     "sslv2-force-export-cipher" "sslv2hello-protocol" "truncating-of-finished"
     "truncating-of-kRSA-client-key-exchange" "unsupported-curve-fallback" "version-numbers"
     "zero-length-data"]
    :fail
    [["OpenSSL: CCM suites are not in its default list"
      ["aesccm"]]
     ["OpenSSL: a few probes fail with s_server as well"
      ["chacha20" "dhe-rsa-key-exchange-signatures" "ecdhe-rsa-key-exchange"
       "invalid-rsa-key-exchange-messages" "truncating-of-client-hello"]]
     ["OpenSSL: a ClientHello has 131,396 bytes at most"
      ["client-hello-max-size"]]
     ["asks for SSL 3.0"
      ["dhe-key-share-random" "export-ciphers-rejected" "serverhello-random"]]
     ["takes minutes, or more"
      ["dhe-no-shared-secret-padding" "ecdhe-padded-shared-secret" "ecdhe-rsa-key-share-random"
       "large-hello"]]
     ["asks for renegotiation, which is off by default"
      ["encrypt-then-mac-renegotiation" "extended-master-secret-extension"
       "interleaved-application-data-and-fragmented-handshakes-in-renegotiation"
       "interleaved-application-data-in-renegotiation" "legacy-renegotiation" "openssl-3712"
       "renegotiation-changed-clienthello" "session-ticket-resumption"
       "sig-algs-renegotiation-resumption"]]
     ["OpenSSL: the script expects that TLS 1.3 is not there"
      ["fallback-scsv"]]
     ["OpenSSL: has other groups than the script expects"
      ["ffdhe-expected-params" "ffdhe-negotiation"]]
     ["OpenSSL: refuses the same with another alert"
      ["invalid-compression-methods" "x25519"]]
     ["expects a server that knows a single name"
      ["invalid-server-name-extension" "invalid-server-name-extension-resumption"]]
     ["asks for a certificate of a client"
      ["renegotiation-disabled-client-cert"]]
     ["the certificate has no RSA-PSS key"
      ["sig-algs"]]]}
   "mutual"
   {:pass
    ["certificate-malformed" "certificate-verify" "certificate-verify -d"
     "certificate-verify-malformed"]
    :fail
    [["asks for SHA-1, which the default security level refuses"
      ["certificate-verify-malformed-sig" "rsa-sigs-on-certificate-verify"
       "rsa-sigs-on-certificate-verify -d"]]
     ["OpenSSL: refuses a signature of RSA-PSS keys later than the script expects"
      ["rsa-pss-sigs-on-certificate-verify"]]
     ["expects another list of signature algorithms or certificate types"
      ["certificate-request" "extended-master-secret-extension-with-client-cert"
       "tls13-certificate-request" "tls13-certificate-verify"]]]}})
