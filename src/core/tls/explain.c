#include "core/tls/explain.h"

#include "core/tls/verify.h"

#include <openssl/err.h>
#include <string.h>

typedef struct Hint {
    int reason;
    const char *text;
} Hint;

static const Hint hints[] = {
    {SSL_R_HTTP_REQUEST, "the peer sent plain HTTP to a TLS port"},
    {SSL_R_HTTPS_PROXY_REQUEST, "the peer sent a proxy request to a TLS port"},
    {SSL_R_WRONG_VERSION_NUMBER, "the peer does not speak TLS, or no version allowed here"},
    {SSL_R_UNSUPPORTED_PROTOCOL, "no protocol version in common"},
    {SSL_R_UNKNOWN_PROTOCOL, "no protocol version in common"},
    {SSL_R_VERSION_TOO_LOW, "no protocol version in common"},
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "the peer allows none of our protocol versions"},
    {SSL_R_NO_SHARED_CIPHER, "no cipher suite in common with the peer"},
    {SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, "the peer found nothing in common with us"},
    {SSL_R_UNSAFE_LEGACY_RENEGOTIATION_DISABLED,
     "the server does not know secure renegotiation (RFC 5746): have it updated, or allow it with "
     ":legacy-server-connect true"},
    {SSL_R_DH_KEY_TOO_SMALL,
     "the server's Diffie-Hellman group is too small: have it enlarged to 2048 bits, or allow "
     "1024 bits with :security-level 1"},
    {SSL_R_EE_KEY_TOO_SMALL,
     "the security level (:security-level, or openssl.cnf) asks for more bits"},
    {SSL_R_CA_KEY_TOO_SMALL,
     "the security level (:security-level, or openssl.cnf) asks for more bits of a CA's key"},
    {SSL_R_CA_MD_TOO_WEAK,
     "the security level (:security-level, or openssl.cnf) forbids the hash of a signature"},
    {SSL_R_LIBRARY_HAS_NO_CIPHERS,
     "OpenSSL has no provider with ciphers: activate the default one in openssl.cnf"},
    {SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM,
     "the peer's signature algorithms or security level do not fit our key"},
    {SSL_R_TLSV1_ALERT_UNKNOWN_CA, "the peer does not trust the CA of our certificate"},
    {SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "the peer refused our certificate"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, "the peer refused our certificate"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, "the peer says that our certificate has expired"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, "the peer says that our certificate has been revoked"},
    {SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE,
     "the peer does not accept our certificate's type of key or its extended key usage"},
    {SSL_R_EXCESSIVE_MESSAGE_SIZE,
     "the peer's message is too large: its certificates exceed 100 KB, or a client's 60 KB"},
    {SSL_R_SSLV3_ALERT_ILLEGAL_PARAMETER,
     "the peer refused a message of ours, such as certificates that exceed its limit"},
    {SSL_R_TLSV1_UNRECOGNIZED_NAME, "the peer serves no host of the name that we asked for"},
    {SSL_R_NO_SUITABLE_KEY_SHARE, "no group in common with the peer, see :curves"},
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE,
     "the client gave no certificate, and one is required"},
    {SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED,
     "the peer requires a certificate: give :cert and :key"},
    {SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL, "the peer knows none of our :alpn protocols"},
    {SSL_R_NO_APPLICATION_PROTOCOL, "the peer offered none of our :alpn protocols"},
};

/* After the handshake. The alert of a cut stream, or of tls/abort, is not sealed, so that no peer
 * takes it for an end. */
#define ABORTED "the peer aborted the connection, or the network changed bytes: data is missing"
static const Hint protocol_hints[] = {
    {SSL_R_BAD_RECORD_TYPE, ABORTED},
    {SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, ABORTED},
};

static const char *find_hint(const Hint *rows, size_t count, unsigned long code) {
    for (size_t i = 0; ERR_GET_LIB(code) == ERR_LIB_SSL && i < count; i++) {
        if (rows[i].reason == ERR_GET_REASON(code)) return rows[i].text;
    }
    return NULL;
}

static void explain_error(Failure *failure, const char *what, const char *hint) {
    failure_openssl(failure, "%s", what);
    if (!hint) return;
    size_t used = strlen(failure->text);
    snprintf(failure->text + used, sizeof failure->text - used, ": %s", hint);
}

static const char *find_any_hint(unsigned long code) {
    return find_hint(hints, sizeof hints / sizeof *hints, code);
}

void explain_handshake(const SSL *ssl, Failure *failure) {
    const char *reason = verify_kept_reason(ssl);
    if (reason) {
        failure_set(failure, "%s", reason);
        ERR_clear_error();
    } else if (SSL_is_dtls(ssl) && !ERR_peek_error()) {
        /* OpenSSL gives no reason in this case alone. */
        failure_set(failure, "handshake failed: the peer's message is damaged or too large: its "
                             "certificates exceed 100 KB, or a client's 60 KB");
    } else {
        explain_error(failure, "handshake failed", find_any_hint(ERR_peek_last_error()));
    }
}

bool explain_setup(Failure *failure, const char *what) {
    explain_error(failure, what, find_any_hint(ERR_peek_last_error()));
    return false;
}

void explain_protocol(Failure *failure) {
    unsigned long code = ERR_peek_last_error();
    const char *hint =
        find_hint(protocol_hints, sizeof protocol_hints / sizeof *protocol_hints, code);
    explain_error(failure, "protocol error", hint ? hint : find_any_hint(code));
}
