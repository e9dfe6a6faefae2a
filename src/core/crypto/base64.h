/* Base64 of RFC 4648, strict: no white space, no missing or surplus padding, no stray bits. */
#ifndef JSEC_CORE_BASE64_H
#define JSEC_CORE_BASE64_H

#include "core/bytes.h"
#include "core/failure.h"

/* The alphabet of section 4, padded; or that of section 5, written without padding, which is
 * accepted when read. */
typedef enum Base64 { BASE64_STANDARD, BASE64_URL } Base64;

size_t base64_encoded_length(Base64 variant, size_t length);

/* Writes base64_encoded_length bytes, and no NUL. */
void base64_encode(Base64 variant, Bytes data, uint8_t *out);

/* At most length / 4 * 3 + 2 bytes are written. */
bool base64_decode(Base64 variant, Bytes text, uint8_t *out, size_t *length, Failure *failure);

/* The same, with white space anywhere, which has no effect. At most as many bytes as
 * the text has are written. */
bool base64_decode_spaced(Base64 variant, Bytes text, uint8_t *out, size_t *length,
                          Failure *failure);

#endif
