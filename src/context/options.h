/* What users' options come to, TLS's and DTLS's alike: the settings of a context, and what belongs to a
 * connection. The rows are in rows.h; each protocol puts its set together (tls/options.c,
 * dtls/options.c). */
#ifndef JSEC_CONTEXT_OPTIONS_H
#define JSEC_CONTEXT_OPTIONS_H

#include "base/options.h"
#include "core/tls/context.h"

/* How a connection is to behave. */
typedef struct ConnectionSettings {
    double handshake_timeout, close_timeout; /* seconds; INFINITY: none */
    double
        retransmit; /* seconds before a datagram of the handshake is sent again, the first time */
    int32_t mtu;    /* bytes of a datagram of the handshake at most */
    bool truncation_is_eof, nodelay, timing;
    int32_t buffer_size; /* 0: the default */
} ConnectionSettings;

/* What belongs to a connection rather than to its context. */
typedef struct ConnectionOptions {
    Bytes hostname, verify_hostname; /* NUL-terminated */
    Bytes session;                   /* to resume; of a Janet string */
    Janet on_session;                /* function of each new session, or nil */
    Janet on_staple;                 /* function that gives an OCSP response, or nil */
    ConnectionSettings settings;
    double timeout; /* of the whole call, seconds */
    bool handshake; /* before the call returns */
} ConnectionOptions;

typedef struct ContextOptions {
    ContextSettings settings;
    ConnectionOptions connection;
    Janet context; /* :context; nil: none */
    Janet hosts;   /* :sni; nil: none */
    Bytes sni;     /* :sni of a client: another name of :hostname */
    Janet staple;  /* :ocsp-response; nil: none */
} ContextOptions;

/* The defaults of both protocols. */
void context_options_init(ContextOptions *options);

/* A protocol, as far as its users' options go. */
typedef struct ContextKind {
    const JanetAbstractType *type; /* of its context objects */
    const OptionSet *set;          /* the entry point's options */
    const OptionSet *context_set;  /* those that make a context; all of them in ContextOptions */
    const OptionSet *beside;       /* those that may stand beside a context */
    const char *protocol;          /* in errors: "TLS" */
    const char *wanted;            /* likewise: "options or TLS context" */
    bool datagram;
} ContextKind;

/* A context object: an SSL_CTX with the connection options that were given with it. */
typedef struct Context {
    SSL_CTX *context;
    ConnectionOptions connection; /* its names are copies, freed with it */
} Context;

/* The entry points' argument n: a table or struct of options, a context, or nothing. Returns the
 * context to use, for the collector to free, and in `options` what holds for this connection, whose
 * names last as long as the running C function. Initialised by the caller, they may be the first
 * member of something larger that the kind's rows fill. Raises on anything else, and when no
 * context can be made. */
Context *context_choose(const char *function, const ContextKind *kind, const Janet *argv,
                        int32_t argc, int32_t n, ContextOptions *options);

/* new-context and trust-cert of a protocol; `options` as above. */
Janet context_make(const char *function, const ContextKind *kind, int32_t argc, const Janet *argv,
                   ContextOptions *options);
Janet context_trust_more(const char *function, const ContextKind *kind, int32_t argc,
                         const Janet *argv);
Janet context_replace_keys(const char *function, const ContextKind *kind, int32_t argc,
                           const Janet *argv);

/* The context object that a value is, of either protocol; NULL: none. */
Context *context_object(Janet value);

/* After the options were read: what follows from several of them, virtual hosts' contexts. May raise. */
void context_options_finish(const char *function, const ContextKind *kind, ContextOptions *options);

/* What a protocol's abstract type of contexts does. */
int context_object_gc(void *pointer, size_t size);
int context_object_mark(void *pointer, size_t size);
void context_object_tostring(void *pointer, JanetBuffer *buffer);
JANET_NO_RETURN void context_object_marshal(void *pointer, JanetMarshalContext *context);
JANET_NO_RETURN void *context_object_unmarshal(JanetMarshalContext *context);
#define CONTEXT_OBJECT_TYPE(type_name)                                                             \
    {                                                                                              \
        .name = (type_name), .gc = context_object_gc, .gcmark = context_object_mark,               \
        .marshal = context_object_marshal, .unmarshal = context_object_unmarshal,                  \
        .tostring = context_object_tostring                                                        \
    }

/* Set up a connection: its role's verification, names, session. `host` is the name where the options
 * give none; NULL: there is none. */
bool connection_prepare(SSL *ssl, const ConnectionOptions *connection, const char *host,
                        Failure *failure);

#endif
