/* A connection's own options, applied to its SSL. */
#ifndef JSEC_CONTEXT_CONNECTION_H
#define JSEC_CONTEXT_CONNECTION_H

#include "context/options.h"

/* Set up the verification of the connection's role, names and session. `host` is the name if the
 * options give none; NULL: there is none. */
bool connection_prepare(SSL *ssl, const ConnectionOptions *connection, const char *host,
                        Failure *failure);

#endif
