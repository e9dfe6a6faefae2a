/* accept: one connection of a listener, its handshake made. */
#include "tls/accept.h"
#include "base/module.h"
#include "base/raise.h"
#include "net/listener.h"
#include "register.h"

#include <math.h>
#include <unistd.h>

Stream *accept_stream(Context *context, const Manners *manners, int descriptor, Failure *failure) {
    Stream *stream = stream_new(&tls_stream_kind, context, ENGINE_SERVER, manners, failure);
    if (!stream || !context_prepare(stream->engine.ssl, NULL, NULL, failure)) {
        close(descriptor);
        return NULL;
    }
    return stream_attach(stream, descriptor, failure) ? stream : NULL;
}

void accept_check(const char *caller, const Context *context) {
    Failure failure;
    if (!context_can_serve(context->context, &failure)) raise_failure(caller, &failure);
}

static const char function[] = "tls/accept";

typedef struct AcceptOp {
    HandshakeOp handshake; /* first: it is one, once accepted */
    Taker taker;
    Context *context;
    Manners manners;
    bool deferred;
} AcceptOp;

static void take(AcceptOp *op, int descriptor) {
    Failure failure;
    OpQueue none;
    op_queue_init(&none);
    Stream *stream = accept_stream(op->context, &op->manners, descriptor, &failure);
    if (!stream) {
        op_fail(&op->handshake.op, &none, raise_text(function, &failure));
    } else if (op->deferred) {
        op_complete(&op->handshake.op, &none, janet_wrap_abstract(stream));
    } else {
        stream_join(stream, &op->handshake);
    }
}

static AcceptOp *of_taker(const Taker *taker) {
    return (AcceptOp *)((uintptr_t)taker - offsetof(AcceptOp, taker));
}

static bool waits(const Taker *taker) {
    return op_waits(&of_taker(taker)->handshake.op);
}

static void accepted(Taker *taker, int descriptor) {
    take(of_taker(taker), descriptor);
}

static void closed(Taker *taker) {
    OpQueue none;
    op_queue_init(&none);
    Op *op = &of_taker(taker)->handshake.op;
    if (op_waits(op)) op_complete(op, &none, janet_wrap_nil());
}

static void accept_abandon(Op *op) {
    listener_leave(&((AcceptOp *)op)->taker);
    handshake_abandon(op);
}

static void accept_mark(Op *op) {
    janet_mark(janet_wrap_abstract(((AcceptOp *)op)->context));
    handshake_mark(op);
}

static const OpKind accept_kind = {
    .abandon = accept_abandon,
    .overtaken = handshake_overtaken,
    .mark = accept_mark,
};

static Janet cfun_tls_accept(int32_t argc, Janet *argv) {
    janet_arity(argc, 2, 3);
    JanetStream *listener = listener_get(argv, 0);
    ConnectionOptions options;
    Context *context = tls_choose(function, argv, argc, 1, &options);
    double timeout = stream_timeout(argv, argc, 2);
    poller_start();
    accept_check(function, context);

    AcceptOp *op = op_new(sizeof *op, 0, &accept_kind);
    op->handshake.function = function;
    op->handshake.orphan = true;
    op->taker.waits = waits;
    op->taker.accepted = accepted;
    op->taker.closed = closed;
    op->context = context;
    op->manners = options.manners;
    op->deferred = !options.handshake;
    int descriptor = listener_try(listener);
    if (descriptor >= 0) {
        take(op, descriptor);
    } else {
        listener_join(listener, &op->taker);
    }
    op_park(&op->handshake.op, timeout < INFINITY ? timeout : options.timeout);
}

static const FunctionRow functions[] = {
    {"tls/accept", cfun_tls_accept,
     "(tls/accept listener opts &opt timeout)\n\n"
     "Take the next connection of a listener and make the TLS handshake as its server; the fiber waits, "
     "the event loop goes on. Several fibers may wait at one listener.\n\n"
     "`listener` is what `tls/listen` or `net/listen` returned. `opts` is a table or struct of options, `:cert` and "
     "`:key` among them, or a context from `tls/new-context`. With `:verify true` a client without a "
     "certificate that the given CAs vouch for is refused.\n\n"
     "Returns a TLS stream, or nil when the listener is closed. Raises \"timeout\" after `timeout` (or "
     "`:timeout`) seconds, and when the handshake fails: one bad client is no reason to stop, so "
     "servers catch that, or use `tls/accept-loop`.\n\nOptions:",
     &tls_option_set},
    {NULL, NULL, NULL, NULL},
};

void tls_accept_register(JanetTable *env) {
    module_functions(env, functions);
}
