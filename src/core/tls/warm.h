/* OpenSSL's buffers, some 50 KB for a connection, are kept for the few connections of a thread that
 * were used last: a busy one does without an allocation for each record, and of thousands that idle
 * hardly any holds them. Who drives thousands in turn keeps them longer (keeps_buffers). */
#ifndef JSEC_CORE_WARM_H
#define JSEC_CORE_WARM_H

#include "core/tls/engine.h"

/* An engine is about to be used: another's buffers may go for it. */
void warm_use(Engine *engine);

/* An engine is about to be freed. */
void warm_forget(Engine *engine);

#endif
