/* Listening at a host and port: the name resolved off the event loop, then each of its addresses tried. */
#ifndef JSEC_NET_BIND_REQUEST_H
#define JSEC_NET_BIND_REQUEST_H

#include "base/work.h"
#include "net/resolve.h"

#define BIND_HOST 1025 /* bytes, as NI_MAXHOST and NI_MAXSERV have it */
#define BIND_PORT 32

typedef struct BindRequest {
    Work work; /* first: it is one */
    /* Listen at one address; false: not there, and *failure says why. */
    bool (*open)(struct BindRequest *bind_request, const Address *address, Janet *out,
                 Failure *failure);
    Janet keeps; /* what it works on; kept from the collector */
    int type;    /* SOCK_STREAM or SOCK_DGRAM */
    Addresses addresses;
    char host[BIND_HOST], port[BIND_PORT];
} BindRequest;

/* Host and port of the first two arguments; raises. */
void bind_request_get(const Janet *argv, BindRequest *bind_request);

/* Of a BindRequest filled in from bind_request_new: what the first address that can be opened gives. Raises under
 * the function's name when none can. */
void *bind_request_new(size_t size, const char *function, int type);
Janet bind_request_open(BindRequest *bind_request);

#endif
