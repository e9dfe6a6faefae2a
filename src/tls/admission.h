/* Which connections of an accept loop are served, and when.
 *
 * A connection is silent until its first byte, then in its handshake, then ready, then served. A
 * silent one costs a descriptor and a few hundred bytes. Unfinished handshakes have limits of their
 * own, so peers that stall keep no other client out. */
#ifndef JSEC_TLS_ADMISSION_H
#define JSEC_TLS_ADMISSION_H

#include "net/listener.h"
#include "stream/stream.h"

typedef struct AdmissionLimits {
    int32_t max_connections;         /* ready and served */
    int32_t max_handshakes;          /* unfinished, silent ones included */
    int32_t max_handshakes_per_host; /* likewise, of one remote address */
    double handshake_timeout;        /* seconds; INFINITY: none */
} AdmissionLimits;

/* Callbacks of the loop. `loop` is a Janet abstract. */
typedef struct AdmissionOps {
    /* A server's stream on the descriptor, the handshake not begun. On failure it reports the
     * error, closes the descriptor and returns NULL. */
    Stream *(*make)(void *loop, int descriptor, const Endpoint *peer);
    void (*serve)(void *loop, Stream *stream);
    void (*failed)(void *loop, Stream *stream); /* the handshake; the stream is dropped then */
    /* Before there was a stream. */
    void (*refused)(void *loop, const char *why, const Endpoint *peer);
    /* Does that address stand for many clients? */
    bool (*is_proxy)(const void *loop, const Endpoint *peer);
} AdmissionOps;

/* Plain memory with a reference count, not a Janet value: a collected stream decrements the count
 * after the collector may have freed any Janet value. */
typedef struct Admission Admission;

/* That of an accept loop; NULL for another acceptor. */
Admission *accept_loop_admission(const Acceptor *acceptor);

Admission *admission_new(const AdmissionOps *ops, AdmissionLimits limits, void *loop,
                         Acceptor *acceptor);

/* The listener has a new connection. */
void admission_add(Admission *admission, int descriptor, const Endpoint *peer);

/* The same, for a loop whose handlers make the handshake. */
void admission_add_deferred(Admission *admission, int descriptor, const Endpoint *peer);

/* The loop was cancelled: silent connections are closed, the others go on. */
void admission_end(Admission *admission);

/* The listener was closed: connections go on, if their first byte comes soon. */
void admission_close(Admission *admission);

/* Give up the loop's reference: it is collected. */
void admission_release(Admission *admission);

/* Keep the loop, and so its reference, in a collection. */
void admission_mark(const Admission *admission);

/* Connections of all states. */
int32_t admission_count(const Admission *admission);

/* Call `emptied`, in a turn of its own, when there is no connection any more. NULL: do not. */
void admission_watch(Admission *admission, void (*emptied)(void *arg), void *arg);

/* Abort all connections, which is an error for their peers. */
void admission_abort(Admission *admission);

#endif
