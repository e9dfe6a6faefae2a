/* Base32 of RFC 4648, section 6, strict: upper case, no white space, no stray bits. */
#ifndef JSEC_CORE_BASE32_H
#define JSEC_CORE_BASE32_H

#include "core/bytes.h"
#include "core/failure.h"

size_t base32_encoded_length(size_t length, bool padded);

/* Writes base32_encoded_length bytes, and no NUL. */
void base32_encode(Bytes data, bool padded, uint8_t *out);

/* At most length / 8 * 5 + 4 bytes are written. Padded text needs its padding, other text has none.
 * The failure gives the index of what is wrong. */
bool base32_decode(Bytes text, bool padded, uint8_t *out, size_t *length, Failure *failure);

#endif
