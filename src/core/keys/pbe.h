/* Encryption under passwords (PKCS#5, RFC 8018): how it is done in what we write, and what it would
 * cost to undo in what we are given. */
#ifndef JSEC_CORE_PBE_H
#define JSEC_CORE_PBE_H

#include "core/bytes.h"
#include "core/failure.h"

#include <openssl/x509.h>
#include <stdint.h>

#define PBE_KEY_ITERATIONS 600000    /* of PBKDF2 with HMAC-SHA-256, for keys */
#define PBE_BUNDLE_ITERATIONS 250000 /* for PKCS#12: some readers refuse more than 300,000 */
#define PBE_MIN_ITERATIONS 1000      /* RFC 8018's least */
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#define PBE_MAX_ITERATIONS 4000 /* a fuzzer has no seconds to lose */
#else
#define PBE_MAX_ITERATIONS 10000000 /* several seconds; nobody honest asks for more */
#endif
#define PBE_MAX_SCRYPT (1 << 22)     /* N * r * p, of 64 bytes twice over each: about a second */
#define PBE_MAX_PASSWORD_LENGTH 1024 /* more than OpenSSL's PEM reader takes */

typedef struct PbeFacts {
    char scheme[32], cipher[32], kdf[32]; /* "" when not known */
    int64_t iterations;                   /* 0 when not known */
    int64_t scrypt;                       /* its N * r * p; 0 when it is another kdf */
} PbeFacts;

/* What may still be spent on one input, however many parts of it are encrypted. */
typedef struct PbeBudget {
    int64_t iterations, scrypt;
} PbeBudget;

#define PBE_BUDGET ((PbeBudget){PBE_MAX_ITERATIONS, PBE_MAX_SCRYPT})

void pbe_read(const X509_ALGOR *algorithm, PbeFacts *facts);

/* Take the cost of deriving the key off the budget. False when that would keep a thread busy for
 * longer than anyone means it to. */
bool pbe_spend(const X509_ALGOR *algorithm, PbeBudget *budget, Failure *failure);

bool pbe_spend_iterations(int64_t iterations, PbeBudget *budget, Failure *failure);

/* A count of iterations; INT64_MAX for what does not fit, and for none. */
int64_t pbe_iterations(const ASN1_INTEGER *number);

/* PBES2 of PBKDF2 with HMAC-SHA-256 and the cipher, NULL for AES-256-CBC. NULL on failure. */
X509_ALGOR *pbe_new(const EVP_CIPHER *cipher, int iterations, Failure *failure);

/* The EncryptedPrivateKeyInfo in a PEM text or DER, NULL where there is none. False when out of memory. */
bool pbe_encrypted_key(Bytes data, X509_SIG **found, Failure *failure);

/* Whether an encrypted key in these bytes is affordable; true where there is none. */
bool pbe_key_is_affordable(Bytes data, Failure *failure);

/* A password that we would encrypt under: some text, no NULs, not too long. */
bool pbe_is_password(Bytes password, Failure *failure);

#endif
