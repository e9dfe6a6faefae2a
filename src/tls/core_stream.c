/* core-stream: a pair of sockets, and a pump in two fibers that carries bytes between one end and
 * the TLS stream. The caller gets the other end. */
#include "tls/core_stream.h"

#include "base/call.h"
#include "base/raise.h"
#include "net/listener.h"
#include "net/loopback.h"
#include "net/socket.h"
#include "tls/stream.h"

#include <string.h>

typedef struct CoreStreamOptions {
    bool blocking;
} CoreStreamOptions;

static const OptionRow rows[] = {
    OPTION("blocking", option_boolean, CoreStreamOptions, blocking,
           "The descriptor blocks: for child processes, files and other threads. Fibers of this "
           "thread must not read or write it, since that would stop the event loop. Default "
           "`false`."),
};
const OptionSet core_stream_options = OPTION_SET(rows);

/* The end of a direction is passed on. A failure ends both directions, with an error at both
 * ends. "Broken pipe" means that the caller has closed its end after all its output arrived;
 * after the end of that output, `gone?` finds out whether the end was closed as well. */
static const char pump_source[] =
    "(fn core-stream [stream inner abort probe gone?]\n"
    "  (def ended (ev/chan 2))\n"
    "  (var open true)\n"
    "  (defn give [bytes]\n"
    "    (def [fine why] (protect (net/write inner bytes)))\n"
    "    (unless (or fine (= why \"Broken pipe\")) (error why))\n"
    "    fine)\n"
    "  (defn outwards []\n"
    "    (def chunk @\"\")\n"
    "    (while (and (:read stream 65536 (buffer/clear chunk)) (give chunk)))\n"
    "    (set open false)\n"
    "    (net/shutdown inner :w))\n"
    "  (defn inwards []\n"
    "    (def chunk @\"\")\n"
    "    (while (:read inner 65536 (buffer/clear chunk)) (:write stream chunk))\n"
    "    (:shutdown stream :w)\n"
    "    (probe inner)\n"
    "    (while (and open (not (gone? inner))) (ev/sleep 0.5))\n"
    "    (if open (:close stream)))\n"
    "  (each direction [outwards inwards] (ev/go direction nil ended))\n"
    "  (def fine (and (= :ok (first (ev/take ended))) (= :ok (first (ev/take ended)))))\n"
    "  (each end [inner stream] (if fine (protect (:close end)) (abort end))))\n";

static Janet cfun_abort(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 1);
    JanetStream *core = janet_checkabstract(argv[0], &janet_stream_type);
    if (core) {
        socket_abort(core);
    } else {
        stream_abort(stream_get(argv, 0));
    }
    return janet_wrap_nil();
}

static JanetStream *get_core(int32_t argc, const Janet *argv) {
    janet_fixarity(argc, 1);
    return janet_getabstract(argv, 0, &janet_stream_type);
}

static Janet cfun_probe(int32_t argc, Janet *argv) {
    loopback_probe(get_core(argc, argv)->handle);
    return janet_wrap_nil();
}

static Janet cfun_is_gone(int32_t argc, Janet *argv) {
    const JanetStream *inner = get_core(argc, argv);
    bool closed = inner->flags & JANET_STREAM_CLOSED;
    return janet_wrap_boolean(closed || loopback_is_gone(inner->handle));
}

static JanetFunction *compile_pump(void) {
    Janet pump;
    if (janet_dostring(janet_core_env(NULL), pump_source, "jsec", &pump)) janet_panicv(pump);
    return janet_unwrap_function(pump);
}

#define END_FLAGS (JANET_STREAM_SOCKET | JANET_STREAM_READABLE | JANET_STREAM_WRITABLE)

static Janet wrap_end(int descriptor, const JanetStream *like) {
    return janet_wrap_abstract(janet_stream(descriptor, END_FLAGS, like->methods));
}

/* In no event loop: there is nothing to wait for. In another thread Janet 1.42 could not even close
 * a stream that was in the event loop of the first one. */
static Janet wrap_blocking_end(int descriptor, const JanetStream *like) {
    JanetStream *stream = janet_abstract(&janet_stream_type, sizeof *stream);
    memset(stream, 0, sizeof *stream);
    socket_set_blocking(descriptor);
    stream->handle = descriptor;
    stream->flags = END_FLAGS | JANET_STREAM_UNREGISTERED;
    stream->methods = like->methods;
    return janet_wrap_abstract(stream);
}

static void start_pump(JanetFunction *pump, Janet stream, Janet inner) {
    Janet arguments[] = {stream, inner, janet_wrap_cfunction(cfun_abort),
                         janet_wrap_cfunction(cfun_probe), janet_wrap_cfunction(cfun_is_gone)};
    janet_schedule(call_new_fiber(pump, 5, arguments), janet_wrap_nil());
}

Janet cfun_core_stream(int32_t argc, Janet *argv) {
    static const char function[] = "tls-stream/core-stream";
    int ends[2];
    Failure failure;
    CoreStreamOptions options = {false};
    janet_arity(argc, 1, 2);
    if (!janet_checkabstract(argv[0], tls_stream_kind.type)) stream_get(argv, 0);
    stream_get_open(argv, 0);
    if (argc > 1) options_read(function, &core_stream_options, argv[1], &options);
    JanetFunction *pump = compile_pump(); /* first: it runs Janet code, which may collect */
    JanetStream *listener = listener_open_core();
    bool made = loopback_pair(listener->handle, ends, &failure);
    janet_stream_close(listener);
    if (!made) raise_failure(function, &failure);
    Janet outer =
        options.blocking ? wrap_blocking_end(ends[1], listener) : wrap_end(ends[1], listener);
    start_pump(pump, argv[0], wrap_end(ends[0], listener));
    return outer;
}
