/* The parsed options of TLS and DTLS: the settings of a context and of a connection. The rows are
 * in rows.h; each protocol combines them into its set (tls/options.c, dtls/options.c). */
#ifndef JSEC_CONTEXT_OPTIONS_H
#define JSEC_CONTEXT_OPTIONS_H

#include "base/options.h"
#include "context/proxy.h"
#include "context/questions.h"
#include "context/signer.h"
#include "core/tls/settings.h"

/* How a connection behaves. */
typedef struct ConnectionSettings {
    double handshake_timeout, close_timeout; /* seconds; INFINITY: none */
    double retransmit; /* seconds until the first retransmission of a handshake datagram */
    int32_t mtu;       /* max. bytes of a handshake datagram */
    bool truncation_is_eof, nodelay, timing;
    int32_t buffer_size; /* 0: the default */
} ConnectionSettings;

/* Options of a connection rather than of its context. */
typedef struct ConnectionOptions {
    Bytes hostname, verify_hostname; /* NUL-terminated */
    Bytes session;                   /* to resume; of a Janet string */
    Janet on_session;                /* function of each new session, or nil */
    Questions questions;
    ConnectionSettings settings;
    ProxyOptions proxy;
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
    SignerOptions signer;
} ContextOptions;

/* The defaults of both protocols. */
void context_options_init(ContextOptions *options);

#endif
