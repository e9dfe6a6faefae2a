/* The methods of a TLS stream, and the same as functions. */
#include "base/module.h"
#include "base/raise.h"
#include "net/socket.h"
#include "register.h"
#include "stream/info.h"

static Janet call_core(const char *name, const char *if_closed, int32_t argc, const Janet *argv) {
    Stream *stream = stream_get(argv, 0);
    if (stream->state >= STREAM_CLOSING) janet_panic(if_closed);
    if (stream->state == STREAM_FAILED) janet_panicv(stream_error(stream, name));
    return socket_call_core(name, stream->source.descriptor, argc, argv);
}

static Janet cfun_stream_peername(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 1);
    return call_core("net/peername", "stream closed", argc, argv);
}

static Janet cfun_stream_localname(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 1);
    return call_core("net/localname", "stream closed", argc, argv);
}

static Janet cfun_stream_flush(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 1);
    Stream *stream = stream_get_open(argv, 0);
    Janet result = call_core("net/flush", "stream is closed", argc, argv);
    /* Core's leaves Nagle's algorithm on. */
    if (stream->manners.nodelay) socket_set_nodelay(stream->source.descriptor);
    return result;
}

static Janet cfun_stream_setsockopt(int32_t argc, Janet *argv) {
    janet_arity(argc, 3, 3); /* its words are core's */
    return call_core("net/setsockopt", "stream is closed", argc, argv);
}

static Janet cfun_stream_handshake(int32_t argc, Janet *argv) {
    janet_arity(argc, 1, 2);
    Stream *stream = stream_get_open(argv, 0);
    double timeout = stream_timeout(argv, argc, 1);
    if (stream->state == STREAM_FAILED) janet_panicv(stream_error(stream, "tls-stream/handshake"));
    if (stream->state == STREAM_OPEN) return argv[0];
    stream_await_handshake(stream, "tls-stream/handshake", timeout, false);
}

const JanetMethod *stream_methods(void) {
    static const JanetMethod methods[] = {
        {"chunk", cfun_tls_chunk},
        {"close", cfun_tls_close},
        {"read", cfun_tls_read},
        {"write", cfun_tls_write},
        {"flush", cfun_stream_flush},
        {"evread", cfun_tls_read},
        {"evchunk", cfun_tls_chunk},
        {"evwrite", cfun_tls_write},
        {"shutdown", cfun_tls_shutdown},
        {"setsockopt", cfun_stream_setsockopt},
        {"peername", cfun_stream_peername},
        {"localname", cfun_stream_localname},
        {"handshake", cfun_stream_handshake},
        {"handshake-time", cfun_stream_handshake_time},
        {"version", cfun_stream_version},
        {"cipher", cfun_stream_cipher},
        {"cipher-bits", cfun_stream_cipher_bits},
        {"connection-info", cfun_stream_connection_info},
        {"peer-certificate", cfun_stream_peer_certificate},
        {"peer-chain", cfun_stream_peer_chain},
        {"verify-result", cfun_stream_verify_result},
        {"session-reused?", cfun_stream_session_reused},
        {"get-session", cfun_stream_get_session},
        {"set-session", cfun_stream_set_session},
        {"set-ocsp-response", cfun_stream_set_ocsp_response},
        {"key-update", cfun_stream_key_update},
        {"renegotiate", cfun_stream_renegotiate},
        {NULL, NULL},
    };
    return methods;
}

static const FunctionRow functions[] = {
    {"tls-stream/handshake", cfun_stream_handshake,
     "(tls-stream/handshake stream &opt timeout)\n\n"
     "Make the handshake of a stream that was made with `:handshake false`; nothing where it is done. "
     "Returns the stream. Raises \"timeout\" after `timeout` seconds (a number or `{:timeout n}`; the "
     "handshake goes on, and can be waited for again), and when the handshake fails.",
     NULL},
    {"tls-stream/shutdown", cfun_tls_shutdown,
     "(tls-stream/shutdown stream &opt mode timeout)\n\n"
     "End the stream without closing it. With `:w` our direction: close_notify is sent after all "
     "that was written, the peer reads to the end and can still answer, further writes raise. "
     "With `:r` reading: reads give nil. With `:rw`, the default, both. With `true` both at "
     "once and without close_notify.\n\n"
     "Returns the stream. Raises \"timeout\" after `timeout` seconds, \"stream is closed\" on a closed "
     "one, and on another keyword.",
     NULL},
    {NULL, NULL, NULL, NULL},
};

void tls_methods_register(JanetTable *env) {
    module_functions(env, functions);
}
