# Hashes, keys, signatures, encryption, certificate requests, CMS, PKCS#12: cryptography by OpenSSL.
(import ./export :prefix "")

(export (require "./native") "crypto"
  ~[# hashes and message authentication
    digest hmac
    # random bytes, comparing secrets
    random-bytes generate-challenge constant-time=
    # keys
    generate-key export-public-key forget-keys
    # signatures
    sign verify
    # key agreement and derivation
    derive hkdf pbkdf2 scrypt
    # base64
    base64-encode base64-decode base64url-encode base64url-decode])
