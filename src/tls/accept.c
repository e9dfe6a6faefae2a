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
#include "stream/proxy.h"
#include "tls/listener.h"

#include <math.h>
#include <unistd.h>

AcceptSettings accept_settings(const ConnectionOptions *options) {
    return (AcceptSettings){options->settings, options->proxy.trusted, !options->handshake};
}

Stream *accept_stream(Context *context, const AcceptSettings *settings, Accepted accepted,
                      Failure *failure) {
    Stream *stream =
        stream_new(&tls_stream_kind, context, ENGINE_SERVER, &settings->connection, failure);
    if (!stream || !context_prepare(stream_ssl(stream), NULL, NULL, failure)) {
        close(accepted.descriptor);
        return NULL;
    }
    if (networks_contain(&settings->proxies, accepted.peer)) stream_await_proxy(stream);
    return stream_attach(stream, accepted.descriptor, accepted.used, failure) ? stream : NULL;
}

void accept_check(const char *caller, const Context *context) {
    Failure failure;
    if (!context_slot_can_serve(context->slot, &failure)) raise_failure(caller, &failure);
}

Context *accept_choose(const char *function, JanetStream *listener, const Janet *argv, int32_t argc,
                       int32_t n, ConnectionOptions *options) {
    const ServerOptions *own = tls_listener_options(listener);
    if (own && (n >= argc || janet_checktype(argv[n], JANET_NIL))) {
        *options = own->connection;
        return own->context;
    }
    Context *context = tls_choose(function, &tls_server_set, argv, argc, n, options);
    accept_check(function, context);
    return context;
}

Context *accept_own_options(const char *function, JanetStream *listener,
                            ConnectionOptions *options) {
    const ServerOptions *own = tls_listener_options(listener);
    if (!own) {
        raise_format(function, "the listener of tls/listen has no certificate: give it :cert and "
                               ":key, or call tls/accept or tls/accept-loop with them");
    }
    *options = own->connection;
    return own->context;
}

typedef struct AcceptRequest {
    HandshakeRequest handshake; /* first: it is one, once accepted */
    Acceptor acceptor;
    Context *context;
    AcceptSettings settings;
} AcceptRequest;

static void begin_handshake(AcceptRequest *request, int descriptor, const Endpoint *peer) {
    Failure failure;
    RequestQueue none;
    request_queue_init(&none);
    Accepted accepted = {descriptor, peer, false};
    Stream *stream = accept_stream(request->context, &request->settings, accepted, &failure);
    if (!stream) {
        request_fail(&request->handshake.request, &none,
                     raise_text(request->handshake.function, &failure));
    } else if (request->settings.deferred) {
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
    begin_handshake(request_of_acceptor(acceptor), descriptor, peer);
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

JANET_NO_RETURN static void accept_next(const char *function, JanetStream *listener,
                                        Context *context, const ConnectionOptions *options,
                                        double timeout) {
    poller_start();
    AcceptRequest *request = request_new(sizeof *request, 0, &accept_kind);
    request->handshake.function = function;
    request->handshake.orphan = true;
    request->acceptor.waits = accept_waits;
    request->acceptor.accepted = take_connection;
    request->acceptor.closed = end_accept;
    request->context = context;
    request->settings = accept_settings(options);
    Endpoint peer;
    int descriptor = listener_try(listener, &peer);
    if (descriptor >= 0) {
        begin_handshake(request, descriptor, &peer);
    } else {
        listener_join(listener, &request->acceptor);
    }
    request_park(&request->handshake.request, timeout < INFINITY ? timeout : options->timeout);
}

FUNCTION(tls_accept, "tls/accept", "listener &opt opts timeout",
         "Take the next connection of a listener and make the TLS handshake as its server. The "
         "fiber waits, the event loop continues. Several fibers may wait on one listener.\n\n"
         "`listener` is what `tls/listen` or `net/listen` returned. `opts` is a table or struct "
         "of options, `:cert` and `:key` among them, or a context from `tls/new-context`; nil "
         "stands for the options that `tls/listen` was given. With `:verify true` the server "
         "refuses clients without a certificate issued by the given CAs.\n\n"
         "Returns a TLS stream, or nil when the listener is closed. Raises \"timeout\" after "
         "`timeout` (or `:timeout`) seconds, and when the handshake fails. A loop around it must "
         "not wait for a silent client, nor end with a bad one: use `tls/accept-loop`, or give "
         "`:handshake false`, which returns the stream at once and leaves the handshake to its "
         "first read or write, in a fiber of the connection's own.\n\n"
         "Options:",
         &tls_server_set) {
    args_arity(function, argc, 1, 3);
    ConnectionOptions options;
    JanetStream *listener = listener_get(function, argv, 0);
    if (!tls_listener_options(listener)) args_arity(function, argc, 2, 3);
    Context *context = accept_choose(function, listener, argv, argc, 1, &options);
    accept_next(function, listener, context, &options, args_timeout(function, argv, argc, 2));
}

/* As core's accept, it does not wait for the peer to speak. */
Janet cfun_listener_accept(int32_t argc, Janet *argv) {
    static const char *const function = "net/accept";
    args_arity(function, argc, 1, 2);
    ConnectionOptions options;
    JanetStream *listener = listener_get(function, argv, 0);
    Context *context = accept_own_options(function, listener, &options);
    options.handshake = false;
    accept_next(function, listener, context, &options, args_timeout(function, argv, argc, 1));
}

static const Function *const functions[] = {
    &function_tls_accept,
    NULL,
};

void tls_accept_register(JanetTable *env) {
    module_register(env, functions);
}
