/* Connections on their way in. */
#ifndef JSEC_TLS_ACCEPT_H
#define JSEC_TLS_ACCEPT_H

#include "tls/options.h"
#include "tls/stream.h"

/* A server's stream on an accepted descriptor, which is closed where this fails; the handshake not
 * begun. */
Stream *accept_stream(Context *context, const ConnectionSettings *settings, int descriptor,
                      Failure *failure);

/* Raise when the context cannot serve: it lacks a certificate, or a CA to verify clients against. */
void accept_check(const char *caller, const Context *context);

#endif
