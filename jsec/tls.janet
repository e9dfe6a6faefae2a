# TLS over TCP and unix sockets: clients, servers, STARTTLS. A connection is a Janet stream.
(import ./export :prefix "")

(export (merge (require "./lib/programs") (require "./lib/tickets") (require "./native")) "tls"
  '[new-context connect listen accept accept-loop server upgrade wrap abort set-ticket-keys reload
    rotate-ticket-keys stats features
    # programs that call net/* themselves
    with-options import require stream-factory])
