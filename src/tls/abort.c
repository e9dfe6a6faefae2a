/* abort: an end that every peer reports as an error. */
#include "base/args.h"
#include "base/module.h"
#include "base/raise.h"
#include "net/socket.h"
#include "register.h"
#include "tls/stream.h"

FUNCTION(
    tls_abort, "tls/abort", "stream",
    "End a connection whose data is incomplete, so that its peer sees an error. Never waits.\n\n"
    "A TLS stream sends an alert in place of close_notify; if the kernel does not accept it "
    "within `:close-timeout`, the connection is reset. A stream of core's is reset, which helps "
    "proxies to pass failures on. `(:close s true)` ends TLS without an alert: some libraries "
    "take that for a clean end.\n\n"
    "Returns the stream, also when it is closed already. Calls that wait end as `ev/close` ends "
    "them. Raises when `stream` is neither a TLS stream nor a stream of core's.\n\n"
    "    (edefer (tls/abort s)\n"
    "      (ev/write s answer)\n"
    "      (ev/close s))",
    NULL) {
    args_arity(function, argc, 1, 1);
    JanetStream *core = janet_checkabstract(argv[0], &janet_stream_type);
    Stream *stream = janet_checkabstract(argv[0], tls_stream_kind.type);
    if (!core && !stream) raise_type(function, 0, "jsec/tls-stream or core/stream", argv[0]);
    if (core) {
        socket_abort(core);
    } else {
        stream_abort(stream);
    }
    return argv[0];
}

static const Function *const functions[] = {
    &function_tls_abort,
    NULL,
};

void tls_abort_register(JanetTable *env) {
    module_register(env, functions);
}
