/* Finds the blocks of a PEM text. */
#ifndef JSEC_CORE_PEM_BLOCK_H
#define JSEC_CORE_PEM_BLOCK_H

#include "core/bytes.h"

#include <stdbool.h>

/* A block from "-----BEGIN" to the end of its END marker; markers include the dashes. */
typedef struct PemBlock {
    Bytes begin, body, end;
} PemBlock;

/* The first block of `data`; its markers may stand anywhere in a line. False if there is none, or
 * none that ends. */
bool pem_block_find(Bytes data, PemBlock *block);

/* The rest of `data` from `at` on. */
Bytes pem_block_skip_to(Bytes data, const uint8_t *at);

#endif
