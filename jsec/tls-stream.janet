# What only a TLS stream can tell and do; each is a method of the stream as well.
(import ./export :prefix "")

(export (require "./native") "tls-stream"
  '[handshake shutdown trust-cert
    # what was negotiated
    connection-info version cipher cipher-bits handshake-time
    # who is on the other side
    peer-certificate peer-chain verify-result
    # sessions and keys
    get-session set-session session-reused? key-update renegotiate
    # stapling
    set-ocsp-response])
