# TLS over TCP and unix sockets: clients, servers, STARTTLS. A connection is a Janet stream.
(import ./export :prefix "")

(export (merge (require "./lib/programs") (require "./lib/tickets") (require "./native")) "tls"
  '[new-context connect listen listen-fds accept accept-loop server drain upgrade wrap abort
    set-ticket-keys reload rotate-ticket-keys stats features
    # programs that call net/* themselves
    with-options import require stream-factory])
