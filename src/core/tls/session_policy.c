#define _GNU_SOURCE /* PATH_MAX, nanoseconds in struct stat */
#include "core/tls/session_policy.h"

#include <limits.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/stat.h>

static bool add(EVP_MD_CTX *digest, const void *data, size_t length) {
    return EVP_DigestUpdate(digest, &length, sizeof length) &&
           EVP_DigestUpdate(digest, data, length);
}

static bool add_bytes(EVP_MD_CTX *digest, Bytes bytes) {
    return add(digest, bytes.data, bytes.data ? bytes.length : 0);
}

/* A directory is read when it is needed: when something was put in or taken out, it is another. */
static bool add_directory(EVP_MD_CTX *digest, Bytes path) {
    char name[PATH_MAX];
    struct stat info;
    if (!add_bytes(digest, path)) return false;
    if (!path.data || path.length >= sizeof name) return true;
    memcpy(name, path.data, path.length);
    name[path.length] = 0;
    return stat(name, &info) || (add(digest, &info.st_ino, sizeof info.st_ino) &&
                                 add(digest, &info.st_mtim, sizeof info.st_mtim));
}

static bool add_crls(EVP_MD_CTX *digest, STACK_OF(X509_CRL) * crls) {
    bool added = true;
    for (int i = 0; added && i < sk_X509_CRL_num(crls); i++) {
        uint8_t print[EVP_MAX_MD_SIZE];
        unsigned int length;
        added = X509_CRL_digest(sk_X509_CRL_value(crls, i), EVP_sha256(), print, &length) &&
                add(digest, print, length);
    }
    return added;
}

static bool base(const ContextSettings *settings, STACK_OF(X509_CRL) * crls, VerifyMode mode,
                 uint8_t *policy_digest) {
    const int numbers[] = {(int)mode, settings->purpose, settings->depth, (int)settings->ocsp};
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    bool made = digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) &&
                add(digest, numbers, sizeof numbers) &&
                add(digest, &settings->time, sizeof settings->time) &&
                add_directory(digest, settings->ca_path) && add_bytes(digest, settings->pins) &&
                add_crls(digest, crls) && EVP_DigestFinal_ex(digest, policy_digest, NULL);
    EVP_MD_CTX_free(digest);
    return made;
}

bool session_policy_begin(ContextData *data, const ContextSettings *settings,
                          STACK_OF(X509_CRL) * crls, Failure *failure) {
    VerifyMode client = settings->verify, server = settings->verify;
    if (client == VERIFY_UNSET) client = VERIFY_REQUIRED;
    if (server == VERIFY_UNSET) server = VERIFY_NONE;
    return (base(settings, crls, client, data->client_base) &&
            base(settings, crls, server, data->server_base)) ||
           failure_openssl(failure, "session context");
}

/* Its flags tell a certificate that is trusted by itself from a CA. */
static bool add_store(EVP_MD_CTX *digest, X509_STORE *store) {
    unsigned long flags = X509_VERIFY_PARAM_get_flags(X509_STORE_get0_param(store));
    STACK_OF(X509) *all = X509_STORE_get1_all_certs(store);
    bool added = add(digest, &flags, sizeof flags);
    for (int i = 0; added && i < sk_X509_num(all); i++) {
        uint8_t print[EVP_MAX_MD_SIZE];
        unsigned int length;
        added = X509_digest(sk_X509_value(all, i), EVP_sha256(), print, &length) &&
                add(digest, print, length);
    }
    sk_X509_pop_free(all, X509_free);
    return added;
}

static bool complete(X509_STORE *store, const uint8_t *begun, uint8_t *policy_digest) {
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    bool made = digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) &&
                add(digest, begun, SESSION_POLICY_LENGTH) && add_store(digest, store) &&
                EVP_DigestFinal_ex(digest, policy_digest, NULL);
    EVP_MD_CTX_free(digest);
    return made;
}

bool session_policy_set(SSL_CTX *context, ContextData *data, Failure *failure) {
    X509_STORE *store = SSL_CTX_get_cert_store(context);
    if (complete(store, data->client_base, data->client_policy) &&
        complete(store, data->server_base, data->server_policy) &&
        SSL_CTX_set_session_id_context(context, data->server_policy, SESSION_POLICY_LENGTH)) {
        return true;
    }
    return failure_openssl(failure, "session context");
}
