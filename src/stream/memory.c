/* TLS without a socket: a stream between two memory BIOs, what comes in and what goes out. */
#include "stream/memory.h"

#include "bio.h"
#include "stream/stream_internal.h"

#include <errno.h>

static ptrdiff_t memory_send(void *arg, const uint8_t *bytes, size_t length) {
    const Stream *stream = arg;
    Bio *out = bio_of(stream->out);
    if (!bio_memory(out)) return TRANSPORT_ERROR(EPIPE);
    int n = BIO_write(bio_memory(out), bytes, length < INT32_MAX ? (int)length : INT32_MAX);
    if (n <= 0) return TRANSPORT_ERROR(ENOMEM);
    bio_wrote(out);
    return n;
}

static ptrdiff_t memory_receive(void *arg, uint8_t *bytes, size_t room) {
    const Stream *stream = arg;
    BIO *in = bio_memory(bio_of(stream->in));
    if (!in) return TRANSPORT_EOF;
    int n = BIO_read(in, bytes, room < INT32_MAX ? (int)room : INT32_MAX);
    return n > 0 ? n : TRANSPORT_WOULD_BLOCK;
}

/* Something was written to what comes in, or it was closed. */
static void on_write(void *arg) {
    Stream *stream = arg;
    poller_turn(&stream->watcher);
}

bool memory_is_pair(Janet value) {
    JanetView pair;
    return janet_indexed_view(value, &pair.items, &pair.len) && pair.len == 2 &&
           bio_of(pair.items[0]) && bio_of(pair.items[1]);
}

size_t memory_waiting(Janet pair) {
    BIO *in = bio_memory(bio_of(janet_in(pair, janet_wrap_integer(0))));
    return in ? BIO_ctrl_pending(in) : 0;
}

void memory_attach(Stream *stream, Janet pair) {
    stream->in = janet_in(pair, janet_wrap_integer(0));
    stream->out = janet_in(pair, janet_wrap_integer(1));
    stream->engine.transport.send = memory_send;
    stream->engine.transport.receive = memory_receive;
    /* The stream lives as long as somebody can write to it. */
    bio_hook(bio_of(stream->in), on_write, stream, janet_wrap_abstract(stream));
}

void memory_detach(Stream *stream) {
    if (janet_checktype(stream->in, JANET_NIL)) return;
    bio_hook(bio_of(stream->in), NULL, NULL, janet_wrap_nil());
    stream->in = stream->out = janet_wrap_nil();
}
