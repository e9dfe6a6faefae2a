/* The options of every entry point of the tls module, one table for all. */
#ifndef JSEC_TLS_OPTIONS_H
#define JSEC_TLS_OPTIONS_H

#include "context/context.h"

extern const OptionSet tls_option_set;                 /* of both roles */
extern const OptionSet tls_client_set, tls_server_set; /* without those of the other role */
extern const OptionSet tls_beside_set;                 /* beside a context */
extern const ContextKind tls_kind;

/* The entry points' argument n; see argument_context. */
Context *tls_choose(const char *function, const OptionSet *set, const Janet *argv, int32_t argc,
                    int32_t n, ConnectionOptions *connection);

/* The slot of the options behind host and port. One of core's socket types may stand before them,
 * as in (net/connect host port :stream); raises for others than :stream. */
int32_t tls_options_slot(const char *function, const Janet *argv, int32_t argc);

#endif
