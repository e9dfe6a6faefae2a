/* The path from a peer's certificate to an anchor. */
#ifndef JSEC_CORE_PATH_H
#define JSEC_CORE_PATH_H

#include <openssl/ssl.h>
#include <stdbool.h>

/* Verify in a connection's verify callback. A path that ends at a root comes first, since
 * revocation is then checked all the way; if there is none, any other trusted certificate is the
 * anchor. */
bool path_verify(X509_STORE_CTX *chain, SSL *ssl);

#endif
