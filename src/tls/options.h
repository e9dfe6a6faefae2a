/* The options of every entry point of the tls module, one table for all. */
#ifndef JSEC_TLS_OPTIONS_H
#define JSEC_TLS_OPTIONS_H

#include "base/options.h"
#include "core/context.h"
#include "tls/stream.h"

/* What belongs to a connection rather than to its context. */
typedef struct ConnectionOptions {
    Bytes hostname, verify_hostname; /* NUL-terminated */
    Bytes session;                   /* to resume; of a Janet string */
    Janet on_session;                /* function of each new session, or nil */
    Janet on_staple;                 /* function that gives an OCSP response, or nil */
    StreamManners manners;
    double timeout; /* of the whole call, seconds */
    bool handshake; /* before the call returns */
} ConnectionOptions;

typedef struct TlsOptions {
    ContextSettings settings;
    ConnectionOptions connection;
    Janet context; /* :context; nil: none */
    Janet hosts;   /* :sni; nil: none */
    Janet staple;  /* :ocsp-response; nil: none */
} TlsOptions;

extern const OptionSet tls_option_set;
extern const OptionSet tls_beside_set; /* those that may stand beside a context */

/* After they were read: what follows from several of them, virtual hosts' contexts. May raise. */
void tls_options_finish(const char *function, TlsOptions *options);

/* The value of :ticket-keys. */
BytesList tls_option_keys(const char *function, Janet value);

/* Set up a stream's connection: its role's verification, names, session. `host` is the name where the
 * options give none; NULL: there is none. */
bool tls_prepare(Stream *stream, const ConnectionOptions *connection, const char *host,
                 Failure *failure);

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
