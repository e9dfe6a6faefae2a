/* Reaching a peer: resolve, then try the addresses, the next a moment after the last (RFC 8305:
 * "happy eyeballs"), until one answers: TCP's handshake, or our first datagrams. */
#ifndef JSEC_NET_DIAL_H
#define JSEC_NET_DIAL_H

#include "net/poller.h"
#include "net/resolve.h"

typedef struct Dial Dial;

typedef struct Attempt {
    Watcher watcher;
    Dial *dial;
} Attempt;

struct Dial {
    /* Exactly one of the two is called, unless the dial is stopped; never before dial_start has
     * returned true. */
    void (*connected)(Dial *dial, int descriptor);
    void (*failed)(Dial *dial, const Failure *failure);
    int type; /* SOCK_STREAM or SOCK_DGRAM */
    /* Datagrams only, may be NULL: the addresses are known, greetings are about to be sent; and send
     * one: 0, or an errno. Without a greeting the first address that can be reached is taken. */
    void (*opening)(Dial *dial);
    int (*greet)(Dial *dial, int descriptor);
    Addresses addresses;
    Attempt attempts[MAX_ADDRESSES];
    int begun, running;
    bool collected;        /* garbage, for want of descriptors */
    Watcher start;         /* for the first attempt */
    Timer next;            /* when to begin the next attempt */
    Failure failure;       /* of the last attempt that failed */
    struct DialWork *work; /* the resolver that is under way; NULL: none */
};

/* Begin; the struct is zeroed but for type and callbacks, and must stay where it is. host and port
 * are copied. */
void dial_start(Dial *dial, const char *host, const char *port);
void dial_start_address(Dial *dial, const Address *address);

/* Greet again, from all attempts that are under way. */
void dial_again(Dial *dial);

/* Give up: close what is half open. No callback comes any more. */
void dial_stop(Dial *dial);

#endif
