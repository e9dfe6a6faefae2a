#include "core/tls/identity.h"

#include "core/keys/pem.h"
#include "core/tls/explain.h"
#include "core/tls/suites.h"

#include <openssl/err.h>

static bool use_chain(SSL_CTX *context, STACK_OF(X509) * chain, Failure *failure) {
    bool used = SSL_CTX_use_certificate(context, sk_X509_value(chain, 0));
    for (int i = 1; used && i < sk_X509_num(chain); i++) {
        used = SSL_CTX_add1_chain_cert(context, sk_X509_value(chain, i));
    }
    return used || explain_setup(failure, ":cert");
}

static bool set_certificate(SSL_CTX *context, Bytes source, Failure *failure) {
    PemSource owned;
    Bytes content = pem_source(source, &owned, failure);
    STACK_OF(X509) *chain = content.data ? pem_certificates(content, failure) : NULL;
    pem_free(&owned);
    if (!chain) return failure_prefix(failure, ":cert");
    bool used = use_chain(context, chain, failure);
    sk_X509_pop_free(chain, X509_free);
    return used;
}

static bool set_key(SSL_CTX *context, Bytes source, Bytes password, Failure *failure) {
    PemSource owned;
    Bytes content = pem_source(source, &owned, failure);
    EVP_PKEY *key = content.data ? pem_private_key(content, password, failure) : NULL;
    pem_free(&owned);
    if (!key) return failure_prefix(failure, ":key");
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

/* OpenSSL's DTLS does not sign with these: every handshake would fail. */
static bool check_key_type(const SSL_CTX *context, const ContextSettings *settings,
                           Failure *failure) {
    const EVP_PKEY *key = SSL_CTX_get0_privatekey(context);
    bool fits = !EVP_PKEY_is_a(key, "ED25519") && !EVP_PKEY_is_a(key, "ED448");
    return !settings->datagram || fits ||
           failure_set(failure, ":key is an Ed25519 or Ed448 one, which OpenSSL's DTLS does not "
                                "use: give an ECDSA or RSA key");
}

/* OpenSSL keeps one certificate of each key type and sends each peer one that the peer accepts. */
bool identity_set(SSL_CTX *context, ContextData *data, const ContextSettings *settings,
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
            !check_key_type(context, settings, failure)) {
            return false;
        }
        data->has_suite |= suites_left(context, SSL_CTX_get0_privatekey(context), data->min_version,
                                       data->max_version);
    }
    return true;
}
