#include "core/tls/context.h"

#include "core/shown.h"
#include "core/tls/alpn.h"
#include "core/tls/client_hello.h"
#include "core/tls/compression.h"
#include "core/tls/context_data.h"
#include "core/tls/cookie.h"
#include "core/tls/engine.h"
#include "core/tls/explain.h"
#include "core/tls/identity.h"
#include "core/tls/job.h"
#include "core/tls/keylog.h"
#include "core/tls/ocsp.h"
#include "core/tls/resumption.h"
#include "core/tls/suites.h"
#include "core/tls/ticket.h"
#include "core/tls/trust.h"
#include "core/tls/versions.h"
#include "core/tls/virtual_hosts.h"

#include <openssl/err.h>
#include <string.h>

#define READ_AHEAD (64 << 10) /* bytes, nearly four records */
#define TICKETS 1             /* after a TLS 1.3 handshake */

/* --- making --- */

bool context_set_ticket_keys(SSL_CTX *context, const BytesList *keys, Failure *failure) {
    PemSource files[MAX_LISTED];
    Bytes list[MAX_LISTED];
    size_t count = 0;
    bool read = true;
    for (; read && count < keys->count; count++) {
        read = ticket_key_source(keys->list[count], files + count, list + count, failure);
    }
    read = read && ticket_keys_set(context, list, count, failure);
    for (size_t i = 0; i < count; i++) pem_free(files + i);
    return read;
}

static bool set_sessions(SSL_CTX *context, const ContextSettings *settings, Failure *failure) {
    int tickets = settings->tickets < 0 ? TICKETS : settings->tickets;
    SSL_CTX_set_num_tickets(context, (size_t)tickets);
    SSL_CTX_set_timeout(context, settings->session_lifetime);
    resumption_limit(context);
    if (settings->session_cache > 0) SSL_CTX_sess_set_cache_size(context, settings->session_cache);
    long mode = settings->session_cache ? SSL_SESS_CACHE_SERVER : SSL_SESS_CACHE_OFF;
    if (settings->keeps_sessions) {
        /* The caller keeps a client's sessions; OpenSSL would keep them a second time. */
        mode = SSL_SESS_CACHE_BOTH | SSL_SESS_CACHE_NO_INTERNAL_STORE;
        SSL_CTX_sess_set_new_cb(context, engine_keep_session);
    }
    SSL_CTX_set_session_cache_mode(context, mode);
    return !settings->ticket_keys.count ||
           context_set_ticket_keys(context, &settings->ticket_keys, failure);
}

static void set_renegotiation(SSL_CTX *context, bool allowed) {
    if (allowed) {
        SSL_CTX_clear_options(context, SSL_OP_NO_RENEGOTIATION);
        SSL_CTX_set_options(context, SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
    } else {
        SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
    }
}

static void set_datagram(SSL_CTX *context) {
    /* With encrypt-then-MAC, OpenSSL ends the session at a datagram with a wrong MAC, which any
     * attacker can send. It drops other forged datagrams, as RFC 6347 requires. */
    SSL_CTX_set_options(context, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_ENCRYPT_THEN_MAC);
    cookie_use(context);
}

static void set_modes(SSL_CTX *context, const ContextSettings *settings) {
    /* Send only the given chain. OpenSSL would search the trusted CAs for the rest, which costs a
     * verification in each handshake. */
    SSL_CTX_set_mode(context, SSL_MODE_NO_AUTO_CHAIN | SSL_MODE_AUTO_RETRY |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_PRIORITIZE_CHACHA);
    set_renegotiation(context, settings->renegotiation > 0);
    if (settings->legacy_server > 0) SSL_CTX_set_options(context, SSL_OP_LEGACY_SERVER_CONNECT);
    SSL_CTX_set_post_handshake_auth(context, settings->post_handshake_auth > 0);
    SSL_CTX_set_dh_auto(context, 1); /* DHE with a group as strong as the key of the certificate */
    SSL_CTX_set_read_ahead(context, 1);
    size_t read_ahead = settings->read_ahead ? settings->read_ahead : READ_AHEAD;
    if (settings->datagram) {
        set_datagram(context);
    } else {
        SSL_CTX_set_default_read_buffer_len(context, read_ahead);
    }
}

/* OpenSSL verifies in a read or a write then, which can't wait. */
static bool check_renegotiation(const ContextSettings *settings, Failure *failure) {
    return settings->renegotiation <= 0 || !settings->verify_function ||
           failure_set(failure, ":on-verify with :renegotiation true: a certificate of a "
                                "renegotiation can't be judged, leave :renegotiation out");
}

static bool check_suites(const SSL_CTX *context, Failure *failure) {
    const ContextData *data = context_data(context);
    return suites_left(context, NULL, data->min_version, data->max_version) ||
           failure_set(failure, ":ciphers and :ciphersuites leave none for the versions allowed");
}

static bool set_all(SSL_CTX *context, const ContextSettings *settings, Failure *failure) {
    ContextData *data = context_data_new(context, settings);
    if (!data) return explain_setup(failure, "no context");
    if (!check_renegotiation(settings, failure)) return false;
    set_modes(context, settings);
    client_hello_watch(context);
    bool identified =
        suites_set(context, settings, failure) && versions_set(context, data, settings, failure) &&
        check_suites(context, failure) && identity_set(context, data, settings, failure);
    if (identified) compression_set(context, settings);
    return identified && trust_set(context, data, settings, failure) &&
           alpn_set(context, data, settings->alpn, failure) &&
           set_sessions(context, settings, failure) &&
           virtual_hosts_set(context, &settings->hosts, failure) &&
           ocsp_set(context, settings, failure) &&
           keylog_set(context, data, settings->keylog, failure);
}

SSL_CTX *context_new(const ContextSettings *settings, Failure *failure) {
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(settings->datagram ? DTLS_method() : TLS_method());
    if (!context) explain_setup(failure, "no context");
    if (context && set_all(context, settings, failure)) return context;
    SSL_CTX_free(context);
    ERR_clear_error();
    return NULL;
}

/* --- connections --- */

/* SNI carries host names only, no addresses (RFC 6066). */
static bool send_server_name(SSL *ssl, const char *name, Failure *failure) {
    char sent[TLSEXT_MAXLEN_host_name + 1];
    if (!name || !*name || verify_is_address(name)) return true;
    size_t length = verify_name_length(name);
    if (length < sizeof sent) {
        memcpy(sent, name, length);
        sent[length] = 0;
        if (SSL_set_tlsext_host_name(ssl, sent)) return true;
        ERR_clear_error();
    }
    Shown shown;
    return failure_set(failure, "not a host name: %s",
                       shown_name((Bytes){(const uint8_t *)name, strlen(name)}, &shown));
}

bool context_prepare(SSL *ssl, const char *server_name, const char *verify_name, Failure *failure) {
    SSL_CTX *context = SSL_get_SSL_CTX(ssl);
    const ContextData *data = context_data(context);
    /* A virtual host's context may replace this one later. */
    if (!SSL_set_app_data(ssl, context)) return failure_set(failure, "out of memory");
    if (data->asks_signature || data->verify_function) job_use(ssl);
    if (SSL_is_server(ssl)) {
        return context_data_can_serve(context, failure) &&
               trust_prepare_server(ssl, data, NULL, failure);
    }
    return trust_prepare_client(ssl, data, verify_name, failure) &&
           ocsp_prepare(ssl, data, failure) && send_server_name(ssl, server_name, failure);
}
