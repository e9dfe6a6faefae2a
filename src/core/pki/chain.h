/* Verification of a certificate up to an anchor (RFC 5280, 6), without a connection. */
#ifndef JSEC_CORE_CHAIN_H
#define JSEC_CORE_CHAIN_H

#include "core/bytes.h"
#include "core/failure.h"
#include "core/tls/verify.h"

#include <openssl/x509v3.h>
#include <stdint.h>

#define CHAIN_DEFAULT_SECURITY_LEVEL 2 /* 112 bits: RSA of 2048 bits and up, no SHA-1 */

/* All pointers are borrowed. */
typedef struct ChainQuery {
    X509 *leaf;
    STACK_OF(X509) * roots;         /* NULL: the system's */
    STACK_OF(X509) * intermediates; /* untrusted; may be NULL */
    STACK_OF(X509_CRL) * crls;      /* NULL or empty: revocation is not checked */
    const char *host;               /* DNS name or IP address; NULL: any name */
    int purpose;                    /* X509_PURPOSE_… */
    int depth;                      /* max. intermediates; -1: OpenSSL's limit */
    int security_level;
    double time;       /* seconds since the epoch; NAN: now */
    bool strict;       /* all of RFC 5280 */
    bool partial;      /* a trusted certificate need not be a self-signed root to be an anchor */
    VerifyHints hints; /* options that the reason recommends */
} ChainQuery;

typedef struct ChainAnswer {
    bool valid;
    STACK_OF(X509) * chain; /* when valid, leaf first; the caller frees it */
    char reason[900];       /* when not */
    int depth, code;        /* of the refused certificate; X509_V_ERR_… */
} ChainAnswer;

/* False, without an answer, when out of memory or when the host is no host name. */
bool chain_verify(const ChainQuery *query, ChainAnswer *answer, Failure *failure);

#endif
