/* read and chunk: bytes straight from the engine into the caller's buffer. A read of a DTLS client
 * returns one datagram, or the rest of one. */
#include "base/args.h"
#include "stream/stream_internal.h"

#include <string.h>

#define MAX_RECORD (16 << 10) /* bytes that engine_read returns at most */
#define SCRATCH (2 << 10)     /* bytes that are read before a buffer is made for them */

typedef struct ReadJob {
    Stream *stream;
    JanetBuffer *buffer; /* NULL: none was given, and nothing has come yet */
    int32_t start;       /* where in the buffer this call's bytes begin, once it has some */
    int32_t wanted, got;
    int64_t from;         /* position of those bytes in the stream */
    bool whole;           /* wait for all of it: chunk, :all */
    bool given;           /* the buffer is the caller's */
    const char *function; /* as stream_error takes it */
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

/* Return this call's bytes to the stream, for the next reader. */
static void return_bytes(ReadJob *job) {
    JanetBuffer *buffer = job->buffer;
    int32_t end = job->start + job->got;
    if (!job->got || buffer->count < end) return; /* the caller has cut the buffer */
    give_back(job->stream, job->from, buffer->data + job->start, job->got);
    memmove(buffer->data + job->start, buffer->data + end, (size_t)(buffer->count - end));
    buffer->count -= job->got;
    job->got = 0;
    if (request_first_waiting(&job->stream->readers)) poller_turn(&job->stream->watcher);
}

/* Note where the call's first bytes go. Until now the caller may have changed the buffer. */
static void begin_at(ReadJob *job, int64_t from) {
    if (job->got) return;
    job->from = from;
    job->start = job->buffer ? job->buffer->count : 0;
}

/* --- room --- */

/* Allocate exactly for an empty buffer; otherwise grow by doubling. */
static void grow_buffer(ReadJob *job, int32_t more) {
    JanetBuffer *buffer = job->buffer;
    if (!buffer) {
        job->buffer = janet_buffer(more);
    } else if (more > buffer->capacity - buffer->count) {
        janet_buffer_ensure(buffer, buffer->count + more, buffer->count ? 2 : 1);
    }
}

static bool is_foreign(const JanetBuffer *buffer) {
    return buffer && buffer->gc.flags & JANET_BUFFER_FLAG_NO_REALLOC;
}

static bool can_grow(const ReadJob *job, int32_t more) {
    const JanetBuffer *buffer = job->buffer;
    if (!buffer || more <= buffer->capacity - buffer->count) return true;
    return !is_foreign(buffer) && more <= INT32_MAX - buffer->count;
}

typedef struct Room {
    uint8_t *at;
    int32_t size;
    uint8_t scratch[SCRATCH];
} Room;

/* Bytes to ask the engine for. */
static int32_t max_at_once(const ReadJob *job) {
    int32_t left = job->wanted - job->got;
    return left < MAX_RECORD ? left : MAX_RECORD;
}

/* Find where the next bytes go: into the buffer, if it has room or if their number is known.
 * Otherwise they go into scratch memory first. So a call that waits holds no memory, and the buffer
 * it returns is no larger than the data. False: the buffer cannot grow. */
static bool find_room(ReadJob *job, Room *room) {
    int32_t max = max_at_once(job);
    int32_t waiting = (int32_t)engine_waiting(&job->stream->engine);
    if (waiting && waiting < max) max = waiting;
    if (!can_grow(job, max)) return false;
    if (waiting) grow_buffer(job, max);
    const JanetBuffer *buffer = job->buffer;
    bool fits = buffer && max <= buffer->capacity - buffer->count;
    room->at = fits ? buffer->data + buffer->count : room->scratch;
    room->size = fits || max < SCRATCH ? max : SCRATCH;
    return true;
}

/* The room to make: for the bytes that came, and for the rest of their record. */
static int32_t add_rest(const ReadJob *job, int32_t got) {
    int32_t max = max_at_once(job);
    int32_t whole = got + (int32_t)engine_waiting(&job->stream->engine);
    return whole < max ? whole : max;
}

static void take_bytes(ReadJob *job, const Room *room, int32_t got) {
    Stream *stream = job->stream;
    begin_at(job, stream->read_at);
    stream->read_at += got;
    if (!job->buffer || room->at == room->scratch) {
        grow_buffer(job, add_rest(job, got));
        memcpy(job->buffer->data + job->buffer->count, room->scratch, (size_t)got);
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

bool stream_keep_data(Stream *stream, int32_t max) {
    uint8_t bytes[SCRATCH];
    size_t got, room = max < SCRATCH ? (size_t)max : SCRATCH;
    if (engine_read(&stream->engine, bytes, room, &got) != ENGINE_DONE) return false;
    give_back(stream, stream->read_at, bytes, (int32_t)got);
    stream->read_at += (int64_t)got;
    return true;
}

/* --- the step --- */

static Outcome return_read(const ReadJob *job) {
    return call_returns(job->got ? janet_wrap_buffer(job->buffer) : janet_wrap_nil());
}

static Outcome fail_read(ReadJob *job, Janet error) {
    if (!job->given) return_bytes(job);
    return call_raises(error);
}

static Outcome refuse_growth(ReadJob *job) {
    bool foreign = is_foreign(job->buffer);
    return fail_read(job, foreign ? janet_cstringv("buffer cannot reallocate foreign memory")
                                  : janet_cstringv("buffer overflow"));
}

/* A read of nothing returns when there is something to read: data, or the end. */
static Outcome try_peek(ReadJob *job) {
    Stream *stream = job->stream;
    EngineStatus status = stream->returned ? ENGINE_DONE : engine_peek(&stream->engine);
    if (stream->read_shut) status = ENGINE_EOF;
    if (status == ENGINE_FAILED) return call_raises(stream_error(stream, job->function));
    bool ready = status == ENGINE_DONE || status == ENGINE_EOF;
    return ready ? call_returns(janet_wrap_nil()) : call_waits();
}

/* Is the socket known to be empty? It is tried once for each event. */
static bool is_drained(const Stream *stream) {
    return stream->watcher.descriptor >= 0 && !stream->readable && !stream->read_shut &&
           engine_is_drained(&stream->engine);
}

/* Read from the engine once. CALL_YIELDS: bytes came, and may have filled the room. */
static Outcome read_once(ReadJob *job, bool *filled) {
    Stream *stream = job->stream;
    Room room;
    size_t got;
    if (!find_room(job, &room)) return refuse_growth(job);
    EngineStatus status = engine_read(&stream->engine, room.at, (size_t)room.size, &got);
    /* Data that arrived before a shutdown is still read, as from a socket. */
    if (stream->read_shut && status != ENGINE_DONE) status = ENGINE_EOF;
    if (status == ENGINE_EOF) return return_read(job);
    /* Data that came before a failure is delivered; the next read raises. */
    if (status == ENGINE_FAILED && (job->whole || !job->got)) {
        return fail_read(job, stream_error(stream, job->function));
    }
    if (status != ENGINE_DONE) return call_waits();
    take_bytes(job, &room, (int32_t)got);
    *filled = (int32_t)got == room.size;
    return call_yields();
}

static Outcome try_read(ReadJob *job) {
    Stream *stream = job->stream;
    int32_t before = job->got;
    bool one = stream->kind->datagram && !job->whole;
    if (!job->wanted) return try_peek(job);
    take_returned(job);
    if (one && job->got) return return_read(job);
    while (job->got < job->wanted && !is_drained(stream)) {
        bool filled;
        Outcome outcome = read_once(job, &filled);
        if (outcome.progress == CALL_WAITS) break;
        if (outcome.progress != CALL_YIELDS) return outcome;
        /* OpenSSL's count of waiting bytes may include the datagrams behind this one. */
        if (one && !(filled && engine_waiting(&stream->engine))) break;
        if (job->got - before > MAX_PER_TURN) return job->whole ? outcome : return_read(job);
    }
    bool enough = job->got == job->wanted || (job->got && !job->whole);
    return enough ? return_read(job) : call_waits();
}

/* --- waiting --- */

static void cancel_read(Request *request) {
    ReadJob *job = &((ReadRequest *)request)->job;
    request_dequeue(&job->stream->readers, request);
    if (!job->given) return_bytes(job);
}

/* The bytes of a chunk stay in the caller's buffer, as after a timeout. The bytes of a read go to
 * the next reader, which would miss them otherwise. */
static void undeliver_read(Request *request) {
    ReadJob *job = &((ReadRequest *)request)->job;
    if (!job->given || !job->whole) return_bytes(job);
}

static void mark_read(Request *request) {
    ReadJob *job = &((ReadRequest *)request)->job;
    janet_mark(janet_wrap_abstract(job->stream));
    if (job->buffer) janet_mark(janet_wrap_buffer(job->buffer));
}

static void end_delivery(Request *request) {
    Stream *stream = ((ReadRequest *)request)->job.stream;
    if (stream->delivered != request) return;
    stream->delivered = NULL;
    if (request_first_waiting(&stream->readers)) poller_turn(&stream->watcher);
}

static void note_timeout(const Request *request) {
    stream_note_timeout(((const ReadRequest *)request)->job.stream);
}

static const RequestKind read_kind = {
    .cancelled = cancel_read,
    .undelivered = undeliver_read,
    .mark = mark_read,
    .resumed = end_delivery,
    .timed_out = note_timeout,
};

/* Only one reader gets data in a turn: its fiber may be cancelled, and its bytes must then precede
 * those of the next reader. */
void stream_serve_readers(Stream *stream) {
    Request *request;
    request_end_cancelled(&stream->readers);
    while (!stream->delivered && (request = request_first_waiting(&stream->readers))) {
        ReadJob *job = &((ReadRequest *)request)->job;
        if (!stream_finish(stream, request, &stream->readers, try_read(job))) return;
        if (job->got) stream->delivered = request;
    }
}

static Janet run_read(ReadJob *job, double timeout) {
    Stream *stream = job->stream;
    stream->timed_out = false;
    bool now = !stream->delivered && stream_may_try(stream, &stream->readers);
    Outcome outcome = now ? try_read(job) : call_yields();
    if (stream->engine.fresh_count) stream_report_sessions(stream);
    if (request_first_waiting(&stream->requesters)) poller_turn(&stream->watcher);
    if (outcome.progress == CALL_RETURNS) return outcome.value;
    if (outcome.progress == CALL_RAISES) janet_panicv(outcome.value);
    ReadRequest *request = request_new(sizeof *request, 0, &read_kind);
    request->job = *job;
    request_enqueue(&stream->readers, &request->request);
    stream_park(stream, &request->request, timeout, outcome.progress);
}

static Janet start_read(const char *caller, ReadJob *job, int32_t argc, Janet *argv) {
    job->given = argc > 2 && !janet_checktype(argv[2], JANET_NIL);
    double timeout = args_timeout(caller, argv, argc, 3);
    if (job->given) job->buffer = args_buffer(caller, argv, 2);
    return run_read(job, timeout);
}

STREAM_METHOD(shared_read) {
    args_arity(caller, argc, 2, 4);
    ReadJob job = {.stream = stream_get_open(argv, 0), .function = "%s/read"};
    job.whole = janet_keyeq(argv[1], "all");
    job.wanted = job.whole ? INT32_MAX : args_natural(caller, argv, 1);
    return start_read(caller, &job, argc, argv);
}

STREAM_METHOD(shared_chunk) {
    args_arity(caller, argc, 2, 4);
    ReadJob job = {.stream = stream_get_open(argv, 0), .function = "%s/chunk", .whole = true};
    job.wanted = args_natural(caller, argv, 1);
    return start_read(caller, &job, argc, argv);
}
