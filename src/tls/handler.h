/* The fiber in which accept-loop's handler serves a connection. */
#ifndef JSEC_TLS_HANDLER_H
#define JSEC_TLS_HANDLER_H

#include "stream/stream.h"

/* A function that runs a handler's fiber and aborts its stream when that ends with an error. */
JanetFunction *handler_guard(void);

/* A fiber, not yet scheduled, in which the guard runs the handler with the stream. Both use `env`
 * for their dynamic bindings. The handler takes one argument. */
JanetFiber *handler_fiber(JanetFunction *guard, JanetFunction *handler, Stream *stream,
                          JanetTable *env);

/* Flags of a fiber that catches or reports all signals that end a fiber, except its return. */
#define HANDLER_ERRORS                                                                             \
    (1 << JANET_SIGNAL_ERROR | 1 << JANET_SIGNAL_USER0 | 1 << JANET_SIGNAL_USER1 |                 \
     1 << JANET_SIGNAL_USER2 | 1 << JANET_SIGNAL_USER3 | 1 << JANET_SIGNAL_USER4)

#endif
