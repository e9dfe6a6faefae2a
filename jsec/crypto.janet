# Cryptography by OpenSSL: hashes, keys, signatures, encryption, requests, CMS, PKCS#12.
(import ./export :prefix "")

(export (merge (require "./native") (require "./lib/digests") (require "./lib/sealing")
               (require "./lib/otp"))
  "crypto"
  ~[# hashes and message authentication
    digest hmac
    # data in pieces
    new-digest new-hmac new-signer new-verifier new-encryptor new-decryptor
    # files and streams
    digest-file digest-stream seal-stream open-stream
    # random bytes, comparing secrets
    random-bytes generate-challenge constant-time=
    # keys
    generate-key export-public-key forget-keys key
    # keys as data
    key-to-jwk key-from-jwk jwk-thumbprint key-to-raw key-from-raw
    # signatures
    sign verify recover-public-key
    # signatures of SSH
    ssh-sign ssh-verify parse-ssh-signature
    # key agreement and derivation
    derive hkdf pbkdf2 scrypt
    # key encapsulation
    encapsulate decapsulate
    # encryption to a public key (HPKE)
    hpke-seal hpke-open new-hpke-sender new-hpke-recipient
    # passwords
    hash-password verify-password needs-rehash?
    # one-time codes
    hotp totp verify-totp otp-uri
    # encryption with a shared key
    encrypt decrypt generate-nonce cipher-info wrap-key unwrap-key
    # encryption with RSA keys
    rsa-encrypt rsa-decrypt rsa-max-plaintext
    # points of elliptic curves
    ec-generate-scalar ec-point-mul ec-point-add ec-point-to-bytes ec-point-from-bytes
    # certificate requests
    generate-csr parse-csr
    # CMS (PKCS#7)
    cms-sign cms-verify cms-encrypt cms-decrypt cms-certs-only cms-get-certs
    # S/MIME
    smime-sign smime-verify smime-encrypt smime-decrypt
    # PKCS#12
    create-pkcs12 parse-pkcs12
    # conversion of keys and certificates
    convert-key convert-cert detect-format load-key export-key key-info
    # bytes as text
    base64-encode base64-decode base64url-encode base64url-decode
    base32-encode base32-decode hex-encode hex-decode])
