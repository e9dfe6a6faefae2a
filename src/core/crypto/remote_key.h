/* Private keys that live elsewhere: a key of OpenSSL whose signatures a callback makes. Only its
 * public half is here. */
#ifndef JSEC_CORE_REMOTE_KEY_H
#define JSEC_CORE_REMOTE_KEY_H

#include "core/crypto/signature.h"

/* What is to be signed. */
typedef struct RemoteRequest {
    EVP_PKEY *key;          /* the public half */
    SignatureScheme scheme; /* prehashed; without a digest for EdDSA */
    Bytes input;            /* the digest; for EdDSA the message */
} RemoteRequest;

/* Writes the signature, at most signature_room bytes; false: there is none. */
typedef bool RemoteSign(const RemoteRequest *request, const void *signer, uint8_t *signature,
                        size_t *length);

/* A key with this public half: RSA, RSA-PSS, EC, Ed25519 or Ed448. `signer` is handed to `sign`.
 * The caller frees the result; NULL on failure. */
EVP_PKEY *remote_key_new(EVP_PKEY *public_half, RemoteSign *sign, const void *signer,
                         Failure *failure);

#endif
