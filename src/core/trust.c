#include "core/trust.h"

#include "core/ocsp.h"
#include "core/pem.h"
#include "core/store.h"

#include <math.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

/* --- making --- */

static int no_passphrase(char *buffer, int size, int writing, void *arg) {
    (void)buffer, (void)size, (void)writing, (void)arg;
    return -1;
}

static X509_CRL *parse_crl(Bytes content) {
    if (!pem_is_pem(content)) {
        const unsigned char *at = content.data;
        return d2i_X509_CRL(NULL, &at, (long)content.length);
    }
    BIO *bio = BIO_new_mem_buf(content.data, (int)content.length);
    X509_CRL *crl = bio ? PEM_read_bio_X509_CRL(bio, NULL, no_passphrase, NULL) : NULL;
    BIO_free(bio);
    return crl;
}

static bool add_crl(X509_STORE *store, Bytes source, Failure *failure) {
    PemSource owned;
    Failure why;
    Bytes content = pem_source(source, &owned, &why);
    if (!content.data) return failure_set(failure, ":crl: %s", why.text);
    X509_CRL *crl = parse_crl(content);
    pem_free(&owned);
    bool added = crl && X509_STORE_add_crl(store, crl);
    X509_CRL_free(crl);
    return added || failure_openssl(failure, ":crl: not a certificate revocation list");
}

/* Revocation is checked for the whole chain: a revoked CA is worse than a revoked host. */
static bool add_crls(X509_STORE *store, const BytesList *crls, Failure *failure) {
    for (size_t i = 0; i < crls->count; i++) {
        if (!add_crl(store, crls->list[i], failure)) return false;
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

static bool set_limits(SSL_CTX *context, const ContextSettings *settings, Failure *failure) {
    X509_VERIFY_PARAM *wish = SSL_CTX_get0_param(context);
    if (settings->depth >= 0) X509_VERIFY_PARAM_set_depth(wish, settings->depth);
    if (!isnan(settings->time)) X509_VERIFY_PARAM_set_time(wish, (time_t)settings->time);
    if (settings->purpose && !X509_VERIFY_PARAM_set_purpose(wish, settings->purpose)) {
        return failure_openssl(failure, ":purpose");
    }
    return true;
}

/* --- scopes --- */

static bool digest_store(EVP_MD_CTX *digest, X509_STORE *store) {
    STACK_OF(X509) *all = X509_STORE_get1_all_certs(store);
    bool made = true;
    for (int i = 0; made && i < sk_X509_num(all); i++) {
        uint8_t print[EVP_MAX_MD_SIZE];
        unsigned int length;
        made = X509_digest(sk_X509_value(all, i), EVP_sha256(), print, &length) &&
               EVP_DigestUpdate(digest, print, length);
    }
    sk_X509_pop_free(all, X509_free);
    return made;
}

static bool digest_bytes(EVP_MD_CTX *digest, Bytes bytes) {
    return EVP_DigestUpdate(digest, &bytes.length, sizeof bytes.length) &&
           EVP_DigestUpdate(digest, bytes.data, bytes.data ? bytes.length : 0);
}

/* A digest of all that decides whom a role admits. */
static bool make_scope(X509_STORE *store, const ContextSettings *settings, VerifyMode mode,
                       uint8_t *scope) {
    const int numbers[] = {(int)mode, settings->purpose, settings->depth, (int)settings->ocsp};
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    bool made = digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) &&
                EVP_DigestUpdate(digest, numbers, sizeof numbers) &&
                EVP_DigestUpdate(digest, &settings->time, sizeof settings->time) &&
                digest_bytes(digest, settings->ca_path) && digest_bytes(digest, settings->pins) &&
                digest_store(digest, store);
    for (size_t i = 0; made && i < settings->crls.count; i++) {
        made = digest_bytes(digest, settings->crls.list[i]);
    }
    made = made && EVP_DigestFinal_ex(digest, scope, NULL);
    EVP_MD_CTX_free(digest);
    return made;
}

static bool set_scopes(SSL_CTX *context, ContextTraits *traits, const ContextSettings *settings,
                       Failure *failure) {
    X509_STORE *store = SSL_CTX_get_cert_store(context);
    VerifyMode client = settings->verify, server = settings->verify;
    if (client == VERIFY_UNSET) client = VERIFY_REQUIRED;
    if (server == VERIFY_UNSET) server = VERIFY_NONE;
    if (make_scope(store, settings, client, traits->client_scope) &&
        make_scope(store, settings, server, traits->server_scope) &&
        SSL_CTX_set_session_id_context(context, traits->server_scope, SCOPE_LENGTH)) {
        return true;
    }
    return failure_openssl(failure, "session context");
}

/* --- all of it --- */

static bool set_pins(ContextTraits *traits, Bytes pins, Failure *failure) {
    if (!pins.length) return true;
    traits->pins = OPENSSL_memdup(pins.data, pins.length);
    traits->pin_count = pins.length / PIN_LENGTH;
    return traits->pins || failure_openssl(failure, ":pins");
}

bool trust_set(SSL_CTX *context, ContextTraits *traits, const ContextSettings *settings,
               Failure *failure) {
    X509_STORE *store = SSL_CTX_get_cert_store(context);
    traits->own_trust = settings->ca.data || settings->ca_path.data || settings->trusted.data;
    if (!add_anchors(store, settings, failure)) return false;
    name_cas(context, store);
    if (settings->crls.count) {
        if (!traits->own_trust) traits->combined = store_new_system();
        X509_STORE *checked = traits->own_trust ? store : traits->combined;
        if (!checked || !add_crls(checked, &settings->crls, failure)) return false;
    }
    return set_limits(context, settings, failure) && set_pins(traits, settings->pins, failure) &&
           set_scopes(context, traits, settings, failure);
}

bool context_trust(SSL_CTX *context, Bytes certificate, Failure *failure) {
    ContextTraits *traits = (ContextTraits *)(uintptr_t)context_traits(context);
    X509_STORE *store = SSL_CTX_get_cert_store(context);
    if (!store_add_trusted(store, certificate, failure)) return false;
    /* Sessions from before were vetted by others. */
    uint8_t digest[SCOPE_LENGTH];
    if (!EVP_Digest(certificate.data, certificate.length, digest, NULL, EVP_sha256(), NULL)) {
        return failure_openssl(failure, "session context");
    }
    for (size_t i = 0; i < sizeof digest; i++) {
        traits->client_scope[i] ^= digest[i];
        traits->server_scope[i] ^= digest[i];
    }
    if (!SSL_CTX_set_session_id_context(context, traits->server_scope, SCOPE_LENGTH)) {
        return failure_openssl(failure, "session context");
    }
    if (traits->own_trust) return true;
    /* A client goes on trusting the system's CAs; a server never did. */
    if (!traits->combined) traits->combined = store_new_system();
    if (!traits->combined) return failure_openssl(failure, "trust store not made");
    return store_add_trusted(traits->combined, certificate, failure);
}

/* --- connections --- */

static VerifyMode mode_of(const ContextTraits *traits, bool server) {
    if (traits->verify != VERIFY_UNSET) return traits->verify;
    return server ? VERIFY_NONE : VERIFY_REQUIRED;
}

bool context_can_serve(const SSL_CTX *context, Failure *failure) {
    const ContextTraits *traits = context_traits(context);
    if (!traits->has_certificate && !traits->hosts) {
        return failure_set(failure, "a server needs a certificate: give :cert and :key");
    }
    /* Public CAs vouch for hosts. A server that took their word for clients would admit everybody,
     * so it has to be given one. */
    if (mode_of(traits, true) != VERIFY_NONE && !traits->own_trust && !traits->combined) {
        return failure_set(failure, "no CA to verify clients against: "
                                    "give :ca-file, :ca-path or :trusted-cert");
    }
    return true;
}

bool trust_prepare_server(SSL *ssl, const ContextTraits *traits, Failure *failure) {
    return verify_prepare(ssl, mode_of(traits, true), NULL, NULL, failure);
}

X509_STORE *trust_client_store(const SSL_CTX *context) {
    const ContextTraits *traits = context_traits(context);
    Failure ignored;
    if (traits->own_trust) return SSL_CTX_get_cert_store(context);
    return traits->combined ? traits->combined : store_system(&ignored);
}

static bool prepare_client(SSL *ssl, const ContextTraits *traits, const char *verify_name,
                           Failure *failure) {
    VerifyMode mode = mode_of(traits, false);
    X509_STORE *store = NULL; /* the context's own, where it holds anything */
    if (mode == VERIFY_OPTIONAL) {
        return failure_set(failure, ":verify :optional is for servers: a client verifies or not");
    }
    if (mode != VERIFY_NONE && !traits->own_trust) {
        store = traits->combined ? traits->combined : store_system(failure);
        if (!store) return false;
    }
    if (!SSL_set_session_id_context(ssl, traits->client_scope, sizeof traits->client_scope)) {
        return failure_openssl(failure, "session context");
    }
    return verify_prepare(ssl, mode, verify_name, store, failure) &&
           ocsp_prepare(ssl, traits, failure);
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
    const ContextTraits *traits = context_traits(context);
    SSL_set_app_data(ssl, context); /* where a virtual host's takes its place */
    /* Pins are looked at once: no other certificate may come after. */
    if (traits->pin_count) SSL_set_options(ssl, SSL_OP_NO_RENEGOTIATION);
    if (SSL_is_server(ssl)) {
        return context_can_serve(context, failure) && trust_prepare_server(ssl, traits, failure);
    }
    if (!prepare_client(ssl, traits, verify_name, failure)) return false;
    return ask_for(ssl, server_name, failure);
}

/* --- pins --- */

static bool pin_of(X509 *certificate, uint8_t *pin) {
    unsigned char *der = NULL;
    int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    bool made = length > 0 && EVP_Digest(der, (size_t)length, pin, NULL, EVP_sha256(), NULL);
    OPENSSL_free(der);
    return made;
}

static bool pinned(const ContextTraits *traits, X509 *certificate) {
    uint8_t pin[PIN_LENGTH];
    if (!pin_of(certificate, pin)) return false;
    for (size_t i = 0; i < traits->pin_count; i++) {
        if (!memcmp(traits->pins + i * PIN_LENGTH, pin, PIN_LENGTH)) return true;
    }
    return false;
}

static bool refuse_pin(X509 *leaf, Failure *failure) {
    uint8_t pin[PIN_LENGTH];
    char text[4 * PIN_LENGTH];
    if (!leaf || !pin_of(leaf, pin)) return failure_set(failure, "pin mismatch: no certificate");
    EVP_EncodeBlock((unsigned char *)text, pin, PIN_LENGTH);
    return failure_set(failure,
                       "certificate verify failed: pin mismatch: no key of the chain is among "
                       ":pins, the certificate's own is \"sha256//%s\"",
                       text);
}

bool context_admit(SSL *ssl, Failure *failure) {
    const ContextTraits *traits = context_traits(SSL_get_SSL_CTX(ssl));
    if (!traits->pin_count || SSL_session_reused(ssl))
        return true; /* sessions keep to their pins */
    /* Of a chain that nobody verified, the leaf alone is proven: its key signed the handshake. */
    STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
    bool verified = SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE && chain;
    X509 *leaf = SSL_get0_peer_certificate(ssl);
    bool found = leaf && pinned(traits, leaf);
    for (int i = 1; verified && !found && i < sk_X509_num(chain); i++) {
        found = pinned(traits, sk_X509_value(chain, i));
    }
    bool asked = SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE || !SSL_is_server(ssl);
    return found || !asked || refuse_pin(leaf, failure);
}
