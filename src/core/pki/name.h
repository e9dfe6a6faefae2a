/* Names in certificates and requests: distinguished names and subjectAltName. */
#ifndef JSEC_CORE_NAME_H
#define JSEC_CORE_NAME_H

#include "core/bytes.h"
#include "core/failure.h"

#include <openssl/x509v3.h>

#define NAME_MAX_VALUES 16

/* An attribute that may occur several times. */
typedef struct NameValues {
    Bytes items[NAME_MAX_VALUES];
    size_t count;
} NameValues;

/* UTF-8 without NUL bytes; fields that are NULL or empty are left out. */
typedef struct NameFields {
    Bytes country, state, locality, organization, common_name, email;
    NameValues domain_components, organizational_units; /* in the order of the name */
} NameFields;

/* May be empty. The caller frees the result with X509_NAME_free; NULL on failure. */
X509_NAME *name_build(const NameFields *fields, Failure *failure);

/* Add "DNS:…", "IP:…", "URI:…", "email:…", "RID:…", "dirName:…", "UPN:…", "SRV:…" or
 * "otherName:…", or a bare DNS name, IP address, email address or URI. Another word before a colon
 * is a failure. */
bool name_add_alternative(GENERAL_NAMES *names, Bytes text, Failure *failure);

/* Does name_add_alternative accept it without a prefix? It refuses "Jane Doe", for example. */
bool name_is_alternative(Bytes text);

/* Has an attribute of the name a NUL byte inside? */
bool name_has_nul(const X509_NAME *name);

/* The bytes of an IP address in a certificate: 4 or 16. The caller frees the result; NULL if the
 * text is no address, or out of memory. */
ASN1_OCTET_STRING *name_address(Bytes text);

/* Add the common name of a subject, if it is a DNS name, an IP address or an email address. */
bool name_add_common(GENERAL_NAMES *names, const X509_NAME *subject, Failure *failure);

/* Could name_add_alternative have made this foreign name? It then has no NUL bytes, spaces or
 * commas, at which other software may end the name. */
bool name_is_sound(const GENERAL_NAME *name);

#endif
