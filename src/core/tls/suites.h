/* Which of a context's cipher suites can be used at all. */
#ifndef JSEC_CORE_SUITES_H
#define JSEC_CORE_SUITES_H

#include <openssl/ssl.h>
#include <stdbool.h>

/* Is there one for the versions from `least` to `most` (0: the newest), and, in a server, for that
 * key? NULL: any. */
bool suites_left(const SSL_CTX *context, const EVP_PKEY *key, int min, int max);

#endif
