/* An SSL_CTX made of settings, once, and what OpenSSL's has no place for. Contexts are shared by
 * reference (SSL_CTX_up_ref) between connections and threads, and not changed once in use. */
#ifndef JSEC_CORE_CONTEXT_H
#define JSEC_CORE_CONTEXT_H

#include "core/bytes.h"
#include "core/failure.h"
#include "core/tls/verify.h"

#include <openssl/ssl.h>

#define MAX_LISTED 8
#define SESSION_POLICY_LENGTH 32
#define PIN_LENGTH 32 /* SHA-256 of a SubjectPublicKeyInfo */

typedef struct BytesList {
    Bytes list[MAX_LISTED];
    size_t count;
} BytesList;

/* What a client makes of OCSP stapling. */
typedef enum OcspMode { OCSP_IGNORE, OCSP_ASK, OCSP_REQUIRE } OcspMode;

typedef struct Staple {
    uint8_t *bytes; /* DER; NULL: none */
    size_t length;
} Staple;

typedef struct VirtualHost {
    Bytes name; /* "a.example", "*.a.example"; empty: the default */
    SSL_CTX *context;
} VirtualHost;

typedef struct ContextSettings {
    BytesList certificates, keys; /* in pairs; path or PEM/DER; certificates with their chains */
    Bytes password;
    Bytes ca, ca_path, trusted; /* bundle (path or PEM), directory, certificates by themselves */
    BytesList crls;             /* path or PEM/DER */
    Bytes pins;                 /* PIN_LENGTH each, one of which the chain must bear */
    VerifyMode verify;
    int purpose;                  /* X509_PURPOSE_*; 0: by role */
    int depth;                    /* intermediate CAs at most; -1: OpenSSL's */
    double time;                  /* seconds since the epoch to verify at; NAN: now */
    int min_version, max_version; /* 0: TLS 1.2, the newest */
    int security_level;           /* -1: OpenSSL's */
    Bytes ciphers, ciphersuites, groups;
    Bytes alpn;            /* in wire format, each name after its length */
    size_t read_ahead;     /* bytes; 0: the default */
    bool renegotiation;    /* let TLS 1.2 peers ask for one */
    BytesList ticket_keys; /* none: random ones */
    int tickets;           /* given to a client after a TLS 1.3 handshake */
    int session_cache;     /* sessions a server keeps; -1: OpenSSL's */
    int session_lifetime;  /* seconds */
    bool datagram;         /* DTLS */
    bool tells_sessions;   /* the engine keeps new sessions for its driver */
    OcspMode ocsp;
    Bytes staple;     /* OCSP response: DER or a path */
    bool asks_staple; /* the driver is asked for one at each handshake */
    Bytes keylog;     /* path */
    const VirtualHost *hosts;
    size_t host_count;
} ContextSettings;

/* Defaults: all that is not zero. */
void context_settings_init(ContextSettings *settings);

/* What a connection has to know of its context. */
typedef struct ContextData {
    VerifyMode verify;
    bool own_trust; /* a CA or certificate to trust was given */
    bool has_certificate;
    bool has_suite;       /* that goes with one of the certificates */
    bool added_trust;     /* by context_trust */
    X509_STORE *combined; /* the system's trust and what was added to it; NULL: nothing was */
    /* Sessions belong to who was vetted how: no other context resumes them. */
    uint8_t client_policy[SESSION_POLICY_LENGTH], server_policy[SESSION_POLICY_LENGTH];
    uint8_t client_base[SESSION_POLICY_LENGTH],
        server_base[SESSION_POLICY_LENGTH]; /* without the store's part */
    int purpose, depth;                     /* 0, -1: not given */
    double time;                            /* NAN: not given */
    uint8_t *pins;
    size_t pin_count;
    struct VirtualHosts *hosts; /* NULL: none */
    char *keylog;
    OcspMode ocsp;
    CRYPTO_RWLOCK *lock; /* over what may change while others read: the staple */
    Staple staple;
    bool asks_staple, tells_sessions;
    char *groups; /* NULL: OpenSSL's */
    int min_version, max_version;
    uint8_t *alpn;
    size_t alpn_length;
} ContextData;

/* NULL on failure; else for SSL_CTX_free. */
SSL_CTX *context_new(const ContextSettings *settings, Failure *failure);

const ContextData *context_data(const SSL_CTX *context);

/* Trust one more certificate by itself, beside what is trusted already. Not for a context that
 * others share (context_cached). */
bool context_trust(SSL_CTX *context, Bytes certificate, Failure *failure);

/* Replace the keys that tickets are sealed with. */
bool context_set_ticket_keys(SSL_CTX *context, const BytesList *keys, Failure *failure);

/* Has it what a server needs: a certificate, and somebody to verify clients by if it is to? */
bool context_can_serve(const SSL_CTX *context, Failure *failure);

/* Set up one connection of a context, its role set already: verification as the context says (a
 * client's by default), and for a client the name to ask for (SNI, none for an IP address) and the
 * name to verify. Both NUL-terminated; NULL: none. */
bool context_prepare(SSL *ssl, const char *server_name, const char *verify_name, Failure *failure);

/* Is the other side's certificate verified, as its role has it? Pins alone are no verification. */
bool context_verifies(const SSL *ssl);

/* The same context for the same settings: files count by path, inode, size and times, content by
 * content. Bounded; the least recently used goes first. For SSL_CTX_free as well. */
SSL_CTX *context_cached(const ContextSettings *settings, Failure *failure);

#endif
