#include "core/tls/trust.h"

#include "core/keys/pem.h"
#include "core/pki/chain.h"
#include "core/tls/ocsp.h"
#include "core/tls/pins.h"
#include "core/tls/session_policy.h"
#include "core/tls/store.h"

#include <math.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

/* --- making --- */

/* Of files and texts, each with any number of lists. */
static bool load_crls(STACK_OF(X509_CRL) * into, const BytesList *sources, Failure *failure) {
    for (size_t i = 0; i < sources->count; i++) {
        PemSource owned;
        Failure why;
        Bytes content = pem_source(sources->list[i], &owned, &why);
        bool added = content.data && chain_add_crls(into, content, &why);
        pem_free(&owned);
        if (!added) return failure_set(failure, ":crl: %s", why.text);
    }
    return true;
}

/* Revocation is checked for the whole chain: a revoked CA is worse than a revoked host. */
static bool add_crls(X509_STORE *store, STACK_OF(X509_CRL) * crls) {
    for (int i = 0; i < sk_X509_CRL_num(crls); i++) {
        if (!X509_STORE_add_crl(store, sk_X509_CRL_value(crls, i))) return false;
    }
    return X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
}

/* Clients are told whose certificates will do: browsers choose by it. */
static void name_cas(SSL_CTX *context, X509_STORE *store) {
    STACK_OF(X509) *all = X509_STORE_get1_all_certs(store);
    for (int i = 0; i < sk_X509_num(all); i++) {
        SSL_CTX_add_client_CA(context, sk_X509_value(all, i));
    }
    sk_X509_pop_free(all, X509_free);
}

static bool add_anchors(X509_STORE *store, const ContextSettings *settings, Failure *failure) {
    Failure why;
    if (settings->ca.data && !store_add_bundle(store, settings->ca, &why)) {
        return failure_set(failure, ":ca-file: %s", why.text);
    }
    if (settings->ca_path.data && !store_add_directory(store, settings->ca_path, &why)) {
        return failure_set(failure, ":ca-path: %s", why.text);
    }
    if (settings->trusted.data && !store_add_trusted(store, settings->trusted, &why)) {
        return failure_set(failure, ":trusted-cert: %s", why.text);
    }
    return true;
}

static bool set_limits(X509_VERIFY_PARAM *param, const ContextData *data) {
    X509_VERIFY_PARAM_set_depth(param, data->depth); /* -1: OpenSSL's */
    if (isnan(data->time)) {
        X509_VERIFY_PARAM_clear_flags(param, X509_V_FLAG_USE_CHECK_TIME);
    } else {
        X509_VERIFY_PARAM_set_time(param, (time_t)data->time);
    }
    return !data->purpose || X509_VERIFY_PARAM_set_purpose(param, data->purpose);
}

/* --- the check itself --- */

static VerifyMode mode_of(const ContextData *data, bool server) {
    if (data->verify != VERIFY_UNSET) return data->verify;
    return server ? VERIFY_NONE : VERIFY_REQUIRED;
}

bool context_verifies(const SSL *ssl) {
    const ContextData *data = context_data(SSL_get_SSL_CTX(ssl));
    return mode_of(data, SSL_is_server(ssl)) != VERIFY_NONE;
}

/* In place of OpenSSL's own: pins are part of the verification, so that a peer without the right key
 * gets an alert, and no session that it could resume. */
static int verify_chain(X509_STORE_CTX *chain, void *arg) {
    (void)arg;
    SSL *ssl = X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx());
    const ContextData *data = context_data(SSL_get_SSL_CTX(ssl));
    bool verifies = context_verifies(ssl);
    Failure failure;
    /* Name and limits, once more: OpenSSL has copied them without a look at whether that failed, and
     * where there is no name to match any is taken. */
    if (!X509_VERIFY_PARAM_set1(X509_STORE_CTX_get0_param(chain), SSL_get0_param(ssl))) {
        verify_keep_words(ssl, "out of memory");
        X509_STORE_CTX_set_error(chain, X509_V_ERR_OUT_OF_MEM);
        return 0;
    }
    if (verifies && X509_verify_cert(chain) <= 0) return 0;
    STACK_OF(X509) *verified = verifies ? X509_STORE_CTX_get0_chain(chain) : NULL;
    if (pins_match(data, X509_STORE_CTX_get0_cert(chain), verified, &failure)) return 1;
    verify_keep_words(ssl, failure.text);
    X509_STORE_CTX_set_error(chain, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
}

/* --- all of it --- */

static bool set_pins(ContextData *data, Bytes pins, Failure *failure) {
    if (!pins.length) return true;
    data->pins = OPENSSL_memdup(pins.data, pins.length);
    data->pin_count = pins.length / PIN_LENGTH;
    return data->pins || failure_openssl(failure, ":pins");
}

/* They go to the context's own store in any case, which may be given a CA later. */
static bool set_crls(X509_STORE *store, ContextData *data, STACK_OF(X509_CRL) * crls,
                     Failure *failure) {
    if (!sk_X509_CRL_num(crls)) return true;
    if (!data->own_trust) data->combined = store_new_system();
    bool added = add_crls(store, crls) &&
                 (data->own_trust || (data->combined && add_crls(data->combined, crls)));
    return added || failure_openssl(failure, ":crl");
}

bool trust_set(SSL_CTX *context, ContextData *data, const ContextSettings *settings,
               Failure *failure) {
    X509_STORE *store = SSL_CTX_get_cert_store(context);
    data->own_trust = settings->ca.data || settings->ca_path.data || settings->trusted.data;
    data->purpose = settings->purpose;
    data->depth = settings->depth;
    data->time = settings->time;
    SSL_CTX_set_cert_verify_callback(context, verify_chain, NULL);
    if (!add_anchors(store, settings, failure)) return false;
    name_cas(context, store);
    if (!set_limits(SSL_CTX_get0_param(context), data)) return failure_openssl(failure, ":purpose");
    STACK_OF(X509_CRL) *crls = sk_X509_CRL_new_null();
    bool set = crls && load_crls(crls, &settings->crls, failure) &&
               set_crls(store, data, crls, failure) && set_pins(data, settings->pins, failure) &&
               session_policy_begin(data, settings, crls, failure) &&
               session_policy_set(context, data, failure);
    sk_X509_CRL_pop_free(crls, X509_CRL_free);
    return set;
}

/* A client goes on trusting the system's CAs; a server never did. */
static bool trust_beside_system(ContextData *data, Bytes certificate, Failure *failure) {
    if (!data->combined) data->combined = store_new_system();
    if (!data->combined) return failure_openssl(failure, "trust store not made");
    return store_add_trusted(data->combined, certificate, failure);
}

bool context_trust(SSL_CTX *context, Bytes certificate, Failure *failure) {
    ContextData *data = (ContextData *)(uintptr_t)context_data(context);
    X509_STORE *store = SSL_CTX_get_cert_store(context);
    if (!CRYPTO_THREAD_write_lock(data->lock)) return failure_openssl(failure, "trust");
    bool trusted =
        store_add_trusted(store, certificate, failure) &&
        (data->own_trust || trust_beside_system(data, certificate, failure)) &&
        session_policy_set(context, data, failure); /* sessions of before were vetted by others */
    if (trusted) data->added_trust = true;
    CRYPTO_THREAD_unlock(data->lock);
    return trusted;
}

/* --- connections --- */

bool context_can_serve(const SSL_CTX *context, Failure *failure) {
    const ContextData *data = context_data(context);
    if (!data->has_certificate && !data->hosts) {
        return failure_set(failure, "a server needs a certificate: give :cert and :key");
    }
    if (data->has_certificate && !data->has_suite) {
        return failure_set(failure, ":ciphers has none for the key of :cert, of another kind");
    }
    /* Public CAs vouch for hosts. A server that took their word for clients would admit everybody,
     * so it has to be given one. */
    bool trusts = data->own_trust || data->added_trust;
    if (mode_of(data, true) != VERIFY_NONE && !trusts) {
        return failure_set(failure, "no CA to verify clients against: "
                                    "give :ca-file, :ca-path or :trusted-cert");
    }
    if (mode_of(data, true) == VERIFY_NONE && data->pin_count) {
        return failure_set(failure, ":pins on a server need :verify true, or nobody is asked");
    }
    return true;
}

bool trust_prepare_server(SSL *ssl, const ContextData *data, Failure *failure) {
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    /* A virtual host's take the place of those that the connection began with. */
    if (!data->purpose) X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_CLIENT);
    if (!set_limits(param, data)) return failure_openssl(failure, "verification not set up");
    return verify_prepare(ssl, mode_of(data, true), NULL, NULL, failure);
}

X509_STORE *trust_client_store(const SSL_CTX *context) {
    const ContextData *data = context_data(context);
    Failure ignored;
    if (data->own_trust) return SSL_CTX_get_cert_store(context);
    return data->combined ? data->combined : store_system(&ignored);
}

static bool prepare_client(SSL *ssl, const ContextData *data, const char *verify_name,
                           Failure *failure) {
    VerifyMode mode = mode_of(data, false);
    X509_STORE *store = NULL; /* the context's own, where it holds anything */
    if (mode == VERIFY_OPTIONAL) {
        return failure_set(failure, ":verify :optional is for servers: a client verifies or not");
    }
    if (mode != VERIFY_NONE && !data->own_trust) {
        store = data->combined ? data->combined : store_system(failure);
        if (!store) return false;
    }
    if (!SSL_set_session_id_context(ssl, data->client_policy, sizeof data->client_policy)) {
        return failure_openssl(failure, "session context");
    }
    if (!verify_prepare(ssl, mode, verify_name, store, failure)) return false;
    if (!ocsp_prepare(ssl, data, failure)) return false;
    /* Pins count without verification as well. */
    bool pins_alone = mode == VERIFY_NONE && data->pin_count;
    return !pins_alone || verify_need_certificate(ssl, failure);
}

/* SNI: names only, no addresses (RFC 6066). */
static bool ask_for(SSL *ssl, const char *name, Failure *failure) {
    char asked[TLSEXT_MAXLEN_host_name + 1];
    if (!name || !*name || verify_is_address(name)) return true;
    size_t length = verify_name_length(name);
    if (length < sizeof asked) {
        memcpy(asked, name, length);
        asked[length] = 0;
        if (SSL_set_tlsext_host_name(ssl, asked)) return true;
        ERR_clear_error();
    }
    return failure_set(failure, "not a host name: \"%s\"", name);
}

bool context_prepare(SSL *ssl, const char *server_name, const char *verify_name, Failure *failure) {
    SSL_CTX *context = SSL_get_SSL_CTX(ssl);
    const ContextData *data = context_data(context);
    /* where a virtual host's takes its place */
    if (!SSL_set_app_data(ssl, context)) return failure_set(failure, "out of memory");
    if (SSL_is_server(ssl)) {
        return context_can_serve(context, failure) && trust_prepare_server(ssl, data, failure);
    }
    if (!prepare_client(ssl, data, verify_name, failure)) return false;
    return ask_for(ssl, server_name, failure);
}
