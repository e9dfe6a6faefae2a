/* One engine, client or server, that receives the input as records: in any pieces, then an end, an
 * error, or no more data. */
#include "talk.h"

static SSL_CTX *contexts[2][2]; /* role, version */

typedef struct Source {
    Script script;
    size_t max;
    int ends; /* how it ends: 0 blocks, 1 an end, 2 an error */
    int asked;
} Source;

static ptrdiff_t swallow(void *arg, const uint8_t *bytes, size_t length) {
    Source *source = arg;
    (void)bytes;
    if (source->ends == 2 && source->asked++ > 3) return TRANSPORT_ERROR(EPIPE);
    return (ptrdiff_t)(length > source->max ? source->max : length);
}

static ptrdiff_t give(void *arg, uint8_t *into, size_t room) {
    Source *source = arg;
    static const ptrdiff_t ends[] = {TRANSPORT_WOULD_BLOCK, TRANSPORT_EOF,
                                     TRANSPORT_ERROR(ECONNRESET)};
    Bytes next = script_bytes(&source->script, room < source->max ? room : source->max);
    if (!next.length) return ends[source->ends];
    memcpy(into, next.data, next.length);
    return (ptrdiff_t)next.length;
}

/* A peer without a key completes no handshake and sends no data. */
static void try_all(Engine *engine) {
    uint8_t into[512];
    size_t n;
    EngineStatus status = ENGINE_WANTS_READ;
    for (int i = 0; i < 4 && status != ENGINE_FAILED; i++) status = engine_handshake(engine);
    fuzz_expect(status != ENGINE_DONE && status != ENGINE_EOF);
    if (status == ENGINE_FAILED) fuzz_expect_explained(engine);
    fuzz_expect(engine_read(engine, into, sizeof into, &n) != ENGINE_DONE && !n);
    fuzz_expect(engine_write(engine, into, sizeof into, &n) != ENGINE_DONE && !n);
    fuzz_expect(engine_peek(engine) != ENGINE_DONE);
    engine_key_update(engine);
    engine_renegotiate(engine);
    engine_close_notify(engine);
    engine_flush(engine);
    fuzz_expect(!engine_take_session(engine));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Source source = {.script = {data, size}};
    uint8_t how = script_byte(&source.script);
    EngineRole role = how & 1 ? ENGINE_SERVER : ENGINE_CLIENT;
    SSL_CTX **context = &contexts[how & 1][how >> 1 & 1];
    if (!*context) {
        *context = talk_context(role, how & 2 ? TLS1_2_VERSION : 0,
                                role == ENGINE_SERVER ? VERIFY_REQUIRED : VERIFY_UNSET);
    }
    talk_begin();
    source.ends = (how >> 2 & 3) % 3;
    source.max = how & 16 ? 1 + (how >> 5) : 1 << 16;
    Engine engine;
    talk_init(&engine, *context, role, (Transport){swallow, give, &source});
    try_all(&engine);
    engine_free(&engine);
    return 0;
}
