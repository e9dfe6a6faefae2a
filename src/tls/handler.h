/* The fiber in which accept-loop's handler serves a connection. */
#ifndef JSEC_TLS_HANDLER_H
#define JSEC_TLS_HANDLER_H

#include "stream/stream.h"

typedef struct Handler {
    JanetFunction *function; /* of the stream */
    JanetFunction *guard;    /* from handler_guard */
    /* Called when the function ends, with the loop, the stream, whether it ended with an error, and
     * the error or result. Returns true unless an error has to go on. */
    JanetCFunction ended;
} Handler;

/* A function that runs a handler's fiber, for Handler. */
JanetFunction *handler_guard(void);

/* A fiber, not yet scheduled, in which the guard runs the handler with the stream. Both use `env`
 * for their dynamic bindings. */
JanetFiber *handler_fiber(const Handler *handler, Janet loop, Stream *stream, JanetTable *env);

/* Flags of a fiber that catches or reports all signals that end a fiber, except its return. */
#define HANDLER_ERRORS                                                                             \
    (1 << JANET_SIGNAL_ERROR | 1 << JANET_SIGNAL_USER0 | 1 << JANET_SIGNAL_USER1 |                 \
     1 << JANET_SIGNAL_USER2 | 1 << JANET_SIGNAL_USER3 | 1 << JANET_SIGNAL_USER4)

#endif
