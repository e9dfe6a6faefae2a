/* Two engines with an attacker between them. The input is a program of calls and of changes to the
 * bytes in flight. In every case, the data read is a prefix of the data written, an end was sent by
 * the peer, and a failure has a reason. */
#include "talk.h"

#define MAX_LENGTH 40000

static SSL_CTX *contexts[2][2]; /* version, role */
static uint8_t words[MAX_LENGTH];

typedef struct Side {
    End end;
    size_t written, read;
    bool said_end, failed;
} Side;

typedef struct Talk {
    Side sides[2]; /* client, server */
    Wire wires[2]; /* the client's output, the server's */
    Script script;
} Talk;

static EngineStatus seen(Side *side, EngineStatus status) {
    fuzz_expect(status <= ENGINE_FAILED);
    if (status == ENGINE_FAILED) {
        fuzz_expect_explained(&side->end.engine);
        side->failed = true;
    }
    return status;
}

static void read_some(Side *side, Side *other, size_t room) {
    uint8_t into[MAX_LENGTH];
    size_t got;
    EngineStatus status = seen(side, engine_read(&side->end.engine, into, room, &got));
    fuzz_expect(got <= room && (status == ENGINE_DONE) == (got > 0));
    fuzz_expect(side->read + got <= other->written);
    for (size_t i = 0; i < got; i++) fuzz_expect(into[i] == words[(side->read + i) % MAX_LENGTH]);
    side->read += got;
    if (status == ENGINE_EOF) {
        fuzz_expect(side->end.engine.truncation_is_eof ||
                    (other->said_end && side->read == other->written));
    }
}

static void write_some(Side *side, size_t length) {
    size_t from = side->written % MAX_LENGTH, taken;
    if (length > MAX_LENGTH - from) length = MAX_LENGTH - from;
    EngineStatus status = seen(side, engine_write(&side->end.engine, words + from, length, &taken));
    fuzz_expect(taken <= length && (status != ENGINE_DONE || taken == length));
    fuzz_expect(!taken || !side->said_end);
    side->written += taken;
}

static void say_end(Side *side) {
    if (!side->end.engine.established) return;
    side->said_end = true;
    seen(side, engine_close_notify(&side->end.engine));
}

static void change(Wire *wire, Script *script) {
    size_t held = wire_held(wire), at = script_byte(script) * 256u + script_byte(script);
    if (held) wire->bytes[wire->at + at % held] ^= (uint8_t)(1 + script_byte(script));
}

static void drop(Wire *wire, size_t length) {
    if (length > wire_held(wire)) length = wire_held(wire);
    wire->at += length;
}

/* A sealed session that a client was given can be freed any time. */
static void take_sessions(Side *side) {
    SSL_SESSION *session;
    while ((session = engine_take_session(&side->end.engine))) SSL_SESSION_free(session);
}

static void shake(Talk *talk) {
    for (int i = 0; i < 400; i++) {
        for (int s = 0; s < 2; s++)
            seen(&talk->sides[s], engine_handshake(&talk->sides[s].end.engine));
        for (int s = 0; s < 2; s++) engine_flush(&talk->sides[s].end.engine);
        if (talk->sides[0].end.engine.established && talk->sides[1].end.engine.established) return;
        if (talk->sides[0].failed && talk->sides[1].failed) return;
    }
}

/* What an engine does once its handshake is made; or has failed, which it says then. */
static void use(Side *side, Side *other, unsigned how, uint8_t size) {
    Engine *engine = &side->end.engine;
    if (!engine->established && !engine->failure) return;
    switch (how) {
    case 0: read_some(side, other, 1 + size * 130u); break;
    case 1: write_some(side, size * 150u); break;
    case 2: seen(side, engine_peek(engine)); break;
    default: size & 1 ? engine_key_update(engine) : engine_renegotiate(engine);
    }
}

static void step(Talk *talk) {
    uint8_t what = script_byte(&talk->script);
    Side *side = &talk->sides[what & 1], *other = &talk->sides[!(what & 1)];
    Engine *engine = &side->end.engine;
    Wire *wire = &talk->wires[what & 1];
    uint8_t size = script_byte(&talk->script);
    Bytes bytes;
    switch (what >> 1 & 15) {
    case 0: seen(side, engine_handshake(engine)); break;
    case 1: shake(talk); break;
    case 2:
    case 3: use(side, other, (what >> 1 & 15) - 2u, size); break;
    case 4: wire->max = 1 + size * size; break;
    case 5: wire->capacity = size * size * 4u; break;
    case 6: change(wire, &talk->script); break;
    case 7: drop(wire, size); break;
    case 8:
        bytes = script_bytes(&talk->script, size);
        wire_send(wire, bytes.data, bytes.length);
        break;
    case 9: wire->cut = true; break;
    case 10: wire->send_errno = size & 1 ? EPIPE : 0; break;
    case 11: wire->receive_errno = size & 1 ? ECONNRESET : 0; break;
    case 12: say_end(side); break;
    case 13:
    case 14: use(side, other, (what >> 1 & 15) - 11u, size); break;
    default: take_sessions(side); engine_flush(engine);
    }
}

static void make_contexts(SSL_CTX *pair[2], int version) {
    if (pair[0]) return;
    pair[0] = talk_context(ENGINE_CLIENT, version, VERIFY_UNSET);
    pair[1] = talk_context(ENGINE_SERVER, version, VERIFY_REQUIRED);
}

static void begin(Talk *talk) {
    uint8_t how = script_byte(&talk->script);
    SSL_CTX **pair = contexts[how & 1];
    make_contexts(pair, how & 1 ? TLS1_2_VERSION : TLS1_3_VERSION);
    talk_begin();
    for (int s = 0; s < 2; s++) {
        EngineRole role = s ? ENGINE_SERVER : ENGINE_CLIENT;
        Side *side = &talk->sides[s];
        Wire *wire = &talk->wires[s];
        *wire = (Wire){.max = 1 << 16, .capacity = 1 << 20, .allowed = SIZE_MAX};
        side->end.out = wire;
        side->end.in = &talk->wires[!s];
        talk_init(&side->end.engine, pair[s], role, (Transport){end_send, end_receive, &side->end});
        side->end.engine.truncation_is_eof = how >> (1 + s) & 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static Talk talk;
    if (!words[1]) {
        for (size_t i = 0; i < MAX_LENGTH; i++) words[i] = (uint8_t)(i * 31 + (i >> 8));
    }
    if (size > 4096) return -1;
    memset(&talk, 0, sizeof talk);
    talk.script = (Script){data, size};
    begin(&talk);
    for (int i = 0; i < 300 && talk.script.left; i++) step(&talk);
    for (int i = 0; i < 20; i++) {
        for (int s = 0; s < 2; s++) {
            engine_flush(&talk.sides[s].end.engine);
            use(&talk.sides[s], &talk.sides[!s], 0, UINT8_MAX);
        }
    }
    for (int s = 0; s < 2; s++) {
        engine_free(&talk.sides[s].end.engine);
        free(talk.wires[s].bytes);
    }
    return 0;
}
