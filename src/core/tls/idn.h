/* International host names: TLS and certificates carry their ASCII form (RFC 5890). */
#ifndef JSEC_CORE_IDN_H
#define JSEC_CORE_IDN_H

#include "core/bytes.h"

#include <stdbool.h>

/* The ASCII form of a host name in UTF-8, "xn--bcher-kva.example" for "Bücher.example", for a
 * suggestion in an error text. Simple letters become lower case; nothing else is normalised. False
 * when the name is not UTF-8 or the result too long. */
bool idn_to_ascii(Bytes name, char *into, size_t size);

#endif
