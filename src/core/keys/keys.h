/* Parses keys, and caches the last used ones: parsing a PEM key costs ten times as much as a
 * signature.
 *
 * The cache finds an entry by the SHA-256 of the half and of the bytes; it does not keep the
 * bytes. Any thread may call. */
#ifndef JSEC_CORE_KEYS_H
#define JSEC_CORE_KEYS_H

#include "core/algorithms.h"
#include "core/bytes.h"
#include "core/failure.h"

#include <openssl/evp.h>

/* A private key, PEM, DER or the path of a file with it, or the URI of a store (stored_key.h).
 * password.data may be NULL; a key with a password is not cached. The caller frees the result with
 * EVP_PKEY_free and must not change it. */
EVP_PKEY *keys_private(Bytes source, Bytes password, Failure *failure);

/* The public key of a public key, a certificate or a private key, see pem_public_key. The result
 * may hold the private half as well. */
EVP_PKEY *keys_public(Bytes source, Failure *failure);

/* May it take long to get the key: does a password decrypt it, or is it in a store? */
bool keys_are_slow(Bytes source, Bytes password);

/* The same of content, which is never taken for a path. */
EVP_PKEY *keys_private_content(Bytes data, Bytes password, Failure *failure);
EVP_PKEY *keys_public_content(Bytes data, Failure *failure);

/* A cached key has a context, kept from call to call, for signing (keys_private) or verifying
 * (keys_public). NULL: make one. Give back the context that was taken or made. */
EVP_PKEY_CTX *keys_take_context(const EVP_PKEY *key);
void keys_give_context(const EVP_PKEY *key, EVP_PKEY_CTX *context);

/* Empty the cache. Private parts are cleansed when their last user frees the key. */
void keys_forget(void);

/* Cache a key for these bytes, which are its DER, so that they are not parsed again. */
void keys_remember(Bytes der, EVP_PKEY *key, bool is_private);

/* keys_forget for the key that was read from these bytes. */
void keys_forget_one(Bytes source);

/* PEM of a key for OPENSSL_clear_free(pem, length): PKCS#8 without encryption, and
 * SubjectPublicKeyInfo. NULL on failure. */
char *keys_private_pem(const EVP_PKEY *key, size_t *length, Failure *failure);
char *keys_public_pem(const EVP_PKEY *key, size_t *length, Failure *failure);

/* The only digest that the parameters of an RSA-PSS key allow (RFC 4055, 3.1). They prescribe the
 * minimum length of the salt as well. NULL: any digest. */
const DigestRow *keys_prescribed_digest(EVP_PKEY *key);

/* "RSA", "EC", "ED25519" …, for error texts. */
const char *keys_type(const EVP_PKEY *key);

#endif
