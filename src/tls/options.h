/* The options of every entry point of the tls module, one table for all. */
#ifndef JSEC_TLS_OPTIONS_H
#define JSEC_TLS_OPTIONS_H

#include "context/context.h"

extern const OptionSet tls_option_set;
extern const ContextKind tls_kind;

/* The entry points' argument n; see argument_context. */
Context *tls_choose(const char *function, const Janet *argv, int32_t argc, int32_t n,
                    ConnectionOptions *connection);

#endif
