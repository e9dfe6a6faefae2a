/* Which of a context's cipher suites can be used at all. */
#ifndef JSEC_CORE_SUITES_H
#define JSEC_CORE_SUITES_H

#include "core/failure.h"

#include <openssl/ssl.h>

/* Is there one for the versions from `least` to `most` (0: the newest), and, in a server, for that
 * key? NULL: any. */
bool suites_left(const SSL_CTX *context, const EVP_PKEY *key, int min, int max);

/* Leave out the suites without authentication (aNULL): a peer that chooses one shows no certificate.
 * Fails where no other suite of TLS 1.2 is left. */
bool suites_drop_anonymous(SSL_CTX *context, Failure *failure);

#endif
