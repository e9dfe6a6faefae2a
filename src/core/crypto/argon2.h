/* Argon2 (RFC 9106), by OpenSSL from 3.2 on, else by libargon2 where the build found it. Any thread
 * may call. */
#ifndef JSEC_CORE_ARGON2_H
#define JSEC_CORE_ARGON2_H

#include "core/bytes.h"
#include "core/failure.h"

typedef enum Argon2Kind { ARGON2_KIND_D, ARGON2_KIND_I, ARGON2_KIND_ID } Argon2Kind;

typedef struct Argon2Cost {
    Argon2Kind kind;
    uint32_t version; /* 0x13, or 0x10 in old hashes */
    uint32_t memory;  /* KiB */
    uint32_t iterations, lanes;
} Argon2Cost;

bool argon2_is_offered(void);

/* Writes exactly `length` bytes. One thread computes all lanes. The caller bounds the cost. */
bool argon2_derive(const Argon2Cost *cost, Bytes password, Bytes salt, uint8_t *out, size_t length,
                   Failure *failure);

#endif
