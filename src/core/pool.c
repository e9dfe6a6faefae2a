#include "core/pool.h"

#include "core/failure.h"

#include <openssl/crypto.h>
#include <stdalign.h>
#include <string.h>

struct PoolBlock {
    struct PoolBlock *next;
    size_t size;
    alignas(max_align_t) uint8_t memory[];
};

void *pool_take(Pool *pool, size_t size) {
    struct PoolBlock *block = NULL;
    if (size < SIZE_MAX / 2) block = OPENSSL_zalloc(sizeof *block + size);
    if (!block) {
        pool->failed = true;
        return NULL;
    }
    block->next = pool->blocks;
    block->size = sizeof *block + size;
    pool->blocks = block;
    return block->memory;
}

Bytes pool_copy(Pool *pool, Bytes bytes) {
    uint8_t *copy = pool_take(pool, bytes.length + 1);
    if (!copy) return (Bytes){(const uint8_t *)"", 0};
    if (bytes.length) memcpy(copy, bytes.data, bytes.length);
    return (Bytes){copy, bytes.length};
}

Bytes pool_hex(Pool *pool, const uint8_t *data, size_t length) {
    static const char digits[] = "0123456789abcdef";
    uint8_t *hex = pool_take(pool, 2 * length + 1);
    if (!hex) return (Bytes){(const uint8_t *)"", 0};
    for (size_t i = 0; i < length; i++) {
        hex[2 * i] = (uint8_t)digits[data[i] >> 4];
        hex[2 * i + 1] = (uint8_t)digits[data[i] & 15];
    }
    return (Bytes){hex, 2 * length};
}

Bytes pool_bio(Pool *pool, BIO *bio) {
    char *data = NULL;
    long length = bio ? BIO_get_mem_data(bio, &data) : 0;
    if (!bio) pool->failed = true;
    Bytes copy = pool_copy(pool, (Bytes){(const uint8_t *)data, length > 0 ? (size_t)length : 0});
    BIO_free(bio);
    return copy;
}

void pool_settle(Pool *pool) {
    Failure ignored;
    if (failure_of_memory(&ignored)) pool->failed = true;
}

void pool_free(Pool *pool) {
    while (pool->blocks) {
        struct PoolBlock *block = pool->blocks;
        pool->blocks = block->next;
        OPENSSL_clear_free(block, block->size);
    }
}
