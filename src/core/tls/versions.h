/* The protocol versions that a context negotiates. */
#ifndef JSEC_CORE_VERSIONS_H
#define JSEC_CORE_VERSIONS_H

#include "core/tls/context_data.h"

/* Give a context that is being made, its security level set already, the versions of the settings.
 * By default MinProtocol and MaxProtocol of openssl.cnf hold, and TLS 1.2 or DTLS 1.2 is the
 * minimum. Fails when the security level allows none of the versions. */
bool versions_set(SSL_CTX *context, ContextData *data, const ContextSettings *settings,
                  Failure *failure);

#endif
