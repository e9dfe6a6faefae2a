/* Options that cert/verify-chain and crypto/cms-verify share, and the query made from them. */
#ifndef JSEC_PKI_VERIFICATION_H
#define JSEC_PKI_VERIFICATION_H

#include "base/options.h"
#include "core/pki/chain.h"

typedef struct VerificationOptions {
    Janet roots, crls;
    double time; /* NAN: now */
    int purpose; /* X509_PURPOSE_…; 0: the function's default */
    int32_t depth, security_level;
    bool strict, partial;
} VerificationOptions;

/* A part of the sets whose struct begins with VerificationOptions. */
extern const OptionSet verification_options;

VerificationOptions verification_defaults(void);

/* The certificates and lists that a query borrows. Zeroed at birth, freed by verification_free. */
typedef struct VerificationInputs {
    STACK_OF(X509) * roots; /* NULL: none were given */
    STACK_OF(X509_CRL) * crls;
} VerificationInputs;

bool verification_load(const VerificationOptions *options, VerificationInputs *inputs,
                       Failure *failure);
void verification_free(VerificationInputs *inputs);

/* A query without leaf, intermediates, host and hints. */
ChainQuery verification_query(const VerificationOptions *options, const VerificationInputs *inputs,
                              int default_purpose);

#endif
