/* Makes and verifies signatures with every kind of key. */
#ifndef JSEC_CORE_SIGNATURE_H
#define JSEC_CORE_SIGNATURE_H

#include "core/bytes.h"
#include "core/crypto/ecdsa.h"
#include "core/failure.h"

#include <openssl/evp.h>

typedef enum SignaturePadding {
    SIGNATURE_PADDING_UNSET, /* PKCS#1 v1.5 for RSA keys, PSS for RSA-PSS keys */
    SIGNATURE_PKCS1,
    SIGNATURE_PSS,
} SignaturePadding;

typedef enum SignatureFormat {
    SIGNATURE_FORMAT_UNSET, /* DER */
    SIGNATURE_DER,
    SIGNATURE_RAW, /* EcdsaForm.is_raw */
} SignatureFormat;

#define SIGNATURE_MAX_CONTEXT 255

/* The context of ML-DSA and SLH-DSA: bytes that tell uses of a key apart. */
typedef struct SignatureContext {
    uint8_t bytes[SIGNATURE_MAX_CONTEXT];
    size_t length;
} SignatureContext;

/* Values of salt_length besides numbers of bytes. */
#define SIGNATURE_SALT_UNSET (-100) /* as long as the digest */

typedef struct SignatureScheme {
    const EVP_MD *digest; /* NULL: SHA-256, or what the key prescribes */
    const EVP_MD *mgf1;   /* NULL: the digest */
    SignaturePadding padding;
    SignatureFormat format;
    int salt_length;             /* bytes, or RSA_PSS_SALTLEN_… */
    bool prehashed;              /* the data is the digest already */
    bool is_low_s, has_recovery; /* see EcdsaForm */
    bool is_deterministic;       /* the same signature each time (RFC 6979, FIPS 204, FIPS 205) */
    SignatureContext context;
} SignatureScheme;

/* Does the key allow this scheme? Fills in what the scheme leaves unset. */
bool signature_settle(EVP_PKEY *key, SignatureScheme *scheme, Failure *failure);

/* Does the key sign a digest, and so data in pieces? EdDSA and ML-DSA read the data twice. */
bool signature_takes_digest(const EVP_PKEY *key);

/* The maximum number of bytes that signature_make writes; SIGNATURE_MAX_LENGTH for every key. */
size_t signature_room(const EVP_PKEY *key);
#define SIGNATURE_MAX_LENGTH 49856 /* of SLH-DSA-SHA2-256f; ML-DSA-87: 4627, RSA: 2048 */

/* Does a signature take so long that it belongs on a worker: 10 ms and up? */
bool signature_is_slow(const EVP_PKEY *key);

/* The digest to sign: of the data or, if prehashed, the data itself. `digest` has room for
 * EVP_MAX_MD_SIZE bytes. */
bool signature_digest(const SignatureScheme *scheme, Bytes data, uint8_t *digest, size_t *length,
                      Failure *failure);

bool signature_make(EVP_PKEY *key, const SignatureScheme *scheme, Bytes data, uint8_t *out,
                    size_t *length, Failure *failure);

/* `valid` is false for any bytes that are not a signature of the data. A failure means that they
 * could not be checked. */
bool signature_verify(EVP_PKEY *key, const SignatureScheme *scheme, Bytes data, Bytes signature,
                      bool *valid, Failure *failure);

#endif
