#include "stream/stream.h"

#include "base/options.h"
#include "base/raise.h"
#include "context/connection.h"
#include "core/tls/datagram.h"
#include "net/socket.h"
#include "stream/memory.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/socket.h>

#define NATIVE_SIZE (40 << 10) /* what OpenSSL holds for a connection, about */
#define UNTOLD 128             /* connections that the collector does not hear of */

#define MAX_UNREAD 16 /* times 4 KB that are looked at when a descriptor is closed */

#define MAX_READS 16 /* of the socket, in a turn */

/* --- the socket --- */

/* A peer that sends key updates, or empty records, without end keeps OpenSSL reading. */
static bool has_had_enough(Stream *stream) {
    uint64_t turn = poller_turn_number();
    if (stream->intake.turn != turn) stream->intake = (Share){turn, 0};
    if (stream->intake.returns++ < MAX_READS) return false;
    poller_turn(&stream->watcher);
    return true;
}

bool stream_may_receive(Stream *stream) {
    return stream->readable && !has_had_enough(stream);
}

static void on_ready(Watcher *watcher, unsigned ready) {
    Stream *stream = (Stream *)watcher;
    if (ready & READY_IN) stream->readable = true;
    if (ready & READY_OUT) stream->writable = true;
    if (ready & READY_HANGUP) stream->hangup = true;
    stream_advance(stream);
}

/* --- life --- */

/* The kernel answers bytes that nobody read with a reset, which takes from the peer what we sent
 * last: data, or the alert that says why. A client of TLS 1.3 that only writes has the server's
 * session tickets there. */
static void discard_unread(const Stream *stream) {
    char unread[4096];
    if (stream->watcher.descriptor < 0 || stream->engine.transport_eof) return;
    if (engine_peer_closed(&stream->engine)) return; /* nothing comes after close_notify */
    for (int i = 0; i < MAX_UNREAD; i++) {
        if (recv(stream->watcher.descriptor, unread, sizeof unread, MSG_DONTWAIT) <= 0) return;
    }
}

/* The peer of a cut transfer must see an error: a reset, where the kernel did not take the alert. */
static void close_descriptor(Stream *stream) {
    bool reset = stream->cut && !engine_is_aborted(&stream->engine);
    if (reset && stream->watcher.descriptor >= 0) {
        socket_set_reset(stream->watcher.descriptor);
    } else {
        discard_unread(stream);
    }
    poller_close(&stream->watcher);
}

/* Connections of this thread that hold native memory, and how many of them the collector was told of. */
static _Thread_local struct { int open, told; } natives;

/* The collector sees only our struct. It is told when many more are open than it knows: streams that
 * are closed cost no collection, and thousands that live are not looked through for each hundred. */
static void count_native(void) {
    int untold = ++natives.open - natives.told;
    if (untold < UNTOLD || untold < natives.told / 2) return;
    natives.told = natives.open;
    janet_gcpressure((size_t)untold * NATIVE_SIZE);
}

static void free_native(Stream *stream) {
    close_descriptor(stream);
    if (stream->engine.ssl) natives.open--;
    if (natives.told > natives.open) natives.told = natives.open;
    engine_free(&stream->engine);
    stream->state = STREAM_CLOSED;
    if (stream->on_end) stream->on_end(stream);
    stream->on_end = NULL;
}

/* Timer and hold are left alone: what is linked there is marked, and collected at the VM's end
 * only, when the neighbours in those lists may be gone already. Nothing is said to the peer: a
 * close_notify here would make a transfer that broke off look whole. */
int stream_object_gc(void *pointer, size_t size) {
    (void)size;
    free_native(pointer);
    return 0;
}

int stream_object_mark(void *pointer, size_t size) {
    (void)size;
    Stream *stream = pointer;
    janet_mark(stream->context);
    janet_mark(stream->owner);
    janet_mark(stream->on_session);
    janet_mark(stream->on_staple);
    janet_mark(stream->in);
    janet_mark(stream->out);
    if (stream->returned) janet_mark(janet_wrap_buffer(stream->returned));
    return 0;
}

static void apply_settings(Stream *stream, const ConnectionSettings *settings) {
    size_t max = (size_t)settings->buffer_size;
    stream->settings = *settings;
    stream->engine.truncation_is_eof = settings->truncation_is_eof;
    /* Else OpenSSL takes a cut for fatal, and nothing could be written any more to a peer that has
     * only stopped sending. */
    if (settings->truncation_is_eof)
        SSL_set_options(stream->engine.ssl, SSL_OP_IGNORE_UNEXPECTED_EOF);
    if (max && max < stream->engine.max_sealed) stream->engine.max_sealed = max;
}

static bool make_engine(Stream *stream, Context *context, EngineRole role,
                        const ConnectionSettings *settings, Failure *failure) {
    Transport transport = stream->kind->transport;
    transport.arg = stream;
    if (!stream->kind->datagram) {
        return engine_init(&stream->engine, context->context, role, transport, failure);
    }
    DatagramSettings datagram = {settings->mtu, settings->retransmit, settings->handshake_timeout};
    return datagram_engine_init(&stream->engine, context->context, role, transport, datagram,
                                failure);
}

Stream *stream_new(const StreamKind *kind, Context *context, EngineRole role,
                   const ConnectionSettings *settings, Failure *failure) {
    Stream *stream = janet_abstract(kind->type, sizeof *stream);
    memset(stream, 0, sizeof *stream);
    stream->kind = kind;
    stream->watcher.ready = on_ready;
    stream->watcher.descriptor = -1;
    stream->context = janet_wrap_abstract(context);
    stream->owner = stream->on_session = janet_wrap_nil();
    stream->in = stream->out = janet_wrap_nil();
    stream->on_staple = context->connection.on_staple;
    request_queue_init(&stream->handshakers);
    request_queue_init(&stream->readers);
    request_queue_init(&stream->writers);
    request_queue_init(&stream->closers);
    if (!make_engine(stream, context, role, settings, failure)) return NULL;
    apply_settings(stream, settings);
    count_native();
    return stream;
}

bool stream_prepare(Stream *stream, const ConnectionOptions *connection, const char *host,
                    Failure *failure) {
    stream->on_session = connection->on_session;
    return connection_prepare(stream->engine.ssl, connection, host, failure);
}

bool stream_attach(Stream *stream, int descriptor, Failure *failure) {
    if (stream->settings.nodelay) socket_set_nodelay(descriptor);
    /* Fresh sockets are writable; what is readable the first event tells. */
    stream->writable = true;
    stream->engine.corks = !stream->kind->datagram;
    if (poller_add(&stream->watcher, descriptor)) return true;
    failure_set(failure, "%s", strerror(errno));
    stream->watcher.descriptor = descriptor;
    stream_drop(stream);
    return false;
}

void stream_wake_for_close(Stream *stream) {
    Request *request;
    request_end_dead(&stream->readers);
    request_end_dead(&stream->writers);
    request_end_dead(&stream->handshakers);
    while ((request = request_first_waiting(&stream->readers))) {
        request_complete(request, &stream->readers, janet_wrap_nil());
    }
    stream_fail_writers(stream, "stream closed");
    while ((request = request_first_waiting(&stream->handshakers))) {
        request_fail(request, &stream->handshakers, janet_cstringv("stream closed"));
    }
}

void stream_drop(Stream *stream) {
    if (stream->state == STREAM_CLOSED) return;
    poller_unset_timer(&stream->timer);
    poller_unset_timer(&stream->retransmit);
    poller_remove_root(&stream->root);
    if (stream->engine.corked) engine_flush(&stream->engine); /* the peer waits for its handshake */
    free_native(stream);
    memory_detach(stream);
    stream_wake_for_close(stream);
    stream_serve_closers(stream);
}

static void root_mark(GcRoot *root) {
    janet_mark(janet_wrap_abstract((char *)root - offsetof(Stream, root)));
}

void stream_abort(Stream *stream) {
    if (stream->state >= STREAM_CLOSING) return;
    stream->cut = true;
    if (stream->state != STREAM_OPEN) {
        stream_drop(stream);
        return;
    }
    poller_add_root(&stream->root, root_mark);
    stream_begin_close(stream);
}

/* --- what waits --- */

Janet stream_error(const Stream *stream, const char *function) {
    int errnum;
    const char *why = engine_explain(&stream->engine, &errnum);
    if (errnum) return janet_cstringv(why);
    return janet_wrap_string(janet_formatc("%s: %s", function, why));
}

void take_back_handshake(Request *request) {
    HandshakeRequest *handshake = (HandshakeRequest *)request;
    if (handshake->orphan && handshake->stream) stream_drop(handshake->stream);
}

void cancel_handshake(Request *request) {
    Stream *stream = ((HandshakeRequest *)request)->stream;
    if (stream) request_dequeue(&stream->handshakers, request);
    take_back_handshake(request);
}

void handshake_mark(Request *request) {
    Stream *stream = ((HandshakeRequest *)request)->stream;
    if (stream) janet_mark(janet_wrap_abstract(stream));
}

static const RequestKind handshake_kind = {
    .cancelled = cancel_handshake,
    .undelivered = take_back_handshake,
    .mark = handshake_mark,
};

void stream_join(Stream *stream, HandshakeRequest *request) {
    request->stream = stream;
    request_enqueue(&stream->handshakers, &request->request);
    stream_start(stream);
}

void stream_await_handshake(Stream *stream, const char *function, double timeout, bool orphan) {
    HandshakeRequest *request = request_new(sizeof *request, 0, &handshake_kind);
    request->function = function;
    request->orphan = orphan;
    stream_join(stream, request);
    request_park(&request->request, timeout);
}

static void wake_handshakers(Stream *stream, bool established) {
    Request *request;
    while ((request = request_first_waiting(&stream->handshakers))) {
        if (established) {
            request_complete(request, &stream->handshakers, janet_wrap_abstract(stream));
        } else {
            request_fail(request, &stream->handshakers,
                         stream_error(stream, ((HandshakeRequest *)request)->function));
        }
    }
}

static void end_handshake(Stream *stream, bool established) {
    poller_unset_timer(&stream->timer);
    poller_unset_timer(&stream->retransmit);
    stream->took = timer_now() - stream->began;
    stream->state = established ? STREAM_OPEN : STREAM_FAILED;
    if (!established) close_descriptor(stream); /* the alert is out, if the peer took it */
    wake_handshakers(stream, established);
    if (stream->on_handshake) stream->on_handshake(stream, established);
    if (stream->engine.corked) poller_soon(&stream->watcher); /* if nothing goes out before */
    poller_remove_root(&stream->root);
}

static void fail_handshake(Stream *stream) {
    int errnum;
    Failure failure;
    const char *why = engine_explain(&stream->engine, &errnum);
    if (errnum) {
        failure_set(&failure, "handshake failed: %s", why);
        engine_fail(&stream->engine, failure.text);
    }
    end_handshake(stream, false);
}

static void handshake_expired(Timer *timer) {
    Stream *stream = (Stream *)((char *)timer - offsetof(Stream, timer));
    Failure failure;
    failure_set(&failure, "handshake timed out: the peer did not finish it within %g s",
                stream->settings.handshake_timeout);
    engine_fail(&stream->engine, failure.text);
    fail_handshake(stream);
    stream_advance(stream);
}

void stream_start(Stream *stream) {
    if (stream->started) return;
    stream->started = true;
    stream->began = timer_now();
    poller_add_root(&stream->root, root_mark);
    if (stream->settings.handshake_timeout < INFINITY) {
        poller_set_timer(&stream->timer, stream->settings.handshake_timeout, handshake_expired);
    }
    stream_advance(stream);
}

/* --- retransmission --- */

static void arm_retransmit(Stream *stream);

static void retransmit_due(Timer *timer) {
    Stream *stream = (Stream *)((char *)timer - offsetof(Stream, retransmit));
    if (stream->dial) datagram_forget_pending(&stream->engine); /* it was sent */
    EngineStatus status = datagram_retransmit(&stream->engine);
    if (stream->dial) dial_again(stream->dial);
    if (status == ENGINE_FAILED) {
        fail_handshake(stream);
        stream_advance(stream);
    } else {
        arm_retransmit(stream);
    }
}

static void arm_retransmit(Stream *stream) {
    double due = datagram_retransmit_due(&stream->engine);
    if (due >= 0) poller_set_timer(&stream->retransmit, due, retransmit_due);
}

static void advance_handshake(Stream *stream) {
    EngineStatus status = engine_handshake(&stream->engine);
    if (stream->kind->datagram && status == ENGINE_WANTS_READ) arm_retransmit(stream);
    if (status == ENGINE_DONE) end_handshake(stream, true);
    if (status == ENGINE_FAILED) fail_handshake(stream);
    if (status == ENGINE_WANTS_ANSWER) stream_ask_staple(stream);
}

void stream_advance(Stream *stream) {
    if (!stream->started) return;
    bool fresh = stream->state == STREAM_HANDSHAKING;
    if (fresh) advance_handshake(stream);
    if (stream->state == STREAM_HANDSHAKING || stream->state == STREAM_CLOSED) return;
    if (stream->state == STREAM_OPEN && !fresh) engine_flush(&stream->engine);
    stream_serve_readers(stream);
    /* The other side of a lost last flight asks for it again, whether or not we want data. */
    if (stream->kind->datagram && stream->state == STREAM_OPEN && stream->readable)
        engine_peek(&stream->engine);
    if (stream->state == STREAM_OPEN && stream->engine.fresh_count) stream_tell_sessions(stream);
    stream_serve_writers(stream);
    stream_serve_closers(stream);
}

bool stream_may_try(Stream *stream, const RequestQueue *queue) {
    if (stream->state == STREAM_FAILED) return true;
    return stream->state == STREAM_OPEN && !request_first_waiting(queue) &&
           poller_may_return(&stream->share);
}

void stream_park(Stream *stream, Request *request, double timeout, Step step) {
    if (stream->state == STREAM_HANDSHAKING) {
        stream_start(stream);
    } else if (step == STEP_TURN) {
        poller_turn(&stream->watcher);
    }
    request_park(request, timeout);
}

/* --- arguments --- */

Stream *stream_object(Janet value) {
    if (!janet_checktype(value, JANET_ABSTRACT)) return NULL;
    void *pointer = janet_unwrap_abstract(value);
    return janet_abstract_type(pointer)->gc == stream_object_gc ? pointer : NULL;
}

Stream *stream_get(const Janet *argv, int32_t n) {
    Stream *stream = stream_object(argv[n]);
    if (!stream) raise_type(n, "jsec/tls-stream", argv[n]);
    return stream;
}

Stream *stream_get_open(const Janet *argv, int32_t n) {
    Stream *stream = stream_get(argv, n);
    if (stream->state >= STREAM_CLOSING) janet_panic("stream is closed");
    return stream;
}

typedef struct TimeoutOptions {
    double timeout;
} TimeoutOptions;

static const OptionRow timeout_rows[] = {
    OPTION("timeout", option_seconds, TimeoutOptions, timeout, "Seconds for the call."),
};
static const OptionSet timeout_set = OPTION_SET(timeout_rows);

double stream_timeout(const Janet *argv, int32_t argc, int32_t n) {
    TimeoutOptions options = {INFINITY};
    if (n >= argc || janet_checktype(argv[n], JANET_NIL)) return INFINITY;
    if (janet_checktypes(argv[n], JANET_TFLAG_DICTIONARY)) {
        options_read("timeout", &timeout_set, argv[n], &options);
        return options.timeout;
    }
    double seconds = janet_getnumber(argv, n);
    if (!(seconds >= 0)) raise_type(n, "non-negative number of seconds", argv[n]);
    return seconds;
}

/* --- the abstract type --- */

int stream_object_get(void *pointer, Janet key, Janet *out) {
    const Stream *stream = pointer;
    if (!janet_checktype(key, JANET_KEYWORD)) return 0;
    return janet_getmethod(janet_unwrap_keyword(key), stream->kind->methods, out);
}

Janet stream_object_next(void *pointer, Janet key) {
    return janet_nextmethod(((Stream *)pointer)->kind->methods, key);
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

/* The name that a client asks for is its own word; what a server was asked for, anybody's. */
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
