#include "core/tls/suites.h"

#include <string.h>

static bool is_new(const SSL_CIPHER *suite) {
    return SSL_CIPHER_get_kx_nid(suite) == NID_kx_any; /* TLS 1.3's */
}

/* Those of TLS 1.2 are made for a kind of key, those of TLS 1.3 for any. */
static bool takes_key(const SSL_CIPHER *suite, const EVP_PKEY *key) {
    switch (SSL_CIPHER_get_auth_nid(suite)) {
    case NID_auth_rsa: return EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS");
    case NID_auth_ecdsa:
        return EVP_PKEY_is_a(key, "EC") || EVP_PKEY_is_a(key, "ED25519") ||
               EVP_PKEY_is_a(key, "ED448");
    case NID_auth_dss: return EVP_PKEY_is_a(key, "DSA");
    default: return true;
    }
}

bool suites_left(const SSL_CTX *context, const EVP_PKEY *key, int min, int max) {
    const STACK_OF(SSL_CIPHER) *suites = SSL_CTX_get_ciphers(context);
    bool datagram = min >> 8 == DTLS1_VERSION_MAJOR;
    bool old_ones = datagram || min < TLS1_3_VERSION;
    bool new_ones = !datagram && (!max || max >= TLS1_3_VERSION);
    for (int i = 0; i < sk_SSL_CIPHER_num(suites); i++) {
        const SSL_CIPHER *suite = sk_SSL_CIPHER_value(suites, i);
        bool allowed = is_new(suite) ? new_ones : old_ones;
        if (allowed && (!key || takes_key(suite, key))) return true;
    }
    return false;
}

static bool is_anonymous(const SSL_CIPHER *suite) {
    return SSL_CIPHER_get_auth_nid(suite) == NID_auth_null;
}

/* A cipher list of the authenticated suites before TLS 1.3, for OPENSSL_free; NULL: out of memory. */
static char *list_authenticated(const STACK_OF(SSL_CIPHER) * suites, size_t *count) {
    size_t room = 1, used = 0;
    for (int i = 0; i < sk_SSL_CIPHER_num(suites); i++) {
        room += strlen(SSL_CIPHER_get_name(sk_SSL_CIPHER_value(suites, i))) + 1;
    }
    char *list = OPENSSL_zalloc(room);
    for (int i = 0; list && i < sk_SSL_CIPHER_num(suites); i++) {
        const SSL_CIPHER *suite = sk_SSL_CIPHER_value(suites, i);
        if (is_new(suite) || is_anonymous(suite)) continue;
        used += (size_t)snprintf(list + used, room - used, "%s%s", used ? ":" : "",
                                 SSL_CIPHER_get_name(suite));
        ++*count;
    }
    return list;
}

bool suites_drop_anonymous(SSL_CTX *context, Failure *failure) {
    const STACK_OF(SSL_CIPHER) *suites = SSL_CTX_get_ciphers(context);
    bool found = false;
    size_t count = 0;
    for (int i = 0; i < sk_SSL_CIPHER_num(suites); i++) {
        found = found || is_anonymous(sk_SSL_CIPHER_value(suites, i));
    }
    if (!found) return true;
    char *list = list_authenticated(suites, &count);
    bool left = list && count, set = left && SSL_CTX_set_cipher_list(context, list);
    OPENSSL_free(list);
    if (list && !left) {
        return failure_set(failure, ":ciphers has only suites without certificates (aNULL): they "
                                    "need :verify false, and no :pins");
    }
    return set || failure_openssl(failure, "bad :ciphers");
}
