/* Makes private keys. */
#ifndef JSEC_CORE_KEYGEN_H
#define JSEC_CORE_KEYGEN_H

#include "core/algorithms.h"

#define KEYGEN_MIN_BITS 1024
#define KEYGEN_MAX_BITS 16384 /* OpenSSL verifies no larger ones */
#define KEYGEN_DEFAULT_BITS 2048

/* `bits` is for RSA only. An RSA key takes from milliseconds to minutes: not on the event loop. The
 * caller frees the result with EVP_PKEY_free. */
EVP_PKEY *keygen(const KeyAlgorithm *algorithm, int bits, Failure *failure);

/* Does keygen need `bits`? */
bool keygen_is_rsa(const KeyAlgorithm *algorithm);

/* Does the key, or its first signature, take 10 ms and up? */
bool keygen_is_slow(const KeyAlgorithm *algorithm);

#endif
