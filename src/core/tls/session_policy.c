#include "core/tls/session_policy.h"

#include <openssl/err.h>

/* Explicit settings and defaults of the same meaning make the same digest. */
static bool digest_role(const SSL_CTX *context, const ContextData *data,
                        const ContextSettings *settings, bool server, uint8_t *digest) {
    ContextSettings resolved = *settings;
    resolved.verify = context_data_verify_mode(data, server);
    resolved.security_level = SSL_CTX_get_security_level(context);
    return settings_policy_digest(&resolved, digest);
}

bool session_policy_begin(const SSL_CTX *context, ContextData *data,
                          const ContextSettings *settings, Failure *failure) {
    return (digest_role(context, data, settings, false, data->client_settings) &&
            digest_role(context, data, settings, true, data->server_settings)) ||
           failure_openssl(failure, "session policy not digested");
}

static bool add_object(EVP_MD_CTX *digest, const X509_OBJECT *object) {
    uint8_t print[EVP_MAX_MD_SIZE];
    unsigned int length;
    X509 *certificate = X509_OBJECT_get0_X509(object);
    X509_CRL *crl = X509_OBJECT_get0_X509_CRL((X509_OBJECT *)(uintptr_t)object);
    if (!certificate && !crl) return true;
    return (certificate ? X509_digest(certificate, EVP_sha256(), print, &length)
                        : X509_CRL_digest(crl, EVP_sha256(), print, &length)) &&
           EVP_DigestUpdate(digest, print, length);
}

/* The flags of the store differ between a certificate trusted by itself and a CA. */
static bool add_store(EVP_MD_CTX *digest, X509_STORE *store) {
    unsigned long flags = X509_VERIFY_PARAM_get_flags(X509_STORE_get0_param(store));
    if (!EVP_DigestUpdate(digest, &flags, sizeof flags) || !X509_STORE_lock(store)) return false;
    const STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);
    bool added = true;
    for (int i = 0; added && i < sk_X509_OBJECT_num(objects); i++) {
        added = add_object(digest, sk_X509_OBJECT_value(objects, i));
    }
    X509_STORE_unlock(store);
    return added;
}

static bool complete_digest(X509_STORE *store, const uint8_t *settings, uint8_t *policy) {
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    bool made = digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) &&
                EVP_DigestUpdate(digest, settings, SETTINGS_DIGEST_LENGTH) &&
                add_store(digest, store) && EVP_DigestFinal_ex(digest, policy, NULL);
    EVP_MD_CTX_free(digest);
    return made;
}

bool session_policy_set(const ContextData *data, Trust *trust, Failure *failure) {
    return (complete_digest(trust->own, data->client_settings, trust->client_policy) &&
            complete_digest(trust->own, data->server_settings, trust->server_policy)) ||
           failure_openssl(failure, "session policy not digested");
}
