/* read and chunk: bytes straight from the engine into the caller's buffer. Of datagrams a read gives
 * one, or what is left of one. */
#include "stream/stream.h"

#include "base/raise.h"

#include <string.h>

#define RECORD (16 << 10) /* bytes that engine_read gives at most */
#define GLANCE (2 << 10)  /* bytes that are read before a buffer is made for them */

typedef struct ReadJob {
    Stream *stream;
    JanetBuffer *buffer; /* NULL: none was given, and nothing has come yet */
    int32_t start;       /* where in the buffer this call's bytes begin, once it has some */
    int32_t wanted, got;
    int64_t from; /* where in the stream they begin */
    bool whole;   /* wait for all of it: chunk, :all */
    bool given;   /* the buffer is the caller's */
    const char *function;
} ReadJob;

typedef struct ReadRequest {
    Request request;
    ReadJob job;
} ReadRequest;

/* --- bytes given back --- */

static void give_back(Stream *stream, int64_t from, const uint8_t *bytes, int32_t length) {
    JanetBuffer *returned = janet_buffer(length);
    JanetBuffer *others = stream->returned;
    bool before = !others || from < stream->returned_at;
    if (!before) janet_buffer_push_bytes(returned, others->data, others->count);
    janet_buffer_push_bytes(returned, bytes, length);
    if (before && others) janet_buffer_push_bytes(returned, others->data, others->count);
    if (before) stream->returned_at = from;
    stream->returned = returned;
}

/* Take this call's bytes out of its buffer again, for the next reader. */
static void take_back(ReadJob *job) {
    JanetBuffer *buffer = job->buffer;
    int32_t end = job->start + job->got;
    if (!job->got || buffer->count < end) return; /* somebody else cut the buffer */
    give_back(job->stream, job->from, buffer->data + job->start, job->got);
    memmove(buffer->data + job->start, buffer->data + end, (size_t)(buffer->count - end));
    buffer->count -= job->got;
    job->got = 0;
    if (request_first_waiting(&job->stream->readers)) poller_turn(&job->stream->watcher);
}

/* The first bytes of a call are about to come. Somebody else may have used the buffer until now. */
static void begin_at(ReadJob *job, int64_t from) {
    if (job->got) return;
    job->from = from;
    job->start = job->buffer ? job->buffer->count : 0;
}

/* --- room --- */

/* No more than is needed, where the buffer held nothing; buffers that grow double. */
static void grow(ReadJob *job, int32_t more) {
    JanetBuffer *buffer = job->buffer;
    if (!buffer) {
        job->buffer = janet_buffer(more);
    } else if (more > buffer->capacity - buffer->count) {
        janet_buffer_ensure(buffer, buffer->count + more, buffer->count ? 2 : 1);
    }
}

static bool may_grow(const ReadJob *job, int32_t more, Janet *error) {
    const JanetBuffer *buffer = job->buffer;
    if (!buffer || more <= buffer->capacity - buffer->count) return true;
    bool foreign = buffer->gc.flags & JANET_BUFFER_FLAG_NO_REALLOC;
    if (!foreign && more <= INT32_MAX - buffer->count) return true;
    *error =
        janet_cstringv(foreign ? "buffer cannot reallocate foreign memory" : "buffer overflow");
    return false;
}

typedef struct Room {
    uint8_t *at;
    int32_t size;
    uint8_t glance[GLANCE];
} Room;

/* How many bytes may come at once. */
static int32_t max_at_once(const ReadJob *job) {
    int32_t left = job->wanted - job->got;
    return left < RECORD ? left : RECORD;
}

/* Where the next bytes go: into the buffer, if it has room or if it is known how many there are. Else
 * we look first. So a call that waits holds no memory, and what it returns is no larger than what
 * came. */
static bool find_room(ReadJob *job, Room *room, Janet *error) {
    int32_t max = max_at_once(job);
    int32_t waiting = (int32_t)engine_waiting(&job->stream->engine);
    if (waiting && waiting < max) max = waiting;
    if (!may_grow(job, max, error)) return false;
    if (waiting) grow(job, max);
    const JanetBuffer *buffer = job->buffer;
    bool fits = buffer && max <= buffer->capacity - buffer->count;
    room->at = fits ? buffer->data + buffer->count : room->glance;
    room->size = fits || max < GLANCE ? max : GLANCE;
    return true;
}

/* What came, with the rest of its record, which comes next: the buffer need not grow twice. */
static int32_t with_rest(const ReadJob *job, int32_t got) {
    int32_t max = max_at_once(job);
    int32_t whole = got + (int32_t)engine_waiting(&job->stream->engine);
    return whole < max ? whole : max;
}

static void take(ReadJob *job, const Room *room, int32_t got) {
    Stream *stream = job->stream;
    begin_at(job, stream->read_at);
    stream->read_at += got;
    if (!job->buffer || room->at == room->glance) {
        grow(job, with_rest(job, got));
        memcpy(job->buffer->data + job->buffer->count, room->glance, (size_t)got);
    }
    job->buffer->count += got;
    job->got += got;
}

static void take_returned(ReadJob *job) {
    Stream *stream = job->stream;
    JanetBuffer *returned = stream->returned;
    if (!returned) return;
    int32_t n = job->wanted - job->got;
    if (n > returned->count) n = returned->count;
    if (!job->buffer) job->buffer = janet_buffer(n);
    begin_at(job, stream->returned_at);
    janet_buffer_push_bytes(job->buffer, returned->data, n);
    job->got += n;
    stream->returned_at += n;
    returned->count -= n;
    memmove(returned->data, returned->data + n, (size_t)returned->count);
    if (!returned->count) stream->returned = NULL;
}

/* --- the step --- */

static Step value(Janet *out, Janet result) {
    *out = result;
    return STEP_VALUE;
}

static Step have(ReadJob *job, Janet *out) {
    return value(out, job->got ? janet_wrap_buffer(job->buffer) : janet_wrap_nil());
}

/* A read of nothing tells when there is something: data, or the end. */
static Step peek_step(ReadJob *job, Janet *out) {
    Stream *stream = job->stream;
    EngineStatus status = stream->returned ? ENGINE_DONE : engine_peek(&stream->engine);
    if (stream->read_shut) status = ENGINE_EOF;
    if (status == ENGINE_DONE || status == ENGINE_EOF) return value(out, janet_wrap_nil());
    if (status != ENGINE_FAILED) return STEP_WAIT;
    *out = stream_error(stream, job->function);
    return STEP_ERROR;
}

static Step fail(ReadJob *job, Janet *out, Janet error) {
    if (!job->given) take_back(job);
    *out = error;
    return STEP_ERROR;
}

/* Would the engine only find that the socket has nothing? Each event is asked about once. */
static bool is_drained(const Stream *stream) {
    return stream->watcher.descriptor >= 0 && !stream->readable && !stream->read_shut &&
           engine_is_drained(&stream->engine);
}

static Step read_step(ReadJob *job, Janet *out) {
    Stream *stream = job->stream;
    int32_t before = job->got;
    bool one = stream->kind->datagram && !job->whole;
    if (!job->wanted) return peek_step(job, out);
    take_returned(job);
    if (one && job->got) return have(job, out);
    while (job->got < job->wanted && !is_drained(stream)) {
        Room room;
        size_t got;
        if (!find_room(job, &room, out)) return fail(job, out, *out);
        EngineStatus status = engine_read(&stream->engine, room.at, (size_t)room.size, &got);
        /* What had come before the shutdown is still read, as from a socket. */
        if (stream->read_shut && status != ENGINE_DONE) status = ENGINE_EOF;
        if (status == ENGINE_EOF) return have(job, out);
        /* What came before a failure is delivered; the next read tells of it. */
        if (status == ENGINE_FAILED && (job->whole || !job->got)) {
            return fail(job, out, stream_error(stream, job->function));
        }
        if (status != ENGINE_DONE) break;
        take(job, &room, (int32_t)got);
        /* What waits may be datagrams that overtook the handshake's last: OpenSSL counts all of them. */
        if (one && ((int32_t)got < room.size || !engine_waiting(&stream->engine))) break;
        if (job->got - before > MAX_PER_TURN) return job->whole ? STEP_TURN : have(job, out);
    }
    bool enough = job->got == job->wanted || (job->got && !job->whole);
    return enough ? have(job, out) : STEP_WAIT;
}

/* --- waiting --- */

static void cancel_read(Request *request) {
    ReadJob *job = &((ReadRequest *)request)->job;
    request_dequeue(&job->stream->readers, request);
    if (!job->given) take_back(job);
}

/* A chunk's bytes stay in the caller's buffer, as if it had timed out a moment before; a read's go
 * to the next reader, who would otherwise miss them. */
static void take_back_read(Request *request) {
    ReadJob *job = &((ReadRequest *)request)->job;
    if (!job->given || !job->whole) take_back(job);
}

static void read_mark(Request *request) {
    ReadJob *job = &((ReadRequest *)request)->job;
    janet_mark(janet_wrap_abstract(job->stream));
    if (job->buffer) janet_mark(janet_wrap_buffer(job->buffer));
}

static void read_resumed(Request *request) {
    Stream *stream = ((ReadRequest *)request)->job.stream;
    if (stream->delivered != request) return;
    stream->delivered = NULL;
    if (request_first_waiting(&stream->readers)) poller_turn(&stream->watcher);
}

static const RequestKind read_kind = {
    .cancelled = cancel_read,
    .undelivered = take_back_read,
    .mark = read_mark,
    .resumed = read_resumed,
};

/* One reader's data a turn: what it is given may come back, and belongs before what the next one
 * would get. */
void stream_serve_readers(Stream *stream) {
    Request *request;
    Janet out;
    while (!stream->delivered && (request = request_first_waiting(&stream->readers))) {
        Step step = read_step(&((ReadRequest *)request)->job, &out);
        if (step == STEP_TURN) poller_turn(&stream->watcher);
        if (step < STEP_VALUE) return;
        if (((ReadRequest *)request)->job.got) stream->delivered = request;
        (step == STEP_VALUE ? request_complete : request_fail)(request, &stream->readers, out);
    }
}

static Janet start(ReadJob *job, double timeout) {
    Stream *stream = job->stream;
    Janet out;
    Step step = STEP_TURN;
    if (!stream->delivered && stream_may_try(stream, &stream->readers)) step = read_step(job, &out);
    if (stream->engine.fresh_count) stream_tell_sessions(stream);
    if (step == STEP_VALUE) return out;
    if (step == STEP_ERROR) janet_panicv(out);
    ReadRequest *request = request_new(sizeof *request, 0, &read_kind);
    request->job = *job;
    request_enqueue(&stream->readers, &request->request);
    stream_park(stream, &request->request, timeout, step);
}

static int32_t get_count(const Janet *argv, int32_t n) {
    return janet_getnat(argv, n);
}

static Janet read_with(int32_t argc, Janet *argv, bool all, bool whole, const char *name) {
    Stream *stream = stream_get_open(argv, 0);
    ReadJob job = {.stream = stream, .whole = whole};
    job.function = stream_call(stream, name);
    job.wanted = all ? INT32_MAX : get_count(argv, 1);
    job.given = argc > 2 && !janet_checktype(argv[2], JANET_NIL);
    double timeout = stream_timeout(argv, argc, 3);
    if (job.given) job.buffer = janet_getbuffer(argv, 2);
    return start(&job, timeout);
}

Janet cfun_tls_read(int32_t argc, Janet *argv) {
    janet_arity(argc, 2, 4);
    bool all = janet_keyeq(argv[1], "all");
    return read_with(argc, argv, all, all, "dtls/read");
}

Janet cfun_tls_chunk(int32_t argc, Janet *argv) {
    janet_arity(argc, 2, 4);
    return read_with(argc, argv, false, true, "dtls/chunk");
}
