/* The content of a certificate, and the parts that requests have too, as C data. */
#ifndef JSEC_CORE_X509INFO_H
#define JSEC_CORE_X509INFO_H

#include "core/failure.h"
#include "core/keys/keyfacts.h"
#include "core/pool.h"

#include <openssl/x509v3.h>
#include <stdint.h>

/* One attribute of a name ("CN" and the like, a dotted OID for those without a name), or one
 * alternative name ("DNS", "IP", "URI", "email", "dirName", "RID", "UPN", "SRV", "otherName", or
 * "X400Name" and "EdiPartyName" with hexadecimal DER). Values may hold any bytes, NULs too. */
typedef struct InfoName {
    const char *kind;
    Bytes value;
} InfoName;

typedef struct InfoNames {
    InfoName *items;
    size_t count;
} InfoNames;

typedef struct InfoExtension {
    Bytes oid, value; /* value: DER */
    Bytes text;       /* as OpenSSL prints it; empty if OpenSSL can't */
    const char *name; /* OpenSSL's, NULL where it has none */
    bool critical;
} InfoExtension;

typedef struct InfoExtensions {
    InfoExtension *items;
    size_t count;
} InfoExtensions;

typedef struct InfoTime {
    int64_t seconds; /* since the epoch */
    bool known;      /* false where the certificate's time is malformed */
} InfoTime;

typedef struct X509Info {
    Pool pool;                       /* holds what the pointers below point to */
    int64_t version;                 /* 0: out of range */
    Bytes serial, sha256, sha1;      /* hexadecimal */
    InfoNames subject, issuer;       /* in the order of the certificate */
    Bytes subject_text, issuer_text; /* one line, RFC 2253 */
    InfoNames alternatives;
    InfoTime not_before, not_after;
    KeyFacts key;
    Bytes signature_algorithm;
    bool is_ca, self_signed; /* self-signed: by its signature, not only by its names */
    int path_length;         /* -1: no limit, or no CA */
    int64_t key_usage;       /* 1 << usage_key_bit(…); -1 where there is no such extension */
    InfoNames extended;      /* value: "serverAuth" … or an OID */
    Bytes subject_key_id, authority_key_id; /* hexadecimal; NULL data: none */
    InfoExtensions extensions;
    InfoNames malformed; /* value: the name of an extension, which the fields above lack */
} X509Info;

/* The caller calls x509info_free, on failure too. False only when out of memory. */
bool x509info_read(X509Info *info, X509 *certificate, Failure *failure);

void x509info_free(X509Info *info);

/* The parts that requests have too. */
void x509info_name(Pool *pool, const X509_NAME *name, InfoNames *names, Bytes *text);
void x509info_alternatives(Pool *pool, const GENERAL_NAMES *all, InfoNames *names);
/* The version from its encoding; 0: out of range. */
int64_t x509info_version(long encoded);

InfoTime x509info_time(const ASN1_TIME *time);
Bytes x509info_oid(Pool *pool, const ASN1_OBJECT *object);
void x509info_extensions(Pool *pool, const STACK_OF(X509_EXTENSION) * all, InfoExtensions *into);

#endif
