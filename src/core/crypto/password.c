#include "core/crypto/password.h"

#define MAX_PASSES 8 /* of memory-hard functions, over as much memory as is allowed */
#define MEGABYTE (1 << 20)

/* The bytes at a time, and how often they are passed. */
static double memory_of(const PasswordCost *cost, double *passes) {
    if (cost->kind == PASSWORD_SCRYPT) {
        *passes = cost->scrypt.p;
        return kdf_scrypt_memory(&cost->scrypt);
    }
    *passes = cost->argon2.iterations;
    return 1024.0 * cost->argon2.memory;
}

static bool check_memory(const PasswordCost *cost, double max, Failure *failure) {
    double passes, memory = memory_of(cost, &passes);
    if (memory > max) {
        return failure_set(failure,
                           "the hash takes %.0f MB of memory, %.0f are allowed: a larger "
                           ":max-memory allows it",
                           memory / MEGABYTE, max / MEGABYTE);
    }
    if (memory * passes <= MAX_PASSES * max) return true;
    return failure_set(failure,
                       "the hash takes %.0f passes over %.0f MB of memory, too many: a larger "
                       ":max-memory allows them",
                       passes, memory / MEGABYTE);
}

static bool check_iterations(const Pbkdf2Cost *cost, size_t length, uint32_t max,
                             Failure *failure) {
    size_t size = (size_t)EVP_MD_get_size(algorithms_md(cost->digest));
    uint64_t iterations = (uint64_t)cost->iterations * ((length + size - 1) / size);
    if (iterations <= max) return true;
    return failure_set(failure,
                       "the hash takes %.0f iterations, %u are allowed: a larger "
                       ":max-iterations allows it",
                       (double)iterations, max);
}

bool password_check_cost(const PasswordCost *cost, size_t length, const PasswordLimits *limits,
                         Failure *failure) {
    if (cost->kind != PASSWORD_PBKDF2) return check_memory(cost, limits->memory, failure);
    return check_iterations(&cost->pbkdf2, length, limits->iterations, failure);
}

bool password_derive(const PasswordCost *cost, Bytes password, Bytes salt, uint8_t *out,
                     size_t length, Failure *failure) {
    switch (cost->kind) {
    case PASSWORD_ARGON2: return argon2_derive(&cost->argon2, password, salt, out, length, failure);
    case PASSWORD_SCRYPT: return kdf_scrypt(&cost->scrypt, password, salt, out, length, failure);
    default:
        return kdf_pbkdf2(cost->pbkdf2.digest, password, salt, cost->pbkdf2.iterations, out, length,
                          failure);
    }
}
