#include "core/tls/suites.h"

#include "core/keys/stored_key.h"

#include <openssl/err.h>
#include <string.h>

static bool is_tls13(const SSL_CIPHER *suite) {
    return SSL_CIPHER_get_kx_nid(suite) == NID_kx_any; /* of TLS 1.3 */
}

/* A suite of TLS 1.2 names a key type, one of TLS 1.3 does not. */
static bool accepts_key(const SSL_CIPHER *suite, const EVP_PKEY *key) {
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
        bool allowed = is_tls13(suite) ? new_ones : old_ones;
        if (allowed && (!key || accepts_key(suite, key))) return true;
    }
    return false;
}

static bool is_anonymous(const SSL_CIPHER *suite) {
    return SSL_CIPHER_get_auth_nid(suite) == NID_auth_null;
}

/* The server decrypts with its key, which a signer can't do. */
static bool decrypts(const SSL_CIPHER *suite) {
    return SSL_CIPHER_get_kx_nid(suite) == NID_kx_rsa;
}

typedef bool SuiteTest(const SSL_CIPHER *suite);

/* A cipher list of the other suites before TLS 1.3, for OPENSSL_free; NULL: out of memory. */
static char *list_others(const STACK_OF(SSL_CIPHER) * suites, SuiteTest *is_unwanted,
                         size_t *count) {
    size_t room = 1, used = 0;
    for (int i = 0; i < sk_SSL_CIPHER_num(suites); i++) {
        room += strlen(SSL_CIPHER_get_name(sk_SSL_CIPHER_value(suites, i))) + 1;
    }
    char *list = OPENSSL_zalloc(room);
    for (int i = 0; list && i < sk_SSL_CIPHER_num(suites); i++) {
        const SSL_CIPHER *suite = sk_SSL_CIPHER_value(suites, i);
        if (is_tls13(suite) || is_unwanted(suite)) continue;
        used += (size_t)snprintf(list + used, room - used, "%s%s", used ? ":" : "",
                                 SSL_CIPHER_get_name(suite));
        ++*count;
    }
    return list;
}

/* *left: are there others, but for a lack of memory? */
static bool drop_suites(SSL_CTX *context, SuiteTest *is_unwanted, bool *left, Failure *failure) {
    const STACK_OF(SSL_CIPHER) *suites = SSL_CTX_get_ciphers(context);
    bool found = false;
    size_t count = 0;
    for (int i = 0; i < sk_SSL_CIPHER_num(suites); i++) {
        found = found || is_unwanted(sk_SSL_CIPHER_value(suites, i));
    }
    *left = true;
    if (!found) return true;
    char *list = list_others(suites, is_unwanted, &count);
    *left = !list || count;
    bool set = list && count && SSL_CTX_set_cipher_list(context, list);
    OPENSSL_free(list);
    return set || failure_openssl(failure, "bad :ciphers");
}

static bool drop_anonymous(SSL_CTX *context, Failure *failure) {
    bool left, dropped = drop_suites(context, is_anonymous, &left, failure);
    return left ? dropped
                : failure_set(failure, ":ciphers has only suites without certificates (aNULL): "
                                       "they need :verify false, and no :pins");
}

static bool drop_decrypting(SSL_CTX *context, Failure *failure) {
    bool left, dropped = drop_suites(context, decrypts, &left, failure);
    return left ? dropped
                : failure_set(failure,
                              ":ciphers has only suites with RSA key exchange (kRSA), "
                              "which need the key itself: a key elsewhere goes with ECDHE and DHE");
}

/* The default for TLS 1.2: forward secrecy and authenticated encryption. Security level 0 is for
 * old peers, which need OpenSSL's own list. */
static const char GOOD_CIPHERS[] = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20";

static bool set_lists(SSL_CTX *context, const ContextSettings *settings, Failure *failure) {
    const char *ciphers = (const char *)settings->ciphers.data;
    if (!ciphers && settings->security_level) ciphers = GOOD_CIPHERS;
    const char *suites = (const char *)settings->ciphersuites.data;
    if (ciphers && !SSL_CTX_set_cipher_list(context, ciphers)) {
        return failure_openssl(failure, "bad :ciphers");
    }
    if (suites && !SSL_CTX_set_ciphersuites(context, suites)) {
        return failure_openssl(failure, "bad :ciphersuites");
    }
    return true;
}

static bool set_groups(SSL_CTX *context, Bytes list, Failure *failure) {
    char *groups = (char *)(uintptr_t)list.data; /* OpenSSL's macro lacks a const */
    if (!groups || SSL_CTX_set1_groups_list(context, groups)) return true;
    ERR_clear_error(); /* OpenSSL's reason repeats the list */
    return failure_set(failure, "bad :curves: no list of groups of this OpenSSL, such as "
                                "\"X25519:P-256\"");
}

/* A key elsewhere signs only. */
static bool has_key_elsewhere(const ContextSettings *settings) {
    for (size_t i = 0; i < settings->keys.count; i++) {
        if (stored_key_is_uri(settings->keys.list[i])) return true;
    }
    return settings->signers.count;
}

bool suites_set(SSL_CTX *context, const ContextSettings *settings, Failure *failure) {
    if (settings->security_level >= 0) {
        SSL_CTX_set_security_level(context, settings->security_level);
    }
    if (!set_lists(context, settings, failure) || !set_groups(context, settings->groups, failure)) {
        return false;
    }
    /* A client verifies unless the settings say otherwise, and the context may be a client's. */
    bool verifies = settings->verify != VERIFY_NONE || settings->pins.length;
    return (!verifies || drop_anonymous(context, failure)) &&
           (!has_key_elsewhere(settings) || drop_decrypting(context, failure));
}
