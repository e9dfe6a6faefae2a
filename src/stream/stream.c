/* A stream's life, and what drives it. */
#include "base/raise.h"
#include "context/connection.h"
#include "core/tls/byte_stream.h"
#include "core/tls/context_data.h"
#include "core/tls/datagram.h"
#include "net/socket.h"
#include "stream/memory.h"
#include "stream/proxy.h"
#include "stream/stream_internal.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/socket.h>

#define NATIVE_SIZE (40 << 10)  /* approximate bytes that OpenSSL holds for a connection */
#define MAX_UNREPORTED 128      /* connections that the collector does not know of */
#define MAX_DISCARDS 16         /* reads of 4 KB when a descriptor is closed */
#define MAX_RETURNS_PER_TURN 16 /* calls that return at once */

static void on_event(Watcher *watcher, unsigned ready) {
    Stream *stream = (Stream *)watcher;
    if (ready & READY_IN) stream->readable = true;
    if (ready & READY_OUT) stream->writable = true;
    if (ready & READY_HANGUP) stream->hangup = true;
    stream_advance(stream);
}

/* --- the descriptor --- */

/* When a socket is closed with unread data, the kernel sends a reset. The peer then loses what we
 * sent last: data, or the alert with the reason. A TLS 1.3 client that only writes has the server's
 * session tickets there. */
static void discard_unread(const Stream *stream) {
    char unread[4096];
    if (stream->watcher.descriptor < 0 || stream->engine.transport_eof) return;
    if (engine_peer_closed(&stream->engine)) return; /* nothing follows close_notify */
    for (int i = 0; i < MAX_DISCARDS; i++) {
        if (recv(stream->watcher.descriptor, unread, sizeof unread, MSG_DONTWAIT) <= 0) return;
    }
}

/* The peer of a cut transfer must see an error: a reset, if the kernel did not take the alert. */
void stream_close_descriptor(Stream *stream) {
    bool reset = stream->cut && !engine_is_aborted(&stream->engine);
    if (reset && stream->watcher.descriptor >= 0) {
        socket_set_reset(stream->watcher.descriptor);
    } else {
        discard_unread(stream);
    }
    poller_close(&stream->watcher);
}

/* --- questions to the program --- */

static Stream *stream_of_asker(const Asker *asker) {
    return (Stream *)((uintptr_t)asker - offsetof(Stream, asker));
}

static void go_on(Asker *asker) {
    stream_advance(stream_of_asker(asker));
}

static bool find_peer(const Asker *asker, Endpoint *peer) {
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    const Stream *stream = stream_of_asker(asker);
    int descriptor = stream->watcher.descriptor;
    *peer = stream->peer; /* perhaps that of a PROXY header */
    if (stream->proxy && peer->family) return true;
    return descriptor >= 0 && !getpeername(descriptor, (struct sockaddr *)&address, &length) &&
           endpoint_of(peer, &address);
}

static const AskerKind asker_kind = {.go_on = go_on, .find_peer = find_peer};

/* --- life --- */

/* Connections of this thread that hold native memory, and how many the collector knows of. */
static _Thread_local struct { int open, reported; } natives;

/* The collector sees only our struct. Report native memory only when many more connections are open
 * than it knows of. So closed streams cause no collection, and a hundred new streams do not cause
 * thousands to be marked again. */
static void count_native(void) {
    int unreported = ++natives.open - natives.reported;
    if (unreported < MAX_UNREPORTED || unreported < natives.reported / 2) return;
    natives.reported = natives.open;
    janet_gcpressure((size_t)unreported * NATIVE_SIZE);
}

static void leave_stats(Stream *stream) {
    asker_stop(&stream->asker);
    if (stream->counted) atomic_fetch_sub(&stream->stats->open, 1);
    stream->counted = false;
    stats_release(stream->stats);
    stream->stats = NULL;
}

static void free_native(Stream *stream) {
    stream_close_descriptor(stream);
    leave_stats(stream);
    if (stream->engine.ssl) natives.open--;
    if (natives.reported > natives.open) natives.reported = natives.open;
    engine_free(&stream->engine);
    janet_free(stream->proxy);
    stream->proxy = NULL;
    stream->state = STREAM_CLOSED;
    if (stream->observer.ended) stream->observer.ended(stream->observer.arg);
    stream->observer.ended = NULL;
}

/* The timers and the GC root stay linked: a linked stream is marked, so it is collected only at the
 * VM's end, when its neighbours in those lists may be gone. The peer gets no close_notify: that
 * would make a broken transfer look complete. */
int stream_object_gc(void *pointer, size_t size) {
    (void)size;
    Stream *stream = pointer;
    free_native(stream);
    bio_lose_writer(stream->writer);
    return 0;
}

static void apply_settings(Stream *stream, const ConnectionSettings *settings) {
    size_t max = (size_t)settings->buffer_size;
    stream->settings = *settings;
    stream->engine.truncation_is_eof = settings->truncation_is_eof;
    /* Otherwise OpenSSL takes a truncation for fatal, and refuses to write to a peer that has only
     * stopped sending. */
    if (settings->truncation_is_eof)
        SSL_set_options(stream->engine.ssl, SSL_OP_IGNORE_UNEXPECTED_EOF);
    if (max && max < stream->engine.max_sealed) stream->engine.max_sealed = max;
}

static bool make_engine_of(Stream *stream, SSL_CTX *context, EngineRole role,
                           const ConnectionSettings *settings, Failure *failure) {
    bool datagram = stream->kind->datagram;
    Transport transport = datagram ? transport_udp : transport_tcp;
    transport.arg = stream;
    if (!datagram) {
        return byte_stream_engine_init(&stream->engine, context, role, transport, failure);
    }
    DatagramSettings datagrams = {settings->mtu, settings->retransmit, settings->handshake_timeout};
    return datagram_engine_init(&stream->engine, context, role, transport, datagrams, failure);
}

static bool make_engine(Stream *stream, const Context *context, EngineRole role,
                        const ConnectionSettings *settings, Failure *failure) {
    SSL_CTX *now = context_slot_get(context->slot);
    bool made = make_engine_of(stream, now, role, settings, failure);
    SSL_CTX_free(now); /* the engine has a reference */
    return made;
}

Stream *stream_new(const StreamKind *kind, Context *context, EngineRole role,
                   const ConnectionSettings *settings, Failure *failure) {
    Stream *stream = janet_abstract(kind->type, sizeof *stream);
    memset(stream, 0, sizeof *stream);
    stream->kind = kind;
    stream->watcher.ready = on_event;
    stream->watcher.descriptor = -1;
    stream->context = janet_wrap_abstract(context);
    stream->observer.owner = stream->on_session = janet_wrap_nil();
    stream->in = stream->out = stream->facts = janet_wrap_nil();
    stream->stats = stats_hold(context_slot_stats(context->slot));
    stream->asker = (Asker){.kind = &asker_kind,
                            .engine = &stream->engine,
                            .questions = &context->connection.questions,
                            .contexts = kind->contexts,
                            .stats = stream->stats,
                            .chosen = janet_wrap_nil()};
    request_queue_init(&stream->handshakers);
    request_queue_init(&stream->readers);
    request_queue_init(&stream->requesters);
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

bool stream_attach(Stream *stream, int descriptor, bool used, Failure *failure) {
    if (stream->settings.nodelay) socket_set_nodelay(descriptor);
    stream->writable = true; /* until a send fails; events report what can be read */
    stream->readable = used;
    stream->engine.corks = !stream->kind->datagram;
    if (poller_add(&stream->watcher, descriptor)) return true;
    failure_set(failure, "%s", strerror(errno));
    stream->watcher.descriptor = descriptor;
    stream_drop(stream);
    return false;
}

SSL *stream_ssl(const Stream *stream) {
    return stream->engine.ssl;
}

void stream_observe(Stream *stream, StreamObserver observer) {
    stream->observer = observer;
}

static void mark_root(GcRoot *root) {
    janet_mark(janet_wrap_abstract((char *)root - offsetof(Stream, root)));
}

void stream_hold(Stream *stream) {
    poller_add_root(&stream->root, mark_root);
}

void stream_release(Stream *stream) {
    poller_remove_root(&stream->root);
}

void stream_wake_for_close(Stream *stream) {
    Request *request;
    request_end_dead(&stream->readers);
    request_end_dead(&stream->requesters);
    request_end_dead(&stream->writers);
    request_end_dead(&stream->handshakers);
    while ((request = request_first_waiting(&stream->readers))) {
        request_complete(request, &stream->readers, janet_wrap_nil());
    }
    stream_fail_requesters(stream, "stream closed");
    stream_fail_writers(stream, "stream closed");
    stream_fail_handshakers(stream, "stream closed");
}

void stream_drop(Stream *stream) {
    if (stream->state == STREAM_CLOSED) return;
    poller_unset_timer(&stream->timer);
    stream_release(stream);
    if (stream->engine.corked) engine_flush(&stream->engine); /* the peer waits for its handshake */
    free_native(stream);
    memory_detach(stream);
    stream_wake_for_close(stream);
    stream_serve_closers(stream);
}

void stream_abort(Stream *stream) {
    if (stream->state >= STREAM_CLOSING) return;
    stream->cut = true;
    if (stream->state != STREAM_OPEN) {
        stream_drop(stream);
        return;
    }
    stream_hold(stream);
    stream_begin_close(stream);
}

/* --- the calls that wait --- */

void stream_advance(Stream *stream) {
    if (!stream->started) return;
    bool fresh = stream->state == STREAM_HANDSHAKING;
    if (fresh) stream_advance_handshake(stream);
    if (stream->state == STREAM_HANDSHAKING || stream->state == STREAM_CLOSED) return;
    if (stream->state == STREAM_OPEN && !fresh) engine_flush(&stream->engine);
    stream_serve_readers(stream);
    stream_serve_requesters(stream);
    /* When a last flight was lost the peer asks for it again: answer, even if no fiber reads. */
    if (stream->kind->datagram && stream->state == STREAM_OPEN && stream->readable)
        engine_peek(&stream->engine);
    if (stream->state == STREAM_OPEN && stream->engine.fresh_count) stream_report_sessions(stream);
    stream_serve_writers(stream);
    stream_serve_closers(stream);
}

bool stream_may_try(Stream *stream, RequestQueue *queue) {
    request_end_cancelled(queue);
    if (stream->state == STREAM_FAILED) return true;
    return stream->state == STREAM_OPEN && !request_first_waiting(queue) &&
           poller_spend(&stream->returns, MAX_RETURNS_PER_TURN);
}

bool stream_finish(Stream *stream, Request *request, RequestQueue *queue, Outcome outcome) {
    switch (outcome.progress) {
    case CALL_RETURNS: request_complete(request, queue, outcome.value); return true;
    case CALL_RAISES: request_fail(request, queue, outcome.value); return true;
    case CALL_YIELDS: poller_turn(&stream->watcher); return false;
    default: return false;
    }
}

void stream_park(Stream *stream, Request *request, double timeout, Progress progress) {
    if (stream->state == STREAM_HANDSHAKING) {
        stream_start(stream, 0);
    } else if (progress == CALL_YIELDS) {
        poller_turn(&stream->watcher);
    }
    request_park(request, timeout);
}
