/* read and chunk: bytes straight from the engine into the caller's buffer. Of datagrams a read gives
 * one, or what is left of one. */
#include "stream/stream.h"

#include "base/raise.h"

#include <string.h>

#define STEP_ROOM (16 << 10) /* one record: what is reserved in a buffer at a time */

typedef struct ReadJob {
    Stream *stream;
    JanetBuffer *buffer;
    int32_t start; /* where in the buffer this call's bytes begin, once it has some */
    int32_t wanted, got;
    int64_t from; /* where in the stream they begin */
    bool whole;   /* wait for all of it: chunk, :all */
    bool given;   /* the buffer is the caller's */
    const char *function;
} ReadJob;

typedef struct ReadOp {
    Op op;
    ReadJob job;
} ReadOp;

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
    if (op_first_waiting(&job->stream->readers)) poller_turn(&job->stream->source);
}

/* The first bytes of a call are about to come. Somebody else may have used the buffer until now. */
static void begin_at(ReadJob *job, int64_t from) {
    if (job->got) return;
    job->from = from;
    job->start = job->buffer->count;
}

static void take_returned(ReadJob *job) {
    Stream *stream = job->stream;
    JanetBuffer *returned = stream->returned;
    if (!returned) return;
    int32_t n = job->wanted - job->got;
    if (n > returned->count) n = returned->count;
    begin_at(job, stream->returned_at);
    janet_buffer_push_bytes(job->buffer, returned->data, n);
    job->got += n;
    stream->returned_at += n;
    returned->count -= n;
    memmove(returned->data, returned->data + n, (size_t)returned->count);
    if (!returned->count) stream->returned = NULL;
}

/* --- the step --- */

static bool reserve(ReadJob *job, int32_t *room, Janet *error) {
    int32_t left = job->wanted - job->got;
    *room = left < STEP_ROOM ? left : STEP_ROOM;
    JanetBuffer *buffer = job->buffer;
    if (*room <= buffer->capacity - buffer->count) return true;
    bool foreign = buffer->gc.flags & JANET_BUFFER_FLAG_NO_REALLOC;
    if (!foreign && *room <= INT32_MAX - buffer->count) {
        janet_buffer_extra(buffer, *room);
        return true;
    }
    *error =
        janet_cstringv(foreign ? "buffer cannot reallocate foreign memory" : "buffer overflow");
    return false;
}

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

static Step read_step(ReadJob *job, Janet *out) {
    Stream *stream = job->stream;
    size_t moved = 0;
    bool one = stream->kind->datagram && !job->whole;
    if (!job->wanted) return peek_step(job, out);
    take_returned(job);
    if (one && job->got) return have(job, out);
    while (job->got < job->wanted) {
        int32_t room;
        size_t got;
        if (!reserve(job, &room, out)) return fail(job, out, *out);
        uint8_t *into = job->buffer->data + job->buffer->count;
        EngineStatus status = engine_read(&stream->engine, into, (size_t)room, &got);
        bool some = job->got && !job->whole;
        /* What had come before the shutdown is still read, as from a socket. */
        if (stream->read_shut && status != ENGINE_DONE) status = ENGINE_EOF;
        switch (status) {
        case ENGINE_DONE:
            begin_at(job, stream->read_at);
            stream->read_at += (int64_t)got;
            job->buffer->count += (int32_t)got;
            job->got += (int32_t)got;
            moved += got;
            if (one) return have(job, out);
            if (moved > MOST_A_TURN && job->whole) return STEP_TURN;
            if (moved > MOST_A_TURN) return have(job, out);
            break;
        case ENGINE_WANTS_READ:
        case ENGINE_WANTS_ANSWER:
        case ENGINE_WANTS_WRITE: return some ? have(job, out) : STEP_WAIT;
        case ENGINE_EOF: return have(job, out);
        case ENGINE_FAILED:
            /* What came before the failure is delivered; the next read tells of it. */
            if (some) return have(job, out);
            return fail(job, out, stream_error(stream, job->function));
        }
    }
    return have(job, out);
}

/* --- waiting --- */

static void read_abandon(Op *op) {
    ReadJob *job = &((ReadOp *)op)->job;
    op_dequeue(&job->stream->readers, op);
    if (!job->given) take_back(job);
}

/* A chunk's bytes stay in the caller's buffer, as if it had timed out a moment before; a read's go
 * to the next reader, who would otherwise miss them. */
static void read_overtaken(Op *op) {
    ReadJob *job = &((ReadOp *)op)->job;
    if (!job->given || !job->whole) take_back(job);
}

static void read_mark(Op *op) {
    ReadJob *job = &((ReadOp *)op)->job;
    janet_mark(janet_wrap_abstract(job->stream));
    janet_mark(janet_wrap_buffer(job->buffer));
}

static void read_resumed(Op *op) {
    Stream *stream = ((ReadOp *)op)->job.stream;
    if (stream->delivered != op) return;
    stream->delivered = NULL;
    if (op_first_waiting(&stream->readers)) poller_turn(&stream->source);
}

static const OpKind read_kind = {
    .abandon = read_abandon,
    .overtaken = read_overtaken,
    .mark = read_mark,
    .resumed = read_resumed,
};

/* One reader's data a turn: what it is given may come back, and belongs before what the next one
 * would get. */
void stream_serve_readers(Stream *stream) {
    Op *op;
    Janet out;
    while (!stream->delivered && (op = op_first_waiting(&stream->readers))) {
        Step step = read_step(&((ReadOp *)op)->job, &out);
        if (step == STEP_TURN) poller_turn(&stream->source);
        if (step < STEP_VALUE) return;
        if (((ReadOp *)op)->job.got) stream->delivered = op;
        (step == STEP_VALUE ? op_complete : op_fail)(op, &stream->readers, out);
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
    ReadOp *op = op_new(sizeof *op, &read_kind);
    op->job = *job;
    op_enqueue(&stream->readers, &op->op);
    stream_park(stream, &op->op, timeout, step);
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
    job.buffer = job.given ? janet_getbuffer(argv, 2) : janet_buffer(0);
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
