/* Listening at a host and port: the name resolved off the event loop, then each of its addresses tried. */
#ifndef JSEC_NET_PASSIVE_H
#define JSEC_NET_PASSIVE_H

#include "base/work.h"
#include "net/resolve.h"

#define PASSIVE_HOST 1025 /* bytes, as NI_MAXHOST and NI_MAXSERV have it */
#define PASSIVE_PORT 32

typedef struct Passive {
    Work work; /* first: it is one */
    /* Listen at one address; false: not there, and *failure says why. */
    bool (*open)(struct Passive *passive, const Address *address, Janet *out, Failure *failure);
    Janet keeps; /* what it works on; kept from the collector */
    int type;    /* SOCK_STREAM or SOCK_DGRAM */
    Addresses addresses;
    char host[PASSIVE_HOST], port[PASSIVE_PORT];
} Passive;

/* Host and port of the first two arguments; raises. */
void passive_get(const Janet *argv, Passive *passive);

/* Of a Passive filled in from passive_new: what the first address that can be opened gives. Raises under
 * the function's name when none can. */
void *passive_new(size_t size, const char *function, int type);
Janet passive_open(Passive *passive);

#endif
