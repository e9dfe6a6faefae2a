/* A call that waits: a parked fiber, in the queue of what it waits for, and in its place when the
 * fiber is cancelled, runs out of time or is resumed by something else.
 *
 *   MyOp *my = request_new(sizeof *my, 0, &my_kind);   // Request is the first member
 *   … link it where it will be found …
 *   request_park(&my->request, timeout);                 // does not return
 *
 * and later, on the event loop: if (request_waits(&my->request)) { …; request_complete(&my->request, value); } */
#ifndef JSEC_NET_REQUEST_H
#define JSEC_NET_REQUEST_H

#include "net/poller.h"

typedef struct Request Request;

typedef struct RequestKind {
    /* The fiber goes on without us, before we had anything for it: leave all queues. */
    void (*cancelled)(Request *request);
    /* It was given a result, and something else overtook that in the same turn: take back what
     * would be lost. May be NULL. */
    void (*undelivered)(Request *request);
    void (*mark)(Request *request); /* what it keeps alive besides its fiber; may be NULL */
    bool timeout_is_nil;            /* in place of an error */
    void (*resumed)(
        Request *request); /* its fiber goes on with the result, or was overtaken; may be NULL */
} RequestKind;

struct Request {
    GcRoot root;
    Timer timer;
    const RequestKind *kind;
    JanetFiber *fiber;
    uint32_t sched_id; /* of the fiber: when parked, then when we scheduled it */
    bool completed;
    Request *next, **link; /* in the queue of its owner; link NULL: in none */
};

/* A queue of requests, first come, first served. */
typedef struct RequestQueue {
    Request *first, **last;
} RequestQueue;

void request_queue_init(RequestQueue *queue);
void request_enqueue(RequestQueue *queue, Request *request);
void request_dequeue(RequestQueue *queue, Request *request); /* nothing where it is in none */

/* The first request whose fiber still waits; those overtaken before they were served stay where they
 * are until their fibers run. NULL: none. */
Request *request_first_waiting(const RequestQueue *queue);

/* End those whose fibers have ended: a wait within a C function that calls Janet is turned into an
 * error, and its fiber is never resumed from it. */
void request_end_dead(const RequestQueue *queue);

/* For the current fiber: `size` bytes of zeros, and `room` bytes behind them that aren't. Raises outside
 * of the event loop. All its memory is this block: at the VM's end Janet frees that, and asks nobody. */
void *request_new(size_t size, size_t room, const RequestKind *kind);

/* Park the fiber; INFINITY is no timeout. The request may be complete already. */
JANET_NO_RETURN void request_park(Request *request, double timeout);

/* Does its fiber still wait for it? */
bool request_waits(const Request *request);

/* Wake the fiber. The request stays in no queue and is freed when the fiber runs. */
void request_complete(Request *request, RequestQueue *queue, Janet value);
void request_fail(Request *request, RequestQueue *queue, Janet error);

#endif
