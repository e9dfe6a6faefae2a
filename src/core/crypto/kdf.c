#include "core/crypto/kdf.h"

#include "core/once.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <stdio.h>

typedef enum Kdf { KDF_HKDF, KDF_PBKDF2, KDF_SCRYPT, KDF_COUNT } Kdf;

static const char *const fetch_names[KDF_COUNT] = {"HKDF", "PBKDF2", "SCRYPT"};
static Once fetched[KDF_COUNT];

static void *fetch_kdf(const void *name) {
    return EVP_KDF_fetch(NULL, name, NULL);
}

OSSL_PARAM kdf_octets(const char *key, Bytes bytes) {
    union {
        const uint8_t *read;
        void *any;
    } data = {bytes.data};
    return OSSL_PARAM_construct_octet_string(key, data.any, bytes.length);
}

typedef struct DigestName {
    char text[64];
} DigestName;

static OSSL_PARAM digest_param(DigestName *name, const DigestRow *digest) {
    snprintf(name->text, sizeof name->text, "%s", EVP_MD_get0_name(algorithms_md(digest)));
    return OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, name->text, 0);
}

static bool derive_key(Kdf which, const OSSL_PARAM *params, uint8_t *out, size_t length,
                       Failure *failure) {
    EVP_KDF *kdf = once_get(&fetched[which], fetch_kdf, fetch_names[which]);
    EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    ERR_clear_error();
    bool done = context && EVP_KDF_derive(context, out, length, params) > 0;
    if (!done) failure_openssl(failure, "no key derived");
    EVP_KDF_CTX_free(context);
    return done;
}

bool kdf_hkdf(const DigestRow *digest, Bytes secret, Bytes salt, Bytes info, uint8_t *out,
              size_t length, Failure *failure) {
    DigestName name;
    OSSL_PARAM params[5] = {digest_param(&name, digest), kdf_octets(OSSL_KDF_PARAM_KEY, secret),
                            kdf_octets(OSSL_KDF_PARAM_SALT, salt),
                            kdf_octets(OSSL_KDF_PARAM_INFO, info), OSSL_PARAM_END};
    /* RFC 5869: no salt means zeros, which for HMAC are the same as an empty salt. */
    if (!salt.length) params[2] = params[3], params[3] = OSSL_PARAM_construct_end();
    return derive_key(KDF_HKDF, params, out, length, failure);
}

bool kdf_pbkdf2(const DigestRow *digest, Bytes password, Bytes salt, uint64_t iterations,
                uint8_t *out, size_t length, Failure *failure) {
    DigestName name;
    int unchecked = 1; /* by SP 800-132: old files have short salts and few iterations */
    OSSL_PARAM params[] = {digest_param(&name, digest),
                           kdf_octets(OSSL_KDF_PARAM_PASSWORD, password),
                           kdf_octets(OSSL_KDF_PARAM_SALT, salt),
                           OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_ITER, &iterations),
                           OSSL_PARAM_construct_int(OSSL_KDF_PARAM_PKCS5, &unchecked),
                           OSSL_PARAM_END};
    return derive_key(KDF_PBKDF2, params, out, length, failure);
}

double kdf_scrypt_memory(const ScryptCost *cost) {
    return 128.0 * (double)cost->r * ((double)cost->n + (double)cost->p);
}

bool kdf_scrypt(const ScryptCost *cost, Bytes password, Bytes salt, uint8_t *out, size_t length,
                Failure *failure) {
    ScryptCost used = *cost;
    /* OpenSSL counts two more blocks than the RFC. */
    uint64_t memory = (uint64_t)kdf_scrypt_memory(cost) + 512 * (uint64_t)cost->r;
    OSSL_PARAM params[] = {kdf_octets(OSSL_KDF_PARAM_PASSWORD, password),
                           kdf_octets(OSSL_KDF_PARAM_SALT, salt),
                           OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &used.n),
                           OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &used.r),
                           OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &used.p),
                           OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory),
                           OSSL_PARAM_END};
    return derive_key(KDF_SCRYPT, params, out, length, failure);
}
