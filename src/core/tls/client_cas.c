#include "core/tls/client_cas.h"

#include "core/keys/pem.h"

#include <openssl/err.h>

/* A list holds 64 KB at most; in TLS 1.3 the message's other extensions share that limit. */
#define MAX_NAMES (63 << 10)

/* Encoded, each with two bytes for its length. */
static size_t names_length(const STACK_OF(X509_NAME) * names) {
    size_t length = 0;
    for (int i = 0; i < sk_X509_NAME_num(names); i++) {
        int encoded = i2d_X509_NAME(sk_X509_NAME_value(names, i), NULL);
        length += encoded > 0 ? (size_t)encoded + 2 : 0;
    }
    return length;
}

static bool add_names(STACK_OF(X509_NAME) * names, const STACK_OF(X509) * certificates) {
    bool added = true;
    for (int i = 0; added && i < sk_X509_num(certificates); i++) {
        X509_NAME *name = X509_NAME_dup(X509_get_subject_name(sk_X509_value(certificates, i)));
        added = name && sk_X509_NAME_push(names, name) > 0;
        if (!added) X509_NAME_free(name);
    }
    return added;
}

static bool add_source(STACK_OF(X509_NAME) * names, Bytes source, Failure *failure) {
    PemSource owned;
    Bytes content = pem_source(source, &owned, failure);
    STACK_OF(X509) *certificates = content.data ? pem_certificates(content, failure) : NULL;
    pem_free(&owned);
    if (!certificates) return failure_prefix(failure, ":client-ca-names");
    bool added = add_names(names, certificates);
    sk_X509_pop_free(certificates, X509_free);
    return added || failure_set(failure, ":client-ca-names: out of memory");
}

static bool collect_given(STACK_OF(X509_NAME) * names, const BytesList *sources, Failure *failure) {
    for (size_t i = 0; i < sources->count; i++) {
        if (!add_source(names, sources->list[i], failure)) return false;
    }
    size_t length = names_length(names);
    return length <= MAX_NAMES ||
           failure_set(failure, ":client-ca-names: %zu bytes of names, a handshake holds %d",
                       length, MAX_NAMES);
}

static bool collect_trusted(STACK_OF(X509_NAME) * names, X509_STORE *store, Failure *failure) {
    STACK_OF(X509) *certificates = X509_STORE_get1_all_certs(store);
    bool added = certificates && add_names(names, certificates);
    sk_X509_pop_free(certificates, X509_free);
    return added || failure_openssl(failure, ":client-ca-names");
}

bool client_cas_set(SSL_CTX *context, X509_STORE *store, const ContextSettings *settings,
                    Failure *failure) {
    if (settings->client_ca_names == NAMES_NONE) return true;
    bool given = settings->client_ca_names == NAMES_GIVEN;
    STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
    bool collected = names && (given ? collect_given(names, &settings->client_cas, failure)
                                     : collect_trusted(names, store, failure));
    /* Names are optional: without them a client chooses its certificate freely. */
    if (collected && names_length(names) <= MAX_NAMES) {
        SSL_CTX_set_client_CA_list(context, names); /* `context` owns them then */
        return true;
    }
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    return collected;
}
