/* Key encapsulation with ML-KEM (FIPS 203). */
#ifndef JSEC_CORE_KEM_H
#define JSEC_CORE_KEM_H

#include "core/bytes.h"
#include "core/failure.h"

#include <openssl/evp.h>
#include <stdbool.h>

#define KEM_MAX_CIPHERTEXT 1568 /* of ML-KEM-1024 */
#define KEM_SECRET_LENGTH 32

typedef struct KemResult {
    uint8_t ciphertext[KEM_MAX_CIPHERTEXT];
    size_t length; /* of the ciphertext */
    uint8_t secret[KEM_SECRET_LENGTH];
} KemResult;

/* A new secret, and the ciphertext that gives it to the owner of the private key. */
bool kem_encapsulate(EVP_PKEY *key, KemResult *result, Failure *failure);

/* Any ciphertext of the right length gives a secret: of a wrong one, another. */
bool kem_decapsulate(EVP_PKEY *key, Bytes ciphertext, uint8_t secret[KEM_SECRET_LENGTH],
                     Failure *failure);

#endif
