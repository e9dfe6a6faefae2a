/* A context that threads share: one adds certificates to trust while others prepare connections.
 * `make tsan` runs this under ThreadSanitizer. */
#include "check.h"
#include "core/tls/context.h"
#include "core/tls/context_data.h"
#include "core/tls/trust.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define READERS 3
#define ROUNDS 200
#define CERTIFICATES 20

static SSL_CTX *context;
static atomic_bool done;
static atomic_int prepared, failed;

/* DER of a self-signed certificate of that serial number. */
static Bytes certificate(EVP_PKEY *key, long serial) {
    X509 *made = X509_new();
    unsigned char *der = NULL;
    X509_set_version(made, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made), serial);
    X509_gmtime_adj(X509_getm_notBefore(made), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made), 3600);
    X509_set_pubkey(made, key);
    X509_sign(made, key, EVP_sha256());
    int length = i2d_X509(made, &der);
    X509_free(made);
    return (Bytes){der, length > 0 ? (size_t)length : 0};
}

/* Both roles: each takes a store and a policy of its own. */
static bool prepare(bool server) {
    Failure failure;
    SSL *ssl = SSL_new(context);
    if (!ssl) return false;
    SSL_set_app_data(ssl, context); /* as an engine does */
    server ? SSL_set_accept_state(ssl) : SSL_set_connect_state(ssl);
    bool fine = server ? trust_prepare_server(ssl, context_data(context), NULL, &failure)
                       : context_prepare(ssl, "a.example", "a.example", &failure);
    SSL_free(ssl);
    return fine;
}

static void *read_trust(void *arg) {
    (void)arg;
    for (int i = 0; !atomic_load(&done) || i < ROUNDS; i++) {
        atomic_fetch_add(prepare(i % 2) ? &prepared : &failed, 1);
    }
    return NULL;
}

static bool is_client_policy(const uint8_t *digest) {
    return trust_is_client_policy(context_data(context), digest, SETTINGS_DIGEST_LENGTH);
}

int main(void) {
    Failure failure;
    ContextSettings settings;
    pthread_t readers[READERS];
    uint8_t before[SETTINGS_DIGEST_LENGTH];
    EVP_PKEY *key = EVP_EC_gen("P-256");
    Bytes first = certificate(key, 1);

    settings_init(&settings);
    settings.verify = VERIFY_REQUIRED;
    settings.trusted = first;
    context = context_new(&settings, &failure);
    CHECK("a context is made", context);
    memcpy(before, context_data(context)->trust.client_policy, sizeof before);
    CHECK("a context accepts its own client policy", is_client_policy(before));

    for (int i = 0; i < READERS; i++) pthread_create(readers + i, NULL, read_trust, NULL);
    int added = 0;
    for (long serial = 2; serial < 2 + CERTIFICATES; serial++) {
        Bytes more = certificate(key, serial);
        added += trust_add(context, more, &failure);
        OPENSSL_free((void *)(uintptr_t)more.data);
    }
    atomic_store(&done, true);
    for (int i = 0; i < READERS; i++) pthread_join(readers[i], NULL);

    CHECK("each certificate is added", added == CERTIFICATES);
    CHECK("connections are prepared meanwhile", prepared > 0 && !failed);
    CHECK("earlier sessions are bound to another policy", !is_client_policy(before));
    STACK_OF(X509) *all = X509_STORE_get1_all_certs(context_data(context)->trust.own);
    CHECK("all added certificates are trusted", sk_X509_num(all) == 1 + CERTIFICATES);
    sk_X509_pop_free(all, X509_free);
    CHECK("bytes that are no certificate are refused",
          !trust_add(context, (Bytes){(const uint8_t *)"0", 1}, &failure));

    SSL_CTX_free(context);
    EVP_PKEY_free(key);
    OPENSSL_free((void *)(uintptr_t)first.data);
    return check_end();
}
