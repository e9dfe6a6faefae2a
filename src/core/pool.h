/* Memory that is freed all at once: for facts of many parts and one life. */
#ifndef JSEC_CORE_POOL_H
#define JSEC_CORE_POOL_H

#include "core/bytes.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <stdbool.h>

/* Zeroed at birth. Once an allocation fails, `failed` stays set and what was asked for is NULL or
 * empty, so that it may be looked at once, at the end. */
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

/* What was written to a memory BIO, which is freed; empty for NULL. */
Bytes pool_bio(Pool *pool, BIO *bio);

/* Forget OpenSSL's errors so far, but for memory that ran out: the pool has failed then. */
void pool_settle(Pool *pool);

/* Cleanses, too. */
void pool_free(Pool *pool);

#endif
