/* Counts the blocks of a PEM text, the damaged ones too, which OpenSSL skips. */
#ifndef JSEC_CORE_PEM_BLOCKS_H
#define JSEC_CORE_PEM_BLOCKS_H

#include "core/bytes.h"

/* The number, from 1, of the first block that a reader of `read` blocks has missed; 0: none. `word`
 * is the last of the label: "CERTIFICATE" or "CRL". A block counts if it has a BEGIN or an END
 * line, with wrong dashes or letter case too. Bytes that are no text, such as DER behind the
 * blocks, count as one more block. */
int pem_blocks_missed(Bytes data, const char *word, int read);

#endif
