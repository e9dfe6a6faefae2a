#include "core/tls/features.h"

#include "core/openssl.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdint.h>
#include <string.h>

/* Does this OpenSSL accept the name? */
typedef bool (*NameTest)(SSL_CTX *context, const char *name);

static void visit_accepted(const char *const *names, NameTest accepts, FeatureVisitor visit,
                           void *arg) {
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    for (; context && *names; names++) {
        if (accepts(context, *names)) visit(arg, *names);
    }
    SSL_CTX_free(context);
    ERR_clear_error();
}

/* --- protocols --- */

typedef struct Protocol {
    const char *name;
    const SSL_METHOD *(*method)(void);
    int version;
} Protocol;

static const Protocol protocols[] = {
    {"TLSv1.3", TLS_method, TLS1_3_VERSION},    {"TLSv1.2", TLS_method, TLS1_2_VERSION},
    {"TLSv1.1", TLS_method, TLS1_1_VERSION},    {"TLSv1.0", TLS_method, TLS1_VERSION},
    {"DTLSv1.2", DTLS_method, DTLS1_2_VERSION}, {"DTLSv1.0", DTLS_method, DTLS1_VERSION},
};

/* OpenSSL accepts the bounds of versions that its build lacks, but then makes no connection. */
static bool has_protocol(const Protocol *protocol) {
    SSL_CTX *context = SSL_CTX_new(protocol->method());
    bool has = context && SSL_CTX_set_min_proto_version(context, protocol->version) &&
               SSL_CTX_set_max_proto_version(context, protocol->version);
    SSL *ssl = has ? SSL_new(context) : NULL;
    has = ssl != NULL;
    SSL_free(ssl);
    SSL_CTX_free(context);
    ERR_clear_error();
    return has;
}

void features_protocols(FeatureVisitor visit, void *arg) {
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++) {
        if (has_protocol(protocols + i)) visit(arg, protocols[i].name);
    }
}

/* --- groups --- */

static const char *const groups[] = {
    "X25519MLKEM768",
    "SecP256r1MLKEM768",
    "SecP384r1MLKEM1024",
    "curveSM2MLKEM768",
    "MLKEM512",
    "MLKEM768",
    "MLKEM1024",
    "x25519",
    "secp256r1",
    "x448",
    "secp384r1",
    "secp521r1",
    "ffdhe2048",
    "ffdhe3072",
    "ffdhe4096",
    "ffdhe6144",
    "ffdhe8192",
    "secp256k1",
    "brainpoolP256r1",
    "brainpoolP384r1",
    "brainpoolP512r1",
    "brainpoolP256r1tls13",
    "brainpoolP384r1tls13",
    "brainpoolP512r1tls13",
    "curveSM2",
    NULL,
};

/* OpenSSL's macro lacks a const. */
static bool accepts_group(SSL_CTX *context, const char *name) {
    return SSL_CTX_set1_groups_list(context, (char *)(uintptr_t)name);
}

void features_groups(FeatureVisitor visit, void *arg) {
    visit_accepted(groups, accepts_group, visit, arg);
}

static void note_hybrid(void *arg, const char *name) {
    if (strstr(name, "MLKEM")) *(bool *)arg = true;
}

bool features_post_quantum(void) {
    bool found = false;
    features_groups(note_hybrid, &found);
    return found;
}

/* --- ciphers --- */

#define ALL_SUITES                                                                                 \
    "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:"                  \
    "TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256"

/* The suites that a connection of that version offers when all are allowed. */
static void visit_ciphers(int version, FeatureVisitor visit, void *arg) {
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    SSL *ssl = NULL;
    STACK_OF(SSL_CIPHER) *ciphers = NULL;
    if (context && SSL_CTX_set_cipher_list(context, "ALL") &&
        SSL_CTX_set_ciphersuites(context, ALL_SUITES) &&
        SSL_CTX_set_min_proto_version(context, version) &&
        SSL_CTX_set_max_proto_version(context, version)) {
        ssl = SSL_new(context);
    }
    if (ssl) ciphers = SSL_get1_supported_ciphers(ssl);
    for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); i++) {
        visit(arg, SSL_CIPHER_get_name(sk_SSL_CIPHER_value(ciphers, i)));
    }
    sk_SSL_CIPHER_free(ciphers);
    SSL_free(ssl);
    SSL_CTX_free(context);
    ERR_clear_error();
}

void features_ciphers(FeatureVisitor visit, void *arg) {
    visit_ciphers(TLS1_2_VERSION, visit, arg);
}

void features_ciphersuites(FeatureVisitor visit, void *arg) {
    visit_ciphers(TLS1_3_VERSION, visit, arg);
}

/* --- signatures --- */

static const char *const signatures[] = {
    "mldsa65",
    "mldsa87",
    "mldsa44",
    "ecdsa_secp256r1_sha256",
    "ecdsa_secp384r1_sha384",
    "ecdsa_secp521r1_sha512",
    "ed25519",
    "ed448",
    "ecdsa_brainpoolP256r1tls13_sha256",
    "ecdsa_brainpoolP384r1tls13_sha384",
    "ecdsa_brainpoolP512r1tls13_sha512",
    "rsa_pss_pss_sha256",
    "rsa_pss_pss_sha384",
    "rsa_pss_pss_sha512",
    "rsa_pss_rsae_sha256",
    "rsa_pss_rsae_sha384",
    "rsa_pss_rsae_sha512",
    "rsa_pkcs1_sha256",
    "rsa_pkcs1_sha384",
    "rsa_pkcs1_sha512",
    NULL,
};

static bool accepts_signature(SSL_CTX *context, const char *name) {
    return SSL_CTX_set1_sigalgs_list(context, (char *)(uintptr_t)name);
}

void features_signatures(FeatureVisitor visit, void *arg) {
    visit_accepted(signatures, accepts_signature, visit, arg);
}
