/* Methods of core's streams that go to the socket, and the handshake. */
#include "base/raise.h"
#include "net/socket.h"
#include "stream/info.h"

static Janet call_core(const char *name, const char *if_closed, int32_t argc, const Janet *argv) {
    Stream *stream = stream_get(argv, 0);
    if (stream->state >= STREAM_CLOSING) janet_panic(if_closed);
    if (stream->state == STREAM_FAILED) janet_panicv(stream_error(stream, name));
    return socket_call_core(name, stream->watcher.descriptor, argc, argv);
}

Janet cfun_stream_peername(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 1);
    return call_core("net/peername", "stream closed", argc, argv);
}

Janet cfun_stream_localname(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 1);
    return call_core("net/localname", "stream closed", argc, argv);
}

Janet cfun_stream_flush_socket(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 1);
    Stream *stream = stream_get_open(argv, 0);
    Janet result = call_core("net/flush", "stream is closed", argc, argv);
    /* Core's leaves Nagle's algorithm on. */
    if (stream->settings.nodelay) socket_set_nodelay(stream->watcher.descriptor);
    return result;
}

Janet cfun_stream_setsockopt(int32_t argc, Janet *argv) {
    janet_arity(argc, 3, 3); /* its words are core's */
    return call_core("net/setsockopt", "stream is closed", argc, argv);
}

Janet cfun_stream_handshake(int32_t argc, Janet *argv) {
    janet_arity(argc, 1, 2);
    Stream *stream = stream_get_open(argv, 0);
    double timeout = stream_timeout(argv, argc, 1);
    const char *function = stream_call(stream, "dtls-stream/handshake");
    if (stream->state == STREAM_FAILED) janet_panicv(stream_error(stream, function));
    if (stream->state == STREAM_OPEN) return argv[0];
    stream_await_handshake(stream, function, timeout, false);
}
