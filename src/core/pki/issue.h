/* X.509 v3 certificates (RFC 5280): self-signed, or issued by a CA. */
#ifndef JSEC_CORE_ISSUE_H
#define JSEC_CORE_ISSUE_H

#include "core/keys/keygen.h"
#include "core/pki/serial.h"

#include <openssl/x509v3.h>
#include <stdint.h>

/* Zero it, fill it in, call issue_run, use the results, call issue_free. It owns all that it points
 * to. */
typedef struct Issue {
    X509_NAME *subject;
    GENERAL_NAMES *alternatives; /* subjectAltName; NULL or empty: none */
    EVP_PKEY *key;               /* the subject's; NULL: issue_run makes one */
    KeyAlgorithm algorithm;
    int bits;
    X509 *issuer; /* with issuer_key, both NULL: self-signed */
    EVP_PKEY *issuer_key;
    bool ca;
    int path_length;              /* CAs only; -1: no limit */
    uint32_t key_usage;           /* 1 << usage_key_bit(…); 0: the default for key and ca */
    EXTENDED_KEY_USAGE *extended; /* NULL: none */
    STACK_OF(X509_EXTENSION) * extensions; /* further ones; NULL: none */
    Serial serial;                         /* length 0: random */
    int64_t not_before;                    /* seconds since the epoch */
    double seconds;                        /* of validity, from not_before on */
    bool shortens;                         /* end with the issuer, if that is earlier */
    bool outlives;                         /* may end later than the issuer */
    const EVP_MD *digest;                  /* NULL: the default for the issuer's key; not freed */

    X509 *certificate; /* the result */
} Issue;

/* Check the issuer and its key, dates and names before any key is made. May shorten the validity.
 */
bool issue_check(Issue *issue, Failure *failure);

/* Make the key, unless there is one, and the certificate. */
bool issue_run(Issue *issue, Failure *failure);

/* Frees all that it points to, and zeroes it. */
void issue_free(Issue *issue);

/* The digest of a signature by this key: `wanted`, or the default where that is NULL. The default
 * follows from the strength of the curve, or is the one that a restricted RSA-PSS key allows. NULL
 * for keys whose algorithm has its own digest (EdDSA, ML-DSA). False when the key does not allow
 * the digest. Requests and CMS use it too. */
bool issue_digest(EVP_PKEY *key, const EVP_MD *wanted, const EVP_MD **digest, Failure *failure);

/* Can such a key sign a certificate or request? */
bool issue_can_sign(EVP_PKEY *key, Failure *failure);

#endif
