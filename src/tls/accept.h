/* Connections on their way in. */
#ifndef JSEC_TLS_ACCEPT_H
#define JSEC_TLS_ACCEPT_H

#include "tls/options.h"
#include "tls/stream.h"

/* A server's stream on an accepted descriptor, which is closed where this fails; the handshake not
 * begun. */
Stream *accept_stream(Context *context, const ConnectionSettings *settings, int descriptor,
                      Failure *failure);

/* Raise, for a caller of that name, where the context can't serve: no certificate, nobody to verify clients by. */
void accept_check(const char *caller, const Context *context);

#endif
