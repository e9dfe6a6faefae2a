/* connect: resolve, reach, shake hands, in one wait of the calling fiber. */
#include "base/module.h"
#include "base/raise.h"
#include "net/dial.h"
#include "register.h"
#include "tls/options.h"
#include "tls/stream.h"

#include <stdio.h>

static const char function[] = "tls/connect";

typedef struct ConnectOp {
    HandshakeOp handshake; /* first: it is one, once connected */
    Dial dial;
    bool deferred; /* the handshake */
} ConnectOp;

static ConnectOp *of_dial(Dial *dial) {
    return (ConnectOp *)((char *)dial - offsetof(ConnectOp, dial));
}

static void fail(ConnectOp *op, const Failure *failure) {
    Stream *stream = op->handshake.stream;
    if (op_waits(&op->handshake.op)) {
        op_fail(&op->handshake.op, &stream->handshakers, raise_text(function, failure));
    }
    stream_drop(stream);
}

static void connected(Dial *dial, int descriptor) {
    ConnectOp *op = of_dial(dial);
    Stream *stream = op->handshake.stream;
    Failure failure;
    if (!stream_attach(stream, descriptor, &failure)) {
        fail(op, &failure);
    } else if (!op->deferred) {
        stream_join(stream, &op->handshake);
    } else if (op_waits(&op->handshake.op)) {
        op_complete(&op->handshake.op, &stream->handshakers, janet_wrap_abstract(stream));
    }
}

static void failed(Dial *dial, const Failure *failure) {
    fail(of_dial(dial), failure);
}

static void connect_abandon(Op *op) {
    dial_stop(&((ConnectOp *)op)->dial);
    handshake_abandon(op);
}

static const OpKind connect_kind = {
    .abandon = connect_abandon,
    .overtaken = handshake_overtaken,
    .mark = handshake_mark,
};

/* --- arguments --- */

typedef struct Target {
    bool unix_socket;
    JanetByteView host;
    char port[16];
    Address address; /* of a unix socket */
} Target;

static const char *text_argument(const Janet *argv, int32_t n, JanetByteView *view) {
    *view = janet_getbytes(argv, n);
    for (int32_t i = 0; i < view->len; i++) {
        if (!view->bytes[i]) raise_type(n, "text without NUL bytes", argv[n]);
    }
    /* Only strings end in NUL. */
    view->bytes = janet_string(view->bytes, view->len);
    return (const char *)view->bytes;
}

static void get_port(const Janet *argv, int32_t n, Target *target) {
    JanetByteView view;
    if (janet_checktype(argv[n], JANET_NUMBER)) {
        int32_t port = janet_getinteger(argv, n);
        if (port < 0 || port > 65535) raise_type(n, "port number from 0 to 65535", argv[n]);
        snprintf(target->port, sizeof target->port, "%d", port);
        return;
    }
    const char *text = text_argument(argv, n, &view);
    if (view.len >= (int32_t)sizeof target->port || !view.len) raise_type(n, "port", argv[n]);
    snprintf(target->port, sizeof target->port, "%s", text);
}

static void get_target(const Janet *argv, Target *target) {
    Failure failure;
    target->unix_socket = janet_keyeq(argv[0], "unix");
    if (!target->unix_socket) {
        text_argument(argv, 0, &target->host);
        get_port(argv, 1, target);
        return;
    }
    JanetByteView path;
    const char *text = text_argument(argv, 1, &path);
    if (!resolve_unix(text, (size_t)path.len, &target->address, &failure)) {
        raise_failure(function, &failure);
    }
}

static Stream *prepare(const Target *target, Context *context, const ConnectionOptions *options) {
    Failure failure;
    const char *host = target->unix_socket ? "localhost" : (const char *)target->host.bytes;
    Stream *stream =
        stream_new(&tls_stream_kind, context, ENGINE_CLIENT, &options->manners, &failure);
    if (!stream || !stream_prepare(stream, options, host, &failure))
        raise_failure(function, &failure);
    return stream;
}

static Janet cfun_tls_connect(int32_t argc, Janet *argv) {
    janet_arity(argc, 2, 3);
    Target target;
    ConnectionOptions options;
    get_target(argv, &target);
    Context *context = tls_choose(function, argv, argc, 2, &options);
    poller_start();
    Stream *stream = prepare(&target, context, &options);

    ConnectOp *op = op_new(sizeof *op, &connect_kind);
    op->handshake.function = function;
    op->handshake.stream = stream;
    op->handshake.orphan = true;
    op->deferred = !options.handshake;
    op->dial.connected = connected;
    op->dial.failed = failed;
    if (target.unix_socket) {
        dial_start_address(&op->dial, &target.address);
    } else {
        dial_start(&op->dial, (const char *)target.host.bytes, target.port);
    }
    op_park(&op->handshake.op, options.timeout);
}

static const FunctionRow functions[] = {
    {"tls/connect", cfun_tls_connect,
     "(tls/connect host port &opt opts)\n\n"
     "Connect to a TLS server over TCP, or over a unix socket with `:unix` for `host` and its path "
     "for `port`. All addresses of the host are tried (RFC 8305), then the handshake is made; the "
     "fiber waits, the event loop goes on.\n\n"
     "The server's certificate is verified: against the system's CAs or those given, and by name "
     "(RFC 6125: DNS names against DNS SANs, IP addresses against IP SANs; the subject's common name does "
     "not count).\n\n"
     "`opts` is a table or struct of options, or a context from `tls/new-context`.\n\n"
     "Returns a TLS stream, which can be used wherever a stream of `net/connect` can. Raises \"timeout\" "
     "after `:timeout` seconds, else with what failed: an unknown option, the name not resolved, "
     "\"Connection refused\", the certificate's check that failed with what was wanted and found.\n\n"
     "    (with [s (tls/connect \"example.org\" 443)]\n"
     "      (ev/write s \"GET / HTTP/1.0\\r\\nHost: example.org\\r\\n\\r\\n\")\n"
     "      (print (ev/read s :all)))\n\nOptions:",
     &tls_option_set},
    {NULL, NULL, NULL, NULL},
};

void tls_connect_register(JanetTable *env) {
    module_functions(env, functions);
}
