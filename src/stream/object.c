/* Streams as Janet sees them: the abstract type, its methods, and arguments. */
#include "base/args.h"
#include "base/raise.h"
#include "net/generic.h"
#include "net/socket.h"
#include "stream/proxy.h"
#include "stream/stream_internal.h"

/* --- methods that go to the socket --- */

static Janet call_core(const char *name, const char *if_closed, int32_t argc, const Janet *argv) {
    Stream *stream = stream_get(argv, 0);
    if (stream->state >= STREAM_CLOSING) janet_panic(if_closed);
    if (stream->state == STREAM_FAILED) janet_panicv(stream_error(stream, name));
    return socket_call_core(name, stream->watcher.descriptor, argc, argv);
}

Janet cfun_shared_peername(int32_t argc, Janet *argv) {
    args_arity(NULL, argc, 1, 1);
    Janet client = proxy_peername(stream_get(argv, 0));
    if (!janet_checktype(client, JANET_NIL)) return client;
    return call_core("net/peername", "stream closed", argc, argv);
}

Janet cfun_shared_localname(int32_t argc, Janet *argv) {
    args_arity(NULL, argc, 1, 1);
    return call_core("net/localname", "stream closed", argc, argv);
}

static Janet cfun_flush(int32_t argc, Janet *argv) {
    args_arity(NULL, argc, 1, 1);
    Stream *stream = stream_get_open(argv, 0);
    Janet result = call_core("net/flush", "stream is closed", argc, argv);
    /* Core's function leaves Nagle's algorithm on. */
    if (stream->settings.nodelay) socket_set_nodelay(stream->watcher.descriptor);
    return result;
}

static Janet cfun_setsockopt(int32_t argc, Janet *argv) {
    args_arity(NULL, argc, 3, 3); /* worded as core's */
    return call_core("net/setsockopt", "stream is closed", argc, argv);
}

static const JanetMethod shared_methods[] = {
    {"chunk", cfun_shared_chunk},
    {"close", cfun_shared_close},
    {"read", cfun_shared_read},
    {"write", cfun_shared_write},
    {"flush", cfun_flush},
    {"evread", cfun_shared_read},
    {"evchunk", cfun_shared_chunk},
    {"evwrite", cfun_shared_write},
    {"shutdown", cfun_shared_shutdown},
    {"setsockopt", cfun_setsockopt},
    {"peername", cfun_shared_peername},
    {"localname", cfun_shared_localname},
    {"handshake", cfun_shared_handshake},
    {NULL, NULL},
};

void stream_register_kind(const StreamKind *kind) {
    generic_know(kind->type, shared_methods);
}

/* --- the abstract type --- */

int stream_object_mark(void *pointer, size_t size) {
    (void)size;
    Stream *stream = pointer;
    janet_mark(stream->context);
    janet_mark(stream->observer.owner);
    janet_mark(stream->on_session);
    asker_mark(&stream->asker);
    janet_mark(stream->in);
    janet_mark(stream->out);
    if (stream->returned) janet_mark(janet_wrap_buffer(stream->returned));
    if (stream->errors) janet_mark(janet_wrap_array(stream->errors));
    janet_mark(stream->facts);
    return 0;
}

int stream_object_get(void *pointer, Janet key, Janet *out) {
    const Stream *stream = pointer;
    if (!janet_checktype(key, JANET_KEYWORD)) return 0;
    const uint8_t *name = janet_unwrap_keyword(key);
    return janet_getmethod(name, shared_methods, out) ||
           janet_getmethod(name, stream->kind->methods, out);
}

/* The shared methods, then those of the kind. */
Janet stream_object_next(void *pointer, Janet key) {
    const Stream *stream = pointer;
    Janet method;
    bool first = janet_checktype(key, JANET_NIL);
    bool shared = first || (janet_checktype(key, JANET_KEYWORD) &&
                            janet_getmethod(janet_unwrap_keyword(key), shared_methods, &method));
    Janet next = shared ? janet_nextmethod(shared_methods, key) : janet_wrap_nil();
    if (!janet_checktype(next, JANET_NIL)) return next;
    return janet_nextmethod(stream->kind->methods, shared ? janet_wrap_nil() : key);
}

void stream_object_marshal(void *pointer, JanetMarshalContext *context) {
    (void)context;
    janet_panicf("a %s can't be marshalled: it belongs to the thread that made it",
                 ((Stream *)pointer)->kind->what);
}

void *stream_object_unmarshal(JanetMarshalContext *context) {
    (void)context;
    janet_panic("a connection can't be unmarshalled");
}

/* A client shows the name it asked for. A server does not: the name comes from the peer. */
static void describe_peer(const Stream *stream, JanetBuffer *into) {
    const SSL *ssl = stream->engine.ssl;
    int32_t before = into->count;
    const char *name =
        ssl && !SSL_is_server(ssl) ? SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) : NULL;
    if (stream->watcher.descriptor >= 0) {
        socket_describe_peer(stream->watcher.descriptor, name, into);
    } else if (name) {
        janet_buffer_push_cstring(into, name);
    }
    if (into->count > before) janet_buffer_push_u8(into, ' ');
}

void stream_object_tostring(void *pointer, JanetBuffer *buffer) {
    static const char *const states[] = {"handshaking", NULL, "failed", "closing", "closed"};
    const Stream *stream = pointer;
    const char *state = states[stream->state];
    describe_peer(stream, buffer);
    janet_buffer_push_cstring(buffer, state ? state : SSL_get_version(stream->engine.ssl));
}

/* --- arguments --- */

Stream *stream_object(Janet value) {
    if (!janet_checktype(value, JANET_ABSTRACT)) return NULL;
    void *pointer = janet_unwrap_abstract(value);
    return janet_abstract_type(pointer)->gc == stream_object_gc ? pointer : NULL;
}

Stream *stream_get(const Janet *argv, int32_t n) {
    Stream *stream = stream_object(argv[n]);
    if (!stream) raise_type(NULL, n, "jsec/tls-stream", argv[n]);
    return stream;
}

Stream *stream_get_open(const Janet *argv, int32_t n) {
    Stream *stream = stream_get(argv, n);
    if (stream->state >= STREAM_CLOSING) janet_panic("stream is closed");
    return stream;
}
