/* The handshake of a stream: its waiters, its time, and its end. */
#include "base/args.h"
#include "core/tls/datagram.h"
#include "stream/memory.h"
#include "stream/stream_internal.h"

#include <math.h>

/* --- requests --- */

void handshake_undelivered(Request *request) {
    HandshakeRequest *handshake = (HandshakeRequest *)request;
    if (handshake->orphan && handshake->stream) stream_drop(handshake->stream);
}

void handshake_cancelled(Request *request) {
    Stream *stream = ((HandshakeRequest *)request)->stream;
    if (stream) request_dequeue(&stream->handshakers, request);
    handshake_undelivered(request);
}

void handshake_mark(Request *request) {
    Stream *stream = ((HandshakeRequest *)request)->stream;
    if (stream) janet_mark(janet_wrap_abstract(stream));
}

static void note_timeout(const Request *request) {
    stream_note_timeout(((const HandshakeRequest *)request)->stream);
}

static const RequestKind handshake_kind = {
    .cancelled = handshake_cancelled,
    .undelivered = handshake_undelivered,
    .mark = handshake_mark,
    .timed_out = note_timeout,
};

void handshake_join(Stream *stream, HandshakeRequest *request) {
    request->stream = stream;
    request_enqueue(&stream->handshakers, &request->request);
    stream_start(stream, 0);
}

void handshake_await(Stream *stream, const char *function, double timeout, bool orphan) {
    HandshakeRequest *request = request_new(sizeof *request, 0, &handshake_kind);
    request->function = function;
    request->orphan = orphan;
    handshake_join(stream, request);
    request_park(&request->request, timeout);
}

static void wake_handshakers(Stream *stream, bool established) {
    Request *request;
    while ((request = request_first_waiting(&stream->handshakers))) {
        const char *function = ((HandshakeRequest *)request)->function;
        Outcome outcome = established ? call_returns(janet_wrap_abstract(stream))
                                      : call_raises(stream_error(stream, function));
        stream_finish(stream, request, &stream->handshakers, outcome);
    }
}

void stream_fail_handshakers(Stream *stream, const char *error) {
    Request *request;
    while ((request = request_first_waiting(&stream->handshakers))) {
        request_fail(request, &stream->handshakers, janet_cstringv(error));
    }
}

/* --- the end --- */

static void count_handshake(Stream *stream, bool established) {
    Stats *stats = stream->stats;
    atomic_fetch_add(established ? &stats->handshakes : &stats->failed, 1);
    if (!established) return;
    if (SSL_session_reused(stream->engine.ssl)) atomic_fetch_add(&stats->resumed, 1);
    atomic_fetch_add(&stats->open, 1);
    stream->counted = true;
}

static void end_handshake(Stream *stream, bool established) {
    poller_unset_timer(&stream->timer);
    asker_stop(&stream->asker);
    count_handshake(stream, established);
    stream->took = handshake_clock_taken(&stream->clock);
    stream->state = established ? STREAM_OPEN : STREAM_FAILED;
    if (!established) { /* the alert was sent */
        stream_close_descriptor(stream);
        memory_detach(stream);
    }
    stream_release(stream); /* unless its observer holds it */
    wake_handshakers(stream, established);
    if (stream->observer.handshake_ended) {
        stream->observer.handshake_ended(stream, stream->observer.arg, established);
    }
    if (stream->engine.corked) poller_soon(&stream->watcher); /* unless data goes out before */
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

/* --- time --- */

static void arm_timer(Stream *stream);

static void on_timer(Timer *timer) {
    Stream *stream = (Stream *)((char *)timer - offsetof(Stream, timer));
    if (stream->dial) datagram_forget_pending(&stream->engine); /* the dial has sent it */
    EngineStatus status = handshake_clock_check(&stream->clock, &stream->engine);
    if (stream->dial) dial_again(stream->dial);
    if (status == ENGINE_FAILED) {
        fail_handshake(stream);
        stream_advance(stream);
    } else {
        arm_timer(stream);
    }
}

static void arm_timer(Stream *stream) {
    double due = handshake_clock_due(&stream->clock, &stream->engine);
    if (due < INFINITY) poller_set_timer(&stream->timer, due, on_timer);
}

/* --- progress --- */

void stream_start(Stream *stream, double spent) {
    if (stream->started) return;
    stream->started = true;
    stream->clock = handshake_clock_start(stream->settings.handshake_timeout, spent);
    stream_hold(stream);
    arm_timer(stream);
    stream_advance(stream);
}

void stream_advance_handshake(Stream *stream) {
    EngineStatus status = asker_handshake(&stream->asker);
    if (stream->kind->datagram && status == ENGINE_WANTS_READ) arm_timer(stream);
    if (status == ENGINE_DONE) end_handshake(stream, true);
    if (status == ENGINE_FAILED) fail_handshake(stream);
}

STREAM_METHOD(shared_handshake) {
    args_arity(caller, argc, 1, 2);
    Stream *stream = stream_get_open(argv, 0);
    double timeout = args_timeout(caller, argv, argc, 1);
    const char *function = "%s-stream/handshake";
    if (stream->state == STREAM_FAILED) janet_panicv(stream_error(stream, function));
    if (stream->state == STREAM_OPEN) return argv[0];
    handshake_await(stream, function, timeout, false);
}
