/* Post-quantum keys: ML-KEM (FIPS 203), ML-DSA (FIPS 204) and SLH-DSA (FIPS 205), all of OpenSSL
 * 3.5 and later. */
#ifndef JSEC_CORE_QUANTUM_KEY_H
#define JSEC_CORE_QUANTUM_KEY_H

#include "core/bytes.h"
#include "core/failure.h"

#include <openssl/evp.h>
#include <stdbool.h>

#define QUANTUM_KEY_MAX_LENGTH 4896 /* bytes of a private key of ML-DSA-87 */

/* The lengths of a key as plain bytes. */
typedef struct QuantumAlgorithm {
    const char *type;                                  /* OpenSSL's name */
    size_t public_length, seed_length, private_length; /* a seed of 0 bytes: it has none */
} QuantumAlgorithm;

/* NULL when OpenSSL's name, or the key, is of another kind. */
const QuantumAlgorithm *quantum_key_named(const char *type);
const QuantumAlgorithm *quantum_key_algorithm(const EVP_PKEY *key);

/* A key from plain bytes: its public half, or the private one, as its seed or expanded. The caller
 * frees the result with EVP_PKEY_free. */
EVP_PKEY *quantum_key_read(const QuantumAlgorithm *algorithm, Bytes bytes, bool is_private,
                           Failure *failure);

/* Writes at most QUANTUM_KEY_MAX_LENGTH bytes: the public half, or of the private one the seed if
 * the key has it. */
bool quantum_key_write(const EVP_PKEY *key, bool is_private, uint8_t *out, size_t *length,
                       Failure *failure);

/* Does the private key have the seed that it was made from? */
bool quantum_key_has_seed(const EVP_PKEY *key);

/* Is the key or certificate, PEM or DER, of a kind that this OpenSSL lacks? Then the failure gives
 * the version that has it. */
bool quantum_key_explain(Bytes data, Failure *failure);

/* Does the private key, PEM or DER and not encrypted, take 10 ms and up for a signature? */
bool quantum_key_is_slow(Bytes key);

#endif
