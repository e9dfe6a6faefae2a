/* An SSL_CTX made of settings, once, and what OpenSSL's has no place for. Contexts are shared by
 * reference (SSL_CTX_up_ref) between connections and threads, and not changed once in use. */
#ifndef JSEC_CORE_CONTEXT_H
#define JSEC_CORE_CONTEXT_H

#include "core/bytes.h"
#include "core/failure.h"
#include "core/verify.h"

#include <openssl/ssl.h>

typedef struct ContextSettings {
    Bytes certificate, key, password; /* path or PEM/DER; the certificate with its chain */
    Bytes ca, ca_path, trusted; /* bundle (path or PEM), directory, certificates by themselves */
    VerifyMode verify;
    int least_version, most_version; /* 0: TLS 1.2, the newest */
    int security_level;              /* -1: OpenSSL's */
    Bytes ciphers, ciphersuites, groups;
    Bytes alpn;         /* in wire format, each name after its length */
    size_t read_ahead;  /* bytes; 0: the default */
    bool renegotiation; /* let TLS 1.2 peers ask for one */
} ContextSettings;

/* What a connection has to know of its context. */
typedef struct ContextTraits {
    VerifyMode verify;
    bool own_trust; /* a CA or certificate to trust was given */
    bool has_certificate;
    X509_STORE *combined; /* the system's trust and what context_trust added; NULL: nothing was */
    size_t alpn_length;
    uint8_t alpn[];
} ContextTraits;

/* NULL on failure; else for SSL_CTX_free. */
SSL_CTX *context_new(const ContextSettings *settings, Failure *failure);

const ContextTraits *context_traits(const SSL_CTX *context);

/* Trust one more certificate by itself, beside what is trusted already. Not for a context that
 * others share (context_cached). */
bool context_trust(SSL_CTX *context, Bytes certificate, Failure *failure);

/* Has it what a server needs: a certificate, and somebody to verify clients by if it is to? */
bool context_can_serve(const SSL_CTX *context, Failure *failure);

/* Set up one connection of a context, its role set already: verification as the context says (a
 * client's by default), and for a client the name to ask for (SNI, none for an IP address) and the
 * name to verify. Both NUL-terminated; NULL: none. */
bool context_prepare(SSL *ssl, const char *server_name, const char *verify_name, Failure *failure);

/* The same context for the same settings: files count by path, inode, size and times, content by
 * content. Bounded; the least recently used goes first. For SSL_CTX_free as well. */
SSL_CTX *context_cached(const ContextSettings *settings, Failure *failure);

#endif
