/* Questions of a handshake to the program. A C function can't wait, so Janet code calls the
 * program's function, in a fiber of its own, and hands over what it returns or raises. */
#include "base/call.h"
#include "core/tls/ocsp.h"
#include "register.h"
#include "stream/stream_internal.h"

static const char asker_source[] = "(fn ask [function arguments answer refuse stream]\n"
                                   "  (try (answer stream (function ;arguments))\n"
                                   "    ([err fiber] (refuse stream err fiber))))";

/* Compiled when the module is loaded: a handshake goes on where no Janet code may run. */
static _Thread_local JanetFunction *asker;

/* An answer that comes after a timeout or a close changes nothing. */
static bool waits(const Stream *stream) {
    return stream->asking && stream->state == STREAM_HANDSHAKING;
}

static Janet go_on(Stream *stream) {
    stream->asking = false;
    engine_answer(&stream->engine);
    stream_advance(stream);
    return janet_wrap_nil();
}

/* --- staples --- */

/* nil: there is none now. */
static void take_staple(const Stream *stream, Janet response) {
    JanetByteView view;
    Failure failure;
    if (!janet_bytes_view(response, &view.bytes, &view.len) || !view.bytes) return;
    if (ocsp_staple(stream->engine.ssl, (Bytes){view.bytes, (size_t)view.len}, &failure)) return;
    janet_eprintf("tls: no staple: %s\n", failure.text);
}

static Janet cfun_answer_staple(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 2);
    Stream *stream = stream_get(argv, 0);
    if (!waits(stream)) return janet_wrap_nil();
    take_staple(stream, argv[1]);
    return go_on(stream);
}

/* The handshake goes on without a staple. */
static Janet cfun_refuse_staple(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 3);
    Stream *stream = stream_get(argv, 0);
    janet_stacktrace(janet_getfiber(argv, 2), argv[1]);
    return waits(stream) ? go_on(stream) : janet_wrap_nil();
}

static void ask_staple(Stream *stream) {
    Janet arguments[] = {stream->on_staple, janet_wrap_tuple(janet_tuple_n(NULL, 0)),
                         janet_wrap_cfunction(cfun_answer_staple),
                         janet_wrap_cfunction(cfun_refuse_staple), janet_wrap_abstract(stream)};
    janet_schedule(janet_fiber(asker, 64, 5, arguments), janet_wrap_nil());
}

/* --- asking --- */

void stream_ask(Stream *stream) {
    if (stream->asking) return;
    stream->asking = true;
    if (janet_checktype(stream->on_staple, JANET_FUNCTION)) {
        ask_staple(stream);
    } else { /* the context's function belongs to another stream's thread */
        engine_answer(&stream->engine);
        poller_turn(&stream->watcher);
    }
}

void ask_register(JanetTable *env) {
    (void)env;
    asker = call_compile(asker_source);
    janet_gcroot(janet_wrap_function(asker));
}
