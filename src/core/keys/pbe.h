/* Password-based encryption (PKCS#5, RFC 8018): the parameters that jsec writes, and limits on the
 * cost of decryption. */
#ifndef JSEC_CORE_PBE_H
#define JSEC_CORE_PBE_H

#include "core/bytes.h"
#include "core/failure.h"

#include <openssl/x509.h>
#include <stdint.h>

#define PBE_KEY_ITERATIONS 600000    /* of PBKDF2 with HMAC-SHA-256, for keys */
#define PBE_BUNDLE_ITERATIONS 250000 /* for PKCS#12: some readers refuse more than 300,000 */
#define PBE_MIN_ITERATIONS 1000      /* the minimum of RFC 8018 */
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#define PBE_MAX_ITERATIONS 4000 /* keeps the fuzzer fast */
#else
#define PBE_MAX_ITERATIONS 10000000 /* several seconds; no known tool writes more */
#endif
#define PBE_MAX_SCRYPT (1 << 22)     /* N * r * p: about a second */
#define PBE_MAX_PASSWORD_LENGTH 1024 /* more than OpenSSL's PEM reader takes */

typedef struct PbeFacts {
    char scheme[32], cipher[32], kdf[32]; /* "" when not known */
    char digest[32];                      /* of the key derivation; "" when not known */
    int64_t iterations;                   /* 0 when not known */
    int64_t scrypt;                       /* its N * r * p; 0 when it is another kdf */
} PbeFacts;

/* The remaining cost for one input, which may have many encrypted parts. */
typedef struct PbeBudget {
    int64_t iterations, scrypt;
} PbeBudget;

#define PBE_BUDGET ((PbeBudget){PBE_MAX_ITERATIONS, PBE_MAX_SCRYPT})

void pbe_read(const X509_ALGOR *algorithm, PbeFacts *facts);

/* Subtracts the cost of deriving the key from the budget; false when the budget is exceeded. */
bool pbe_spend(const X509_ALGOR *algorithm, PbeBudget *budget, Failure *failure);

bool pbe_spend_iterations(int64_t iterations, PbeBudget *budget, Failure *failure);

/* A number of iterations; INT64_MAX when it is missing or does not fit. */
int64_t pbe_iterations(const ASN1_INTEGER *number);

/* PBES2 of PBKDF2 with HMAC-SHA-256 and the cipher, NULL for AES-256-CBC. NULL on failure. */
X509_ALGOR *pbe_new(const EVP_CIPHER *cipher, int iterations, Failure *failure);

/* The EncryptedPrivateKeyInfo in PEM or DER, NULL if there is none. False when out of memory. */
bool pbe_encrypted_key(Bytes data, X509_SIG **found, Failure *failure);

/* The encryption of the key in PEM or DER, in PKCS#8 or the older form with headers. All facts are
 * empty if it is not encrypted. False when out of memory. */
bool pbe_read_key(Bytes data, PbeFacts *facts, Failure *failure);

/* Is the cost of opening an encrypted key in these bytes within PBE_BUDGET? True if there is
 * none. */
bool pbe_key_is_affordable(Bytes data, Failure *failure);

/* May jsec encrypt under this password? It must not be empty, too long or hold a NUL. */
bool pbe_is_password(Bytes password, Failure *failure);

#endif
