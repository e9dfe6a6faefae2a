#include "core/tls/trust.h"

#include "core/calendar.h"
#include "core/keys/pem.h"
#include "core/tls/client_cas.h"
#include "core/tls/path.h"
#include "core/tls/pins.h"
#include "core/tls/resumption.h"
#include "core/tls/session_policy.h"
#include "core/tls/store.h"
#include "core/tls/verdict.h"

#include <math.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

/* --- CAs and CRLs --- */

/* Each source may contain any number of CRLs. */
static bool load_crls(STACK_OF(X509_CRL) * into, const BytesList *sources, Failure *failure) {
    for (size_t i = 0; i < sources->count; i++) {
        PemSource owned;
        Bytes content = pem_source(sources->list[i], &owned, failure);
        bool added = content.data && pem_add_crls(into, content, failure);
        pem_free(&owned);
        if (!added) return failure_prefix(failure, ":crl");
    }
    return true;
}

/* Check the whole chain: a revoked CA is worse than a revoked host. */
static bool add_crls(X509_STORE *store, STACK_OF(X509_CRL) * crls) {
    for (int i = 0; i < sk_X509_CRL_num(crls); i++) {
        if (!X509_STORE_add_crl(store, sk_X509_CRL_value(crls, i))) return false;
    }
    return X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
}

static bool add_anchors(X509_STORE *store, const ContextSettings *settings, Failure *failure) {
    if (settings->ca.data && !store_add_bundle(store, settings->ca, failure)) {
        return failure_prefix(failure, ":ca-file");
    }
    if (settings->ca_path.data && !store_add_directory(store, settings->ca_path, failure)) {
        return failure_prefix(failure, ":ca-path");
    }
    if (settings->trusted.data && !store_add_bundle(store, settings->trusted, failure)) {
        return failure_prefix(failure, ":trusted-cert");
    }
    return true;
}

static bool set_limits(X509_VERIFY_PARAM *param, const ContextData *data, Failure *failure) {
    time_t time;
    X509_VERIFY_PARAM_set_depth(param, data->depth); /* -1: OpenSSL's */
    if (isnan(data->time)) {
        X509_VERIFY_PARAM_clear_flags(param, X509_V_FLAG_USE_CHECK_TIME);
    } else {
        if (!calendar_to_time(data->time, &time, failure)) return false;
        X509_VERIFY_PARAM_set_time(param, time);
    }
    return !data->purpose || X509_VERIFY_PARAM_set_purpose(param, data->purpose) ||
           failure_openssl(failure, ":purpose");
}

/* --- the verification of a chain --- */

static int fail_without_memory(X509_STORE_CTX *chain, SSL *ssl) {
    verify_keep_reason(ssl, "out of memory");
    X509_STORE_CTX_set_error(chain, X509_V_ERR_OUT_OF_MEM);
    return 0;
}

static bool check_pins(X509_STORE_CTX *chain, SSL *ssl, STACK_OF(X509) * verified) {
    Failure failure;
    const ContextData *data = context_data(SSL_get_SSL_CTX(ssl));
    if (pins_match(data, X509_STORE_CTX_get0_cert(chain), verified, &failure)) return true;
    OPENSSL_free(verify_swap_reason(ssl, NULL)); /* the pins' reason counts */
    verify_keep_reason(ssl, failure.text);
    X509_STORE_CTX_set_error(chain, X509_V_ERR_APPLICATION_VERIFICATION);
    return false;
}

/* Verify without a need, for the program to decide: `lenient` is false when the pins did not fit.
 */
static bool report_peer(X509_STORE_CTX *chain, SSL *ssl, bool *lenient) {
    bool sound = path_verify(chain, ssl);
    *lenient = check_pins(chain, ssl, NULL);
    return sound && *lenient;
}

static bool verify_peer(X509_STORE_CTX *chain, SSL *ssl) {
    return path_verify(chain, ssl) && check_pins(chain, ssl, X509_STORE_CTX_get0_chain(chain));
}

static bool has_function(const SSL *ssl) {
    const SSL_CTX *base = SSL_get_app_data(ssl);
    return base && context_data(base)->verify_function;
}

static bool admit_peer(X509_STORE_CTX *chain, SSL *ssl, bool verifies) {
    bool lenient = false, asks = has_function(ssl);
    bool sound = verifies ? verify_peer(chain, ssl)
                 : asks   ? report_peer(chain, ssl, &lenient)
                          : check_pins(chain, ssl, NULL);
    return asks ? verdict_ask(chain, ssl, sound, lenient) : sound;
}

/* Replaces OpenSSL's own verification. Pins are part of it, so that a peer without the right key
 * gets an alert, and no session that it could resume. */
static int verify_chain(X509_STORE_CTX *chain, void *arg) {
    (void)arg;
    SSL *ssl = X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx());
    const ContextData *data = context_data(SSL_get_SSL_CTX(ssl));
    bool verifies = context_data_verifies(ssl);
    /* Copy name and limits once more: OpenSSL does not check whether its copying failed, and
     * without a name any certificate matches. */
    if (!X509_VERIFY_PARAM_set1(X509_STORE_CTX_get0_param(chain), SSL_get0_param(ssl))) {
        return fail_without_memory(chain, ssl);
    }
    if (!admit_peer(chain, ssl, verifies)) return 0;
    STACK_OF(X509) *verified = verifies ? X509_STORE_CTX_get0_chain(chain) : NULL;
    /* With :verify-time no certificate expires as time goes by. */
    bool expires = verified && isnan(data->time);
    return resumption_start_life(ssl, expires ? verified : NULL) || fail_without_memory(chain, ssl);
}

/* --- a context --- */

static bool set_pins(ContextData *data, Bytes pins, Failure *failure) {
    if (!pins.length) return true;
    data->pins = OPENSSL_memdup(pins.data, pins.length);
    data->pin_count = pins.length / PIN_LENGTH;
    return data->pins || failure_openssl(failure, ":pins");
}

/* The system's CAs and the content of `own`, in a new store. NULL when out of memory. */
static X509_STORE *join_system(X509_STORE *own) {
    X509_STORE *store = store_new_system();
    if (store && store_copy(store, own)) return store;
    X509_STORE_free(store);
    return NULL;
}

/* The CRLs go into the context's own store, and for clients beside the system's CAs. */
static bool set_crls(ContextData *data, STACK_OF(X509_CRL) * crls, Failure *failure) {
    Trust *trust = &data->trust;
    if (!sk_X509_CRL_num(crls)) return true;
    bool added = add_crls(trust->own, crls);
    if (added && !data->own_trust) trust->beside_system = join_system(trust->own);
    return (added && (data->own_trust || trust->beside_system)) || failure_openssl(failure, ":crl");
}

bool trust_set(SSL_CTX *context, ContextData *data, const ContextSettings *settings,
               Failure *failure) {
    X509_STORE *store = SSL_CTX_get_cert_store(context);
    SSL_CTX_set_cert_verify_callback(context, verify_chain, NULL);
    if (!X509_STORE_up_ref(store)) return failure_openssl(failure, "trust store");
    data->trust.own = store;
    if (!add_anchors(store, settings, failure)) return false;
    if (!client_cas_set(context, store, settings, failure)) return false;
    if (!set_limits(SSL_CTX_get0_param(context), data, failure)) return false;
    STACK_OF(X509_CRL) *crls = sk_X509_CRL_new_null();
    bool set = crls && load_crls(crls, &settings->crls, failure) && set_crls(data, crls, failure) &&
               set_pins(data, settings->pins, failure) &&
               session_policy_begin(context, data, settings, failure) &&
               session_policy_set(data, &data->trust, failure);
    sk_X509_CRL_pop_free(crls, X509_CRL_free);
    return set;
}

/* --- a further certificate --- */

static void free_stores(Trust *trust) {
    X509_STORE_free(trust->own);
    X509_STORE_free(trust->beside_system);
}

/* Copy the trust and add the certificate: connections may be reading the old stores. */
static bool extend_trust(const ContextData *data, Bytes certificate, Trust *next,
                         Failure *failure) {
    *next = (Trust){.own = X509_STORE_new(), .added = true};
    if (!next->own || !store_copy(next->own, data->trust.own) ||
        (data->ca_path && !X509_STORE_load_path(next->own, data->ca_path))) {
        return failure_openssl(failure, "trust store not copied");
    }
    if (!store_add_bundle(next->own, certificate, failure)) return false;
    /* A client goes on trusting the system's CAs, if it does so now. */
    if (!data->own_trust && !(next->beside_system = join_system(next->own))) {
        return failure_openssl(failure, "trust store not made");
    }
    return session_policy_set(data, next, failure);
}

bool trust_add(SSL_CTX *context, Bytes certificate, Failure *failure) {
    ContextData *data = context_data_mutable(context);
    Trust next;
    if (!CRYPTO_THREAD_write_lock(data->lock)) return failure_openssl(failure, "trust not locked");
    bool extended = extend_trust(data, certificate, &next, failure);
    if (extended) {
        Trust before = data->trust;
        data->trust = next;
        next = before;
    }
    CRYPTO_THREAD_unlock(data->lock);
    free_stores(&next);
    return extended;
}

/* --- connections --- */

/* Take a reference to the store, and the policy of the role, before another thread replaces them.
 * Store NULL: the system's CAs alone. */
static bool take_trust(const ContextData *data, bool server, X509_STORE **store, uint8_t *policy) {
    const Trust *trust = &data->trust;
    if (!CRYPTO_THREAD_read_lock(data->lock)) return false;
    *store = server || data->own_trust ? trust->own : trust->beside_system;
    bool taken = !*store || X509_STORE_up_ref(*store);
    memcpy(policy, server ? trust->server_policy : trust->client_policy, SETTINGS_DIGEST_LENGTH);
    CRYPTO_THREAD_unlock(data->lock);
    return taken;
}

/* A session of one virtual host must not be resumed with another. Its peer was judged by the
 * function of the listener. */
static bool bind_sessions(SSL *ssl, const uint8_t *policy, const char *virtual_host,
                          Failure *failure) {
    enum { FUNCTION = SETTINGS_DIGEST_LENGTH, NAME = FUNCTION + sizeof(uint64_t) };
    uint8_t bound[NAME + TLSEXT_MAXLEN_host_name], digest[SETTINGS_DIGEST_LENGTH];
    const ContextData *base = context_data(SSL_get_app_data(ssl));
    size_t named = virtual_host ? OPENSSL_strnlen(virtual_host, TLSEXT_MAXLEN_host_name) : 0;
    memcpy(bound, policy, SETTINGS_DIGEST_LENGTH);
    memcpy(bound + FUNCTION, &base->verify_function, sizeof base->verify_function);
    if (named) memcpy(bound + NAME, virtual_host, named);
    bool made = !virtual_host || EVP_Digest(bound, NAME + named, digest, NULL, EVP_sha256(), NULL);
    return (made && SSL_set_session_id_context(ssl, virtual_host ? digest : policy,
                                               SETTINGS_DIGEST_LENGTH)) ||
           failure_openssl(failure, "session policy not set");
}

static bool prepare_verification(SSL *ssl, const ContextData *data, const char *virtual_host,
                                 const char *verify_name, Failure *failure) {
    bool server = SSL_is_server(ssl);
    VerifyMode mode = context_data_verify_mode(data, server);
    if (!server && mode == VERIFY_NONE && data->verify_function) mode = VERIFY_REPORTED;
    uint8_t policy[SETTINGS_DIGEST_LENGTH];
    X509_STORE *store = NULL;
    if (!take_trust(data, server, &store, policy)) {
        return failure_openssl(failure, "verification not set up");
    }
    X509_STORE *system = store || mode == VERIFY_NONE ? NULL : store_system(failure);
    bool prepared =
        (store || system || mode == VERIFY_NONE) &&
        verify_prepare(ssl, mode, data->strict, verify_name, store ? store : system, failure) &&
        bind_sessions(ssl, policy, virtual_host, failure);
    X509_STORE_free(store);
    return prepared;
}

bool trust_prepare_server(SSL *ssl, const ContextData *data, const char *virtual_host,
                          Failure *failure) {
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    /* A virtual host's limits replace those of the connection's first context. */
    if (!data->purpose) X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_CLIENT);
    if (!set_limits(param, data, failure)) return false;
    return prepare_verification(ssl, data, virtual_host, NULL, failure);
}

bool trust_can_request(const SSL *ssl, Failure *failure) {
    const ContextData *data = context_data(SSL_get_SSL_CTX(ssl));
    return context_data_has_anchors(data) ||
           failure_set(failure, "no CA to verify clients against: "
                                "give :ca-file, :ca-path or :trusted-cert");
}

bool trust_prepare_request(SSL *ssl, bool optional, Failure *failure) {
    const ContextData *data = context_data(SSL_get_SSL_CTX(ssl));
    uint8_t ignored[SETTINGS_DIGEST_LENGTH];
    X509_STORE *store = NULL;
    bool prepared = take_trust(data, true, &store, ignored) && store
                        ? verify_request(ssl, optional, data->strict, store, failure)
                        : failure_openssl(failure, "verification not set up");
    X509_STORE_free(store);
    return prepared;
}

bool trust_prepare_client(SSL *ssl, const ContextData *data, const char *verify_name,
                          Failure *failure) {
    VerifyMode mode = context_data_verify_mode(data, false);
    if (mode == VERIFY_OPTIONAL) {
        return failure_set(failure, ":verify :optional is for servers: a client verifies or not");
    }
    if (!prepare_verification(ssl, data, NULL, verify_name, failure)) return false;
    bool pins_alone = mode == VERIFY_NONE && data->pin_count && !data->verify_function;
    return !pins_alone || verify_need_certificate(ssl, failure);
}

bool trust_is_client_policy(const ContextData *data, const uint8_t *digest, size_t length) {
    if (length != SETTINGS_DIGEST_LENGTH || !CRYPTO_THREAD_read_lock(data->lock)) return false;
    bool is = !CRYPTO_memcmp(digest, data->trust.client_policy, length);
    CRYPTO_THREAD_unlock(data->lock);
    return is;
}
