/* Making X.509 v3 certificates (RFC 5280), self-signed or issued by another. */
#ifndef JSEC_CORE_ISSUE_H
#define JSEC_CORE_ISSUE_H

#include "core/keys/keygen.h"

#include <openssl/x509v3.h>
#include <stdint.h>

/* Zero it, fill in, run, take the results, free. Everything it points to is its own. */
typedef struct Issue {
    X509_NAME *subject;
    GENERAL_NAMES *alternatives; /* subjectAltName; NULL or empty: none */
    EVP_PKEY *key;               /* the subject's; when NULL, one is made */
    KeyAlgorithm algorithm;
    int bits;
    X509 *issuer; /* with issuer_key, both NULL: self-signed */
    EVP_PKEY *issuer_key;
    bool ca;
    int path_length;              /* -1: no limit; of CAs only */
    uint32_t key_usage;           /* 1 << usage_key_bit(…); 0: what suits the key and ca */
    EXTENDED_KEY_USAGE *extended; /* NULL: none */
    int64_t not_before;           /* seconds since the epoch */
    double seconds;               /* from then on */
    const EVP_MD *digest;         /* NULL: what suits the issuer's key; a built-in one, not freed */

    X509 *certificate; /* the result */
} Issue;

/* Check what can be known beforehand: issuer and its key, dates, names. */
bool issue_check(const Issue *issue, Failure *failure);

/* Make the key, where none was given, and the certificate. */
bool issue_run(Issue *issue, Failure *failure);

/* Frees what it holds; zeroed afterwards. */
void issue_free(Issue *issue);

/* The digest that suits a signing key, by the strength of its curve; NULL for those that have their
 * own (EdDSA, ML-DSA). Shared with requests and CMS. */
const EVP_MD *issue_digest(EVP_PKEY *key);

/* Can such a key sign a certificate or request? */
bool issue_can_sign(EVP_PKEY *key, Failure *failure);

#endif
