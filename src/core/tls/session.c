#include "core/tls/session.h"

#include "core/tls/trust.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <strings.h>

/* An export is this text, the peer's name, and OpenSSL's DER; both texts end with NUL. */
static const char MAGIC[] = "jsec-session-1";

/* The name that is verified, else the one asked for; for OPENSSL_free. */
static char *copy_peer_name(SSL *ssl) {
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    const char *name = X509_VERIFY_PARAM_get0_host(param, 0);
    char *address = name ? NULL : X509_VERIFY_PARAM_get1_ip_asc(param);
    if (address) return address;
    if (!name) name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    return OPENSSL_strdup(name ? name : "");
}

uint8_t *session_export(SSL *ssl, SSL_SESSION *session, size_t *length) {
    if (!session) session = SSL_get_session(ssl);
    if (!session || !SSL_SESSION_is_resumable(session)) return NULL;
    int der = i2d_SSL_SESSION(session, NULL);
    char *name = copy_peer_name(ssl);
    uint8_t *bytes = NULL;
    if (der > 0 && name) {
        size_t named = strlen(name) + 1;
        *length = sizeof MAGIC + named + (size_t)der;
        bytes = OPENSSL_malloc(*length);
        if (bytes) {
            memcpy(bytes, MAGIC, sizeof MAGIC);
            memcpy(bytes + sizeof MAGIC, name, named);
            uint8_t *at = bytes + sizeof MAGIC + named;
            i2d_SSL_SESSION(session, &at);
        }
    }
    OPENSSL_free(name);
    ERR_clear_error();
    return bytes;
}

/* NULL: not an export. */
static SSL_SESSION *parse_export(Bytes data, const char **name) {
    if (data.length <= sizeof MAGIC || memcmp(data.data, MAGIC, sizeof MAGIC)) return NULL;
    const uint8_t *at = data.data + sizeof MAGIC, *end = data.data + data.length;
    const uint8_t *nul = memchr(at, 0, (size_t)(end - at));
    if (!nul) return NULL;
    *name = (const char *)at;
    at = nul + 1;
    SSL_SESSION *session = d2i_SSL_SESSION(NULL, &at, end - at);
    if (session && at == end) return session;
    SSL_SESSION_free(session);
    return NULL;
}

static bool has_same_policy(const SSL *ssl, const SSL_SESSION *session) {
    const ContextData *data = context_data(SSL_get_SSL_CTX(ssl));
    unsigned int length;
    const unsigned char *policy_digest = SSL_SESSION_get0_id_context(session, &length);
    return trust_is_client_policy(data, policy_digest, length);
}

bool session_import(SSL *ssl, Bytes data, Failure *failure) {
    ERR_clear_error();
    const char *name = NULL;
    SSL_SESSION *session = parse_export(data, &name);
    char *wanted = copy_peer_name(ssl);
    bool set = false;
    if (!session || !wanted) {
        ERR_clear_error();
        failure_set(failure, "not a session: expected the bytes that get-session gave");
    } else if (strcasecmp(name, wanted)) {
        failure_set(failure, "session was made with \"%s\", and can't be resumed with \"%s\"", name,
                    wanted);
    } else if (!has_same_policy(ssl, session)) {
        failure_set(failure, "session was made under other verification settings: resuming it "
                             "would skip the checks asked for now");
    } else {
        set = SSL_set_session(ssl, session) || failure_openssl(failure, "session not usable");
    }
    SSL_SESSION_free(session);
    OPENSSL_free(wanted);
    return set;
}
