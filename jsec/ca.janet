# A certificate authority in a folder: issue, list and revoke certificates. And one for development.
(import ./export :prefix "")

# the last environment has its own bindings only, the first one imports some of these
(export (merge (require "./ca/dev") (require "./ca/authority")) "ca"
  '[create issue list revoke crl
    # development
    dev])
