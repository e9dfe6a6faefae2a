/* close: returns when the kernel has taken everything that was written, and close_notify. The
 * socket then lingers in the background, without the stream (net/linger.h). */
#include "base/args.h"
#include "base/raise.h"
#include "net/linger.h"
#include "stream/stream_internal.h"

#include <math.h>

typedef struct CloseRequest {
    Request request;
    Stream *stream;
} CloseRequest;

/* A close that is cancelled still closes, unless another fiber waits for the same. */
static void cancel_close(Request *request) {
    Stream *stream = ((CloseRequest *)request)->stream;
    request_dequeue(&stream->closers, request);
    if (!request_first_waiting(&stream->closers)) stream_drop(stream);
}

static void mark_close(Request *request) {
    janet_mark(janet_wrap_abstract(((CloseRequest *)request)->stream));
}

static const RequestKind close_kind = {.cancelled = cancel_close, .mark = mark_close};

/* Input may come as long as the peer has not ended its direction. */
static bool should_linger(const Stream *stream) {
    const Engine *engine = &stream->engine;
    return stream->watcher.descriptor >= 0 && !stream->kind->datagram && !engine->transport_eof &&
           !engine->send_errno && !engine->receive_errno && !engine_peer_closed(engine);
}

/* All is sent: free the engine, and leave the descriptor behind. */
static void finish_close(Stream *stream) {
    if (should_linger(stream)) {
        int descriptor = stream->watcher.descriptor;
        poller_remove(&stream->watcher);
        linger_close(descriptor, stream->settings.close_timeout);
    }
    stream_drop(stream);
}

/* A peer that writes before it reads would never make room for close_notify. */
static void discard_input(Stream *stream) {
    int descriptor = stream->watcher.descriptor;
    if (descriptor < 0 || stream->kind->datagram) return;
    if (linger_discard(descriptor)) poller_turn(&stream->watcher);
}

void stream_serve_closers(Stream *stream) {
    Request *request;
    if (stream->state == STREAM_CLOSING) {
        EngineStatus status = stream_end_output(stream);
        if (status == ENGINE_DONE) finish_close(stream);
        if (status == ENGINE_WANTS_WRITE) discard_input(stream);
        if (status == ENGINE_FAILED) stream_drop(stream);
    }
    if (stream->state != STREAM_CLOSED) return;
    while ((request = request_first_waiting(&stream->closers))) {
        request_complete(request, &stream->closers, janet_wrap_abstract(stream));
    }
}

static void expire_close(Timer *timer) {
    Stream *stream = (Stream *)((char *)timer - offsetof(Stream, timer));
    Request *request;
    Failure failure;
    if (stream->cut) { /* the interrupted write has raised already */
        stream_drop(stream);
        return;
    }
    failure_set(&failure, "the peer did not read all that was written within %g s",
                stream->settings.close_timeout);
    Janet error = raise_text(stream_function(stream, "%s/close"), &failure);
    stream_note_error(stream, error);
    while ((request = request_first_waiting(&stream->closers))) {
        request_fail(request, &stream->closers, error);
    }
    stream_drop(stream);
}

void stream_begin_close(Stream *stream) {
    stream->state = STREAM_CLOSING;
    stream_wake_for_close(stream);
    stream_serve_closers(stream);
    if (stream->state == STREAM_CLOSING && stream->settings.close_timeout < INFINITY) {
        poller_set_timer(&stream->timer, stream->settings.close_timeout, expire_close);
    }
}

Janet cfun_shared_close(int32_t argc, Janet *argv) {
    args_arity(NULL, argc, 1, 2);
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
