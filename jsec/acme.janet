# Certificates from a CA that speaks ACME, such as Let's Encrypt (RFC 8555).
(import ./export :prefix "")

(export (merge (require "./acme/account") (require "./acme/order") (require "./acme/serve")) "acme"
  '[account obtain revoke renewal-info serve
    # accounts
    change-key deactivate])
