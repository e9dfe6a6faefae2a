#include "core/tls/cookie.h"

#include "core/tls/engine.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#define COOKIE_LENGTH 32 /* of HMAC-SHA-256 */

bool cookie_secrets_init(CookieSecrets *secrets, Failure *failure) {
    bool made = cookie_secrets_renew(secrets);
    made = made && cookie_secrets_renew(secrets); /* the previous one too */
    return made || failure_openssl(failure, "no random bytes for cookies");
}

bool cookie_secrets_renew(CookieSecrets *secrets) {
    uint8_t fresh[COOKIE_SECRET];
    if (RAND_priv_bytes(fresh, sizeof fresh) != 1) return false;
    memcpy(secrets->before, secrets->now, sizeof fresh);
    memcpy(secrets->now, fresh, sizeof fresh);
    OPENSSL_cleanse(fresh, sizeof fresh);
    return true;
}

static bool make_cookie(const CookieSource *source, const uint8_t *secret, uint8_t *cookie) {
    return EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, secret, COOKIE_SECRET,
                     source->address.data, source->address.length, cookie, COOKIE_LENGTH, NULL);
}

static const CookieSource *source_of(const SSL *ssl) {
    return engine_of(ssl)->cookie_source;
}

static int generate_cookie(SSL *ssl, unsigned char *cookie, unsigned int *length) {
    const CookieSource *source = source_of(ssl);
    *length = COOKIE_LENGTH;
    return source && make_cookie(source, source->secrets->now, cookie);
}

static int verify_cookie(SSL *ssl, const unsigned char *cookie, unsigned int length) {
    const CookieSource *source = source_of(ssl);
    uint8_t now[COOKIE_LENGTH], before[COOKIE_LENGTH];
    if (!source || length != COOKIE_LENGTH || !make_cookie(source, source->secrets->now, now) ||
        !make_cookie(source, source->secrets->before, before)) {
        return 0;
    }
    return !CRYPTO_memcmp(cookie, now, length) || !CRYPTO_memcmp(cookie, before, length);
}

void cookie_use(SSL_CTX *context) {
    SSL_CTX_set_cookie_generate_cb(context, generate_cookie);
    SSL_CTX_set_cookie_verify_cb(context, verify_cookie);
}
