/* Cookies of DTLS (RFC 6347, 4.2.1). Before a server allocates memory for a client, the client
 * proves that it receives at the address it sends from. A cookie is an HMAC over that address, so
 * the server stores only its secret. */
#ifndef JSEC_CORE_COOKIE_H
#define JSEC_CORE_COOKIE_H

#include "core/bytes.h"
#include "core/failure.h"

#include <openssl/ssl.h>

#define COOKIE_SECRET 32

/* A server's secret and the previous one: a cookie stays valid for one term after its secret is
 * renewed. */
typedef struct CookieSecrets {
    uint8_t now[COOKIE_SECRET], before[COOKIE_SECRET];
    int64_t renew_at; /* on the caller's clock */
} CookieSecrets;

/* The input of a connection's cookie. */
typedef struct CookieSource {
    const CookieSecrets *secrets;
    Bytes address; /* of the client, in any fixed form */
} CookieSource;

bool cookie_secrets_init(CookieSecrets *secrets, Failure *failure);

/* New secrets; false leaves the old ones. */
bool cookie_secrets_renew(CookieSecrets *secrets);

/* Let a context's servers ask for cookies, made from their engines' cookie_source. */
void cookie_use(SSL_CTX *context);

#endif
