/* Server streams on accepted connections. */
#ifndef JSEC_TLS_ACCEPT_H
#define JSEC_TLS_ACCEPT_H

#include "tls/options.h"
#include "tls/stream.h"

/* A server's stream on an accepted descriptor, which is closed on failure. The handshake has not
 * begun. `used`: see stream_attach. */
Stream *accept_stream(Context *context, const ConnectionSettings *settings, int descriptor,
                      bool used, Failure *failure);

/* Raise when the context cannot serve: it lacks a certificate, or a CA to verify clients
 * against. */
void accept_check(const char *caller, const Context *context);

#endif
