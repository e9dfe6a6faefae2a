/* The application protocols of a context (ALPN, RFC 7301). */
#ifndef JSEC_CORE_ALPN_H
#define JSEC_CORE_ALPN_H

#include "core/tls/context_data.h"

/* Names in wire format, the preferred first: clients offer them, servers choose among them. Without
 * data there are none. */
bool alpn_set(SSL_CTX *context, ContextData *data, Bytes names, Failure *failure);

#endif
