/* Accepting on a core listener, so that core's own close wakes who waits, with a queue of ours, so
 * that several can. */
#ifndef JSEC_NET_LISTENER_H
#define JSEC_NET_LISTENER_H

#include <janet.h>
#include <stdbool.h>

/* Who takes connections. Embedded in its owner; in the queue of one listener at most. */
typedef struct Acceptor {
    /* Does it still want a connection? If not it leaves the queue soon. */
    bool (*waits)(const struct Acceptor *acceptor);
    /* A connection, its descriptor the taker's, which has left the queue unless it takes many. */
    void (*accepted)(struct Acceptor *acceptor, int descriptor);
    /* No connection will come: the listener was closed. It has left the queue. */
    void (*closed)(struct Acceptor *acceptor);
    bool many, paused;     /* see listener_pause */
    JanetStream *listener; /* NULL: in no queue */
    struct Acceptor *next;
} Acceptor;

/* A stream that can be accepted from: a listener of core's, open, that core does not accept on
 * itself at this moment; raises otherwise. */
JanetStream *listener_get(const Janet *argv, int32_t n);

/* Take a connection that waits already; -1: none does, or others wait for it. */
int listener_try(JanetStream *stream);

/* Join the queue of a listener from listener_get. */
void listener_join(JanetStream *stream, Acceptor *acceptor);

/* Leave it; nothing where it is in none. */
void listener_leave(Acceptor *acceptor);

/* Take nothing for a while, but be told of the listener's close. */
void listener_pause(Acceptor *acceptor);
void listener_resume(Acceptor *acceptor);

#endif
