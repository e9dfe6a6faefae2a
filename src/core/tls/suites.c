#include "core/tls/suites.h"

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
