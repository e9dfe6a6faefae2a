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

static void end_cancelled(Request *request) {
    if (request->cancelled) return;
    request->cancelled = true;
    request->kind->cancelled(request);
}

/* `cancelled` takes its request out of the queue, and may change the others: begin again. */
void request_end_cancelled(RequestQueue *queue) {
    Request *request = queue->first;
    while (request) {
        bool ends = !request_waits(request) && !request->cancelled;
        if (ends) end_cancelled(request);
        request = ends ? queue->first : request->next;
    }
}

static void on_request_event(JanetFiber *fiber, JanetAsyncEvent event);

void request_end_dead(const RequestQueue *queue) {
    Request *next;
    for (Request *request = queue->first; request; request = next) {
        next = request->next;
        bool ours =
            request->fiber->ev_state == request && request->fiber->ev_callback == on_request_event;
        if (ours && !request->completed && !janet_fiber_can_resume(request->fiber))
            janet_async_end(request->fiber);
    }
}

void *request_new(size_t size, size_t room, const RequestKind *kind) {
    JanetFiber *fiber = janet_root_fiber();
    if (!fiber) janet_panic("can't wait outside of the event loop");
    /* Janet frees a fiber's ev_state, so use Janet's allocator. Not calloc: before glibc 2.41 it
     * does not reuse the thread's most recently freed block, and each request follows a freed one.
     * */
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

static void finish_request(Request *request) {
    poller_unset_timer(&request->timer);
    poller_remove_root(&request->root);
    if (!request->completed) {
        end_cancelled(request);
        return;
    }
    if (request->kind->undelivered && request->fiber->sched_id != request->sched_id)
        request->kind->undelivered(request);
    if (request->kind->resumed) request->kind->resumed(request);
}

static void on_request_event(JanetFiber *fiber, JanetAsyncEvent event) {
    if (event != JANET_ASYNC_EVENT_DEINIT) return;
    finish_request(fiber->ev_state);
    /* janet_async_end removes the stream's first GC root by a linear search. The poller's root is
     * near the start of the list, so the search is short; add another in its place. */
    janet_gcroot(janet_wrap_abstract(poller_stream()));
}

static void mark_request(GcRoot *root) {
    Request *request = (Request *)root; /* its first member */
    janet_mark(janet_wrap_fiber(request->fiber));
    if (request->kind->mark) request->kind->mark(request);
}

static void on_timeout(Timer *timer) {
    Request *request = (Request *)((char *)timer - offsetof(Request, timer));
    if (!request_waits(request)) return;
    if (request->kind->timeout_is_nil) {
        janet_schedule(request->fiber, janet_wrap_nil());
    } else {
        if (request->kind->timed_out) request->kind->timed_out(request);
        janet_cancel(request->fiber, janet_cstringv("timeout"));
    }
}

/* Does what janet_async_start_fiber does, but adds no GC root for each wait. */
static void attach_fiber(JanetFiber *fiber, void *state) {
    fiber->ev_callback = on_request_event;
    fiber->ev_stream = poller_stream();
    fiber->ev_state = state;
    janet_ev_inc_refcount();
}

void request_park(Request *request, double timeout) {
    /* The fiber never resumed from an earlier wait that Janet turned into an error: see
     * request_end_dead. */
    if (request->fiber->ev_callback) janet_async_end(request->fiber);
    poller_add_root(&request->root, mark_request);
    attach_fiber(request->fiber, request);
    if (timeout < INFINITY && !request->completed)
        poller_set_timer(&request->timer, timeout, on_timeout);
    janet_await();
}

static void record_completion(Request *request, RequestQueue *queue) {
    request_dequeue(queue, request);
    request->completed = true;
    request->sched_id = request->fiber->sched_id;
    poller_unset_timer(&request->timer);
}

void request_complete(Request *request, RequestQueue *queue, Janet value) {
    janet_schedule(request->fiber, value);
    record_completion(request, queue);
}

void request_fail(Request *request, RequestQueue *queue, Janet error) {
    janet_cancel(request->fiber, error);
    record_completion(request, queue);
}
