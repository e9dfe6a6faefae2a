/* accept-loop: a fiber for each connection whose handshake succeeded. Handshakes run without a
 * fiber, all at once: one that stalls delays no other (tls/admission.c). */
#include "base/args.h"
#include "base/call.h"
#include "base/module.h"
#include "base/raise.h"
#include "core/tls/context_data.h"
#include "net/listener.h"
#include "net/poller.h"
#include "net/request.h"
#include "register.h"
#include "tls/accept.h"
#include "tls/admission.h"
#include "tls/handler.h"
#include "tls/reloader.h"

#include <math.h>
#include <string.h>

#define DEFAULT_HANDSHAKES 1000
#define DEFAULT_HANDSHAKES_PER_HOST 250

typedef struct LoopOptions {
    AdmissionLimits limits;
    Janet on_error; /* function of the error's text and of facts about it, or nil */
    double reload;  /* seconds between looks at the files; 0: never */
} LoopOptions;

static const OptionRange count_range = {1, INT32_MAX};

static const OptionRow rows[] = {
    OPTION_WITH("max-connections", option_integer, &count_range, LoopOptions,
                limits.max_connections,
                "Connections at a time whose handshake is done; more wait, with their handshake "
                "done or in the listener's backlog. Default: no limit."),
    OPTION_WITH("max-handshakes", option_integer, &count_range, LoopOptions, limits.max_handshakes,
                "Unfinished handshakes at a time. A new one beyond the limit replaces the oldest "
                "that had half a second. Default 1000."),
    OPTION_WITH("max-handshakes-per-host", option_integer, &count_range, LoopOptions,
                limits.max_handshakes_per_host, "Likewise, of one remote IP address. Default 250."),
    OPTION("handshake-timeout", option_seconds, LoopOptions, limits.handshake_timeout,
           "Seconds for each handshake. Default: that of the options or context, 30."),
    OPTION("on-error", option_function_of_two, LoopOptions, on_error,
           "Function called with the text of each error that a peer caused, and with a struct of "
           "facts if it takes two arguments. Default: none."),
    OPTION("reload", option_seconds, LoopOptions, reload,
           "Seconds between looks at the files of the options or context; those that changed are "
           "read again as by `tls/reload`. Default: never."),
};
static const OptionSet loop_set = OPTION_SET(rows);

/* The state that a loop's connections share. */
typedef struct Loop {
    Context *context;
    Handler handler;
    Janet on_error;
    Janet supervisor; /* channel of the loop's fiber, or nil */
    JanetTable *env;  /* dynamic bindings of the loop's fiber; NULL: none */
    AcceptSettings settings;
    Admission *admission;
} Loop;

typedef struct LoopRequest {
    Request request;
    Acceptor acceptor;
    Loop *loop;
    JanetStream *listener;
    Reloader reloader;
} LoopRequest;

static int gc_loop(void *pointer, size_t size) {
    (void)size;
    Loop *loop = pointer;
    if (loop->admission) admission_release(loop->admission);
    return 0;
}

static int mark_loop(void *pointer, size_t size) {
    (void)size;
    Loop *loop = pointer;
    if (loop->context) janet_mark(janet_wrap_abstract(loop->context));
    if (loop->handler.function) janet_mark(janet_wrap_function(loop->handler.function));
    if (loop->handler.guard) janet_mark(janet_wrap_function(loop->handler.guard));
    janet_mark(loop->on_error);
    janet_mark(loop->supervisor);
    if (loop->env) janet_mark(janet_wrap_table(loop->env));
    return 0;
}

static const JanetAbstractType loop_type = {
    .name = "jsec/tls-accept-loop",
    .gc = gc_loop,
    .gcmark = mark_loop,
};

static Stats *stats_of(const Loop *loop) {
    return context_slot_stats(loop->context->slot);
}

/* --- tasks --- */

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

static void report_error(const Loop *loop, Janet error, Janet facts) {
    if (janet_checktype(loop->on_error, JANET_NIL)) return;
    JanetFiber *fiber = call_fiber_with(loop->on_error, error, facts);
    fiber->env = new_env(loop);
    schedule_task(loop, fiber);
}

static void report_refusal(void *pointer, const char *why, const Endpoint *peer) {
    const Loop *loop = pointer;
    atomic_fetch_add(&stats_of(loop)->refused, 1);
    Janet error = janet_wrap_string(janet_formatc("tls/accept-loop: %s", why));
    report_error(loop, error, failure_facts(peer, false, NULL));
}

/* --- connections --- */

static Stream *make_stream(void *pointer, int descriptor, const Endpoint *peer) {
    const Loop *loop = pointer;
    Failure failure;
    Accepted accepted = {descriptor, peer, !loop->settings.deferred};
    Stream *stream = accept_stream(loop->context, &loop->settings, accepted, &failure);
    if (!stream) {
        report_refusal(pointer, failure.text, peer);
        return NULL;
    }
    stream_accepted_from(stream, peer);
    return stream;
}

static void serve_stream(void *pointer, Stream *stream) {
    const Loop *loop = pointer;
    atomic_fetch_add(&stats_of(loop)->handlers, 1);
    Janet self = janet_wrap_abstract(pointer);
    schedule_task(loop, handler_fiber(&loop->handler, self, stream, new_env(loop)));
}

static void report_failure(void *loop, Stream *stream) {
    Janet error = stream_error(stream, "tls/accept-loop");
    report_error(loop, error, stream_facts(stream));
}

/* A handler ended. Of an error, what the peer caused is reported, and goes on to a supervisor
 * only. */
static Janet cfun_ended(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 4);
    const Loop *loop = janet_getabstract(argv, 0, &loop_type);
    Stream *stream = stream_get(argv, 1);
    atomic_fetch_sub(&stats_of(loop)->handlers, 1);
    if (!janet_truthy(argv[2])) return janet_wrap_true();
    stream_abort(stream);
    if (!stream_caused(stream, argv[3])) return janet_wrap_false();
    report_error(loop, argv[3], stream_facts(stream));
    return janet_wrap_boolean(janet_checktype(loop->supervisor, JANET_NIL));
}

/* All clients of a balancer come from its address. */
static bool is_proxy(const void *pointer, const Endpoint *peer) {
    const Loop *loop = pointer;
    return networks_contain(&loop->settings.proxies, peer);
}

static const AdmissionOps admission_ops = {
    .is_proxy = is_proxy,
    .make = make_stream,
    .serve = serve_stream,
    .failed = report_failure,
    .refused = report_refusal,
};

/* --- the loop's fiber --- */

static LoopRequest *request_of_acceptor(const Acceptor *acceptor) {
    return (LoopRequest *)((uintptr_t)acceptor - offsetof(LoopRequest, acceptor));
}

static bool loop_waits(const Acceptor *acceptor) {
    return request_waits(&request_of_acceptor(acceptor)->request);
}

static void add_connection(Acceptor *acceptor, int descriptor, const Endpoint *peer) {
    const Loop *loop = request_of_acceptor(acceptor)->loop;
    if (loop->settings.deferred) {
        admission_add_deferred(loop->admission, descriptor, peer);
    } else {
        admission_add(loop->admission, descriptor, peer);
    }
}

/* A failure is no peer's: its facts have no address. */
static void report_reload(Reloader *reloader, const Failure *failure) {
    const LoopRequest *request =
        (LoopRequest *)((uintptr_t)reloader - offsetof(LoopRequest, reloader));
    Janet error = janet_wrap_string(janet_formatc("tls/accept-loop: reload: %s", failure->text));
    JanetKV *facts = janet_struct_begin(1);
    janet_struct_put(facts, janet_ckeywordv("stage"), janet_ckeywordv("reload"));
    report_error(request->loop, error, janet_wrap_struct(janet_struct_end(facts)));
}

Admission *accept_loop_admission(const Acceptor *acceptor) {
    bool loop = acceptor->accepted == add_connection;
    return loop ? request_of_acceptor(acceptor)->loop->admission : NULL;
}

static void end_loop(Acceptor *acceptor) {
    LoopRequest *request = request_of_acceptor(acceptor);
    RequestQueue none;
    reloader_stop(&request->reloader);
    request_queue_init(&none);
    admission_close(request->loop->admission);
    if (request_waits(&request->request)) {
        request_complete(&request->request, &none, janet_wrap_abstract(request->listener));
    }
}

static void cancel_loop(Request *request) {
    LoopRequest *self = (LoopRequest *)request;
    reloader_stop(&self->reloader);
    listener_leave(&self->acceptor);
    admission_end(self->loop->admission);
}

static void mark_request(Request *request) {
    janet_mark(janet_wrap_abstract(((LoopRequest *)request)->loop));
    janet_mark(janet_wrap_abstract(((LoopRequest *)request)->listener));
}

static const RequestKind loop_kind = {.cancelled = cancel_loop, .mark = mark_request};

static JanetFunction *get_handler(const char *function, const Janet *argv, int32_t n) {
    JanetFunction *handler = args_function(function, argv, n);
    if (handler->def->max_arity < 1) {
        raise_format(function, "handler function must take at least 1 argument");
    }
    if (handler->def->min_arity > 1) {
        raise_format(function, "handler function must be callable with 1 argument");
    }
    return handler;
}

static Loop *new_loop(JanetFunction *handler) {
    JanetFunction *guard = handler_guard(); /* first: it runs Janet code, which may collect */
    Loop *loop = janet_abstract(&loop_type, sizeof *loop);
    memset(loop, 0, sizeof *loop);
    loop->handler = (Handler){handler, guard, cfun_ended};
    loop->on_error = loop->supervisor = janet_wrap_nil();
    loop->env = janet_current_fiber()->env;
    return loop;
}

JANET_NO_RETURN static void run_loop(Loop *loop, JanetStream *listener,
                                     const LoopOptions *options) {
    LoopRequest *request = request_new(sizeof *request, 0, &loop_kind);
    if (request->request.fiber->supervisor_channel) {
        loop->supervisor = janet_wrap_abstract(request->request.fiber->supervisor_channel);
    }
    request->acceptor.waits = loop_waits;
    request->acceptor.accepted = add_connection;
    request->acceptor.closed = end_loop;
    request->acceptor.many = true;
    request->loop = loop;
    request->listener = listener;
    loop->admission = admission_new(&admission_ops, options->limits, loop, &request->acceptor);
    if (options->reload > 0) {
        reloader_start(&request->reloader, loop->context->slot, options->reload, report_reload);
    }
    listener_join(listener, &request->acceptor);
    request_park(&request->request, INFINITY);
}

JANET_NO_RETURN static void start_loop(const char *function, Loop *loop, JanetStream *listener,
                                       const ConnectionOptions *options, Janet loop_options) {
    LoopOptions own = {.on_error = janet_wrap_nil()};
    own.limits = (AdmissionLimits){INT32_MAX, DEFAULT_HANDSHAKES, DEFAULT_HANDSHAKES_PER_HOST,
                                   options->settings.handshake_timeout};
    options_read(function, &loop_set, loop_options, &own);
    loop->on_error = own.on_error;
    loop->settings = accept_settings(options);
    loop->settings.connection.handshake_timeout = own.limits.handshake_timeout;
    poller_start();
    run_loop(loop, listener, &own);
}

FUNCTION(
    tls_accept_loop, "tls/accept-loop", "listener opts handler &opt loop-opts",
    "Serve a listener: call `handler` with a TLS stream, in a fiber of its own, for each "
    "connection whose handshake succeeded, until the listener is closed. Handshakes run "
    "concurrently: one that stalls or fails delays no other and never reaches the "
    "handler.\n\n"
    "The handler closes its stream with `(ev/close stream)` when the answer is complete. "
    "When a handler raises before that, the connection is aborted, so that the peer sees an "
    "error and not a clean end. Do not close the stream in `defer` or `with`: both close it "
    "after an error too. `(fiber/root)` is the handler's task, for `ev/cancel`.\n\n"
    "Errors that the peer or the network caused go to `:on-error`: a failed handshake, and "
    "what a call on the stream raised in the handler, if the handler ends with it (an end "
    "without close_notify, a reset, a timeout). Without `:on-error` they are silent. Other "
    "errors of a handler are the program's: they go where a task's errors go, to the "
    "supervisor or to standard error. A supervisor gets both.\n\n"
    "`opts` is a table or struct of options as for `tls/accept`, or a context; nil stands for "
    "the options that `tls/listen` was given. `loop-opts` is a table of:\n\n"
    "* `:max-connections` - connections at a time whose handshake is done; more wait, with "
    "their handshake done or in the listener's backlog. Default: no limit.\n"
    "* `:max-handshakes` - unfinished handshakes at a time. For one more the oldest is "
    "dropped, once it had half a second. Default 1000.\n"
    "* `:max-handshakes-per-host` - likewise, of one remote IP address. Default 250.\n"
    "* `:handshake-timeout` - seconds for each handshake. Default: that of `opts`, 30.\n"
    "* `:on-error` - function called with the text of each error that a peer caused. A "
    "Janet function that takes a second argument gets a struct: `:peername`, the client's "
    "address as a tuple of host and port (absent on unix sockets); `:stage`, `:handshake`, "
    "`:connection` or `:reload`; `:server-name`, the name that the client asked for, if any.\n"
    "* `:reload` - seconds between looks at the files of the options or context: certificates, "
    "keys, CAs, CRLs, those of virtual hosts too. Files that changed are read again as by "
    "`tls/reload`, for new connections. When they do not fit, a key that is not yet the "
    "certificate's for example, all stays as it is, `:on-error` is called once, and the next "
    "change is tried again. Default: never.\n\n"
    "Returns the listener when it is closed. Raises when the options are not those of a "
    "server.\n\n"
    "Options:",
    &tls_server_set) {
    args_arity(function, argc, 3, 4);
    ConnectionOptions options;
    JanetStream *listener = listener_get(function, argv, 0);
    Loop *loop = new_loop(get_handler(function, argv, 2));
    loop->context = accept_choose(function, listener, argv, argc, 1, &options);
    start_loop(function, loop, listener, &options, args_options(argv, argc, 3));
}

Janet cfun_listener_accept_loop(int32_t argc, Janet *argv) {
    static const char *const function = "net/accept-loop";
    args_arity(function, argc, 2, 2);
    ConnectionOptions options;
    JanetStream *listener = listener_get(function, argv, 0);
    Loop *loop = new_loop(get_handler(function, argv, 1));
    loop->context = accept_own_options(function, listener, &options);
    start_loop(function, loop, listener, &options, janet_wrap_nil());
}

FUNCTION(
    tls_check_loop, "tls/check-loop", "loop-opts",
    "Check the options of a loop that `tls/accept-loop` will get in a task, whose errors reach "
    "no caller. Returns nil. Raises as `tls/accept-loop` does.",
    NULL) {
    args_arity(function, argc, 1, 1);
    LoopOptions ignored;
    options_read(function, &loop_set, argv[0], &ignored);
    return janet_wrap_nil();
}

static const Function *const functions[] = {
    &function_tls_accept_loop,
    &function_tls_check_loop,
    NULL,
};

void tls_accept_loop_register(JanetTable *env) {
    module_register(env, functions);
}
