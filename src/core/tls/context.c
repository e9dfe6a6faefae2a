#include "core/tls/context.h"

#include "core/keys/pem.h"
#include "core/tls/cookie.h"
#include "core/tls/engine.h"
#include "core/tls/keylog.h"
#include "core/tls/ocsp.h"
#include "core/tls/session.h"
#include "core/tls/suites.h"
#include "core/tls/trust.h"
#include "core/tls/virtual_hosts.h"

#include <math.h>
#include <openssl/err.h>
#include <string.h>

#define READ_AHEAD (64 << 10) /* bytes, nearly four records */
#define SESSION_LIFETIME 7200 /* seconds */

/* --- data beside the SSL_CTX, and gone with it --- */

static int data_index = -1;
static CRYPTO_ONCE data_once = CRYPTO_ONCE_STATIC_INIT;

static void free_data(void *owner, void *pointer, CRYPTO_EX_DATA *ex, int index, long number,
                      void *arg) {
    (void)owner, (void)ex, (void)index, (void)number, (void)arg;
    ContextData *data = pointer;
    if (!data) return;
    X509_STORE_free(data->combined);
    virtual_hosts_free(data->hosts);
    OPENSSL_free(data->pins);
    OPENSSL_free(data->groups);
    OPENSSL_free(data->keylog);
    OPENSSL_free(data->staple.bytes);
    CRYPTO_THREAD_lock_free(data->lock);
    OPENSSL_free(data->alpn);
    OPENSSL_free(data);
}

static void make_data_index(void) {
    data_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_data);
}

const ContextData *context_data(const SSL_CTX *context) {
    return SSL_CTX_get_ex_data(context, data_index);
}

/* DTLS counts its versions downwards. */
static bool is_older(int version, int than) {
    return version >> 8 == DTLS1_VERSION_MAJOR ? version > than : version < than;
}

static int default_version(const ContextSettings *settings) {
    return settings->datagram ? DTLS1_2_VERSION : TLS1_2_VERSION;
}

static int min_version(const ContextSettings *settings) {
    int max = settings->max_version, min = default_version(settings);
    if (settings->min_version) return settings->min_version;
    return max && is_older(max, min) ? max : min; /* an old one alone says what is wanted */
}

static ContextData *add_data(SSL_CTX *context, const ContextSettings *settings) {
    if (!CRYPTO_THREAD_run_once(&data_once, make_data_index)) return NULL;
    ContextData *data = OPENSSL_zalloc(sizeof *data);
    if (!data || !SSL_CTX_set_ex_data(context, data_index, data)) {
        OPENSSL_free(data);
        return NULL;
    }
    data->lock = CRYPTO_THREAD_lock_new();
    if (!data->lock) return NULL; /* the context frees them */
    data->verify = settings->verify;
    data->tells_sessions = settings->tells_sessions;
    const char *groups = (const char *)settings->groups.data;
    if (groups && !(data->groups = OPENSSL_strdup(groups))) return NULL;
    data->has_certificate = settings->certificates.count;
    data->min_version = min_version(settings);
    data->max_version = settings->max_version;
    return data;
}

/* --- the parts --- */

static bool set_versions(SSL_CTX *context, const ContextSettings *settings, Failure *failure) {
    int min = min_version(settings);
    int max = settings->max_version;
    if (max && is_older(max, min)) {
        return failure_set(failure, ":min-version is above :max-version");
    }
    /* OpenSSL would let the context be made, and no connection. */
    if (is_older(min, default_version(settings)) && SSL_CTX_get_security_level(context) > 0) {
        return failure_set(failure,
                           "%s rests on SHA-1 and MD5: whoever needs it all the same "
                           "gives :security-level 0 with it",
                           settings->datagram    ? "DTLS 1.0"
                           : min == TLS1_VERSION ? "TLS 1.0"
                                                 : "TLS 1.1");
    }
    if (SSL_CTX_set_min_proto_version(context, min) &&
        SSL_CTX_set_max_proto_version(context, max)) {
        return true;
    }
    return failure_openssl(failure, "protocol version not in this OpenSSL");
}

static bool check_suites(const SSL_CTX *context, Failure *failure) {
    const ContextData *data = context_data(context);
    return suites_left(context, NULL, data->min_version, data->max_version) ||
           failure_set(failure, ":ciphers and :ciphersuites leave none for the versions allowed");
}

/* Of TLS 1.2, in our order: authenticated encryption and forward secrecy. Who asks for security level
 * 0 has old peers, and gets what OpenSSL has. */
static const char GOOD_CIPHERS[] = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20";

static bool set_ciphers(SSL_CTX *context, const ContextSettings *settings, Failure *failure) {
    const char *ciphers = (const char *)settings->ciphers.data;
    if (!ciphers && settings->security_level) ciphers = GOOD_CIPHERS;
    const char *suites = (const char *)settings->ciphersuites.data;
    char *groups = (char *)(uintptr_t)settings->groups.data; /* OpenSSL's macro wants it so */
    if (settings->security_level >= 0)
        SSL_CTX_set_security_level(context, settings->security_level);
    if (ciphers && !SSL_CTX_set_cipher_list(context, ciphers)) {
        return failure_openssl(failure, "bad :ciphers \"%.200s\"", ciphers);
    }
    if (suites && !SSL_CTX_set_ciphersuites(context, suites)) {
        return failure_openssl(failure, "bad :ciphersuites \"%.200s\"", suites);
    }
    if (groups && !SSL_CTX_set1_groups_list(context, groups)) {
        if (ERR_peek_error()) return failure_openssl(failure, "bad :curves \"%.200s\"", groups);
        return failure_set(failure, "bad :curves \"%.200s\": unknown group", groups);
    }
    /* Clients verify unless the caller says otherwise; servers share their contexts with them. */
    bool verifies = settings->verify != VERIFY_NONE || settings->pins.length;
    return !verifies || suites_drop_anonymous(context, failure);
}

static bool use_chain(SSL_CTX *context, STACK_OF(X509) * chain, Failure *failure) {
    bool used = SSL_CTX_use_certificate(context, sk_X509_value(chain, 0));
    for (int i = 1; used && i < sk_X509_num(chain); i++) {
        used = SSL_CTX_add1_chain_cert(context, sk_X509_value(chain, i));
    }
    return used || failure_openssl(failure, ":cert");
}

static bool set_certificate(SSL_CTX *context, Bytes source, Failure *failure) {
    PemSource owned;
    Failure why;
    Bytes content = pem_source(source, &owned, &why);
    STACK_OF(X509) *chain = content.data ? pem_certificates(content, &why) : NULL;
    pem_free(&owned);
    if (!chain) return failure_set(failure, ":cert: %s", why.text);
    bool used = use_chain(context, chain, failure);
    sk_X509_pop_free(chain, X509_free);
    return used;
}

static bool set_key(SSL_CTX *context, Bytes source, Bytes password, Failure *failure) {
    PemSource owned;
    Failure why;
    Bytes content = pem_source(source, &owned, &why);
    EVP_PKEY *key = content.data ? pem_private_key(content, password, &why) : NULL;
    pem_free(&owned);
    if (!key) return failure_set(failure, ":key: %s", why.text);
    X509 *certificate = SSL_CTX_get0_certificate(context);
    bool matches = X509_check_private_key(certificate, key);
    bool used = matches && SSL_CTX_use_PrivateKey(context, key);
    EVP_PKEY_free(key);
    if (!matches) {
        ERR_clear_error();
        return failure_set(failure,
                           ":key does not belong to :cert: they hold different public keys");
    }
    return used || failure_openssl(failure, ":key");
}

/* OpenSSL signs with these in TLS only: every handshake would fail. */
static bool key_fits(const SSL_CTX *context, const ContextSettings *settings, Failure *failure) {
    const EVP_PKEY *key = SSL_CTX_get0_privatekey(context);
    bool fits = !EVP_PKEY_is_a(key, "ED25519") && !EVP_PKEY_is_a(key, "ED448");
    return !settings->datagram || fits ||
           failure_set(failure, ":key is an Ed25519 or Ed448 one, which OpenSSL's DTLS does not "
                                "use: give an ECDSA or RSA key");
}

/* Several of different kinds, RSA and ECDSA, stand side by side: each peer gets what it takes. */
static bool set_identities(SSL_CTX *context, ContextData *data, const ContextSettings *settings,
                           Failure *failure) {
    size_t certificates = settings->certificates.count, keys = settings->keys.count;
    if (certificates && !keys) return failure_set(failure, ":cert without :key");
    if (keys && !certificates) return failure_set(failure, ":key without :cert");
    if (certificates != keys) {
        return failure_set(failure, "%zu certificates in :cert, but %zu keys in :key", certificates,
                           keys);
    }
    for (size_t i = 0; i < certificates; i++) {
        if (!set_certificate(context, settings->certificates.list[i], failure) ||
            !set_key(context, settings->keys.list[i], settings->password, failure) ||
            !key_fits(context, settings, failure)) {
            return false;
        }
        data->has_suite |= suites_left(context, SSL_CTX_get0_privatekey(context), data->min_version,
                                       data->max_version);
    }
    return true;
}

/* A server takes the first of its own protocols that the client offers (RFC 7301). */
static int choose_alpn(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_length,
                       const unsigned char *offered, unsigned int offered_length, void *arg) {
    (void)arg;
    const ContextData *data = context_data(SSL_get_SSL_CTX(ssl));
    unsigned char *found;
    int outcome = SSL_select_next_proto(&found, chosen_length, data->alpn,
                                        (unsigned int)data->alpn_length, offered, offered_length);
    if (outcome != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
}

static bool set_alpn(SSL_CTX *context, ContextData *data, Bytes alpn, Failure *failure) {
    if (!alpn.length) return true;
    data->alpn = OPENSSL_memdup(alpn.data, alpn.length);
    data->alpn_length = alpn.length;
    SSL_CTX_set_alpn_select_cb(context, choose_alpn, NULL);
    /* 0 means success, of all its kin in this one alone. */
    if (data->alpn && !SSL_CTX_set_alpn_protos(context, alpn.data, (unsigned int)alpn.length)) {
        return true;
    }
    return failure_openssl(failure, "bad :alpn");
}

/* --- sessions --- */

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
    SSL_CTX_set_num_tickets(context, (size_t)settings->tickets);
    SSL_CTX_set_timeout(context, settings->session_lifetime);
    if (settings->session_cache > 0) SSL_CTX_sess_set_cache_size(context, settings->session_cache);
    long mode = settings->session_cache ? SSL_SESS_CACHE_SERVER : SSL_SESS_CACHE_OFF;
    if (settings->tells_sessions) {
        /* A client's sessions are the user's to keep; OpenSSL would keep them a second time. */
        mode = SSL_SESS_CACHE_BOTH | SSL_SESS_CACHE_NO_INTERNAL_STORE;
        SSL_CTX_sess_set_new_cb(context, engine_keep_session);
    }
    SSL_CTX_set_session_cache_mode(context, mode);
    return !settings->ticket_keys.count ||
           context_set_ticket_keys(context, &settings->ticket_keys, failure);
}

static void set_settings(SSL_CTX *context, const ContextSettings *settings) {
    /* The chain that was given is what is sent: not what OpenSSL would find among the CAs to verify
     * the peer by, at the price of a verification in each handshake. */
    SSL_CTX_set_mode(context, SSL_MODE_NO_AUTO_CHAIN | SSL_MODE_AUTO_RETRY |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_PRIORITIZE_CHACHA);
    if (settings->renegotiation) {
        SSL_CTX_clear_options(context, SSL_OP_NO_RENEGOTIATION);
        SSL_CTX_set_options(context, SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
    } else {
        SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
    }
    SSL_CTX_set_read_ahead(context, 1);
    if (settings->datagram) {
        /* OpenSSL ends the session over a datagram whose MAC does not hold if that is over the
         * ciphertext, whoever sent it; all others it drops, as RFC 6347 wants it. */
        SSL_CTX_set_options(context, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_ENCRYPT_THEN_MAC);
        cookie_use(context);
        return;
    }
    SSL_CTX_set_default_read_buffer_len(context,
                                        settings->read_ahead ? settings->read_ahead : READ_AHEAD);
}

void context_settings_init(ContextSettings *settings) {
    memset(settings, 0, sizeof *settings);
    settings->depth = -1;
    settings->time = NAN;
    settings->security_level = -1;
    settings->tickets = 1;
    settings->session_cache = -1;
    settings->session_lifetime = SESSION_LIFETIME;
}

SSL_CTX *context_new(const ContextSettings *settings, Failure *failure) {
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(settings->datagram ? DTLS_method() : TLS_method());
    ContextData *data = context ? add_data(context, settings) : NULL;
    if (!data) {
        failure_openssl(failure, "no context");
        goto fail;
    }
    set_settings(context, settings);
    if (set_ciphers(context, settings, failure) && set_versions(context, settings, failure) &&
        check_suites(context, failure) && set_identities(context, data, settings, failure) &&
        trust_set(context, data, settings, failure) &&
        set_alpn(context, data, settings->alpn, failure) &&
        set_sessions(context, settings, failure) &&
        virtual_hosts_set(context, data, settings->hosts, settings->host_count, failure) &&
        ocsp_set(context, data, settings, failure) &&
        keylog_set(context, data, settings->keylog, failure)) {
        return context;
    }
fail:
    SSL_CTX_free(context);
    ERR_clear_error();
    return NULL;
}
