#include "core/tls/identity.h"

#include "core/keys/keyform.h"
#include "core/keys/keys.h"
#include "core/keys/pem.h"
#include "core/keys/quantum_key.h"
#include "core/keys/stored_key.h"
#include "core/tls/explain.h"
#include "core/tls/job.h"
#include "core/tls/signature_question.h"
#include "core/tls/suites.h"

#include <openssl/err.h>

static bool use_chain(SSL_CTX *context, STACK_OF(X509) * chain, Failure *failure) {
    bool used = SSL_CTX_use_certificate(context, sk_X509_value(chain, 0));
    for (int i = 1; used && i < sk_X509_num(chain); i++) {
        used = SSL_CTX_add1_chain_cert(context, sk_X509_value(chain, i));
    }
    if (used) return true;
    if (ERR_GET_REASON(ERR_peek_last_error()) != SSL_R_UNKNOWN_CERTIFICATE_TYPE) {
        return explain_setup(failure, ":cert");
    }
    ERR_clear_error();
    return failure_set(failure, ":cert: TLS has no signatures with keys of this kind: take RSA, "
                                "EC, Ed25519, Ed448 or ML-DSA");
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

static bool refuse_key(Failure *failure) {
    return failure_set(failure, ":key does not belong to :cert: they hold different public keys");
}

static EVP_PKEY *load_key(Bytes source, Bytes password, Failure *failure) {
    PemSource owned;
    if (stored_key_is_uri(source)) return stored_key_load(source, password, true, failure);
    Bytes content = pem_source(source, &owned, failure);
    EVP_PKEY *key = content.data ? pem_private_key(content, password, failure) : NULL;
    pem_free(&owned);
    return key;
}

/* The key as DER without encryption, for pem_free. */
static PemSource open_key(Bytes content, Bytes password) {
    static const KeyEncryption none = {.password = {NULL, 0}};
    Failure ignored;
    PemSource der = {NULL, 0};
    EVP_PKEY *key = pem_private_key(content, password, &ignored);
    if (key) der.bytes = keyform_write(key, true, KEYFORM_DER, &none, &der.length, &ignored);
    EVP_PKEY_free(key);
    return der;
}

static bool has_file(const BytesList *keys) {
    for (size_t i = 0; i < keys->count; i++) {
        if (pem_is_path(keys->list[i])) return true;
    }
    return false;
}

void identity_open_keys(ContextSettings *copy) {
    PemSource opened[MAX_LISTED] = {{NULL, 0}};
    BytesList *keys = &copy->keys;
    if (!copy->password.data || has_file(keys)) return;
    bool all = true;
    for (size_t i = 0; i < keys->count; i++) {
        opened[i] = open_key(keys->list[i], copy->password);
        all = all && opened[i].bytes;
    }
    for (size_t i = 0; i < keys->count; i++) {
        if (all) settings_replace(keys->list + i, opened[i].bytes, opened[i].length);
        if (!all) pem_free(opened + i);
    }
    if (all) settings_replace(&copy->password, NULL, 0);
}

static bool matches_certificate(const SSL_CTX *context, EVP_PKEY *key) {
    bool matches = X509_check_private_key(SSL_CTX_get0_certificate(context), key);
    ERR_clear_error();
    return matches;
}

/* A token signs on a thread, while the handshake waits. */
static bool use_stored(SSL_CTX *context, EVP_PKEY *stored, Failure *failure) {
    EVP_PKEY *public_half = X509_get0_pubkey(SSL_CTX_get0_certificate(context));
    EVP_PKEY *key = signature_question_stored(public_half, stored, failure);
    bool used = key && SSL_CTX_use_PrivateKey(context, key);
    EVP_PKEY_free(key);
    context_data_mutable(context)->asks_signature = true;
    if (!key) return failure_prefix(failure, ":key");
    return used || failure_openssl(failure, ":key");
}

/* Without a public half in the store, the first signature tells. */
static bool check_stored(const SSL_CTX *context, const EVP_PKEY *stored, Failure *failure) {
    Failure ignored;
    EVP_PKEY *half = stored_key_public_half(stored, &ignored);
    bool matches = !half || matches_certificate(context, half);
    EVP_PKEY_free(half);
    return matches || refuse_key(failure);
}

static bool use_key(SSL_CTX *context, EVP_PKEY *key, Failure *failure) {
    if (stored_key_stays(key)) {
        return check_stored(context, key, failure) && use_stored(context, key, failure);
    }
    if (!matches_certificate(context, key)) return refuse_key(failure);
    return SSL_CTX_use_PrivateKey(context, key) || failure_openssl(failure, ":key");
}

static bool set_key(SSL_CTX *context, Bytes source, Bytes password, Failure *failure) {
    EVP_PKEY *key = load_key(source, password, failure);
    if (!key) return failure_prefix(failure, ":key");
    bool used = use_key(context, key, failure);
    EVP_PKEY_free(key);
    return used;
}

/* Does the signer's key belong to the certificate? Without one the certificate's own is taken. */
static bool check_public(const SSL_CTX *context, Bytes source, Failure *failure) {
    if (!source.length) return true;
    EVP_PKEY *key = keys_public(source, failure);
    if (!key) return failure_prefix(failure, ":signer: :public");
    bool matches = matches_certificate(context, key);
    EVP_PKEY_free(key);
    return matches || failure_set(failure, ":signer: :public is not the key of :cert");
}

/* OpenSSL would read a private key for renegotiations outside of a handshake that can wait. */
static bool check_signer(const ContextSettings *settings, Failure *failure) {
    if (!job_is_possible()) {
        return failure_set(failure, ":signer: OpenSSL can't pause a handshake on this platform");
    }
    if (settings->post_handshake_auth > 0) {
        return failure_set(failure, ":signer does not go with :post-handshake-auth true: an answer "
                                    "after the handshake can't wait for a signature");
    }
    return settings->renegotiation <= 0 ||
           failure_set(failure, ":signer does not go with :renegotiation true: a renegotiation "
                                "can't wait for a signature");
}

static bool set_signer(SSL_CTX *context, const ContextSettings *settings, size_t i,
                       Failure *failure) {
    EVP_PKEY *public_half = X509_get0_pubkey(SSL_CTX_get0_certificate(context));
    if (!check_signer(settings, failure) ||
        !check_public(context, settings->signer_publics.list[i], failure)) {
        return false;
    }
    EVP_PKEY *key = signature_question_key(public_half, settings->signers.list[i], failure);
    bool used = key && SSL_CTX_use_PrivateKey(context, key);
    EVP_PKEY_free(key);
    if (!key) return failure_prefix(failure, ":signer");
    return used || failure_openssl(failure, ":signer: not used");
}

/* DTLS 1.2 has no signatures of ML-DSA. OpenSSL's DTLS does not sign with EdDSA: every handshake
 * would fail. */
static bool check_key_type(const SSL_CTX *context, const ContextSettings *settings,
                           Failure *failure) {
    const EVP_PKEY *key = SSL_CTX_get0_privatekey(context);
    bool fits = !EVP_PKEY_is_a(key, "ED25519") && !EVP_PKEY_is_a(key, "ED448") &&
                !quantum_key_algorithm(key);
    return !settings->datagram || fits ||
           failure_set(failure, ":key is an Ed25519, Ed448 or ML-DSA one, which OpenSSL's DTLS "
                                "does not use: give an ECDSA or RSA key");
}

static bool set_key_at(SSL_CTX *context, const ContextSettings *settings, size_t i,
                       Failure *failure) {
    if (settings->signers.count) return set_signer(context, settings, i, failure);
    return set_key(context, settings->keys.list[i], settings->password, failure);
}

static bool check_signer_count(size_t certificates, size_t signers, Failure *failure) {
    if (!certificates) return failure_set(failure, ":signer without :cert");
    return signers == certificates ||
           failure_set(failure, "%zu certificates in :cert, but %zu functions in :signer",
                       certificates, signers);
}

static bool check_counts(const ContextSettings *settings, Failure *failure) {
    size_t certificates = settings->certificates.count, keys = settings->keys.count;
    size_t signers = settings->signers.count;
    if (keys && signers) return failure_set(failure, ":key beside :signer: give one of them");
    if (signers) return check_signer_count(certificates, signers, failure);
    if (certificates && !keys) return failure_set(failure, ":cert without :key");
    if (keys && !certificates) return failure_set(failure, ":key without :cert");
    return certificates == keys ||
           failure_set(failure, "%zu certificates in :cert, but %zu keys in :key", certificates,
                       keys);
}

/* OpenSSL keeps one certificate of each key type and sends each peer one that the peer accepts. */
bool identity_set(SSL_CTX *context, ContextData *data, const ContextSettings *settings,
                  Failure *failure) {
    if (!check_counts(settings, failure)) return false;
    for (size_t i = 0; i < settings->certificates.count; i++) {
        if (!set_certificate(context, settings->certificates.list[i], failure) ||
            !set_key_at(context, settings, i, failure) ||
            !check_key_type(context, settings, failure)) {
            return false;
        }
        data->has_suite |= suites_left(context, SSL_CTX_get0_privatekey(context), data->min_version,
                                       data->max_version);
    }
    return true;
}
