/* Memory that is freed all at once, for results of many parts. */
#ifndef JSEC_CORE_POOL_H
#define JSEC_CORE_POOL_H

#include "core/bytes.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <stdbool.h>

/* Zeroed at birth. After a failed allocation `failed` stays set and results are NULL or empty,
 * so that one check at the end is enough. */
typedef struct Pool {
    struct PoolBlock *blocks;
    bool failed;
} Pool;

/* Zeroed memory. */
void *pool_take(Pool *pool, size_t size);

/* A copy, with a NUL after it. */
Bytes pool_copy(Pool *pool, Bytes bytes);

/* Lower-case hexadecimal digits. */
Bytes pool_hex(Pool *pool, const uint8_t *data, size_t length);

/* The content of a memory BIO, which is freed. The pool fails for NULL. */
Bytes pool_bio(Pool *pool, BIO *bio);

/* Clear OpenSSL's errors; if one is a lack of memory, the pool has failed. */
void pool_settle(Pool *pool);

/* Cleanse and free all of it. */
void pool_free(Pool *pool);

#endif
