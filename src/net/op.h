/* A call that waits: a parked fiber, in the queue of what it waits for, and in its place when the
 * fiber is cancelled, runs out of time or is resumed by something else.
 *
 *   MyOp *my = op_new(sizeof *my, 0, &my_kind);   // Op is the first member
 *   … link it where it will be found …
 *   op_park(&my->op, timeout);                 // does not return
 *
 * and later, on the event loop: if (op_waits(&my->op)) { …; op_complete(&my->op, value); } */
#ifndef JSEC_NET_OP_H
#define JSEC_NET_OP_H

#include "net/poller.h"

typedef struct Op Op;

typedef struct OpKind {
    /* The fiber goes on without us, before we had anything for it: leave all queues. */
    void (*abandon)(Op *op);
    /* It was given a result, and something else overtook that in the same turn: take back what
     * would be lost. May be NULL. */
    void (*overtaken)(Op *op);
    void (*mark)(Op *op);    /* what it keeps alive besides its fiber; may be NULL */
    bool timeout_is_nil;     /* in place of an error */
    void (*resumed)(Op *op); /* its fiber goes on with the result, or was overtaken; may be NULL */
} OpKind;

struct Op {
    Hold hold;
    Timer timer;
    const OpKind *kind;
    JanetFiber *fiber;
    uint32_t sched_id; /* of the fiber: when parked, then when we scheduled it */
    bool completed;
    Op *next, **link; /* in the queue of its owner; link NULL: in none */
};

/* A queue of ops, first come, first served. */
typedef struct OpQueue {
    Op *first, **last;
} OpQueue;

void op_queue_init(OpQueue *queue);
void op_enqueue(OpQueue *queue, Op *op);
void op_dequeue(OpQueue *queue, Op *op); /* nothing where it is in none */

/* The first op whose fiber still waits; those overtaken before they were served stay where they
 * are until their fibers run. NULL: none. */
Op *op_first_waiting(const OpQueue *queue);

/* End those whose fibers have ended: a wait within a C function that calls Janet is turned into an
 * error, and its fiber is never resumed from it. */
void op_end_dead(const OpQueue *queue);

/* For the current fiber: `size` bytes of zeros, and `room` bytes behind them that aren't. Raises outside
 * of the event loop. All its memory is this block: at the VM's end Janet frees that, and asks nobody. */
void *op_new(size_t size, size_t room, const OpKind *kind);

/* Park the fiber; INFINITY is no timeout. The op may be complete already. */
JANET_NO_RETURN void op_park(Op *op, double timeout);

/* Does its fiber still wait for it? */
bool op_waits(const Op *op);

/* Wake the fiber. The op stays in no queue and is freed when the fiber runs. */
void op_complete(Op *op, OpQueue *queue, Janet value);
void op_fail(Op *op, OpQueue *queue, Janet error);

#endif
