# Facts about and actions on DTLS clients and the peers of servers, and their addresses.
(import ./export :prefix "")

(export (require "./native") "dtls-stream"
  '[handshake chunk shutdown trust-cert upgrade
    # addresses
    address address-host address-port address?
    # what was negotiated
    connection-info version cipher cipher-bits handshake-time peername
    # the peer's certificate
    peer-certificate peer-chain verify-result
    # sessions
    get-session set-session session-reused?])
