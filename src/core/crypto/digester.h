/* A digest or HMAC over data that comes in pieces. Any thread may call, one at a time. */
#ifndef JSEC_CORE_DIGESTER_H
#define JSEC_CORE_DIGESTER_H

#include "core/algorithms.h"
#include "core/bytes.h"
#include "core/failure.h"

#include <openssl/evp.h>

/* All zero: closed. */
typedef struct Digester {
    EVP_MD_CTX *hash; /* or */
    EVP_MAC_CTX *mac;
    size_t length; /* bytes of output */
} Digester;

/* `length` is the digest's own, or for a SHAKE any. A digester that fails to open is closed. */
bool digester_open(Digester *digester, const EVP_MD *md, size_t length, Failure *failure);
bool digester_open_hmac(Digester *digester, const DigestRow *row, Bytes key, Failure *failure);

bool digester_is_open(const Digester *digester);
bool digester_update(Digester *digester, Bytes data, Failure *failure);

/* Writes `length` bytes, and closes the digester in any case. */
bool digester_finish(Digester *digester, uint8_t *out, Failure *failure);

/* A second digester that has seen the same data; `copy` is closed on failure. */
bool digester_copy(const Digester *digester, Digester *copy, Failure *failure);

/* Cleanses and frees its state. */
void digester_close(Digester *digester);

#endif
