/* Cookies of DTLS (RFC 6347, 4.2.1): before a server spends memory on a client, the client shows
 * that it receives at the address it sends from. A cookie is an HMAC over the address, so the
 * server keeps nothing but its secret. */
#ifndef JSEC_CORE_COOKIE_H
#define JSEC_CORE_COOKIE_H

#include "core/bytes.h"
#include "core/failure.h"

#include <openssl/ssl.h>

#define COOKIE_SECRET 32

/* A server's secret, and the one before it: it is renewed while it is in use, and cookies given out
 * under the old one are good for one more term. */
typedef struct CookieSecrets {
    uint8_t now[COOKIE_SECRET], before[COOKIE_SECRET];
    int64_t renew_at; /* on the caller's clock */
} CookieSecrets;

/* What the cookie of a connection is made of. */
typedef struct CookieSource {
    const CookieSecrets *secrets;
    Bytes address; /* of the client, as the caller spells it */
} CookieSource;

bool cookie_secrets_init(CookieSecrets *secrets, Failure *failure);

/* New secrets; false leaves the old ones. */
bool cookie_secrets_renew(CookieSecrets *secrets);

/* Have a context's servers ask for cookies, of their engines' cookie_source. */
void cookie_use(SSL_CTX *context);

#endif
