/* Keys derived from secrets and passwords: HKDF, PBKDF2 and scrypt. Any thread may call. */
#ifndef JSEC_CORE_KDF_H
#define JSEC_CORE_KDF_H

#include "core/algorithms.h"
#include "core/bytes.h"
#include "core/failure.h"

#include <openssl/params.h>

typedef struct ScryptCost {
    uint64_t n;
    uint32_t r, p;
} ScryptCost;

/* Each writes exactly `length` bytes. */

/* RFC 5869. An empty salt is the same as none. */
bool kdf_hkdf(const DigestRow *digest, Bytes secret, Bytes salt, Bytes info, uint8_t *out,
              size_t length, Failure *failure);

/* RFC 8018. */
bool kdf_pbkdf2(const DigestRow *digest, Bytes password, Bytes salt, uint64_t iterations,
                uint8_t *out, size_t length, Failure *failure);

/* RFC 7914. The caller bounds the cost. */
bool kdf_scrypt(const ScryptCost *cost, Bytes password, Bytes salt, uint8_t *out, size_t length,
                Failure *failure);

/* The bytes of memory that scrypt takes, as RFC 7914 counts them. */
double kdf_scrypt_memory(const ScryptCost *cost);

/* The parameter of a KDF that OpenSSL only reads, though it has no const. */
OSSL_PARAM kdf_octets(const char *key, Bytes bytes);

#endif
