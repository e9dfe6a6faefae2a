/* close: our close_notify is sent, the peer's awaited for a while, late data dropped. */
#include "stream/stream_internal.h"

#include <math.h>

#define MAX_DISCARDED 64 /* records of a peer that goes on sending */

typedef struct CloseRequest {
    Request request;
    Stream *stream;
} CloseRequest;

/* A closing fiber that is cancelled still closes: nothing is left for anybody else to do. */
static void cancel_close(Request *request) {
    Stream *stream = ((CloseRequest *)request)->stream;
    request_dequeue(&stream->closers, request);
    stream_drop(stream);
}

static void close_mark(Request *request) {
    janet_mark(janet_wrap_abstract(((CloseRequest *)request)->stream));
}

static const RequestKind close_kind = {.cancelled = cancel_close, .mark = close_mark};

/* Is there still something to wait for? */
static bool step(Stream *stream) {
    EngineStatus status = stream_end_output(stream);
    if (status != ENGINE_DONE) return status != ENGINE_FAILED;
    if (stream->kind->datagram || stream->cut)
        return false; /* the answer may be lost: nobody waits for it */
    uint8_t late[4096];
    size_t got;
    while ((status = engine_read(&stream->engine, late, sizeof late, &got)) == ENGINE_DONE) {
        if (++stream->discarded > MAX_DISCARDED) return false;
    }
    return status == ENGINE_WANTS_READ || status == ENGINE_WANTS_WRITE;
}

static void wake_closers(Stream *stream) {
    Request *request;
    while ((request = request_first_waiting(&stream->closers))) {
        request_complete(request, &stream->closers, janet_wrap_abstract(stream));
    }
}

void stream_serve_closers(Stream *stream) {
    if (stream->state == STREAM_CLOSING && !step(stream)) stream_drop(stream);
    if (stream->state == STREAM_CLOSED) wake_closers(stream);
}

static void expired(Timer *timer) {
    stream_drop((Stream *)((char *)timer - offsetof(Stream, timer)));
}

void stream_begin_close(Stream *stream) {
    stream->state = STREAM_CLOSING;
    stream_wake_for_close(stream);
    stream_serve_closers(stream);
    if (stream->state == STREAM_CLOSING && stream->settings.close_timeout < INFINITY) {
        poller_set_timer(&stream->timer, stream->settings.close_timeout, expired);
    }
}

Janet cfun_shared_close(int32_t argc, Janet *argv) {
    janet_arity(argc, 1, 2);
    Stream *stream = stream_get(argv, 0);
    bool force = argc > 1 && janet_truthy(argv[1]);
    if (force || stream->state == STREAM_HANDSHAKING || stream->state == STREAM_FAILED) {
        stream_drop(stream);
    }
    if (stream->state == STREAM_OPEN) stream_begin_close(stream);
    if (stream->state == STREAM_CLOSED) return argv[0];
    CloseRequest *request = request_new(sizeof *request, 0, &close_kind);
    request->stream = stream;
    request_enqueue(&stream->closers, &request->request);
    request_park(&request->request, INFINITY);
}
