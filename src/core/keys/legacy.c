#include "core/keys/legacy.h"

#include <openssl/err.h>
#include <openssl/provider.h>
#include <string.h>

static OSSL_LIB_CTX *shared_context;
static CRYPTO_ONCE context_once = CRYPTO_ONCE_STATIC_INIT;

static void make_context(void) {
    OSSL_LIB_CTX *context = OSSL_LIB_CTX_new();
    if (context && OSSL_PROVIDER_load(context, "default") &&
        OSSL_PROVIDER_load(context, "legacy")) {
        shared_context = context;
    } else {
        OSSL_LIB_CTX_free(context);
    }
}

OSSL_LIB_CTX *legacy_context(Failure *failure) {
    if (CRYPTO_THREAD_run_once(&context_once, make_context) && shared_context) {
        return shared_context;
    }
    ERR_clear_error();
    failure_set(failure, "OpenSSL's legacy provider is not installed here");
    return NULL;
}

/* An empty name stands for nothing. */
static bool has_cipher(OSSL_LIB_CTX *context, const char *name) {
    EVP_CIPHER *cipher = *name ? EVP_CIPHER_fetch(context, name, NULL) : NULL;
    EVP_CIPHER_free(cipher);
    return cipher || !*name;
}

static bool has_digest(OSSL_LIB_CTX *context, const char *name) {
    EVP_MD *digest = *name ? EVP_MD_fetch(context, name, NULL) : NULL;
    EVP_MD_free(digest);
    return digest || !*name;
}

static bool has_all(OSSL_LIB_CTX *context, const char *cipher, const char *digest) {
    bool has = has_cipher(context, cipher) && has_digest(context, digest);
    ERR_clear_error();
    return has;
}

static bool explain(const char *what, const char *cipher, const char *digest, const char *cure,
                    Failure *failure) {
    Failure ignored;
    if (has_all(NULL, cipher, digest)) return false;
    OSSL_LIB_CTX *context = legacy_context(&ignored);
    if (context && !has_all(context, cipher, digest)) {
        failure_set(failure, "%s, which this OpenSSL does not offer", what);
    } else {
        failure_set(failure, "%s, which is old: %s", what, cure);
    }
    return true;
}

bool legacy_explain(const PbeFacts *facts, const char *cure, Failure *failure) {
    char what[128];
    bool named = facts->scheme[0] && strcmp(facts->scheme, "PBES2");
    snprintf(what, sizeof what, "it is encrypted by %s%s%s%s", named ? facts->scheme : "",
             named && facts->cipher[0] ? ", " : "", facts->cipher,
             strcmp(facts->digest, "MD4") ? "" : " with MD4");
    return explain(what, facts->cipher, facts->digest, cure, failure);
}

bool legacy_explain_digest(const char *name, const char *cure, Failure *failure) {
    char what[128];
    snprintf(what, sizeof what, "its MAC is over %.64s", name);
    return explain(what, "", name, cure, failure);
}
