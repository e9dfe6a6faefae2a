/* TLS without a socket: a stream on two memory BIOs, one for its input and one for its output. */
#include "stream/memory.h"

#include "bio.h"
#include "stream/stream_internal.h"

#include <errno.h>

static ptrdiff_t send_memory(void *arg, const uint8_t *bytes, size_t length) {
    const Stream *stream = arg;
    Bio *out = bio_of(stream->out);
    if (!bio_memory(out) || bio_has_ended(out)) return TRANSPORT_ERROR(EPIPE);
    int n = BIO_write(bio_memory(out), bytes, length < INT32_MAX ? (int)length : INT32_MAX);
    if (n <= 0) return TRANSPORT_ERROR(ENOMEM);
    bio_changed(out);
    return n;
}

static ptrdiff_t receive_memory(void *arg, uint8_t *bytes, size_t room) {
    const Stream *stream = arg;
    Bio *in = bio_of(stream->in);
    if (bio_is_drained(in)) return TRANSPORT_EOF;
    int n = BIO_read(bio_memory(in), bytes, room < INT32_MAX ? (int)room : INT32_MAX);
    return n > 0 ? n : TRANSPORT_WOULD_BLOCK;
}

static void on_input(void *arg) {
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
    stream->engine.transport.send = send_memory;
    stream->engine.transport.receive = receive_memory;
    /* The stream lives as long as its input may grow. */
    bio_hook(bio_of(stream->in), on_input, stream, janet_wrap_abstract(stream));
    stream->writer = bio_add_writer(bio_of(stream->out));
}

void memory_detach(Stream *stream) {
    if (janet_checktype(stream->in, JANET_NIL)) return;
    bio_hook(bio_of(stream->in), NULL, NULL, janet_wrap_nil());
    bio_remove_writer(stream->writer);
    stream->writer = NULL;
    bio_end(bio_of(stream->out));
    stream->in = stream->out = janet_wrap_nil();
}
