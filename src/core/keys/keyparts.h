/* Keys from their numbers, as other formats hold them. All of these check that the numbers form a
 * key, and that the private half belongs to the public one. The caller frees the results with
 * EVP_PKEY_free; NULL on failure. */
#ifndef JSEC_CORE_KEYPARTS_H
#define JSEC_CORE_KEYPARTS_H

#include "core/algorithms.h"
#include "core/bytes.h"

#define KEYPARTS_MAX_POINT 133 /* bytes of SEC 1, of P-521 */
#define KEYPARTS_MAX_RAW 57    /* bytes of Ed448 */

/* Big-endian, without leading zeros. d.data NULL: a public key, of n and e. */
typedef struct RsaParts {
    Bytes n, e, d, p, q, dp, dq, qi;
} RsaParts;

EVP_PKEY *keyparts_rsa(const RsaParts *parts, Failure *failure);

/* A point in SEC 1's encoding, a private scalar as long as the order, or both. */
EVP_PKEY *keyparts_ec(const CurveRow *curve, Bytes point, Bytes scalar, Failure *failure);

/* X25519, X448, Ed25519 and Ed448: keys of plain bytes (RFC 7748, RFC 8032). */
typedef struct RawAlgorithm {
    const char *type; /* OpenSSL's name */
    const char *jose; /* that of RFC 8037 */
    size_t length;    /* of either half */
} RawAlgorithm;

/* NULL when the key, or OpenSSL's name, is of another kind. */
const RawAlgorithm *keyparts_raw_algorithm(const EVP_PKEY *key);
const RawAlgorithm *keyparts_raw_named(const char *type);
const RawAlgorithm *keyparts_raw_jose(Bytes name);

/* Either half, or both. */
EVP_PKEY *keyparts_raw(const RawAlgorithm *algorithm, Bytes public_half, Bytes private_half,
                       Failure *failure);

/* Bytes of a field's element, a coordinate, and of the order, a private scalar. */
size_t keyparts_field_length(const EC_GROUP *group);
size_t keyparts_order_length(const EC_GROUP *group);

/* The curve of an EC key. */
const CurveRow *keyparts_curve(const EVP_PKEY *key, Failure *failure);

#endif
