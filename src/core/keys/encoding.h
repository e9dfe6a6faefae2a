/* Tells PEM from DER. */
#ifndef JSEC_CORE_ENCODING_H
#define JSEC_CORE_ENCODING_H

#include "core/bytes.h"

#include <stdbool.h>

/* Bytes made or read for a caller, which frees them with pem_free: they may be a key. */
typedef struct PemSource {
    uint8_t *bytes;
    size_t length;
} PemSource;

#define ENCODING_BEGIN "-----BEGIN " /* of a PEM block */

/* Does it hold a PEM block ("-----BEGIN ")? */
bool encoding_is_pem(Bytes data);

/* Does it begin as DER does (a SEQUENCE whose length fits the bytes at hand)? */
bool encoding_is_der(Bytes data);

/* The content of the first PEM block with that label and without headers, for pem_free. False if
 * there is none, or it is damaged. */
bool encoding_block(Bytes data, const char *label, PemSource *owned);

#endif
