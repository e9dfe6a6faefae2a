# Facts about and actions on TLS streams; each function is a method of the stream as well.
(import ./export :prefix "")

(export (require "./native") "tls-stream"
  '[handshake shutdown trust-cert
    # what was negotiated
    connection-info version cipher cipher-bits handshake-time
    # the peer's certificate
    peer-certificate peer-chain verify-result request-certificate
    # sessions and keys
    get-session set-session session-reused? key-update renegotiate
    # stapling
    set-ocsp-response
    # for functions that take core's streams only
    core-stream])
