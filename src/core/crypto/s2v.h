/* The tag of AES-SIV (RFC 5297) for an empty text, which OpenSSL's SIV passes over. */
#ifndef JSEC_CORE_S2V_H
#define JSEC_CORE_S2V_H

#include "core/bytes.h"

#include <stdbool.h>

#define S2V_TAG 16

/* `key` is that of SIV, of which S2V uses the first half. Of the two strings, those with NULL data
 * are left out. False with OpenSSL's error. */
bool s2v_empty(Bytes key, Bytes aad, Bytes nonce, uint8_t tag[S2V_TAG]);

#endif
