#include "core/context.h"

#include "core/pem.h"
#include "core/store.h"

#include <openssl/err.h>
#include <string.h>

#define READ_AHEAD (32 << 10) /* bytes; a record is 16 KB and a little */

/* --- traits: beside the SSL_CTX, and gone with it --- */

static int traits_index = -1;
static CRYPTO_ONCE traits_once = CRYPTO_ONCE_STATIC_INIT;

static void free_traits(void *owner, void *traits, CRYPTO_EX_DATA *data, int index, long number,
                        void *arg) {
    (void)owner, (void)data, (void)index, (void)number, (void)arg;
    if (traits) X509_STORE_free(((ContextTraits *)traits)->combined);
    OPENSSL_free(traits);
}

static void make_traits_index(void) {
    traits_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_traits);
}

const ContextTraits *context_traits(const SSL_CTX *context) {
    return SSL_CTX_get_ex_data(context, traits_index);
}

static ContextTraits *add_traits(SSL_CTX *context, const ContextSettings *settings) {
    if (!CRYPTO_THREAD_run_once(&traits_once, make_traits_index)) return NULL;
    ContextTraits *traits = OPENSSL_zalloc(sizeof *traits + settings->alpn.length);
    if (!traits || !SSL_CTX_set_ex_data(context, traits_index, traits)) {
        OPENSSL_free(traits);
        return NULL;
    }
    traits->verify = settings->verify;
    traits->alpn_length = settings->alpn.length;
    if (settings->alpn.length) memcpy(traits->alpn, settings->alpn.data, settings->alpn.length);
    return traits;
}

/* --- the parts --- */

static bool set_versions(SSL_CTX *context, const ContextSettings *settings, Failure *failure) {
    int least = settings->least_version ? settings->least_version : TLS1_2_VERSION;
    int most = settings->most_version;
    if (most && most < least && settings->least_version) {
        return failure_set(failure, ":min-version is above :max-version");
    }
    /* An old :max-version alone says what is wanted. */
    if (most && most < least) least = most;
    if (SSL_CTX_set_min_proto_version(context, least) &&
        SSL_CTX_set_max_proto_version(context, most)) {
        return true;
    }
    return failure_openssl(failure, "protocol version not in this OpenSSL");
}

static bool set_ciphers(SSL_CTX *context, const ContextSettings *settings, Failure *failure) {
    const char *ciphers = (const char *)settings->ciphers.data;
    const char *suites = (const char *)settings->ciphersuites.data;
    const char *groups = (const char *)settings->groups.data;
    if (settings->security_level >= 0)
        SSL_CTX_set_security_level(context, settings->security_level);
    if (ciphers && !SSL_CTX_set_cipher_list(context, ciphers)) {
        return failure_openssl(failure, "bad :ciphers \"%s\"", ciphers);
    }
    if (suites && !SSL_CTX_set_ciphersuites(context, suites)) {
        return failure_openssl(failure, "bad :ciphersuites \"%s\"", suites);
    }
    if (groups && !SSL_CTX_set1_groups_list(context, groups)) {
        return failure_openssl(failure, "bad :curves \"%s\"", groups);
    }
    return true;
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

static bool set_identity(SSL_CTX *context, const ContextSettings *settings, Failure *failure) {
    bool certificate = settings->certificate.data, key = settings->key.data;
    if (certificate != key) {
        return failure_set(failure, certificate ? ":cert without :key" : ":key without :cert");
    }
    return !certificate || (set_certificate(context, settings->certificate, failure) &&
                            set_key(context, settings->key, settings->password, failure));
}

/* Clients are told whose certificates will do: browsers choose by it. */
static void name_cas(SSL_CTX *context, X509_STORE *store) {
    STACK_OF(X509) *all = X509_STORE_get1_all_certs(store);
    for (int i = 0; i < sk_X509_num(all); i++)
        SSL_CTX_add_client_CA(context, sk_X509_value(all, i));
    sk_X509_pop_free(all, X509_free);
}

static bool set_trust(SSL_CTX *context, const ContextSettings *settings, Failure *failure) {
    X509_STORE *store = SSL_CTX_get_cert_store(context);
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
    name_cas(context, store);
    return true;
}

/* A server takes the first of its own protocols that the client offers (RFC 7301). */
static int choose_alpn(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_length,
                       const unsigned char *offered, unsigned int offered_length, void *arg) {
    (void)arg;
    const ContextTraits *traits = context_traits(SSL_get_SSL_CTX(ssl));
    unsigned char *found;
    int outcome = SSL_select_next_proto(&found, chosen_length, traits->alpn,
                                        (unsigned int)traits->alpn_length, offered, offered_length);
    if (outcome != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
}

static bool set_alpn(SSL_CTX *context, Bytes alpn, Failure *failure) {
    if (!alpn.length) return true;
    SSL_CTX_set_alpn_select_cb(context, choose_alpn, NULL);
    /* 0 means success, of all its kin in this one alone. */
    return !SSL_CTX_set_alpn_protos(context, alpn.data, (unsigned int)alpn.length) ||
           failure_openssl(failure, "bad :alpn");
}

/* Sessions belong to who was vetted how: no listener resumes what another accepted. */
static bool set_session_scope(SSL_CTX *context, const ContextSettings *settings, Failure *failure) {
    const Bytes parts[] = {settings->ca,
                           settings->ca_path,
                           settings->trusted,
                           {(const uint8_t *)&settings->verify, sizeof settings->verify}};
    unsigned char scope[SSL_MAX_SID_CTX_LENGTH];
    unsigned int length = 0;
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    bool made = digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL);
    for (size_t i = 0; made && i < sizeof parts / sizeof *parts; i++) {
        made = EVP_DigestUpdate(digest, &parts[i].length, sizeof parts[i].length) &&
               EVP_DigestUpdate(digest, parts[i].data, parts[i].data ? parts[i].length : 0);
    }
    made = made && EVP_DigestFinal_ex(digest, scope, &length) &&
           SSL_CTX_set_session_id_context(context, scope, length);
    EVP_MD_CTX_free(digest);
    return made || failure_openssl(failure, "session context");
}

static void set_manners(SSL_CTX *context, const ContextSettings *settings) {
    SSL_CTX_set_mode(context, SSL_MODE_AUTO_RETRY | SSL_MODE_RELEASE_BUFFERS |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION);
    if (settings->renegotiation) {
        SSL_CTX_clear_options(context, SSL_OP_NO_RENEGOTIATION);
    } else {
        SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
    }
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context,
                                        settings->read_ahead ? settings->read_ahead : READ_AHEAD);
}

SSL_CTX *context_new(const ContextSettings *settings, Failure *failure) {
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    ContextTraits *traits = context ? add_traits(context, settings) : NULL;
    if (!traits) {
        failure_openssl(failure, "no context");
        goto fail;
    }
    set_manners(context, settings);
    if (!set_versions(context, settings, failure) || !set_ciphers(context, settings, failure) ||
        !set_identity(context, settings, failure) || !set_trust(context, settings, failure) ||
        !set_alpn(context, settings->alpn, failure) ||
        !set_session_scope(context, settings, failure)) {
        goto fail;
    }
    traits->own_trust = settings->ca.data || settings->ca_path.data || settings->trusted.data;
    traits->has_certificate = settings->certificate.data;
    return context;
fail:
    SSL_CTX_free(context);
    ERR_clear_error();
    return NULL;
}

bool context_trust(SSL_CTX *context, Bytes certificate, Failure *failure) {
    ContextTraits *traits = SSL_CTX_get_ex_data(context, traits_index);
    if (!store_add_trusted(SSL_CTX_get_cert_store(context), certificate, failure)) return false;
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
    if (!traits->has_certificate) {
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

/* Where the context's own store holds nothing, a client trusts the system's. */
static X509_STORE *client_store(const ContextTraits *traits, Failure *failure) {
    return traits->combined ? traits->combined : store_system(failure);
}

bool context_prepare(SSL *ssl, const char *server_name, const char *verify_name, Failure *failure) {
    const SSL_CTX *context = SSL_get_SSL_CTX(ssl);
    const ContextTraits *traits = context_traits(context);
    bool server = SSL_is_server(ssl);
    VerifyMode mode = mode_of(traits, server);
    X509_STORE *store = NULL;
    if (server) {
        return context_can_serve(context, failure) &&
               verify_prepare(ssl, mode, NULL, NULL, failure);
    }
    if (mode == VERIFY_OPTIONAL) {
        return failure_set(failure, ":verify :optional is for servers: a client verifies or not");
    }
    bool system = mode != VERIFY_NONE && !traits->own_trust;
    if (system && !(store = client_store(traits, failure))) return false;
    if (!verify_prepare(ssl, mode, verify_name, store, failure)) return false;
    bool named = server_name && *server_name && !verify_is_address(server_name);
    if (named && !SSL_set_tlsext_host_name(ssl, server_name)) {
        return failure_openssl(failure, "not a host name: \"%s\"", server_name);
    }
    return true;
}
