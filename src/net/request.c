#include "net/request.h"

#include <math.h>
#include <string.h>

void request_queue_init(RequestQueue *queue) {
    queue->first = NULL;
    queue->last = &queue->first;
}

void request_enqueue(RequestQueue *queue, Request *request) {
    request->next = NULL;
    request->link = queue->last;
    *queue->last = request;
    queue->last = &request->next;
}

void request_dequeue(RequestQueue *queue, Request *request) {
    if (!request->link) return;
    *request->link = request->next;
    if (request->next) {
        request->next->link = request->link;
    } else {
        queue->last = request->link;
    }
    request->link = NULL;
}

Request *request_first_waiting(const RequestQueue *queue) {
    for (Request *request = queue->first; request; request = request->next) {
        if (request_waits(request)) return request;
    }
    return NULL;
}

static void on_async(JanetFiber *fiber, JanetAsyncEvent event);

void request_end_dead(const RequestQueue *queue) {
    Request *next;
    for (Request *request = queue->first; request; request = next) {
        next = request->next;
        bool ours = request->fiber->ev_state == request && request->fiber->ev_callback == on_async;
        if (ours && !request->completed && !janet_fiber_can_resume(request->fiber))
            janet_async_end(request->fiber);
    }
}

void *request_new(size_t size, size_t room, const RequestKind *kind) {
    JanetFiber *fiber = janet_root_fiber();
    if (!fiber) janet_panic("can't wait outside of the event loop");
    /* Janet frees it (a fiber's ev_state), so it is Janet's allocator that makes it. Not calloc: glibc's
     * passes by the blocks that were freed last (until 2.41), and one is freed for each that is made. */
    Request *request = janet_malloc(size + room);
    if (!request) JANET_OUT_OF_MEMORY;
    memset(request, 0, size);
    request->kind = kind;
    request->fiber = fiber;
    request->sched_id = fiber->sched_id;
    return request;
}

bool request_waits(const Request *request) {
    return !request->completed && request->fiber->sched_id == request->sched_id;
}

static void leave(Request *request) {
    poller_unset_timer(&request->timer);
    poller_remove_root(&request->root);
    if (!request->completed) {
        request->kind->cancelled(request);
        return;
    }
    if (request->kind->undelivered && request->fiber->sched_id != request->sched_id)
        request->kind->undelivered(request);
    if (request->kind->resumed) request->kind->resumed(request);
}

static void on_async(JanetFiber *fiber, JanetAsyncEvent event) {
    if (event != JANET_ASYNC_EVENT_DEINIT) return;
    leave(fiber->ev_state);
    /* janet_async_end takes a root of the stream away, the first it finds. Ours, made early, is
     * found at once; one more at the end keeps it. So no wait searches all roots. */
    janet_gcroot(janet_wrap_abstract(poller_stream()));
}

static void mark(GcRoot *root) {
    Request *request = (Request *)root; /* its first member */
    janet_mark(janet_wrap_fiber(request->fiber));
    if (request->kind->mark) request->kind->mark(request);
}

static void expired(Timer *timer) {
    Request *request = (Request *)((char *)timer - offsetof(Request, timer));
    if (!request_waits(request)) return;
    if (request->kind->timeout_is_nil) {
        janet_schedule(request->fiber, janet_wrap_nil());
    } else {
        janet_cancel(request->fiber, janet_cstringv("timeout"));
    }
}

/* What janet_async_start_fiber does, without a root of the collector's for each wait. */
static void attach(JanetFiber *fiber, void *state) {
    fiber->ev_callback = on_async;
    fiber->ev_stream = poller_stream();
    fiber->ev_state = state;
    janet_ev_inc_refcount();
}

void request_park(Request *request, double timeout) {
    /* Where a wait is turned into an error (inside a C function that calls Janet), the fiber was
     * never resumed from it. */
    if (request->fiber->ev_callback) janet_async_end(request->fiber);
    poller_add_root(&request->root, mark);
    attach(request->fiber, request);
    if (timeout < INFINITY && !request->completed)
        poller_set_timer(&request->timer, timeout, expired);
    janet_await();
}

static void wake(Request *request, RequestQueue *queue) {
    request_dequeue(queue, request);
    request->completed = true;
    request->sched_id = request->fiber->sched_id;
    poller_unset_timer(&request->timer);
}

void request_complete(Request *request, RequestQueue *queue, Janet value) {
    janet_schedule(request->fiber, value);
    wake(request, queue);
}

void request_fail(Request *request, RequestQueue *queue, Janet error) {
    janet_cancel(request->fiber, error);
    wake(request, queue);
}
