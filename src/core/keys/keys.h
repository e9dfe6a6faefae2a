/* Keys given as bytes, parsed once: a small cache of the last used ones.
 *
 * Parsing a PEM key costs ten times what signing with it does. An entry is found by the SHA-256 of
 * the bytes and of what was wanted of them; the bytes themselves are not kept. Any thread may
 * call. */
#ifndef JSEC_CORE_KEYS_H
#define JSEC_CORE_KEYS_H

#include "core/bytes.h"
#include "core/failure.h"

#include <openssl/evp.h>

/* A private key, PEM or DER. password.data may be NULL; what needed one is parsed anew each time.
 * The caller frees the result with EVP_PKEY_free and must not change it. */
EVP_PKEY *keys_private(Bytes data, Bytes password, Failure *failure);

/* A public key: from a public key, a certificate or a private key, as pem_public_key takes them.
 * It may hold the private half as well. */
EVP_PKEY *keys_public(Bytes data, Failure *failure);

/* A key that is kept has a context for signing (keys_private) or verifying (keys_public) with it,
 * kept from call to call. NULL: it is not there, make one. Give it back, or one that was made. */
EVP_PKEY_CTX *keys_take_context(const EVP_PKEY *key);
void keys_give_context(const EVP_PKEY *key, EVP_PKEY_CTX *context);

/* Drop all of them; private parts are cleansed once nobody uses them any more. */
void keys_forget(void);

/* PEM of a key for OPENSSL_clear_free(pem, length): PKCS#8 without encryption, and
 * SubjectPublicKeyInfo. NULL on failure. */
char *keys_private_pem(const EVP_PKEY *key, size_t *length, Failure *failure);
char *keys_public_pem(const EVP_PKEY *key, size_t *length, Failure *failure);

/* "RSA", "EC", "ED25519" …, for error texts. */
const char *keys_type(const EVP_PKEY *key);

#endif
