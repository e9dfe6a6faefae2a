/* Reaching a peer: resolve, then try the addresses, the next a moment after the last (RFC 8305:
 * "happy eyeballs"), until one answers. */
#ifndef JSEC_NET_DIAL_H
#define JSEC_NET_DIAL_H

#include "net/poller.h"
#include "net/resolve.h"

typedef struct Dial Dial;

typedef struct Attempt {
    Source source;
    Dial *dial;
} Attempt;

struct Dial {
    /* Exactly one of the two is called, unless the dial is stopped; never before dial_start has
     * returned true. */
    void (*connected)(Dial *dial, int descriptor);
    void (*failed)(Dial *dial, const Failure *failure);
    Addresses addresses;
    Attempt attempts[MOST_ADDRESSES];
    int begun, running;
    bool collected;        /* garbage, for want of descriptors */
    Timer next;            /* when to begin the next attempt */
    Failure failure;       /* of the last attempt that failed */
    struct DialWork *work; /* the resolver that is under way; NULL: none */
};

/* Begin; the struct is zeroed but for the two callbacks, and must stay where it is. host and port
 * are copied. */
void dial_start(Dial *dial, const char *host, const char *port);
void dial_start_address(Dial *dial, const Address *address);

/* Give up: close what is half open. No callback comes any more. */
void dial_stop(Dial *dial);

#endif
