/* accept: one connection of a listener, and its handshake. */
#include "tls/accept.h"
#include "base/args.h"
#include "base/module.h"
#include "base/raise.h"
#include "core/tls/context.h"
#include "core/tls/context_data.h"
#include "net/listener.h"
#include "register.h"
#include "stream/handshake.h"

#include <math.h>
#include <unistd.h>

Stream *accept_stream(Context *context, const ConnectionSettings *settings, int descriptor,
                      bool used, Failure *failure) {
    Stream *stream = stream_new(&tls_stream_kind, context, ENGINE_SERVER, settings, failure);
    if (!stream || !context_prepare(stream_ssl(stream), NULL, NULL, failure)) {
        close(descriptor);
        return NULL;
    }
    return stream_attach(stream, descriptor, used, failure) ? stream : NULL;
}

void accept_check(const char *caller, const Context *context) {
    Failure failure;
    if (!context_data_can_serve(context->context, &failure)) raise_failure(caller, &failure);
}

typedef struct AcceptRequest {
    HandshakeRequest handshake; /* first: it is one, once accepted */
    Acceptor acceptor;
    Context *context;
    ConnectionSettings settings;
    bool deferred;
} AcceptRequest;

static void begin_handshake(AcceptRequest *request, int descriptor) {
    Failure failure;
    RequestQueue none;
    request_queue_init(&none);
    Stream *stream =
        accept_stream(request->context, &request->settings, descriptor, false, &failure);
    if (!stream) {
        request_fail(&request->handshake.request, &none,
                     raise_text(request->handshake.function, &failure));
    } else if (request->deferred) {
        request_complete(&request->handshake.request, &none, janet_wrap_abstract(stream));
    } else {
        handshake_join(stream, &request->handshake);
    }
}

static AcceptRequest *request_of_acceptor(const Acceptor *acceptor) {
    return (AcceptRequest *)((uintptr_t)acceptor - offsetof(AcceptRequest, acceptor));
}

static bool accept_waits(const Acceptor *acceptor) {
    return request_waits(&request_of_acceptor(acceptor)->handshake.request);
}

static void take_connection(Acceptor *acceptor, int descriptor, const Endpoint *peer) {
    (void)peer;
    begin_handshake(request_of_acceptor(acceptor), descriptor);
}

static void end_accept(Acceptor *acceptor) {
    RequestQueue none;
    request_queue_init(&none);
    Request *request = &request_of_acceptor(acceptor)->handshake.request;
    if (request_waits(request)) request_complete(request, &none, janet_wrap_nil());
}

static void cancel_accept(Request *request) {
    listener_leave(&((AcceptRequest *)request)->acceptor);
    handshake_cancelled(request);
}

static void mark_accept(Request *request) {
    janet_mark(janet_wrap_abstract(((AcceptRequest *)request)->context));
    handshake_mark(request);
}

static const RequestKind accept_kind = {
    .cancelled = cancel_accept,
    .undelivered = handshake_undelivered,
    .mark = mark_accept,
};

FUNCTION(tls_accept, "tls/accept", "listener opts &opt timeout",
         "Take the next connection of a listener and make the TLS handshake as its server. The "
         "fiber waits, the event loop continues. Several fibers may wait on one listener.\n\n"
         "`listener` is what `tls/listen` or `net/listen` returned. `opts` is a table or struct "
         "of options, `:cert` and `:key` among them, or a context from `tls/new-context`. With "
         "`:verify true` the server refuses clients without a certificate issued by the given "
         "CAs.\n\n"
         "Returns a TLS stream, or nil when the listener is closed. Raises \"timeout\" after "
         "`timeout` (or `:timeout`) seconds, and when the handshake fails. Catch that error, or "
         "use `tls/accept-loop`: a bad client must not stop a server.\n\n"
         "Options:",
         &tls_option_set) {
    janet_arity(argc, 2, 3);
    JanetStream *listener = listener_get(argv, 0);
    ConnectionOptions options;
    Context *context = tls_choose(function, argv, argc, 1, &options);
    double timeout = args_timeout(argv, argc, 2);
    poller_start();
    accept_check(function, context);

    AcceptRequest *request = request_new(sizeof *request, 0, &accept_kind);
    request->handshake.function = function;
    request->handshake.orphan = true;
    request->acceptor.waits = accept_waits;
    request->acceptor.accepted = take_connection;
    request->acceptor.closed = end_accept;
    request->context = context;
    request->settings = options.settings;
    request->deferred = !options.handshake;
    int descriptor = listener_try(listener);
    if (descriptor >= 0) {
        begin_handshake(request, descriptor);
    } else {
        listener_join(listener, &request->acceptor);
    }
    request_park(&request->handshake.request, timeout < INFINITY ? timeout : options.timeout);
}

static const Function *const functions[] = {
    &function_tls_accept,
    NULL,
};

void tls_accept_register(JanetTable *env) {
    module_register(env, functions);
}
