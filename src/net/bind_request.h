/* Listening on a host and port: look up the name on a worker thread, then try each address. */
#ifndef JSEC_NET_BIND_REQUEST_H
#define JSEC_NET_BIND_REQUEST_H

#include "net/resolve.h"
#include "net/work.h"

#define BIND_HOST 1025 /* bytes: NI_MAXHOST and NI_MAXSERV */
#define BIND_PORT 32

typedef struct BindRequest {
    Work work; /* must be first */
    /* Listen on one address; false with the reason in *failure. */
    bool (*open)(struct BindRequest *bind_request, const Address *address, Janet *out,
                 Failure *failure);
    Janet keeps; /* a value to keep alive while the lookup is pending */
    int type;    /* SOCK_STREAM or SOCK_DGRAM */
    /* Set by bind_request_refuse: no other address is tried. */
    bool refused;
    Addresses addresses;
    char host[BIND_HOST], port[BIND_PORT];
} BindRequest;

/* Read host and port from the first two arguments; raises. */
void bind_request_get(const char *function, const Janet *argv, BindRequest *bind_request);

/* A zeroed struct of `size` bytes that begins with a BindRequest. */
void *bind_request_new(size_t size, const char *function, int type);

/* Another server has the port of an address. The request then takes no other address of the host,
 * or clients would reach either server. Returns false with the failure. */
bool bind_request_refuse(BindRequest *bind_request, const Address *address, Failure *failure);

/* Try each resolved address in turn; return the result of the first that opens, or raise. Frees the
 * request. May park the fiber. */
Janet bind_request_open(BindRequest *bind_request);

#endif
