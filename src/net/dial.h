/* Connecting to a host: look up its name, then try the addresses, each 250 ms after the one before
 * (RFC 8305, "happy eyeballs"). The first address that answers wins: with a TCP handshake, or for
 * UDP with a datagram. */
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
    /* One of the two is called, once, unless the dial is stopped; never before dial_start returns.
     * */
    void (*connected)(Dial *dial, int descriptor);
    void (*failed)(Dial *dial, const Failure *failure);
    int type; /* SOCK_STREAM or SOCK_DGRAM */
    /* For SOCK_DGRAM; both may be NULL. opening: the addresses are known, and greetings follow.
     * greet: send the first datagrams; returns 0 or an errno. Without greet the first address that
     * connect accepts is taken. */
    void (*opening)(Dial *dial);
    int (*greet)(Dial *dial, int descriptor);
    Addresses addresses;
    Attempt attempts[MAX_ADDRESSES];
    int begun, running;
    bool retried_after_gc; /* EMFILE: forced a collection once */
    Watcher start;         /* begins the first attempt */
    Timer next;            /* begins the next attempt */
    Failure failure;       /* of the last failed attempt */
    struct DialWork *work; /* the pending name lookup; NULL: none */
};

/* Start. Only type and callbacks of the struct are set, all else is zero; it must not move. host
 * and port are copied. */
void dial_start(Dial *dial, const char *host, const char *port);
void dial_start_address(Dial *dial, const Address *address);

/* Greet again from each pending attempt. */
void dial_again(Dial *dial);

/* Stop: close the pending attempts, and cancel the lookup. No callback follows. */
void dial_stop(Dial *dial);

#endif
