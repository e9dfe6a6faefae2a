/* Data that jsec attaches to an SSL_CTX: the settings that a connection needs, and the parts that
 * may be replaced while other threads use the context. It lives as long as the SSL_CTX. */
#ifndef JSEC_CORE_CONTEXT_DATA_H
#define JSEC_CORE_CONTEXT_DATA_H

#include "core/tls/settings.h"
#include "core/tls/stats.h"

typedef struct Staple {
    uint8_t *bytes; /* DER; NULL: none */
    size_t length;
} Staple;

/* The certificates that peers are verified against. Replaced as a whole: connections hold
 * references to the stores that they began with. */
typedef struct Trust {
    X509_STORE *own; /* certificates from the settings and trust_add */
    X509_STORE
    *beside_system; /* the same and the system's CAs; NULL: a client uses either `own` or the
                     * system's */
    bool added;     /* by trust_add */
    /* Sessions are bound to these digests: no other context resumes them. */
    uint8_t client_policy[SETTINGS_DIGEST_LENGTH], server_policy[SETTINGS_DIGEST_LENGTH];
} Trust;

typedef struct ContextData {
    VerifyMode verify;
    bool own_trust; /* a CA or certificate to trust was given */
    bool has_certificate;
    bool has_suite; /* a suite fits one of the certificates */
    bool strict;
    int purpose, depth; /* 0, -1: not given */
    double time;        /* NAN: not given */
    uint8_t *pins;
    size_t pin_count;
    char *ca_path; /* NULL: none */
    /* The digests of the settings, which the policies begin with. */
    uint8_t client_settings[SETTINGS_DIGEST_LENGTH], server_settings[SETTINGS_DIGEST_LENGTH];
    bool has_hosts; /* virtual ones: virtual_hosts.h */
    char *keylog;
    OcspMode ocsp;
    double ocsp_max_age; /* seconds */
    bool staple_on_demand, asks_hello, keeps_sessions;
    bool asks_signature; /* or a host's context may, which replaces this one in the handshake */
    uint64_t verify_function;     /* 0: none */
    char *groups;                 /* NULL: OpenSSL's */
    int min_version, max_version; /* 0: any */
    uint8_t *alpn;
    size_t alpn_length;
    Stats *stats;

    CRYPTO_RWLOCK *lock; /* over what follows */
    Trust trust;
    Staple staple;
} ContextData;

/* NULL when out of memory. The context owns it. */
ContextData *context_data_new(SSL_CTX *context, const ContextSettings *settings);

const ContextData *context_data(const SSL_CTX *context);

/* The same for the functions that replace something, under the lock. */
ContextData *context_data_mutable(SSL_CTX *context);

/* The context's verification mode, or the default of the role. */
VerifyMode context_data_verify_mode(const ContextData *data, bool server);

/* Is the peer of this connection verified? Pins alone are no verification. */
bool context_data_verifies(const SSL *ssl);

/* Are there certificates that clients may be verified against? */
bool context_data_has_anchors(const ContextData *data);

/* Does the context have what a server needs: a certificate with a suite, and CAs to verify clients
 * against, if it verifies them? */
bool context_data_can_serve(const SSL_CTX *context, Failure *failure);

#endif
