/* drain: no new connections, and the open ones end by themselves, or at the latest when the time is
 * up. */
#include "base/args.h"
#include "base/module.h"
#include "net/listener.h"
#include "net/request.h"
#include "register.h"
#include "tls/admission.h"

#include <math.h>

/* The loops of a listener. */
typedef struct DrainRequest {
    Request request;
    Timer timer;
    int32_t count;
    Admission *loops[];
} DrainRequest;

static int32_t count_connections(const DrainRequest *self) {
    int32_t count = 0;
    for (int32_t i = 0; i < self->count; i++) count += admission_count(self->loops[i]);
    return count;
}

static void complete_drain(DrainRequest *self, int32_t cut) {
    RequestQueue none;
    request_queue_init(&none);
    if (request_waits(&self->request))
        request_complete(&self->request, &none, janet_wrap_integer(cut));
}

static void on_emptied(void *arg) {
    DrainRequest *self = arg;
    if (!count_connections(self)) complete_drain(self, 0);
}

static void cut_connections(Timer *timer) {
    DrainRequest *self = (DrainRequest *)((char *)timer - offsetof(DrainRequest, timer));
    if (!request_waits(&self->request)) return;
    int32_t cut = count_connections(self);
    for (int32_t i = 0; i < self->count; i++) admission_abort(self->loops[i]);
    complete_drain(self, cut);
}

/* Without the fiber, what is open goes on. */
static void end_drain(Request *request) {
    DrainRequest *self = (DrainRequest *)request;
    poller_unset_timer(&self->timer);
    for (int32_t i = 0; i < self->count; i++) admission_watch(self->loops[i], NULL, NULL);
}

static void mark_drain(Request *request) {
    const DrainRequest *self = (DrainRequest *)request;
    for (int32_t i = 0; i < self->count; i++) admission_mark(self->loops[i]);
}

static const RequestKind drain_kind = {
    .cancelled = end_drain, .resumed = end_drain, .mark = mark_drain};

static void count_loop(Acceptor *acceptor, void *arg) {
    int32_t *count = arg;
    if (accept_loop_admission(acceptor)) ++*count;
}

static void add_loop(Acceptor *acceptor, void *arg) {
    DrainRequest *self = arg;
    Admission *loop = accept_loop_admission(acceptor);
    if (!loop) return;
    admission_watch(loop, on_emptied, self);
    self->loops[self->count++] = loop;
}

FUNCTION(tls_drain, "tls/drain", "listener &opt timeout",
         "End a server without cutting its connections: close a listener, serve the connections "
         "that the kernel holds for it, and wait until the streams of its accept loops are closed. "
         "After `timeout` seconds those that are left are aborted, which is an error for their "
         "peers; nil or no `timeout` waits for as long as they take.\n\n"
         "`listener` is what `tls/listen` or `net/listen` returned, and `tls/accept-loop`, "
         "`tls/server` or `net/accept-loop` serves it; streams from `tls/accept` are not waited "
         "for. Its accept loops return at once. Meanwhile another process can listen at the same "
         "address. A handler of these loops that calls it should close its own stream first.\n\n"
         "Returns the number of connections that were aborted. A cancelled drain leaves the "
         "listener closed and the connections open. Raises when it is no open listener.",
         NULL) {
    args_arity(function, argc, 1, 2);
    int32_t count = 0;
    JanetStream *listener = listener_get(function, argv, 0);
    double timeout = args_timeout(function, argv, argc, 1);
    poller_start();
    listener_each(listener, count_loop, &count);
    DrainRequest *self =
        request_new(sizeof *self, (size_t)count * sizeof(Admission *), &drain_kind);
    listener_each(listener, add_loop, self);
    janet_stream_close(listener);
    if (!count_connections(self)) {
        complete_drain(self, 0);
    } else if (timeout < INFINITY) {
        poller_set_timer(&self->timer, timeout, cut_connections);
    }
    request_park(&self->request, INFINITY);
}

static const Function *const functions[] = {
    &function_tls_drain,
    NULL,
};

void tls_drain_register(JanetTable *env) {
    module_register(env, functions);
}
