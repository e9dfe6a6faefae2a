/* PEM whose lines were damaged in an environment variable, YAML or JSON. */
#ifndef JSEC_CORE_PEM_LINES_H
#define JSEC_CORE_PEM_LINES_H

#include "core/failure.h"
#include "core/keys/encoding.h"

/* Give the blocks of *data lines as OpenSSL expects them (RFC 7468). Line ends may be a backslash
 * and "n", or spaces; lines may be indented, quoted or joined with the next block. *data then
 * points into `owned`, for pem_free; data with good lines stays, and `owned` is empty. Blocks from
 * one without an END line on stay as they are. Takes time in proportion to the data. */
bool pem_lines_mend(Bytes *data, PemSource *owned, Failure *failure);

#endif
