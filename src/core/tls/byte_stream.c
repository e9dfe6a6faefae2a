#include "core/tls/byte_stream.h"

#include <string.h>

#define SEAL_ROOM 256 /* max. bytes that a record adds to its plaintext */
#define MAX_GATHERED (16 * (SSL3_RT_MAX_PLAIN_LENGTH + SEAL_ROOM)) /* sixteen records */
#define MAX_PENDING (4 << 20)

/* Output of the running call. It is empty between calls, so one buffer a thread serves all
 * engines. */
static _Thread_local struct {
    size_t length;
    uint8_t bytes[MAX_GATHERED];
} gathered;

/* --- output: gathered, then sent, then pending --- */

/* Returns how many bytes the transport took. */
static size_t send_bytes(Engine *engine, const uint8_t *bytes, size_t length) {
    size_t sent = 0;
    while (sent < length && !engine->send_errno) {
        ptrdiff_t n = engine->transport.send(engine->transport.arg, bytes + sent, length - sent);
        if (n == TRANSPORT_WOULD_BLOCK) break;
        if (n < 0) {
            engine->send_errno = (int)(TRANSPORT_ERROR(0) - n);
        } else {
            sent += (size_t)n;
        }
    }
    return sent;
}

static void send_pending(Engine *engine) {
    size_t sent = send_bytes(engine, engine->pending.bytes, engine->pending.length);
    pending_remove(&engine->pending, engine->send_errno ? engine->pending.length : sent);
}

static bool send_gathered(Engine *engine) {
    size_t sent = 0;
    if (!gathered.length) return true;
    if (!engine->pending.length) sent = send_bytes(engine, gathered.bytes, gathered.length);
    size_t left = gathered.length - sent;
    gathered.length = 0;
    return engine->send_errno || !left ||
           pending_add(&engine->pending, gathered.bytes + sent, left, MAX_PENDING);
}

/* Keep the output of this call, and send it in the next one. */
static bool cork(Engine *engine) {
    if (!gathered.length) return false;
    if (!pending_add(&engine->pending, gathered.bytes, gathered.length, MAX_PENDING)) return false;
    gathered.length = 0;
    return true;
}

/* Put corked output before, and together with, what this call will send. */
static void uncork(Engine *engine) {
    if (engine->pending.length > MAX_GATHERED) return;
    memcpy(gathered.bytes, engine->pending.bytes, engine->pending.length);
    gathered.length = engine->pending.length;
    pending_clear(&engine->pending);
}

/* --- the transport as OpenSSL's BIO --- */

static int write_bio(BIO *bio, const char *bytes, size_t length, size_t *written) {
    Engine *engine = BIO_get_data(bio);
    *written = length;
    bool fits = length <= MAX_GATHERED - gathered.length;
    if (!fits && !send_gathered(engine)) return 0;
    if (length > MAX_GATHERED) {
        return pending_add(&engine->pending, (const uint8_t *)bytes, length, MAX_PENDING);
    }
    memcpy(gathered.bytes + gathered.length, bytes, length);
    gathered.length += length;
    return 1;
}

static int read_bio(BIO *bio, char *into, size_t room, size_t *got) {
    Engine *engine = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *got = 0;
    if (engine->transport_eof || engine->receive_errno) return 0;
    ptrdiff_t n = engine->transport.receive(engine->transport.arg, (uint8_t *)into, room);
    if (n > 0) {
        *got = (size_t)n;
        return 1;
    }
    if (n == TRANSPORT_WOULD_BLOCK) {
        BIO_set_retry_read(bio);
    } else if (n == TRANSPORT_EOF) {
        engine->transport_eof = true;
    } else {
        engine->receive_errno = (int)(TRANSPORT_ERROR(0) - n);
    }
    return 0;
}

static long control_bio(BIO *bio, int command, long number, void *pointer) {
    (void)number, (void)pointer;
    if (command == BIO_CTRL_EOF) return ((const Engine *)BIO_get_data(bio))->transport_eof;
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *method;
static CRYPTO_ONCE method_once = CRYPTO_ONCE_STATIC_INIT;

static void make_method(void) {
    method = engine_new_method("jsec byte stream", write_bio, read_bio, control_bio);
}

static BIO_METHOD *get_method(void) {
    return CRYPTO_THREAD_run_once(&method_once, make_method) ? method : NULL;
}

static const EngineKind kind = {
    .method = get_method,
    .send_pending = send_pending,
    .send_gathered = send_gathered,
    .cork = cork,
    .uncork = uncork,
    .has_lasting_errors = true,
    .reallocates_buffers = true,
};

bool byte_stream_engine_init(Engine *engine, SSL_CTX *context, EngineRole role, Transport transport,
                             Failure *failure) {
    engine->max_sealed = MAX_GATHERED - 16 * SEAL_ROOM;
    return engine_init(engine, &kind, context, role, transport, failure);
}
