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

void stream_stop_asking(Stream *stream) {
    if (stream->asking) atomic_fetch_sub(&stream->stats->asking, 1);
    stream->asking = false;
}

static Janet go_on(Stream *stream) {
    stream_stop_asking(stream);
    engine_answer(&stream->engine);
    stream_advance(stream);
    return janet_wrap_nil();
}

/* The functions take the stream, and what the program's function returned or raised. */
static void ask(Stream *stream, Janet function, Janet arguments, JanetCFunction answer,
                JanetCFunction refuse) {
    Janet call[] = {function, arguments, janet_wrap_cfunction(answer), janet_wrap_cfunction(refuse),
                    janet_wrap_abstract(stream)};
    janet_schedule(janet_fiber(asker, 64, 5, call), janet_wrap_nil());
}

/* --- ClientHellos --- */

#define MAX_SHOWN_ERROR 300

static Janet cfun_answer_hello(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 2);
    Stream *stream = stream_get(argv, 0);
    if (!waits(stream)) return janet_wrap_nil();
    hello_answer(stream, argv[1]);
    return go_on(stream);
}

static void refuse_hello(Stream *stream, const char *why) {
    hello_question_refuse(&stream->engine.hello, SSL_AD_INTERNAL_ERROR, why);
}

/* Its error is the reason why this handshake fails. */
static Janet cfun_refuse_hello(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 3);
    Failure failure;
    Stream *stream = stream_get(argv, 0);
    if (!waits(stream)) return janet_wrap_nil();
    failure_set(&failure, "handshake failed: :on-hello: %.*s", MAX_SHOWN_ERROR,
                (const char *)janet_to_string(argv[1]));
    refuse_hello(stream, failure.text);
    return go_on(stream);
}

static void ask_hello(Stream *stream) {
    Janet hello = hello_describe(stream);
    ask(stream, stream->on_hello, janet_wrap_tuple(janet_tuple_n(&hello, 1)), cfun_answer_hello,
        cfun_refuse_hello);
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
    ask(stream, stream->on_staple, janet_wrap_tuple(janet_tuple_n(NULL, 0)), cfun_answer_staple,
        cfun_refuse_staple);
}

/* --- asking --- */

static bool may_ask(const Stream *stream, Janet function) {
    if (janet_checktype(function, JANET_NIL)) return false;
    return atomic_load(&stream->stats->asking) <= stream->max_asking;
}

void stream_ask(Stream *stream) {
    if (stream->asking) return;
    bool hello = stream->engine.asked == QUESTION_HELLO;
    stream->asking = true;
    atomic_fetch_add(&stream->stats->asking, 1);
    if (may_ask(stream, hello ? stream->on_hello : stream->on_staple)) {
        if (hello) {
            ask_hello(stream);
        } else {
            ask_staple(stream);
        }
        return;
    }
    if (hello) refuse_hello(stream, "handshake failed: :max-asking others wait for :on-hello");
    stream_stop_asking(stream);
    engine_answer(&stream->engine);
    poller_turn(&stream->watcher);
}

void ask_register(JanetTable *env) {
    (void)env;
    asker = call_compile(asker_source);
    janet_gcroot(janet_wrap_function(asker));
}
