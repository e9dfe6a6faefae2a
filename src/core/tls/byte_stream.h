/* TLS: an engine on a transport of a stream of bytes.
 *
 * The records of one call are gathered and sent in as few sends as possible. An error of the
 * transport ends the connection. */
#ifndef JSEC_CORE_BYTE_STREAM_H
#define JSEC_CORE_BYTE_STREAM_H

#include "core/tls/engine.h"

/* Initialize a zeroed engine. `context` is shared, not owned. */
bool byte_stream_engine_init(Engine *engine, SSL_CTX *context, EngineRole role, Transport transport,
                             Failure *failure);

#endif
