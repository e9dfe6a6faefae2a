/* Keys encrypted under a key by AES (RFC 3394), or with padding (RFC 5649). Any thread may call. */
#ifndef JSEC_CORE_KEYWRAP_H
#define JSEC_CORE_KEYWRAP_H

#include "core/bytes.h"
#include "core/failure.h"

#define KEYWRAP_OVERHEAD 16 /* the maximum that wrapping adds */

typedef struct KeywrapSetup {
    Bytes kek; /* 16, 24 or 32 bytes */
    bool padded;
} KeywrapSetup;

/* Without padding a key has a multiple of 8 bytes, at least 16; with padding 1 or more. `out` has
 * room for the key and the overhead. */
bool keywrap_wrap(const KeywrapSetup *setup, Bytes key, uint8_t *out, size_t *length,
                  Failure *failure);

/* `out` has room for the wrapped key and the overhead; it holds nothing of the key on failure. */
bool keywrap_unwrap(const KeywrapSetup *setup, Bytes wrapped, uint8_t *out, size_t *length,
                    Failure *failure);

#endif
