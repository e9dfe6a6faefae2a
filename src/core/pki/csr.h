/* Certificate signing requests (PKCS#10, RFC 2986). */
#ifndef JSEC_CORE_CSR_H
#define JSEC_CORE_CSR_H

#include "core/bytes.h"
#include "core/pki/x509info.h"

#include <openssl/x509v3.h>

/* What a request asks for; all of it borrowed, and optional but for key and subject. */
typedef struct CsrTemplate {
    EVP_PKEY *key;
    X509_NAME *subject;
    GENERAL_NAMES *alternatives;
    uint32_t key_usage; /* 1 << usage_key_bit(…) */
    EXTENDED_KEY_USAGE *extended;
    Bytes challenge;      /* challengePassword, UTF-8 */
    const EVP_MD *digest; /* NULL: what suits the key */
} CsrTemplate;

/* The caller frees the result with X509_REQ_free; NULL on failure. */
X509_REQ *csr_build(const CsrTemplate *template, Failure *failure);

/* PEM ("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST") or DER. */
X509_REQ *csr_read(Bytes data, Failure *failure);

/* What a certificate may take over from a request: its public key and the names it asks for, those
 * of them that tell hosts, mailboxes and resources; nothing else of what its author wrote. False
 * when its signature is not the key's, or when it asks for other kinds of names and these are
 * wanted (`alternatives` is not NULL). The results are the caller's. */
bool csr_take(X509_REQ *request, EVP_PKEY **key, X509_NAME **subject, GENERAL_NAMES **alternatives,
              Failure *failure);

typedef struct CsrInfo {
    Pool pool;
    int version;
    InfoNames subject, alternatives;
    Bytes subject_text, signature_algorithm, public_key; /* the key as PEM; empty where unknown */
    Bytes challenge;                                     /* NULL data: none */
    KeyFacts key;
    bool is_signed;
    InfoExtensions extensions;
} CsrInfo;

/* As x509info_read. */
bool csr_info_read(CsrInfo *info, X509_REQ *request, Failure *failure);
void csr_info_free(CsrInfo *info);

#endif
