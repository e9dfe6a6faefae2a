/* The options of the dtls module: those of connections for all entry points, and a server's own. */
#ifndef JSEC_DTLS_OPTIONS_H
#define JSEC_DTLS_OPTIONS_H

#include "context/context.h"

/* A server's options besides its context. */
typedef struct ServerOptions {
    double idle_timeout; /* seconds */
    int32_t max_sessions, max_per_host;
    bool share_port;
    Janet on_error; /* function of a failed handshake's error and facts about it, or nil */
} ServerOptions;

typedef struct DtlsOptions {
    ContextOptions context; /* first: argument_context fills it */
    ServerOptions server;   /* of listen */
} DtlsOptions;

extern const OptionSet dtls_context_options; /* of connections */
extern const OptionSet dtls_client_options;  /* of clients alone */
extern const OptionSet dtls_listen_options;  /* and of servers */
extern const ContextKind dtls_kind;          /* of all but listen */
extern const ContextKind dtls_connect_kind;  /* of clients */
extern const ContextKind dtls_server_kind;   /* listen's */

void dtls_options_init(DtlsOptions *options);

#endif
