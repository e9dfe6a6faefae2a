#include "net/op.h"

#include <math.h>
#include <string.h>

void op_queue_init(OpQueue *queue) {
    queue->first = NULL;
    queue->last = &queue->first;
}

void op_enqueue(OpQueue *queue, Op *op) {
    op->next = NULL;
    op->link = queue->last;
    *queue->last = op;
    queue->last = &op->next;
}

void op_dequeue(OpQueue *queue, Op *op) {
    if (!op->link) return;
    *op->link = op->next;
    if (op->next) {
        op->next->link = op->link;
    } else {
        queue->last = op->link;
    }
    op->link = NULL;
}

Op *op_first_waiting(const OpQueue *queue) {
    for (Op *op = queue->first; op; op = op->next) {
        if (op_waits(op)) return op;
    }
    return NULL;
}

static void on_async(JanetFiber *fiber, JanetAsyncEvent event);

void op_end_dead(const OpQueue *queue) {
    Op *next;
    for (Op *op = queue->first; op; op = next) {
        next = op->next;
        bool ours = op->fiber->ev_state == op && op->fiber->ev_callback == on_async;
        if (ours && !op->completed && !janet_fiber_can_resume(op->fiber))
            janet_async_end(op->fiber);
    }
}

void *op_new(size_t size, size_t room, const OpKind *kind) {
    JanetFiber *fiber = janet_root_fiber();
    if (!fiber) janet_panic("can't wait outside of the event loop");
    /* Janet frees it (a fiber's ev_state), so it is Janet's allocator that makes it. Not calloc: glibc's
     * passes by the blocks that were freed last (until 2.41), and one is freed for each that is made. */
    Op *op = janet_malloc(size + room);
    if (!op) JANET_OUT_OF_MEMORY;
    memset(op, 0, size);
    op->kind = kind;
    op->fiber = fiber;
    op->sched_id = fiber->sched_id;
    return op;
}

bool op_waits(const Op *op) {
    return !op->completed && op->fiber->sched_id == op->sched_id;
}

static void leave(Op *op) {
    poller_unset_timer(&op->timer);
    poller_release(&op->hold);
    if (!op->completed) {
        op->kind->abandon(op);
        return;
    }
    if (op->kind->overtaken && op->fiber->sched_id != op->sched_id) op->kind->overtaken(op);
    if (op->kind->resumed) op->kind->resumed(op);
}

static void on_async(JanetFiber *fiber, JanetAsyncEvent event) {
    if (event != JANET_ASYNC_EVENT_DEINIT) return;
    leave(fiber->ev_state);
    /* janet_async_end takes a root of the stream away, the first it finds. Ours, made early, is
     * found at once; one more at the end keeps it. So no wait searches all roots. */
    janet_gcroot(janet_wrap_abstract(poller_stream()));
}

static void mark(Hold *hold) {
    Op *op = (Op *)hold; /* its first member */
    janet_mark(janet_wrap_fiber(op->fiber));
    if (op->kind->mark) op->kind->mark(op);
}

static void expired(Timer *timer) {
    Op *op = (Op *)((char *)timer - offsetof(Op, timer));
    if (!op_waits(op)) return;
    if (op->kind->timeout_is_nil) {
        janet_schedule(op->fiber, janet_wrap_nil());
    } else {
        janet_cancel(op->fiber, janet_cstringv("timeout"));
    }
}

/* What janet_async_start_fiber does, without a root of the collector's for each wait. */
static void attach(JanetFiber *fiber, void *state) {
    fiber->ev_callback = on_async;
    fiber->ev_stream = poller_stream();
    fiber->ev_state = state;
    janet_ev_inc_refcount();
}

void op_park(Op *op, double timeout) {
    /* Where a wait is turned into an error (inside a C function that calls Janet), the fiber was
     * never resumed from it. */
    if (op->fiber->ev_callback) janet_async_end(op->fiber);
    poller_hold(&op->hold, mark);
    attach(op->fiber, op);
    if (timeout < INFINITY && !op->completed) poller_set_timer(&op->timer, timeout, expired);
    janet_await();
}

static void wake(Op *op, OpQueue *queue) {
    op_dequeue(queue, op);
    op->completed = true;
    op->sched_id = op->fiber->sched_id;
    poller_unset_timer(&op->timer);
}

void op_complete(Op *op, OpQueue *queue, Janet value) {
    janet_schedule(op->fiber, value);
    wake(op, queue);
}

void op_fail(Op *op, OpQueue *queue, Janet error) {
    janet_cancel(op->fiber, error);
    wake(op, queue);
}
