# Core's `net/connect net/listen net/accept net/accept-loop net/server` over TLS, with the same
# parameters and results. `(import jsec/net)` puts them in place of core's in one file; `tls/import`
# does so in a library.
(import ./export :prefix "")
(import ./lib/net)

(export (net/entries nil) "net"
  '[connect listen accept accept-loop server])
