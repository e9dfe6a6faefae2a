/* keyUsage and extKeyUsage: the uses of a certificate's key (RFC 5280, 4.2.1.3 and 4.2.1.12). */
#ifndef JSEC_CORE_USAGE_H
#define JSEC_CORE_USAGE_H

#include "core/bytes.h"

#include <openssl/x509v3.h>
#include <stdbool.h>

/* The number of the keyUsage bit of that name, -1 if there is none. Hyphens, underscores and letter
 * case do not matter: digitalSignature, digital-signature. */
int usage_key_bit(Bytes name);

/* The name of a bit in RFC 5280; NULL beyond the last bit. */
const char *usage_key_name(int bit);

/* keyUsage with the bits 1 << usage_key_bit(…). The caller frees it; NULL when out of memory. */
ASN1_BIT_STRING *usage_key_bits(uint32_t usage);

/* The object of an extended usage, by name (serverAuth, server-auth …) or as a dotted OID. The
 * caller frees it; NULL if it is neither. */
ASN1_OBJECT *usage_extended(Bytes name);

/* "serverAuth", or the dotted OID of a usage without such a name. */
void usage_extended_name(const ASN1_OBJECT *usage, char *into, size_t size);

#endif
