#include "bio.h"

#include "base/args.h"
#include "base/module.h"
#include "base/raise.h"
#include "net/request.h"
#include "register.h"

#include <math.h>
#include <openssl/err.h>

struct Bio {
    BIO *memory; /* NULL once closed */
    void (*on_change)(void *arg);
    void *arg;
    Janet hook_owner;
    bool ended;
    RequestQueue waiters;
    BioWriter *writer; /* NULL: none */
};

struct BioWriter {
    Bio *bio; /* NULL: freed, or it has another writer */
    BioWriter *next;
};

typedef struct WaitRequest {
    Request request;
    Bio *bio;
} WaitRequest;

static void bio_free(Bio *bio) {
    BIO_free(bio->memory); /* cleanses what was not read */
    bio->memory = NULL;
}

static int bio_gc(void *data, size_t size) {
    (void)size;
    Bio *bio = data;
    if (bio->writer) bio->writer->bio = NULL;
    bio_free(bio);
    return 0;
}

static int bio_gcmark(void *data, size_t size) {
    (void)size;
    janet_mark(((Bio *)data)->hook_owner);
    return 0;
}

static Janet cfun_bio_read(int32_t argc, Janet *argv);
static Janet cfun_bio_write(int32_t argc, Janet *argv);
static Janet cfun_bio_to_string(int32_t argc, Janet *argv);
static Janet cfun_bio_close(int32_t argc, Janet *argv);
static Janet cfun_bio_end(int32_t argc, Janet *argv);
static Janet cfun_bio_wait(int32_t argc, Janet *argv);

static const JanetMethod bio_methods[] = {
    {"close", cfun_bio_close},
    {"end", cfun_bio_end},
    {"read", cfun_bio_read},
    {"to-string", cfun_bio_to_string},
    {"wait", cfun_bio_wait},
    {"write", cfun_bio_write},
    {NULL, NULL},
};

static int bio_get(void *data, Janet key, Janet *out) {
    (void)data;
    return janet_checktype(key, JANET_KEYWORD) &&
           janet_getmethod(janet_unwrap_keyword(key), bio_methods, out);
}

static Janet bio_next(void *data, Janet key) {
    (void)data;
    return janet_nextmethod(bio_methods, key);
}

static size_t bio_length(void *data, size_t size) {
    (void)size;
    BIO *memory = ((Bio *)data)->memory;
    return memory ? BIO_ctrl_pending(memory) : 0;
}

static void bio_tostring(void *data, JanetBuffer *buffer) {
    BIO *memory = ((Bio *)data)->memory;
    if (memory) {
        janet_formatb(buffer, "%d bytes", (int)BIO_ctrl_pending(memory));
    } else {
        janet_buffer_push_cstring(buffer, "closed");
    }
}

static const JanetAbstractType bio_type = {
    .name = "jsec/bio",
    .gc = bio_gc,
    .gcmark = bio_gcmark,
    .get = bio_get,
    .tostring = bio_tostring,
    .next = bio_next,
    .length = bio_length,
};

Bio *bio_of(Janet value) {
    return janet_checkabstract(value, &bio_type);
}

BIO *bio_memory(Bio *bio) {
    return bio->memory;
}

void bio_hook(Bio *bio, void (*on_change)(void *arg), void *arg, Janet owner) {
    bio->on_change = on_change;
    bio->arg = arg;
    bio->hook_owner = on_change ? owner : janet_wrap_nil();
}

bool bio_has_ended(const Bio *bio) {
    return bio->ended;
}

bool bio_is_drained(const Bio *bio) {
    return !bio->memory || (bio->ended && !BIO_ctrl_pending(bio->memory));
}

/* What bio/wait returns. */
static Janet waiting_bytes(const Bio *bio) {
    if (bio_is_drained(bio)) return janet_wrap_nil();
    return janet_wrap_number((double)BIO_ctrl_pending(bio->memory));
}

void bio_changed(Bio *bio) {
    Request *request;
    if (bio->on_change) bio->on_change(bio->arg);
    while ((request = request_first_waiting(&bio->waiters))) {
        request_complete(request, &bio->waiters, waiting_bytes(bio));
    }
}

void bio_end(Bio *bio) {
    if (bio->ended || !bio->memory) return;
    bio->ended = true;
    bio_changed(bio);
}

/* --- writers --- */

/* This VM's writers that were collected; no finalizer may wake a fiber. */
static JANET_THREAD_LOCAL struct {
    Watcher watcher;
    BioWriter *first;
} lost;

BioWriter *bio_add_writer(Bio *bio) {
    BioWriter *writer = OPENSSL_zalloc(sizeof *writer);
    if (!writer) return NULL;
    if (bio->writer) bio->writer->bio = NULL;
    bio->writer = writer;
    writer->bio = bio;
    return writer;
}

void bio_remove_writer(BioWriter *writer) {
    if (writer && writer->bio) writer->bio->writer = NULL;
    OPENSSL_free(writer);
}

static void end_lost(Watcher *watcher, unsigned ready) {
    (void)watcher, (void)ready;
    while (lost.first) {
        BioWriter *writer = lost.first;
        Bio *bio = writer->bio;
        lost.first = writer->next;
        bio_remove_writer(writer);
        if (bio) bio_end(bio);
    }
}

void bio_lose_writer(BioWriter *writer) {
    Bio *bio = writer ? writer->bio : NULL;
    bool notifies = bio && (bio->waiters.first || bio->on_change);
    if (!notifies) {
        if (bio) bio->ended = true;
        bio_remove_writer(writer);
        return;
    }
    writer->next = lost.first;
    lost.first = writer;
    lost.watcher.ready = end_lost;
    lost.watcher.descriptor = -1;
    poller_turn(&lost.watcher);
}

static Bio *args_bio(const char *function, Janet *argv) {
    Bio *bio = bio_of(argv[0]);
    if (!bio) raise_type(function, 0, "jsec/bio", argv[0]);
    return bio;
}

static Bio *args_open_bio(const char *function, Janet *argv) {
    Bio *bio = args_bio(function, argv);
    if (!bio->memory) raise_format(function, "bio is closed");
    return bio;
}

FUNCTION(bio_new_mem, "bio/new-mem", "",
         "A queue of bytes in memory: bytes are read in the order in which they were written. "
         "`(length bio)` is the number of bytes that wait; the functions of this module are "
         "methods as well, as in `(:write bio data)`. A pair of them replaces a socket under "
         "TLS, see `tls/wrap`. Raises only when memory runs out.",
         NULL) {
    args_arity(function, argc, 0, 0);
    Bio *bio = janet_abstract(&bio_type, sizeof *bio);
    *bio = (Bio){.hook_owner = janet_wrap_nil()};
    request_queue_init(&bio->waiters);
    bio->memory = BIO_new(BIO_s_mem());
    if (!bio->memory) raise_format(function, "out of memory");
    BIO_set_mem_eof_return(bio->memory, -1); /* for OpenSSL "empty" means "later", not the end */
    return janet_wrap_abstract(bio);
}

/* A count above the number of queued bytes means all of them. */
static size_t args_count(const char *function, const Janet *argv, int32_t slot) {
    double count = janet_checktype(argv[slot], JANET_NUMBER) ? janet_unwrap_number(argv[slot]) : 0;
    if (!(count >= 1) || count != floor(count)) {
        raise_type(function, slot, "positive integer", argv[slot]);
    }
    return count < INT32_MAX ? (size_t)count : INT32_MAX;
}

FUNCTION(bio_read, "bio/read", "bio nbytes",
         "Take at most `nbytes` bytes out of the queue. Returns a buffer, or nil when it is "
         "empty: more may come later, unless it has ended. Never waits: see `bio/wait`. Raises "
         "when `nbytes` is no positive integer, or the bio closed.",
         NULL) {
    args_arity(function, argc, 2, 2);
    Bio *bio = args_open_bio(function, argv);
    size_t max = args_count(function, argv, 1), pending = BIO_ctrl_pending(bio->memory);
    if (!pending) return janet_wrap_nil();
    JanetBuffer *buffer = janet_buffer((int32_t)(pending < max ? pending : max));
    int got = BIO_read(bio->memory, buffer->data, (int)(pending < max ? pending : max));
    if (got <= 0) return janet_wrap_nil();
    buffer->count = got;
    return janet_wrap_buffer(buffer);
}

FUNCTION(bio_write, "bio/write", "bio data",
         "Append a string or buffer to the queue. Returns the number of bytes written, which is "
         "always all of them. Raises when the bio has ended or is closed.",
         NULL) {
    args_arity(function, argc, 2, 2);
    Bio *bio = args_open_bio(function, argv);
    Bytes data = args_bytes(function, argv, 1);
    if (bio->ended) raise_format(function, "bio has ended");
    if (!data.length) return janet_wrap_integer(0);
    ERR_clear_error();
    Failure failure;
    int written = BIO_write(bio->memory, data.data, (int)data.length);
    if (written != (int)data.length) {
        failure_openssl(&failure, "no room for %zu bytes", data.length);
        raise_failure(function, &failure);
    }
    janet_gcpressure(data.length);
    bio_changed(bio);
    return janet_wrap_integer(written);
}

FUNCTION(bio_to_string, "bio/to-string", "bio",
         "Take all bytes that wait out of the queue and return them as a string, empty when "
         "there are none. Raises when the bio is closed.",
         NULL) {
    args_arity(function, argc, 1, 1);
    Bio *bio = args_open_bio(function, argv);
    size_t pending = BIO_ctrl_pending(bio->memory);
    if (pending > INT32_MAX - 1) raise_format(function, "more than 2 GB: use bio/read");
    uint8_t *text = janet_string_begin((int32_t)pending);
    if (pending) BIO_read(bio->memory, text, (int)pending);
    return janet_wrap_string(janet_string_end(text));
}

FUNCTION(bio_close, "bio/close", "bio",
         "Drop what was not read, cleansed, and free the memory now rather than when the value "
         "is collected. Closing twice does nothing. Returns nil. Raises when `bio` is not a "
         "memory BIO.",
         NULL) {
    args_arity(function, argc, 1, 1);
    Bio *bio = args_bio(function, argv);
    if (!bio->memory) return janet_wrap_nil();
    bio_free(bio);
    bio_changed(bio);
    bio_hook(bio, NULL, NULL, janet_wrap_nil());
    return janet_wrap_nil();
}

FUNCTION(bio_end, "bio/end", "bio",
         "Mark the end of the queue: no more bytes follow. Those in the queue are still read. A "
         "TLS stream that reads from the queue sees the end of its transport then: an error, "
         "unless the peer has sent close_notify. When a TLS stream is closed its output queue "
         "ends. Ending twice does nothing. Returns the bio. Raises when the bio is closed.",
         NULL) {
    args_arity(function, argc, 1, 1);
    bio_end(args_open_bio(function, argv));
    return argv[0];
}

/* --- wait --- */

static void cancel_wait(Request *request) {
    request_dequeue(&((WaitRequest *)request)->bio->waiters, request);
}

static void mark_wait(Request *request) {
    janet_mark(janet_wrap_abstract(((WaitRequest *)request)->bio));
}

static const RequestKind wait_kind = {.cancelled = cancel_wait, .mark = mark_wait};

FUNCTION(bio_wait, "bio/wait", "bio &opt timeout",
         "Wait until there are bytes in the queue. The fiber waits, the event loop continues. "
         "Returns the number of bytes. Returns nil when the queue has ended or was closed, and "
         "everything has been read; a queue also ends when the TLS stream that writes to it is "
         "garbage collected. Raises \"timeout\" after `timeout` seconds (a number or "
         "`{:timeout n}`).\n\n"
         "    (while (bio/wait out)\n"
         "      (ev/write socket (bio/to-string out)))",
         NULL) {
    args_arity(function, argc, 1, 2);
    Bio *bio = args_bio(function, argv);
    double timeout = args_timeout(function, argv, argc, 1);
    bool ready = bio_is_drained(bio) || BIO_ctrl_pending(bio->memory);
    if (ready) return waiting_bytes(bio);
    poller_start();
    WaitRequest *request = request_new(sizeof *request, 0, &wait_kind);
    request->bio = bio;
    request_enqueue(&bio->waiters, &request->request);
    request_park(&request->request, timeout);
}

static const Function *const functions[] = {
    &function_bio_new_mem, &function_bio_read, &function_bio_write, &function_bio_to_string,
    &function_bio_close,   &function_bio_end,  &function_bio_wait,  NULL,
};

void bio_register(JanetTable *env) {
    module_register(env, functions);
}
