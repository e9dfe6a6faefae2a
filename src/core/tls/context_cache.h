/* The contexts of recent settings: options given as a table at each connect or accept must not cost
 * a context each time. */
#ifndef JSEC_CORE_CONTEXT_CACHE_H
#define JSEC_CORE_CONTEXT_CACHE_H

#include "core/tls/settings.h"

/* The same context for the same settings: see settings_digest. The cache is bounded and evicts the
 * least recently used context. NULL on failure; else for SSL_CTX_free. Others may hold it too, so
 * it must not be changed. */
SSL_CTX *context_cached(const ContextSettings *settings, Failure *failure);

#endif
