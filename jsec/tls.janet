# TLS over TCP and unix sockets: clients, servers, STARTTLS. What comes out is a stream like any other.
(import ./export :prefix "")

(export (require "./native") "tls" '[new-context connect listen accept accept-loop upgrade wrap set-ticket-keys features])
