/* A DTLS server: one unconnected UDP socket, its peers, and the calls that wait. receive.c and
 * send.c serve these calls, driver.c decides when. */
#ifndef JSEC_DTLS_SERVER_H
#define JSEC_DTLS_SERVER_H

#include "dtls/inbox.h"
#include "dtls/peers.h"
#include "net/request.h"

typedef struct Server {
    Watcher watcher; /* first: the poller hands it back */
    Udp udp;
    Peers peers;
    Inbox inbox;
    Janet context;
    ConnectionSettings settings;
    ServerOptions options;
    const JanetMethod *methods;
    RequestQueue readers, writers;
    uint64_t arrived;  /* messages so far */
    int32_t delivered; /* readers with a message whose fibers have not run yet */
    Budget returns;    /* calls of recv-from that returned at once */
    bool closed;
} Server;

extern const JanetAbstractType server_type;

/* A server without a socket; `ready` drives it, `methods` are its methods in Janet. Raises. */
Server *server_new(const char *function, Context *context, const DtlsOptions *options,
                   void (*ready)(Watcher *watcher, unsigned ready), const JanetMethod *methods);

/* Attach the bound socket, which is closed on failure. */
bool server_attach(Server *server, int descriptor, Failure *failure);

/* The server of argument n; raises otherwise, and server_get_open also when it is closed. */
Server *server_get(const char *function, const Janet *argv, int32_t n);
Server *server_get_open(const char *function, const Janet *argv, int32_t n);
Server *server_object(Janet value); /* NULL: `value` is no server */

/* The address that the socket is bound to; false with errno. */
bool server_endpoint(const Server *server, Endpoint *endpoint);

/* Close all; reads that wait return nil, sends raise. */
void server_close(Server *server, bool notify);

#endif
