/* The argument of an entry point that is options or a context object. */
#ifndef JSEC_CONTEXT_ARGUMENT_H
#define JSEC_CONTEXT_ARGUMENT_H

#include "context/context.h"

/* Argument n of an entry point: a table or struct of options, a context, or nothing. Returns the
 * context to use, for the collector to free. `options` hold the defaults before and this
 * connection's values after. Names in them last as long as the running C function. They may be the
 * first member of a larger struct that the kind's rows fill. Raises on anything else, and when no
 * context can be made. */
Context *argument_context(const char *function, const ContextKind *kind, const Janet *argv,
                          int32_t argc, int32_t n, ContextOptions *options);

/* After options_read: settings that follow from several options, and the contexts of virtual hosts.
 * May raise. */
void argument_finish(const char *function, const ContextKind *kind, ContextOptions *options);

/* Raise when options of virtual hosts, or of a context that a server chooses for a handshake, have
 * one that only its listener has. The error says `where`. */
void argument_refuse_listeners(const char *function, const ContextKind *kind, Janet table,
                               const char *where);

#endif
