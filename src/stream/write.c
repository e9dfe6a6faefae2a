/* write and shutdown: output leaves the stream in the order of the calls. A write of a DTLS client
 * sends one datagram and returns its bytes, as core's functions on datagrams do. */
#include "base/args.h"
#include "base/raise.h"
#include "stream/stream_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

typedef struct WriteJob {
    Stream *stream;
    const uint8_t *data;
    size_t length, taken;
    int32_t total; /* of the call */
    bool begun;    /* some of its data was sealed */
    bool shutdown; /* without data: end this direction */
} WriteJob;

typedef struct WriteRequest {
    Request request;
    WriteJob job;
    Janet keeps;    /* the string that data points into; nil: the copy below */
    uint8_t copy[]; /* of a buffer, which may change while the call waits */
} WriteRequest;

/* A write ended with an error. If some of its data was sealed, the peer gets a part of it: the
 * stream must not end cleanly any more. A datagram is sent whole or not at all. */
static void mark_cut(const WriteJob *job) {
    if (job->begun && !job->stream->kind->datagram) job->stream->cut = true;
}

static Outcome try_shutdown(WriteJob *job) {
    Stream *stream = job->stream;
    EngineStatus status = stream_end_output(stream);
    bool waits = status == ENGINE_WANTS_WRITE || status == ENGINE_WANTS_READ;
    if (waits && !stream->cut) return call_waits();
    stream->write_shut = true;
    if (!stream->cut) return call_returns(janet_wrap_abstract(stream));
    return call_raises(
        janet_cstringv("tls/shutdown: no close_notify was sent: an earlier write ended with an "
                       "error after a part of its data was sent; close the stream"));
}

/* Core's functions return nil for streams, the number of bytes for datagrams. */
static Janet make_write_result(const Stream *stream, int32_t length) {
    return stream->kind->datagram ? janet_wrap_integer(length) : janet_wrap_nil();
}

static Outcome try_write(WriteJob *job) {
    Stream *stream = job->stream;
    if (job->shutdown && stream->state == STREAM_OPEN) return try_shutdown(job);
    if (stream->write_shut) {
        mark_cut(job);
        return call_raises(janet_cstringv(strerror(EPIPE)));
    }
    size_t taken, left = job->length - job->taken;
    size_t max = left < MAX_PER_TURN ? left : MAX_PER_TURN;
    EngineStatus status = engine_write(&stream->engine, job->data + job->taken, max, &taken);
    job->taken += taken;
    if (taken) job->begun = true;
    if (status == ENGINE_WANTS_READ || status == ENGINE_WANTS_WRITE) return call_waits();
    if (status != ENGINE_DONE) return call_raises(stream_error(stream, "%s/write"));
    return max < left ? call_yields() : call_returns(make_write_result(stream, job->total));
}

/* Sealed bytes are sent all the same; the rest is dropped, and the next writer continues. */
static void cancel_write(Request *request) {
    Stream *stream = ((WriteRequest *)request)->job.stream;
    mark_cut(&((WriteRequest *)request)->job);
    request_dequeue(&stream->writers, request);
    if (request_first_waiting(&stream->writers)) poller_turn(&stream->watcher);
}

/* The write succeeded, but its fiber was cancelled before it resumed. */
static void undeliver_write(Request *request) {
    mark_cut(&((WriteRequest *)request)->job);
}

static void mark_write(Request *request) {
    janet_mark(janet_wrap_abstract(((WriteRequest *)request)->job.stream));
    janet_mark(((WriteRequest *)request)->keeps);
}

static void note_timeout(const Request *request) {
    stream_note_timeout(((const WriteRequest *)request)->job.stream);
}

static const RequestKind write_kind = {
    .cancelled = cancel_write,
    .undelivered = undeliver_write,
    .mark = mark_write,
    .timed_out = note_timeout,
};

void stream_serve_writers(Stream *stream) {
    Request *request;
    request_end_cancelled(&stream->writers);
    while ((request = request_first_waiting(&stream->writers))) {
        Outcome outcome = try_write(&((WriteRequest *)request)->job);
        if (!stream_finish(stream, request, &stream->writers, outcome)) return;
    }
}

void stream_fail_writers(Stream *stream, const char *error) {
    Request *request;
    request_end_cancelled(&stream->writers);
    while ((request = request_first_waiting(&stream->writers))) {
        mark_cut(&((WriteRequest *)request)->job);
        request_fail(request, &stream->writers, janet_cstringv(error));
    }
}

/* Copy a buffer, since it can change while the call waits. */
static WriteRequest *new_request(const WriteJob *job, Janet source) {
    size_t left = job->length - job->taken;
    bool changes = job->data && janet_checktype(source, JANET_BUFFER);
    WriteRequest *request = request_new(sizeof *request, changes ? left : 0, &write_kind);
    request->job = *job;
    request->keeps = changes ? janet_wrap_nil() : source;
    if (changes) {
        memcpy(request->copy, job->data + job->taken, left);
        request->job.data = request->copy;
        request->job.length = left;
        request->job.taken = 0;
    }
    return request;
}

static Janet run_write(WriteJob *job, Janet source, double timeout) {
    Stream *stream = job->stream;
    stream->timed_out = false;
    bool now = stream_may_try(stream, &stream->writers);
    Outcome outcome = now ? try_write(job) : call_yields();
    if (outcome.progress == CALL_RETURNS) return outcome.value;
    if (outcome.progress == CALL_RAISES) janet_panicv(outcome.value);
    WriteRequest *request = new_request(job, source);
    request_enqueue(&stream->writers, &request->request);
    stream_park(stream, &request->request, timeout, outcome.progress);
}

STREAM_METHOD(shared_write) {
    args_arity(caller, argc, 2, 3);
    Stream *stream = stream_get_open(argv, 0);
    JanetByteView view = args_view(caller, argv, 1);
    double timeout = args_timeout(caller, argv, argc, 2);
    if (!view.len) return make_write_result(stream, 0);
    if (stream->kind->datagram) stream_check_datagram("dtls/write", (size_t)view.len);
    WriteJob job = {.stream = stream, .data = view.bytes};
    job.length = (size_t)view.len;
    job.total = view.len;
    return run_write(&job, argv[1], timeout);
}

/* --- shutdown --- */

typedef enum Ways { WAYS_READ = 1, WAYS_WRITE = 2, WAYS_FORCE = 4 } Ways;

static unsigned get_ways(const Janet *argv, int32_t argc) {
    if (argc < 2 || janet_checktype(argv[1], JANET_NIL)) return WAYS_READ | WAYS_WRITE;
    if (janet_checktype(argv[1], JANET_BOOLEAN)) {
        return WAYS_READ | WAYS_WRITE | (janet_unwrap_boolean(argv[1]) ? WAYS_FORCE : 0u);
    }
    janet_getkeyword(argv, 1);
    if (janet_keyeq(argv[1], "r")) return WAYS_READ;
    if (janet_keyeq(argv[1], "w")) return WAYS_WRITE;
    if (janet_keyeq(argv[1], "rw")) return WAYS_READ | WAYS_WRITE;
    janet_panicf("unexpected keyword %s", raise_shown(argv[1]));
}

static void shut_reading(Stream *stream) {
    stream->read_shut = true;
    stream_serve_readers(stream);
}

STREAM_METHOD(shared_shutdown) {
    args_arity(caller, argc, 1, 3);
    Stream *stream = stream_get_open(argv, 0);
    unsigned ways = get_ways(argv, argc);
    double timeout = args_timeout(caller, argv, argc, 2);
    if (ways & WAYS_READ) shut_reading(stream);
    if (ways & WAYS_FORCE) {
        stream->write_shut = true;
        if (stream->watcher.descriptor >= 0) shutdown(stream->watcher.descriptor, SHUT_RDWR);
        stream_serve_writers(stream);
        return argv[0];
    }
    if (!(ways & WAYS_WRITE) || (stream->write_shut && !stream->cut)) return argv[0];
    WriteJob job = {.stream = stream, .shutdown = true};
    return run_write(&job, argv[0], timeout);
}
