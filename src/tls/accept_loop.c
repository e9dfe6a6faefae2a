/* accept-loop: a fiber for each connection whose handshake succeeded. Handshakes run without a
 * fiber, all at once: one that stalls costs the others nothing. */
#include "base/call.h"
#include "base/module.h"
#include "base/raise.h"
#include "net/listener.h"
#include "net/request.h"
#include "register.h"
#include "tls/accept.h"
#include "tls/handler.h"

#include <math.h>
#include <string.h>

#define COLLECT 1.0 /* seconds */

typedef struct LoopOptions {
    int32_t max; /* connections at a time */
    double handshake_timeout;
    Janet on_error; /* function of the error's text, or nil */
} LoopOptions;

static const OptionRange max_range = {1, INT32_MAX};

static const OptionRow rows[] = {
    OPTION_WITH("max-connections", option_integer, &max_range, LoopOptions, max,
                "Connections at a time, handshakes included, at most; more wait in the listener's "
                "backlog. Default: no limit."),
    OPTION("handshake-timeout", option_seconds, LoopOptions, handshake_timeout,
           "Seconds for each handshake. Default: that of the options or context, 30."),
    OPTION("on-error", option_function, LoopOptions, on_error,
           "Function called with the text of each failed handshake's error. Default: they pass in "
           "silence."),
};
static const OptionSet loop_set = OPTION_SET(rows);

/* How many connections there are. Plain memory, since a stream that is collected counts itself off,
 * and by then the collector may have taken anything else. */
typedef struct Quota {
    Watcher watcher; /* for a turn in which the loop goes on taking */
    Timer collect;   /* while it does not: forgotten streams hold places */
    int32_t references, count, max;
    struct LoopRequest *request; /* NULL: the loop has ended */
} Quota;

/* What the connections of a loop have in common. */
typedef struct Loop {
    Context *context;
    JanetFunction *handler, *guard;
    Janet on_error;
    Janet supervisor; /* channel of the loop's fiber, or nil */
    JanetTable *env;  /* dynamic bindings of the loop's fiber; NULL: none */
    ConnectionSettings settings;
    bool deferred;
    Quota *quota;
} Loop;

typedef struct LoopRequest {
    Request request;
    Acceptor acceptor;
    Loop *loop;
    JanetStream *listener;
} LoopRequest;

static void release(Quota *quota) {
    if (--quota->references) return;
    poller_close(&quota->watcher);
    janet_free(quota);
}

static int loop_gc(void *pointer, size_t size) {
    (void)size;
    Loop *loop = pointer;
    if (loop->quota) release(loop->quota);
    return 0;
}

static int loop_mark(void *pointer, size_t size) {
    (void)size;
    Loop *loop = pointer;
    if (loop->context) janet_mark(janet_wrap_abstract(loop->context));
    if (loop->handler) janet_mark(janet_wrap_function(loop->handler));
    if (loop->guard) janet_mark(janet_wrap_function(loop->guard));
    janet_mark(loop->on_error);
    janet_mark(loop->supervisor);
    if (loop->env) janet_mark(janet_wrap_table(loop->env));
    return 0;
}

static const JanetAbstractType loop_type = {
    .name = "jsec/tls-accept-loop",
    .gc = loop_gc,
    .gcmark = loop_mark,
};

/* --- connections --- */

/* Dynamic bindings of a task: new ones over the loop's. */
static JanetTable *new_env(const Loop *loop) {
    JanetTable *env = janet_table(0);
    env->proto = loop->env;
    return env;
}

/* A task as ev/go makes it: its errors go to the loop's supervisor. */
static void schedule_task(const Loop *loop, JanetFiber *fiber) {
    if (janet_checktype(loop->supervisor, JANET_ABSTRACT)) {
        fiber->supervisor_channel = janet_unwrap_abstract(loop->supervisor);
        fiber->flags |= HANDLER_ERRORS;
    }
    janet_schedule(fiber, janet_wrap_nil());
}

static void handle(const Loop *loop, Stream *stream) {
    schedule_task(loop, handler_fiber(loop->guard, loop->handler, stream, new_env(loop)));
}

static void report(const Loop *loop, Janet error) {
    if (janet_checktype(loop->on_error, JANET_NIL)) return;
    JanetFiber *fiber = call_fiber(loop->on_error, error);
    fiber->env = new_env(loop);
    schedule_task(loop, fiber);
}

static void on_handshake(Stream *stream, Janet owner, bool established) {
    const Loop *loop = janet_unwrap_abstract(owner);
    if (established) {
        handle(loop, stream);
    } else {
        report(loop, stream_error(stream, "tls/accept-loop"));
        stream_drop(stream);
    }
}

/* One less; where the loop had stopped taking at its limit, it goes on. */
static void on_end(void *arg) {
    Quota *quota = arg;
    quota->count--;
    if (quota->request && quota->request->acceptor.paused) poller_turn(&quota->watcher);
    release(quota);
}

static void go_on(Watcher *watcher, unsigned ready) {
    (void)ready;
    Quota *quota = (Quota *)watcher;
    if (!quota->request || quota->count >= quota->max) return;
    poller_unset_timer(&quota->collect);
    listener_resume(&quota->request->acceptor);
}

static void collect_due(Timer *timer) {
    poller_collect_soon();
    poller_set_timer(timer, COLLECT, collect_due);
}

static void pause_taking(Quota *quota) {
    listener_pause(&quota->request->acceptor);
    poller_collect_soon();
    poller_set_timer(&quota->collect, COLLECT, collect_due);
}

/* The loop ends; connections may go on. */
static void end(Quota *quota) {
    poller_unset_timer(&quota->collect);
    quota->request = NULL;
}

static void count_in(Loop *loop, Stream *stream) {
    Quota *quota = loop->quota;
    quota->references++;
    quota->count++;
    stream_observe(stream, (StreamObserver){
                               .handshake_ended = on_handshake,
                               .ended = on_end,
                               .owner = janet_wrap_abstract(loop),
                               .arg = quota,
                           });
}

static LoopRequest *of_acceptor(const Acceptor *acceptor) {
    return (LoopRequest *)((uintptr_t)acceptor - offsetof(LoopRequest, acceptor));
}

static bool waits(const Acceptor *acceptor) {
    return request_waits(&of_acceptor(acceptor)->request);
}

static void accepted(Acceptor *acceptor, int descriptor) {
    Loop *loop = of_acceptor(acceptor)->loop;
    Failure failure;
    Stream *stream = accept_stream(loop->context, &loop->settings, descriptor, &failure);
    if (!stream) {
        report(loop, raise_text("tls/accept-loop", &failure));
        return;
    }
    count_in(loop, stream);
    if (loop->quota->count >= loop->quota->max) pause_taking(loop->quota);
    if (loop->deferred) {
        handle(loop, stream);
    } else {
        stream_start(stream);
    }
}

/* --- the waiting fiber --- */

static void closed(Acceptor *acceptor) {
    LoopRequest *request = of_acceptor(acceptor);
    RequestQueue none;
    request_queue_init(&none);
    end(request->loop->quota);
    if (request_waits(&request->request))
        request_complete(&request->request, &none, janet_wrap_abstract(request->listener));
}

static void cancel_loop(Request *request) {
    LoopRequest *self = (LoopRequest *)request;
    listener_leave(&self->acceptor);
    end(self->loop->quota);
}

static void request_mark(Request *request) {
    janet_mark(janet_wrap_abstract(((LoopRequest *)request)->loop));
    janet_mark(janet_wrap_abstract(((LoopRequest *)request)->listener));
}

static const RequestKind loop_kind = {.cancelled = cancel_loop, .mark = request_mark};

static JanetFunction *get_handler(const Janet *argv, int32_t n) {
    JanetFunction *handler = janet_getfunction(argv, n);
    if (handler->def->max_arity < 1) janet_panic("handler function must take at least 1 argument");
    if (handler->def->min_arity > 1)
        janet_panic("handler function must be callable with 1 argument");
    return handler;
}

static Loop *new_loop(void) {
    Loop *loop = janet_abstract(&loop_type, sizeof *loop);
    memset(loop, 0, sizeof *loop);
    loop->quota = janet_calloc(1, sizeof *loop->quota);
    if (!loop->quota) JANET_OUT_OF_MEMORY;
    loop->quota->references = 1;
    loop->quota->watcher.descriptor = -1;
    loop->quota->watcher.ready = go_on;
    loop->on_error = loop->supervisor = janet_wrap_nil();
    return loop;
}

FUNCTION(tls_accept_loop, "tls/accept-loop", "listener opts handler &opt loop-opts",
         "Serve a listener: call `handler` with a TLS stream, in a fiber of its own, for each "
         "connection whose handshake succeeded, until the listener is closed. Handshakes run "
         "beside each other: one that stalls or fails costs the others nothing and never reaches "
         "the handler.\n\n"
         "The handler closes its stream with `(ev/close stream)` when the answer is complete. "
         "When a handler raises before that, the connection is aborted, so that the peer sees an "
         "error and not a clean end; the error goes where a task's errors go, to the supervisor "
         "or to standard error. So no handler should close its stream in `defer` or `with`: both "
         "close after an error too. `(fiber/root)` is the handler's task, for `ev/cancel`.\n\n"
         "`opts` is a table or struct of options as for `tls/accept`, or a context. `loop-opts` "
         "is a table of `:max-connections` (connections at a time, more wait in the backlog; "
         "default no limit), `:handshake-timeout` (seconds) and `:on-error` (a function called "
         "with the text of each failed handshake's error; default none).\n\n"
         "Returns the listener when it is closed. Raises when the options are no server's.\n\n"
         "Options:",
         &tls_option_set) {
    janet_arity(argc, 3, 4);
    JanetStream *listener = listener_get(argv, 0);
    ConnectionOptions options;
    JanetFunction *guard = handler_guard(); /* runs Janet code, which collects: before all else */
    Loop *loop = new_loop();
    loop->guard = guard;
    loop->context = tls_choose(function, argv, argc, 1, &options);
    loop->handler = get_handler(argv, 2);
    LoopOptions own = {INT32_MAX, options.settings.handshake_timeout, janet_wrap_nil()};
    if (argc > 3) options_read(function, &loop_set, argv[3], &own);
    loop->on_error = own.on_error;
    loop->quota->max = own.max;
    loop->settings = options.settings;
    loop->settings.handshake_timeout = own.handshake_timeout;
    loop->deferred = !options.handshake;
    poller_start();
    accept_check(function, loop->context);

    LoopRequest *request = request_new(sizeof *request, 0, &loop_kind);
    if (request->request.fiber->supervisor_channel) {
        loop->supervisor = janet_wrap_abstract(request->request.fiber->supervisor_channel);
    }
    loop->env = janet_current_fiber()->env;
    request->acceptor.waits = waits;
    request->acceptor.accepted = accepted;
    request->acceptor.closed = closed;
    request->acceptor.many = true;
    request->loop = loop;
    request->listener = listener;
    loop->quota->request = request;
    listener_join(listener, &request->acceptor);
    request_park(&request->request, INFINITY);
}

static const Function *const functions[] = {
    &function_tls_accept_loop,
    NULL,
};

void tls_accept_loop_register(JanetTable *env) {
    module_register(env, functions);
}
