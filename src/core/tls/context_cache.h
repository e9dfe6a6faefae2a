/* The contexts of recent settings: options given as a table at each connect or accept must not cost
 * a context each time. */
#ifndef JSEC_CORE_CONTEXT_CACHE_H
#define JSEC_CORE_CONTEXT_CACHE_H

#include "core/tls/context_slot.h"

/* The same slot for the same settings: see settings_digest. The cache is bounded and evicts the
 * least recently used slot. NULL on failure; else for context_slot_release. Others may hold it too,
 * so no other change than context_slot_reread is allowed. */
ContextSlot *context_cached(const ContextSettings *settings, Failure *failure);

#endif
