/* Serial numbers of certificates, and other large positive numbers. */
#ifndef JSEC_CORE_SERIAL_H
#define JSEC_CORE_SERIAL_H

#include "core/bytes.h"
#include "core/failure.h"
#include "core/pool.h"

#include <openssl/asn1.h>

#define SERIAL_MAX_LENGTH 20 /* octets: RFC 5280, 4.1.2.2 */

/* Without leading zeros; length 0: not given. */
typedef struct Serial {
    uint8_t bytes[SERIAL_MAX_LENGTH];
    size_t length;
} Serial;

/* Hexadecimal digits, with colons between them or not, as other tools print them. False for zero,
 * for more than 159 bits, and for other text. */
bool serial_parse(Bytes hex, Serial *serial);

/* The caller frees the result; NULL when out of memory. */
ASN1_INTEGER *serial_integer(const Serial *serial);

/* As cert/parse shows it: hexadecimal, lower case, two digits for each octet. */
Bytes serial_text(Pool *pool, const ASN1_INTEGER *number);

#endif
