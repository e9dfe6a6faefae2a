/* The methods of a TLS stream, and the same as functions. */
#include "base/module.h"
#include "base/raise.h"
#include "net/socket.h"
#include "register.h"
#include "tls/stream.h"

static Janet call_core(const char *name, const char *if_closed, int32_t argc, const Janet *argv) {
    Stream *stream = stream_get(argv, 0);
    if (stream->state >= STREAM_CLOSING) janet_panic(if_closed);
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
    janet_fixarity(argc, 3);
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

/* --- what was negotiated --- */

static const SSL *negotiated(const Janet *argv, const char *function) {
    const Stream *stream = stream_get_open(argv, 0);
    if (stream->state == STREAM_FAILED) janet_panicv(stream_error(stream, function));
    if (stream->state != STREAM_OPEN) raise_format(function, "the handshake is not done yet");
    return stream->engine.ssl;
}

static Janet alpn_of(const SSL *ssl) {
    const unsigned char *name;
    unsigned int length;
    SSL_get0_alpn_selected(ssl, &name, &length);
    return name ? janet_wrap_string(janet_string(name, (int32_t)length)) : janet_wrap_nil();
}

static Janet server_name_of(const SSL *ssl) {
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    return name ? janet_cstringv(name) : janet_wrap_nil();
}

static Janet cfun_stream_version(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 1);
    return janet_cstringv(SSL_get_version(negotiated(argv, "tls-stream/version")));
}

static Janet cfun_stream_cipher(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 1);
    return janet_cstringv(SSL_get_cipher_name(negotiated(argv, "tls-stream/cipher")));
}

static Janet cfun_stream_cipher_bits(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 1);
    return janet_wrap_integer(
        SSL_get_cipher_bits(negotiated(argv, "tls-stream/cipher-bits"), NULL));
}

static void put(JanetTable *table, const char *key, Janet value) {
    janet_table_put(table, janet_ckeywordv(key), value);
}

static Janet cfun_stream_connection_info(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 1);
    const SSL *ssl = negotiated(argv, "tls-stream/connection-info");
    const Stream *stream = stream_get(argv, 0);
    JanetTable *info = janet_table(8);
    put(info, "version", janet_cstringv(SSL_get_version(ssl)));
    put(info, "cipher", janet_cstringv(SSL_get_cipher_name(ssl)));
    put(info, "cipher-bits", janet_wrap_integer(SSL_get_cipher_bits(ssl, NULL)));
    put(info, "alpn", alpn_of(ssl));
    put(info, "server-name", server_name_of(ssl));
    if (stream->manners.timing) {
        put(info, "handshake-time", janet_wrap_number((double)stream->took / 1e9));
    }
    return janet_wrap_struct(janet_table_to_struct(info));
}

static Janet cfun_stream_handshake_time(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 1);
    negotiated(argv, "tls-stream/handshake-time");
    const Stream *stream = stream_get(argv, 0);
    if (!stream->manners.timing) return janet_wrap_nil();
    return janet_wrap_number((double)stream->took / 1e9);
}

const JanetMethod *stream_methods(void) {
    static const JanetMethod methods[] = {
        {"chunk", cfun_stream_chunk},
        {"close", cfun_stream_close},
        {"read", cfun_stream_read},
        {"write", cfun_stream_write},
        {"flush", cfun_stream_flush},
        {"evread", cfun_stream_read},
        {"evchunk", cfun_stream_chunk},
        {"evwrite", cfun_stream_write},
        {"shutdown", cfun_stream_shutdown},
        {"setsockopt", cfun_stream_setsockopt},
        {"peername", cfun_stream_peername},
        {"localname", cfun_stream_localname},
        {"handshake", cfun_stream_handshake},
        {"handshake-time", cfun_stream_handshake_time},
        {"version", cfun_stream_version},
        {"cipher", cfun_stream_cipher},
        {"cipher-bits", cfun_stream_cipher_bits},
        {"connection-info", cfun_stream_connection_info},
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
    {"tls-stream/handshake-time", cfun_stream_handshake_time,
     "(tls-stream/handshake-time stream)\n\n"
     "How long the handshake took, in seconds; nil unless `:handshake-timing true` was given. Raises "
     "before the handshake is done and when it failed.",
     NULL},
    {"tls-stream/version", cfun_stream_version,
     "(tls-stream/version stream)\n\n"
     "The protocol version that was agreed on, \"TLSv1.3\" or \"TLSv1.2\". Raises before the "
     "handshake is done, when it failed, and on a closed stream.",
     NULL},
    {"tls-stream/cipher", cfun_stream_cipher,
     "(tls-stream/cipher stream)\n\n"
     "OpenSSL's name of the cipher suite in use, e.g. \"TLS_AES_256_GCM_SHA384\". Raises before the "
     "handshake is done, when it failed, and on a closed stream.",
     NULL},
    {"tls-stream/cipher-bits", cfun_stream_cipher_bits,
     "(tls-stream/cipher-bits stream)\n\n"
     "Key length of the cipher in use, in bits. Raises before the handshake is done, when it "
     "failed, and on a closed stream.",
     NULL},
    {"tls-stream/connection-info", cfun_stream_connection_info,
     "(tls-stream/connection-info stream)\n\n"
     "What was negotiated, as a struct: `:version` (\"TLSv1.3\"), `:cipher`, `:cipher-bits`, `:alpn` "
     "(the protocol agreed on), `:server-name` (what the client asked for), and `:handshake-time` in seconds "
     "with `:handshake-timing true`. A key is absent where there is nothing to tell. Raises before the handshake is done, "
     "when it failed, and on a closed stream.",
     NULL},
    {"tls-stream/shutdown", cfun_stream_shutdown,
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
