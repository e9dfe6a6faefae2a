#include "core/tls/context_data.h"

#include "core/tls/job.h"

#define OCSP_MAX_AGE (7 * 86400) /* seconds */

static int data_index = -1;
static CRYPTO_ONCE data_once = CRYPTO_ONCE_STATIC_INIT;

static void free_data(void *owner, void *pointer, CRYPTO_EX_DATA *ex_data, int index, long number,
                      void *arg) {
    (void)owner, (void)ex_data, (void)index, (void)number, (void)arg;
    ContextData *data = pointer;
    if (!data) return;
    X509_STORE_free(data->trust.own);
    X509_STORE_free(data->trust.beside_system);
    OPENSSL_free(data->pins);
    OPENSSL_free(data->ca_path);
    OPENSSL_free(data->groups);
    OPENSSL_free(data->keylog);
    OPENSSL_free(data->staple.bytes);
    CRYPTO_THREAD_lock_free(data->lock);
    stats_release(data->stats);
    OPENSSL_free(data->alpn);
    OPENSSL_free(data);
}

static void make_data_index(void) {
    data_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_data);
}

const ContextData *context_data(const SSL_CTX *context) {
    return SSL_CTX_get_ex_data(context, data_index);
}

ContextData *context_data_mutable(SSL_CTX *context) {
    return SSL_CTX_get_ex_data(context, data_index);
}

static bool copy_text(char **copy, Bytes text) {
    *copy = text.data ? OPENSSL_strndup((const char *)text.data, text.length) : NULL;
    return *copy || !text.data;
}

ContextData *context_data_new(SSL_CTX *context, const ContextSettings *settings) {
    if (!CRYPTO_THREAD_run_once(&data_once, make_data_index)) return NULL;
    ContextData *data = OPENSSL_zalloc(sizeof *data);
    if (!data || !SSL_CTX_set_ex_data(context, data_index, data)) {
        OPENSSL_free(data);
        return NULL;
    }
    data->verify = settings->verify;
    data->purpose = settings->purpose;
    data->strict = settings->strict > 0;
    data->depth = settings->depth;
    data->time = settings->time;
    data->own_trust = settings->ca.data || settings->ca_path.data || settings->trusted.data;
    data->has_certificate = settings->certificates.count;
    data->ocsp = settings->ocsp;
    data->ocsp_max_age = isnan(settings->ocsp_max_age) ? OCSP_MAX_AGE : settings->ocsp_max_age;
    data->staple_on_demand = settings->staple_on_demand;
    data->asks_hello = settings->asks_hello;
    data->asks_signature = settings->signers.count || settings->hosts.count || settings->asks_hello;
    data->verify_function = settings->verify_function;
    data->keeps_sessions = settings->keeps_sessions;
    data->lock = CRYPTO_THREAD_lock_new();
    data->stats = stats_new();
    bool made = data->lock && data->stats && copy_text(&data->groups, settings->groups) &&
                copy_text(&data->ca_path, settings->ca_path);
    return made ? data : NULL; /* the context frees it */
}

VerifyMode context_data_verify_mode(const ContextData *data, bool server) {
    if (data->verify != VERIFY_UNSET) return data->verify;
    return server ? VERIFY_NONE : VERIFY_REQUIRED;
}

bool context_data_verifies(const SSL *ssl) {
    const ContextData *data = context_data(SSL_get_SSL_CTX(ssl));
    bool asked = context_data_verify_mode(data, SSL_is_server(ssl)) != VERIFY_NONE;
    return asked || verify_is_requested(ssl);
}

bool context_data_has_anchors(const ContextData *data) {
    if (data->own_trust) return true;
    if (!CRYPTO_THREAD_read_lock(data->lock)) return false;
    bool added = data->trust.added;
    CRYPTO_THREAD_unlock(data->lock);
    return added;
}

/* With virtual hosts or :on-hello, it may be another context that verifies. */
static bool can_judge(const ContextData *data, bool verifies, Failure *failure) {
    if (!data->verify_function) return true;
    if (!job_is_possible()) {
        return failure_set(failure, ":on-verify on a server needs OpenSSL's asynchronous jobs, "
                                    "which it lacks on this system: see :async of tls/features");
    }
    return verifies || data->has_hosts || data->asks_hello ||
           failure_set(failure, ":on-verify on a server needs :verify true or :optional: without "
                                "it, clients are not asked for a certificate");
}

bool context_data_can_serve(const SSL_CTX *context, Failure *failure) {
    const ContextData *data = context_data(context);
    if (!data->has_certificate && !data->has_hosts && !data->asks_hello) {
        return failure_set(failure, "a server needs a certificate: give :cert and :key");
    }
    if (data->has_certificate && !data->has_suite) {
        return failure_set(failure, ":ciphers has no suite usable with the key of :cert");
    }
    bool verifies = context_data_verify_mode(data, true) != VERIFY_NONE;
    /* The system's CAs issue certificates to any host: as clients, all of them would be
     * admitted. */
    if (verifies && !context_data_has_anchors(data)) {
        return failure_set(failure, "no CA to verify clients against: "
                                    "give :ca-file, :ca-path or :trusted-cert");
    }
    if (!verifies && data->pin_count) {
        return failure_set(failure, ":pins on a server need :verify true: without it, clients are "
                                    "not asked for a certificate");
    }
    return can_judge(data, verifies, failure);
}
