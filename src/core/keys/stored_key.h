/* Keys in the stores of OpenSSL's providers, by a URI: "pkcs11:…" in a token, "tpm2:…", "file:…".
 * The private half need not leave its store, and its use may then block. */
#ifndef JSEC_CORE_STORED_KEY_H
#define JSEC_CORE_STORED_KEY_H

#include "core/bytes.h"
#include "core/failure.h"

#include <openssl/evp.h>

/* Is it a URI of a store, and no content or path? Schemes of tokens are known without their
 * provider. */
bool stored_key_is_uri(Bytes source);

/* The key of a URI. The password is the PIN; the terminal is never asked. Several keys, or none,
 * are a failure, which does not show the URI: it can have the PIN. The caller frees the result with
 * EVP_PKEY_free. */
EVP_PKEY *stored_key_load(Bytes uri, Bytes password, bool is_private, Failure *failure);

/* Does the private half stay in its store? Then OpenSSL may do nothing with the key but by
 * remote_key.h: a fetch of its provider's algorithms without this query would make them the default
 * for all other keys. */
bool stored_key_stays(const EVP_PKEY *key);

#define STORED_KEY_QUERY 128

/* The property query of its provider. */
void stored_key_query(const EVP_PKEY *key, char query[STORED_KEY_QUERY]);

/* The public half as a key of the default provider. NULL: the store does not give it. */
EVP_PKEY *stored_key_public_half(const EVP_PKEY *key, Failure *failure);

#endif
