# X.509 certificates: self-signed, issued, parsed, verified, revoked.
(import ./export :prefix "")

(export (merge (require "./lib/crls") (require "./native")) "cert"
  ~[generate-self-signed-cert generate-self-signed-from-key issue-cert parse verify-chain
    # revocation
    issue-crl parse-crl revoked? fetch-crl])
