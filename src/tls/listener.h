/* What the listeners of tls/listen have beyond core's: the options of a TLS server, if they were
 * made with any, and methods that never serve in the clear. */
#ifndef JSEC_TLS_LISTENER_H
#define JSEC_TLS_LISTENER_H

#include "context/context.h"

/* A Janet abstract, kept alive by its listener. */
typedef struct ServerOptions {
    Context *context;
    ConnectionOptions connection; /* without names, session and functions */
} ServerOptions;

ServerOptions *server_options_new(Context *context, const ConnectionOptions *connection);

/* Turn a listener of core's into one of tls/listen. Its methods :accept and :accept-loop, and with
 * them core's functions of these names, then serve TLS with the options; with NULL they raise. */
void tls_listener_make(JanetStream *stream, ServerOptions *options);

/* NULL: it was made without options, or by core. */
const ServerOptions *tls_listener_options(const JanetStream *stream);

#endif
