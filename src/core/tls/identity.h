/* The certificates and private keys by which a context's connections identify themselves. */
#ifndef JSEC_CORE_IDENTITY_H
#define JSEC_CORE_IDENTITY_H

#include "core/tls/context_data.h"

/* Give a context that is being made the certificates and keys of the settings, in pairs. Suites and
 * versions are set already: `data` records whether a suite fits one of the keys. */
bool identity_set(SSL_CTX *context, ContextData *data, const ContextSettings *settings,
                  Failure *failure);

#endif
