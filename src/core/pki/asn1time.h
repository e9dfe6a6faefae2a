/* Times of certificates and revocation lists as 64-bit seconds since the epoch, also on systems
 * whose time_t has 32 bits. */
#ifndef JSEC_CORE_ASN1TIME_H
#define JSEC_CORE_ASN1TIME_H

#include <openssl/asn1.h>
#include <stdbool.h>
#include <stdint.h>

/* The times that a certificate can state: 1950-01-01 (RFC 5280, 4.1.2.5) to the end of 9999. */
#define ASN1TIME_FIRST INT64_C(-631152000)
#define ASN1TIME_LAST INT64_C(253402300799)

/* UTCTime until 2049, GeneralizedTime from 2050 on. False for a time outside the range. */
bool asn1time_set(ASN1_TIME *time, int64_t seconds);

/* False when it is malformed or NULL. */
bool asn1time_get(const ASN1_TIME *time, int64_t *seconds);

#endif
