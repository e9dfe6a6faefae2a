# DTLS over UDP: servers with many peers on one socket, clients that are streams of datagrams.
(import ./export :prefix "")

(export (merge (require "./lib/tickets") (require "./native")) "dtls"
  '[new-context connect read write close listen recv-from send-to close-server localname peers
    close-peer set-ticket-keys reload rotate-ticket-keys])
