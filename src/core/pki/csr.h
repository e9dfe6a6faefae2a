/* Certificate signing requests (PKCS#10, RFC 2986). */
#ifndef JSEC_CORE_CSR_H
#define JSEC_CORE_CSR_H

#include "core/bytes.h"
#include "core/pki/attribute.h"
#include "core/pki/extensions.h"
#include "core/pki/x509info.h"

#include <openssl/x509v3.h>

/* The content of a request. Pointers are borrowed; only key and subject are required. */
typedef struct CsrTemplate {
    EVP_PKEY *key;
    X509_NAME *subject;
    GENERAL_NAMES *alternatives;
    uint32_t key_usage; /* 1 << usage_key_bit(…) */
    EXTENDED_KEY_USAGE *extended;
    const Extensions *extensions; /* further ones; NULL: none */
    Bytes challenge;              /* challengePassword, UTF-8 */
    const EVP_MD *digest;         /* NULL: the default for the key */
} CsrTemplate;

/* The caller frees the result with X509_REQ_free; NULL on failure. */
X509_REQ *csr_build(const CsrTemplate *template, Failure *failure);

/* PEM ("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST") or DER. */
X509_REQ *csr_read(Bytes data, Failure *failure);

/* The parts of a request that a certificate may copy: the public key, the subject and the DNS, IP,
 * email and URI names. Nothing else that its author wrote is copied. False when the key did not
 * sign the request, and when an extension is malformed. False too when `alternatives` is not NULL
 * and there are names of other types.
 * The caller frees the results. */
bool csr_take(X509_REQ *request, EVP_PKEY **key, X509_NAME **subject, GENERAL_NAMES **alternatives,
              Failure *failure);

/* An attribute (RFC 2986, 4.1), such as a challenge password or the requested extensions. */
typedef struct CsrInfo {
    Pool pool;
    int64_t version; /* 0: out of range */
    InfoNames subject, alternatives;
    Bytes subject_text, signature_algorithm, public_key; /* the key as PEM; empty where unknown */
    Bytes challenge;                                     /* NULL data: none */
    KeyFacts key;
    bool is_signed;
    InfoExtensions extensions;
    InfoNames malformed; /* as in X509Info */
    Attribute *attributes;
    size_t attribute_count;
} CsrInfo;

/* Like x509info_read. */
bool csr_info_read(CsrInfo *info, X509_REQ *request, Failure *failure);
void csr_info_free(CsrInfo *info);

#endif
