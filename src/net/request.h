/* A pending call of a parked fiber: a read, write, connect or accept. The wait can
 * end by a result, a cancellation, a timeout, or another event that resumes the fiber.
 *
 *   MyRequest *my = request_new(sizeof *my, 0, &my_kind);   // Request is the first member
 *   … add it to a queue …
 *   request_park(&my->request, timeout);                    // does not return
 *
 * Later, on the event loop:
 *
 *   if (request_waits(&my->request)) request_complete(&my->request, &queue, value); */
#ifndef JSEC_NET_REQUEST_H
#define JSEC_NET_REQUEST_H

#include "net/poller.h"

typedef struct Request Request;

typedef struct RequestKind {
    /* The fiber was resumed or cancelled before there was a result: leave all queues. */
    void (*cancelled)(Request *request);
    /* The fiber was cancelled after a result was scheduled but before it ran: return the consumed
     * data. May be NULL. */
    void (*undelivered)(Request *request);
    void (*mark)(Request *request); /* marks the values it needs besides its fiber; may be NULL */
    bool timeout_is_nil;            /* a timeout returns nil instead of raising */
    /* The request was completed and its fiber runs, with the result or without. May be NULL. */
    void (*resumed)(Request *request);
    /* The time is over, and the fiber is about to be cancelled with "timeout". May be NULL. */
    void (*timed_out)(const Request *request);
} RequestKind;

struct Request {
    GcRoot root;
    Timer timer;
    const RequestKind *kind;
    JanetFiber *fiber;
    uint32_t sched_id; /* the fiber's, when it parked; after completion, when it was scheduled */
    bool completed;
    bool cancelled;        /* its kind's `cancelled` was called */
    Request *next, **link; /* in the owner's queue; link NULL: in no queue */
};

/* A first-in, first-out queue of requests. */
typedef struct RequestQueue {
    Request *first, **last;
} RequestQueue;

void request_queue_init(RequestQueue *queue);
void request_enqueue(RequestQueue *queue, Request *request);
void request_dequeue(RequestQueue *queue, Request *request); /* no effect if it is in no queue */

/* The first request whose fiber still waits, or NULL. Cancelled requests stay in the queue until
 * their fibers run, or until request_end_cancelled. */
Request *request_first_waiting(const RequestQueue *queue);

/* Call `cancelled` of the requests whose fibers were cancelled and have not run yet. Without this,
 * a call of the same turn would not see what the cancellation changes. */
void request_end_cancelled(RequestQueue *queue);

/* End the requests of dead fibers. When a C function calls Janet code that waits, Janet turns the
 * wait into an error and never resumes the fiber. */
void request_end_dead(const RequestQueue *queue);

/* A request of the current fiber: `size` zeroed bytes, followed by `room` uninitialized ones.
 * Raises outside of the event loop. A request must own no other memory: when the VM ends, Janet
 * frees this block and calls no callback. */
void *request_new(size_t size, size_t room, const RequestKind *kind);

/* Park the fiber; INFINITY means no timeout. The request may already be complete. */
JANET_NO_RETURN void request_park(Request *request, double timeout);

/* True while the fiber waits for this request. */
bool request_waits(const Request *request);

/* Schedule the fiber. The request leaves the queue (NULL: it is in none), and is freed when the
 * fiber runs. */
void request_complete(Request *request, RequestQueue *queue, Janet value);
void request_fail(Request *request, RequestQueue *queue, Janet error);

#endif
