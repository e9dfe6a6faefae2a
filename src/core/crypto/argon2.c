#include "core/crypto/argon2.h"

#include "core/crypto/kdf.h"
#include "core/once.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/opensslv.h>

#ifdef JSEC_LIBARGON2
#include <argon2.h>
#endif

/* The headers of OpenSSL 3.0 lack these names, but the library in use may be newer. */
#define PARAM_LANES "lanes"
#define PARAM_MEMORY "memcost"
#define PARAM_THREADS "threads"
#define PARAM_VERSION "version"

static const char *const names[] = {"ARGON2D", "ARGON2I", "ARGON2ID"};
static Once fetched[3];

static void *fetch_argon2(const void *name) {
    return EVP_KDF_fetch(NULL, name, NULL);
}

static EVP_KDF *openssl_argon2(Argon2Kind kind) {
    EVP_KDF *kdf = once_get(&fetched[kind], fetch_argon2, names[kind]);
    ERR_clear_error();
    return kdf;
}

static bool derive_by_openssl(EVP_KDF *kdf, const Argon2Cost *cost, Bytes password, Bytes salt,
                              uint8_t *out, size_t length, Failure *failure) {
    Argon2Cost used = *cost;
    uint32_t threads = 1; /* more need a thread pool of OpenSSL's */
    OSSL_PARAM params[] = {kdf_octets(OSSL_KDF_PARAM_PASSWORD, password),
                           kdf_octets(OSSL_KDF_PARAM_SALT, salt),
                           OSSL_PARAM_construct_uint32(PARAM_VERSION, &used.version),
                           OSSL_PARAM_construct_uint32(PARAM_MEMORY, &used.memory),
                           OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_ITER, &used.iterations),
                           OSSL_PARAM_construct_uint32(PARAM_LANES, &used.lanes),
                           OSSL_PARAM_construct_uint32(PARAM_THREADS, &threads),
                           OSSL_PARAM_END};
    EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
    bool done = context && EVP_KDF_derive(context, out, length, params) > 0;
    if (!done) failure_openssl(failure, "no key derived");
    EVP_KDF_CTX_free(context);
    return done;
}

#ifdef JSEC_LIBARGON2

/* libargon2 has pointers without const even for what it only reads. */
static uint8_t *readable(Bytes bytes) {
    union {
        const uint8_t *read;
        uint8_t *any;
    } data = {bytes.data};
    return data.any;
}

static bool derive_by_library(const Argon2Cost *cost, Bytes password, Bytes salt, uint8_t *out,
                              size_t length, Failure *failure) {
    static const argon2_type types[] = {Argon2_d, Argon2_i, Argon2_id};
    argon2_context context = {.out = out,
                              .outlen = (uint32_t)length,
                              .pwd = readable(password),
                              .pwdlen = (uint32_t)password.length,
                              .salt = readable(salt),
                              .saltlen = (uint32_t)salt.length,
                              .t_cost = cost->iterations,
                              .m_cost = cost->memory,
                              .lanes = cost->lanes,
                              .threads = 1,
                              .version = cost->version};
    int code = argon2_ctx(&context, types[cost->kind]);
    return code == ARGON2_OK ||
           failure_set(failure, "no key derived: %s", argon2_error_message(code));
}

#else

static bool derive_by_library(const Argon2Cost *cost, Bytes password, Bytes salt, uint8_t *out,
                              size_t length, Failure *failure) {
    (void)cost, (void)password, (void)salt, (void)out, (void)length;
    return failure_set(failure,
                       "argon2 needs OpenSSL 3.2 or later, or a build with libargon2: this is "
                       "OpenSSL %s",
                       OpenSSL_version(OPENSSL_VERSION_STRING));
}

#endif

bool argon2_is_offered(void) {
#ifdef JSEC_LIBARGON2
    return true;
#else
    return openssl_argon2(ARGON2_KIND_ID) != NULL;
#endif
}

bool argon2_derive(const Argon2Cost *cost, Bytes password, Bytes salt, uint8_t *out, size_t length,
                   Failure *failure) {
    EVP_KDF *kdf = openssl_argon2(cost->kind);
    if (kdf) return derive_by_openssl(kdf, cost, password, salt, out, length, failure);
    return derive_by_library(cost, password, salt, out, length, failure);
}
