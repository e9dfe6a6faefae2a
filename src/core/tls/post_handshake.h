/* Post-handshake authentication (TLS 1.3, RFC 8446, 4.6.2): a server asks for the client's
 * certificate when the handshake is done. */
#ifndef JSEC_CORE_POST_HANDSHAKE_H
#define JSEC_CORE_POST_HANDSHAKE_H

#include "core/tls/engine.h"

/* A server's request. The client's answer comes among its data: reads take it in. False: there is
 * no request, and the connection is as before, unless engine_explain has a reason. */
bool post_handshake_request(Engine *engine, bool optional, Failure *failure);

/* Has the answer come by now? Once: a request is over then. */
bool post_handshake_ends(Engine *engine);

#endif
