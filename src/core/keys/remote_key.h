/* Private keys that live elsewhere: a key of OpenSSL whose signatures a callback or a store makes.
 * Only its public half is here. */
#ifndef JSEC_CORE_REMOTE_KEY_H
#define JSEC_CORE_REMOTE_KEY_H

#include "core/bytes.h"
#include "core/failure.h"

#include <openssl/evp.h>

typedef enum RemotePadding { REMOTE_NO_PADDING, REMOTE_PKCS1, REMOTE_PSS } RemotePadding;

/* How to sign. */
typedef struct RemoteScheme {
    const EVP_MD *digest; /* of the input; NULL: EdDSA, which signs a message itself */
    RemotePadding padding;
    int salt_length; /* bytes, of PSS */
} RemoteScheme;

/* What is to be signed. */
typedef struct RemoteRequest {
    EVP_PKEY *key;    /* the public half */
    EVP_PKEY *stored; /* of remote_key_stored; or NULL */
    RemoteScheme scheme;
    Bytes input; /* the digest or the message */
} RemoteRequest;

/* Writes the signature, at most EVP_PKEY_get_size bytes; false: there is none. */
typedef bool RemoteSign(const RemoteRequest *request, const void *signer, uint8_t *signature,
                        size_t *length);

/* A key with this public half: RSA, RSA-PSS, EC, Ed25519 or Ed448. `signer` is handed to `sign`.
 * The caller frees the result; NULL on failure. */
EVP_PKEY *remote_key_new(EVP_PKEY *public_half, RemoteSign *sign, const void *signer,
                         Failure *failure);

/* The same, with the private half `stored` in a store (stored_key.h). Without `sign` each signature
 * is made at once, and blocks. */
EVP_PKEY *remote_key_stored(EVP_PKEY *public_half, EVP_PKEY *stored, RemoteSign *sign,
                            Failure *failure);

/* Sign with the key in the store. Blocks. */
bool remote_key_sign(const RemoteRequest *request, uint8_t *signature, size_t *length,
                     Failure *failure);

/* Does the private half live elsewhere, so that signing may block? */
bool remote_key_is(const EVP_PKEY *key);

#endif
