/* The options of every entry point of the tls module, one table for all. */
#ifndef JSEC_TLS_OPTIONS_H
#define JSEC_TLS_OPTIONS_H

#include "base/options.h"
#include "core/context.h"
#include "tls/stream.h"

/* What belongs to a connection rather than to its context. */
typedef struct ConnectionOptions {
    Bytes hostname, verify_hostname; /* NUL-terminated */
    StreamManners manners;
    double timeout; /* of the whole call, seconds */
    bool handshake; /* before the call returns */
} ConnectionOptions;

typedef struct TlsOptions {
    ContextSettings settings;
    ConnectionOptions connection;
    Janet context; /* :context; nil: none */
} TlsOptions;

extern const OptionSet tls_option_set;

void tls_options_init(TlsOptions *options);

/* A context object: an SSL_CTX with the connection options that were given with it. */
struct TlsContext {
    SSL_CTX *context;
    ConnectionOptions connection; /* its names are copies, freed with it */
};
extern const JanetAbstractType tls_context_type;

/* The entry points' argument n: a table or struct of options, a context, or nothing. Returns the
 * context to use, for the collector to free, and the options that hold for this connection, whose
 * names last as long as the running C function. Raises on anything else, and when no context can
 * be made. */
TlsContext *tls_choose(const char *function, const Janet *argv, int32_t argc, int32_t n,
                       ConnectionOptions *connection);

#endif
