/* Accepting on a listener of Janet's core. Core's own close wakes the waiting fibers; a queue of
 * ours lets several fibers wait. */
#ifndef JSEC_NET_LISTENER_H
#define JSEC_NET_LISTENER_H

#include "net/endpoint.h"

#include <janet.h>
#include <stdbool.h>

/* A waiter for connections. Embedded in its owner; in the queue of at most one listener. */
typedef struct Acceptor {
    /* True while the acceptor can take a connection; otherwise its owner removes it soon. */
    bool (*waits)(const struct Acceptor *acceptor);
    /* Called with a new connection. The acceptor owns the descriptor. It has left the queue, unless
     * `many` is set. The peer's family is 0 where it has no IP address. */
    void (*accepted)(struct Acceptor *acceptor, int descriptor, const Endpoint *peer);
    /* Called when the listener was closed. The acceptor has left the queue. One with `many` set has
     * got all connections that the kernel held for it, though it may have been paused. */
    void (*closed)(struct Acceptor *acceptor);
    bool many;             /* stays in the queue after a connection */
    bool paused;           /* see listener_pause */
    JanetStream *listener; /* NULL: in no queue */
    struct Acceptor *next;
} Acceptor;

/* Remember core's net/listen, when the module is loaded: a program may put jsec/net's function in
 * its place later. False: this Janet has none. */
bool listener_find_core(void);

/* Core's net/listen. */
Janet listener_call_core(int32_t argc, Janet *argv);

/* A listener of core's on a free port of the loopback. */
JanetStream *listener_open_core(void);

/* The methods of core's network streams. */
const JanetMethod *listener_core_methods(void);

/* Give a listener of core's other methods, and keep core's own functions from it: code that was
 * compiled before the import may hold them. */
void listener_take_from_core(JanetStream *stream, const JanetMethod *methods);

/* The open core listener in argument n. Raises for anything else, and while core itself accepts on
 * the listener. */
JanetStream *listener_get(const char *function, const Janet *argv, int32_t n);

/* Accept a pending connection at once. -1: there is none, or acceptors wait in the queue. */
int listener_try(JanetStream *stream, Endpoint *peer);

/* Add an acceptor to the queue of a listener from listener_get. */
void listener_join(JanetStream *stream, Acceptor *acceptor);

/* Remove an acceptor from its queue; no effect when it is in none. */
void listener_leave(Acceptor *acceptor);

/* Call `visit` with each acceptor of a listener. It must not change the queue. */
void listener_each(const JanetStream *stream, void (*visit)(Acceptor *acceptor, void *arg),
                   void *arg);

/* Give a paused acceptor no connections until listener_resume; `closed` is still called. */
void listener_pause(Acceptor *acceptor);
void listener_resume(Acceptor *acceptor);

#endif
