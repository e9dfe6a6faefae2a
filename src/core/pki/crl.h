/* Certificate revocation lists (RFC 5280, section 5). */
#ifndef JSEC_CORE_CRL_H
#define JSEC_CORE_CRL_H

#include "core/pki/serial.h"
#include "core/pki/x509info.h"

#include <openssl/x509v3.h>

#define CRL_NO_REASON (-1)

/* The number of a CRLReason, by name: "keyCompromise", "key-compromise" … -1: unknown, or only for
 * lists that change another list. */
int crl_reason(Bytes name);

/* "keyCompromise" …; NULL for a number without a name. */
const char *crl_reason_name(int reason);

/* --- making a list --- */

/* Zero it, fill it in, call crl_run, use the result, call crl_free. It owns all that it points to.
 */
typedef struct CrlIssue {
    X509 *issuer;
    EVP_PKEY *key;
    STACK_OF(X509_REVOKED) * revoked; /* from crl_add */
    Serial number;
    int64_t this_update, next_update;
    const EVP_MD *digest; /* NULL: the default for the key; not freed */

    X509_CRL *list; /* the result */
} CrlIssue;

/* One revoked certificate. */
typedef struct CrlRevocation {
    Serial serial;
    X509 *certificate; /* borrowed; in place of the serial, or NULL */
    int64_t time;
    int reason; /* or CRL_NO_REASON */
} CrlRevocation;

/* Fails for a certificate of another issuer. */
bool crl_add(CrlIssue *issue, const CrlRevocation *revocation, Failure *failure);

/* Fails when a serial occurs twice, when the dates are out of order, and when the issuer may not
 * sign lists. */
bool crl_run(CrlIssue *issue, Failure *failure);

void crl_free(CrlIssue *issue);

/* --- reading a list --- */

typedef struct CrlInfoEntry {
    Bytes serial; /* hexadecimal */
    InfoTime time;
    const char *reason; /* NULL: none given */
} CrlInfoEntry;

typedef struct CrlInfo {
    Pool pool;
    int64_t version; /* 0: out of range */
    InfoNames issuer;
    Bytes issuer_text, signature_algorithm;
    InfoTime this_update, next_update;
    Bytes number, base, authority_key_id; /* NULL data: none. base: of a delta list */
    CrlInfoEntry *entries;
    size_t count;
    InfoExtensions extensions;
} CrlInfo;

/* Fails when an extension that it shows can't be read. Call crl_info_free in any case. */
bool crl_info_read(CrlInfo *info, X509_CRL *list, Failure *failure);
void crl_info_free(CrlInfo *info);

/* --- asking a list --- */

typedef struct CrlQuery {
    X509 *certificate;
    STACK_OF(X509_CRL) * lists;
    X509 *issuer; /* NULL: signatures are not checked */
    int64_t time;
} CrlQuery;

/* Does a list of the certificate's issuer name it? Fails when the lists can't tell: none is of that
 * issuer, signed by it, in force at that time and about all its certificates. A list that is out of
 * date can still tell that a certificate is revoked. */
bool crl_ask(const CrlQuery *query, bool *revoked, Failure *failure);

#endif
