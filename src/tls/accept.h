/* Server streams on accepted connections. */
#ifndef JSEC_TLS_ACCEPT_H
#define JSEC_TLS_ACCEPT_H

#include "tls/options.h"
#include "tls/stream.h"

/* How a server treats its connections. */
typedef struct AcceptSettings {
    ConnectionSettings connection;
    Networks proxies; /* peers that send a PROXY header */
    bool deferred;    /* the handshake */
} AcceptSettings;

AcceptSettings accept_settings(const ConnectionOptions *options);

/* A connection that a listener gave. `used`: see stream_attach. */
typedef struct Accepted {
    int descriptor;
    const Endpoint *peer;
    bool used;
} Accepted;

/* A server's stream on its descriptor, which is closed on failure. The handshake has not begun. */
Stream *accept_stream(Context *context, const AcceptSettings *settings, Accepted accepted,
                      Failure *failure);

/* The options of a server in argument n or, if that is nil, those of the listener. Raises when the
 * server lacks a certificate, or a CA to verify clients against. */
Context *accept_choose(const char *function, JanetStream *listener, const Janet *argv, int32_t argc,
                       int32_t n, ConnectionOptions *options);

/* Raise when the context cannot serve. */
void accept_check(const char *caller, const Context *context);

/* The methods of a listener from tls/listen: net/accept and net/accept-loop with its options. */
Janet cfun_listener_accept(int32_t argc, Janet *argv);
Janet cfun_listener_accept_loop(int32_t argc, Janet *argv);

/* The options of a listener, for its methods. Raises if it was made without. */
Context *accept_own_options(const char *function, JanetStream *listener,
                            ConnectionOptions *options);

#endif
