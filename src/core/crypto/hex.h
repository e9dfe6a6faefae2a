/* Hexadecimal digits, Base16 of RFC 4648: two digits a byte and nothing else. */
#ifndef JSEC_CORE_HEX_H
#define JSEC_CORE_HEX_H

#include "core/bytes.h"
#include "core/failure.h"

/* Writes 2 * length digits in lower case, and no NUL. */
void hex_encode(Bytes data, uint8_t *out);

/* Digits of either case. Writes length / 2 bytes. The failure gives the index of the first byte
 * that is wrong. */
bool hex_decode(Bytes text, uint8_t *out, Failure *failure);

#endif
