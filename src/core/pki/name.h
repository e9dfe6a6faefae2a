/* Names in certificates and requests: distinguished names and subjectAltName. */
#ifndef JSEC_CORE_NAME_H
#define JSEC_CORE_NAME_H

#include "core/bytes.h"
#include "core/failure.h"

#include <openssl/x509v3.h>

/* UTF-8 without NUL bytes; fields that are NULL or empty are left out. */
typedef struct NameFields {
    Bytes country, state, locality, organization, organizational_unit, common_name, email;
} NameFields;

/* May be empty. The caller frees the result with X509_NAME_free; NULL on failure. */
X509_NAME *name_build(const NameFields *fields, Failure *failure);

/* Add "DNS:…", "IP:…", "URI:…" or "email:…", or a bare name whose kind is guessed. */
bool name_add_alternative(GENERAL_NAMES *names, Bytes text, Failure *failure);

/* Could it stand as a bare name in name_add_alternative? ("Jane Doe" could not.) */
bool name_is_alternative(Bytes text);

/* Is a name from elsewhere one that name_add_alternative could have made? No NUL bytes, spaces or
 * commas that others could take for the end of it. */
bool name_is_sound(const GENERAL_NAME *name);

#endif
