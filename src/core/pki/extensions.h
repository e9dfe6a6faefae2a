/* Extensions of certificates and requests that only some of them have (RFC 5280, 4.2). */
#ifndef JSEC_CORE_EXTENSIONS_H
#define JSEC_CORE_EXTENSIONS_H

#include "core/bytes.h"
#include "core/failure.h"

#include <openssl/x509v3.h>

/* Zero it, add to it, and write it. It owns all that it points to; free it in any case. */
typedef struct Extensions {
    CRL_DIST_POINTS *lists;
    AUTHORITY_INFO_ACCESS *access;
    NAME_CONSTRAINTS *constraints;
    CERTIFICATEPOLICIES *policies;
    STACK_OF(X509_EXTENSION) * others;
} Extensions;

/* Where to get the CRL of the issuer: an URL such as "http://ca.example/ca.crl". */
bool extensions_add_list(Extensions *extensions, Bytes url, Failure *failure);

/* Where to ask or get more: an URL for NID_ad_OCSP or NID_ad_ca_issuers. */
bool extensions_add_access(Extensions *extensions, int method, Bytes url, Failure *failure);

/* Names that certificates below a CA may or may not have: "DNS:example.com", "IP:10.0.0.0/8",
 * "email:example.com", "URI:example.com", or without a prefix, which is guessed. */
bool extensions_add_subtree(Extensions *extensions, bool permitted, Bytes text, Failure *failure);

/* A policy by its dotted OID. */
bool extensions_add_policy(Extensions *extensions, Bytes oid, Failure *failure);

/* Any other extension. `value` is DER, which must be readable if OpenSSL knows the type. */
bool extensions_add_other(Extensions *extensions, Bytes oid, bool critical, Bytes value,
                          Failure *failure);

/* Append all to `into`, which is made if it is NULL. Fails if a type occurs twice in `into`. */
bool extensions_write(const Extensions *extensions, STACK_OF(X509_EXTENSION) * *into,
                      Failure *failure);

void extensions_free(Extensions *extensions);

#endif
