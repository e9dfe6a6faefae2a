/* Verification of the peer: set-up, and the reason for a refusal. */
#ifndef JSEC_CORE_VERIFY_H
#define JSEC_CORE_VERIFY_H

#include "core/bytes.h"
#include "core/failure.h"

#include <openssl/ssl.h>

/* VERIFY_UNSET means VERIFY_REQUIRED for a client and VERIFY_NONE for a server. No option gives
 * VERIFY_REPORTED: a client verifies as far as it can, and the program decides. */
typedef enum VerifyMode {
    VERIFY_UNSET,
    VERIFY_NONE,
    VERIFY_REQUIRED,
    VERIFY_OPTIONAL,
    VERIFY_REPORTED
} VerifyMode;

/* Set up verification of one connection: purpose by role, `store` in place of the context's own
 * (NULL: the context's). `name` (a client's; NUL-terminated) is matched against the certificate:
 * as an IP address against IP SANs, else as a DNS name against DNS SANs. */
bool verify_prepare(SSL *ssl, VerifyMode mode, bool strict, const char *name, X509_STORE *store,
                    Failure *failure);

/* The peer must show a certificate, though its chain is not verified: pins alone. Comes after
 * verify_prepare. */
bool verify_need_certificate(SSL *ssl, Failure *failure);

/* Was a certificate to verify asked for after the handshake, by verify_request? */
bool verify_is_requested(const SSL *ssl);

/* Verify what the client shows from now on, whatever the handshake asked for. */
bool verify_request(SSL *ssl, bool optional, bool strict, X509_STORE *store, Failure *failure);

/* After a handshake: has the peer proved what was asked for? Fails when OpenSSL accepted a peer
 * without that proof, because a flag was lost, for example. */
bool verify_confirm(const SSL *ssl, Failure *failure);

/* Is it the text of an IP address? */
bool verify_is_address(const char *name);

/* Length of a host name without a final dot. Names in SNI (RFC 6066) and certificates have no such
 * dot. */
size_t verify_name_length(const char *name);

/* How strictly chains are judged, alike for TLS, verify-chain and CMS: as OpenSSL and browsers do
 * by default, or by all of RFC 5280. */
void verify_set_strictness(X509_VERIFY_PARAM *param, bool strict);

/* Did a verification fail because no root was found? A caller then verifies once more with
 * X509_V_FLAG_PARTIAL_CHAIN: every certificate that was given as trusted is an anchor. Roots come
 * first, since a path up to a root is checked for revocation all the way. */
bool verify_lacks_root(int error);

/* In a callback: is it only unknown whether the anchor itself, which is no root, was revoked? */
bool verify_is_anchor_revocation(X509_STORE_CTX *context);

/* Match a certificate against a host name or IP address; false if `name` is neither. */
bool verify_param_for(X509_VERIFY_PARAM *param, const char *name);

/* Fill in the failure for a name that is neither; returns false. */
bool verify_explain_name(const char *name, Failure *failure);

/* Options that make a certificate trusted, for the reason to recommend. */
typedef struct VerifyHints {
    const char *authority; /* for the CA */
    const char *itself;    /* for a self-signed certificate */
} VerifyHints;

/* In a verify callback: why the current certificate is refused, "hostname mismatch: wanted …",
 * "certificate has expired: certificate \"CN=…\" (depth 1), valid until …". */
void verify_describe_error(X509_STORE_CTX *context, const VerifyHints *hints, char *text,
                           size_t size);

/* Keep "certificate verify failed: <text>" for explain_handshake; the first text stays. */
void verify_keep_reason(SSL *ssl, const char *text);

/* The text that is kept, or NULL. */
const char *verify_kept_reason(const SSL *ssl);

/* Returns the text that is kept, for OPENSSL_free, or NULL; `reason` replaces it. */
char *verify_swap_reason(SSL *ssl, char *reason);

#endif
