# TLS over TCP and unix sockets: clients, servers, STARTTLS. A connection is a Janet stream.
(import ./export :prefix "")

(export (require "./native") "tls"
        '[new-context connect listen accept accept-loop upgrade wrap abort set-ticket-keys
          features])
