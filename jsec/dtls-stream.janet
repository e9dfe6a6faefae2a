# What DTLS clients and the peers of servers can tell and do, and their addresses.
(import ./export :prefix "")

(export (require "./native") "dtls-stream"
  '[handshake chunk shutdown trust-cert upgrade
    # addresses
    address address-host address-port address?
    # what was negotiated
    connection-info version cipher cipher-bits handshake-time peername
    # who is on the other side
    peer-certificate peer-chain verify-result
    # sessions
    get-session set-session session-reused?])
