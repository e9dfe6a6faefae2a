/* Two engines of DTLS with an attacker between them. The input is a program of calls, of elapsed
 * time, and of changes to the datagrams in flight. In every case, each datagram that a side reads
 * was written by the other side and is read once; an end was sent by the other side; after the
 * handshake no third party can end the session, and a server admits no client without the cookie of
 * its address. */
#include "core/tls/cookie.h"
#include "line.h"
#include "talk.h"

#include <limits.h>

#define MAX_WRITTEN 250
#define ADDRESSES 4
#define CIPHERS 4

typedef struct Side {
    Engine engine;
    Line *in, *out;
    size_t lengths[MAX_WRITTEN]; /* of what was written */
    bool had[MAX_WRITTEN];       /* was read, by the other side */
    int written;
    int reading;    /* of the other's, which number is read in parts; -1: none */
    size_t read_to; /* up to where */
    int budget;     /* datagrams that the transport gives */
    bool said_end, failed, listens;
} Side;

typedef struct Talk {
    Script script;
    Side sides[2]; /* client, server */
    Line lines[2]; /* the client's output, the server's */
    uint8_t address;
    bool asked[ADDRESSES]; /* for a cookie */
} Talk;

static SSL_CTX *contexts[2][CIPHERS];
static CookieSecrets secrets;
static uint8_t words[DATAGRAM_MAX_MTU + MAX_WRITTEN];

/* --- transports --- */

static ptrdiff_t line_send(void *arg, const uint8_t *bytes, size_t length) {
    Line *line = ((Side *)arg)->out;
    if (line->send_errno) return TRANSPORT_ERROR(line->send_errno);
    if (line->full) return TRANSPORT_WOULD_BLOCK;
    line_put(line, bytes, length);
    return (ptrdiff_t)length;
}

/* Datagrams without a byte are skipped, as a client's transport does. */
static ptrdiff_t line_receive(void *arg, uint8_t *into, size_t room) {
    Side *side = arg;
    Line *line = side->in;
    if (line->receive_errno) return TRANSPORT_ERROR(line->receive_errno);
    while (line->held && !*line_length(line, 0)) line_lose(line, 0);
    if (!line->held || !side->budget) return TRANSPORT_WOULD_BLOCK;
    side->budget--;
    size_t length = *line_length(line, 0);
    if (length > room) length = room;
    memcpy(into, line_bytes(line, 0), length);
    line_lose(line, 0);
    return (ptrdiff_t)length;
}

/* --- what has to hold --- */

static Side *other_of(Talk *talk, const Side *side) {
    return &talk->sides[side == talk->sides];
}

/* A transport error affects one call. Other errors end a session, and after the handshake only the
 * other side can cause them. */
static EngineStatus seen(Talk *talk, Side *side, EngineStatus status) {
    int errnum;
    fuzz_expect(status <= ENGINE_FAILED);
    if (status != ENGINE_FAILED) return status;
    fuzz_expect_explained(&side->engine);
    engine_explain(&side->engine, &errnum);
    if (errnum) {
        fuzz_expect(errnum == side->in->receive_errno || errnum == side->out->send_errno);
        return status;
    }
    side->failed = true;
    if (side->engine.established && !other_of(talk, side)->failed) {
        fprintf(stderr, "%s\n", engine_explain(&side->engine, &errnum));
    }
    fuzz_expect(!side->engine.established || other_of(talk, side)->failed);
    return status;
}

/* The bytes continue the datagram that is read in parts, or begin one that was not read yet. */
static void judge_bytes(Side *side, Side *other, const uint8_t *bytes, size_t length) {
    if (side->reading < 0) {
        fuzz_expect(bytes[0] < other->written && !other->had[bytes[0]]);
        side->reading = bytes[0];
        side->read_to = 0;
        other->had[bytes[0]] = true;
    }
    fuzz_expect(side->read_to + length <= other->lengths[side->reading]);
    for (size_t i = 0; i < length; i++) {
        size_t at = side->read_to + i;
        fuzz_expect(bytes[i] == (at ? words[at + (size_t)side->reading] : (uint8_t)side->reading));
    }
    side->read_to += length;
}

static bool is_open(const Side *side) {
    return side->engine.established && !side->failed;
}

/* --- steps --- */

/* One datagram at a time, as a server does; its answer is one at most. */
static void listen_once(Talk *talk, Side *side) {
    int sent = side->out->held;
    size_t waiting = side->engine.pending.length;
    side->budget = 1;
    bool heard = datagram_listen(&side->engine) == ENGINE_DONE;
    bool answered = side->out->held > sent || side->engine.pending.length > waiting;
    side->budget = INT_MAX;
    fuzz_expect(!heard || talk->asked[talk->address]);
    fuzz_expect(side->out->held <= sent + 1);
    if (answered && !heard) talk->asked[talk->address] = true;
    side->listens = !heard;
}

static void greet(Talk *talk, Side *side) {
    if (side->listens) {
        listen_once(talk, side);
    } else {
        seen(talk, side, engine_handshake(&side->engine));
    }
}

static void shake_once(Talk *talk) {
    for (int s = 0; s < 2; s++) {
        Side *side = &talk->sides[s];
        greet(talk, side);
        if (is_open(side))
            seen(talk, side, engine_peek(&side->engine)); /* answers repeated flights */
        engine_flush(&side->engine);
    }
}

static void do_handshake(Talk *talk, Side *side, uint8_t size) {
    (void)size;
    greet(talk, side);
}

static void do_shake(Talk *talk, Side *side, uint8_t size) {
    (void)side;
    for (int i = 0; i < 1 + size % 16; i++) shake_once(talk);
}

static EngineStatus read_some(Talk *talk, Side *side, size_t room) {
    uint8_t into[DATAGRAM_MAX_MTU];
    Side *other = other_of(talk, side);
    size_t got;
    EngineStatus status = seen(talk, side, engine_read(&side->engine, into, room, &got));
    fuzz_expect(got <= room && (status == ENGINE_DONE) == (got > 0));
    fuzz_expect(status != ENGINE_EOF || other->said_end);
    if (!got) return status;
    judge_bytes(side, other, into, got);
    bool whole = side->read_to == other->lengths[side->reading];
    fuzz_expect(whole || got == room);
    if (whole) side->reading = -1;
    return status;
}

static void do_read(Talk *talk, Side *side, uint8_t size) {
    if (is_open(side)) read_some(talk, side, size < 128 ? 1 + size * 128u : DATAGRAM_MAX_MTU);
}

static size_t write_some(Talk *talk, Side *side, size_t length) {
    uint8_t bytes[DATAGRAM_MAX_MTU];
    size_t taken;
    if (!is_open(side) || side->said_end || side->written == MAX_WRITTEN) return 0;
    memcpy(bytes, words + side->written, length);
    bytes[0] = (uint8_t)side->written;
    side->lengths[side->written] = length;
    EngineStatus status = seen(talk, side, engine_write(&side->engine, bytes, length, &taken));
    fuzz_expect(taken == length || (!taken && status != ENGINE_DONE));
    if (taken) side->written++;
    return taken;
}

static void do_write(Talk *talk, Side *side, uint8_t size) {
    write_some(talk, side, size < 128 ? 1 + size : 1 + (size - 127u) * 127u);
}

static void do_peek(Talk *talk, Side *side, uint8_t size) {
    (void)size;
    if (!is_open(side)) return;
    EngineStatus status = seen(talk, side, engine_peek(&side->engine));
    fuzz_expect(status != ENGINE_EOF || other_of(talk, side)->said_end);
}

static void do_lose(Talk *talk, Side *side, uint8_t size) {
    (void)talk;
    if (side->out->held) line_lose(side->out, size % side->out->held);
}

/* One goes behind all others. */
static void do_delay(Talk *talk, Side *side, uint8_t size) {
    (void)talk;
    Line *line = side->out;
    if (!line->held) return;
    line_lose(line, size % line->held);
    line->held++;
}

static void do_double(Talk *talk, Side *side, uint8_t size) {
    (void)talk;
    Line *line = side->out;
    if (!line->held) return;
    int at = size % line->held;
    line_put(line, line_bytes(line, at), *line_length(line, at));
}

static void do_truncate(Talk *talk, Side *side, uint8_t size) {
    Line *line = side->out;
    size_t length = script_byte(&talk->script) * 8u + size % 8;
    if (!line->held) return;
    int at = size / 8 % line->held;
    if (*line_length(line, at) > length) *line_length(line, at) = length;
}

static void do_change(Talk *talk, Side *side, uint8_t size) {
    Line *line = side->out;
    size_t where = script_byte(&talk->script) + (size / 32) * 256u;
    uint8_t what = script_byte(&talk->script);
    int at = size % MAX_HELD;
    if (at < line->held && *line_length(line, at))
        line_bytes(line, at)[where % *line_length(line, at)] ^= (uint8_t)(1 + what);
}

static void do_slip(Talk *talk, Side *side, uint8_t size) {
    Bytes bytes = script_bytes(&talk->script, size);
    line_put(side->out, bytes.data, bytes.length);
}

/* The last two become one. */
static void do_join(Talk *talk, Side *side, uint8_t size) {
    (void)talk, (void)size;
    Line *line = side->out;
    if (line->held < 2) return;
    size_t *length = line_length(line, line->held - 2), more = *line_length(line, line->held - 1);
    if (*length + more > ROOM) return;
    memcpy(line_bytes(line, line->held - 2) + *length, line_bytes(line, line->held - 1), more);
    *length += more;
    line->held--;
}

/* Back to its sender. */
static void do_reflect(Talk *talk, Side *side, uint8_t size) {
    (void)talk;
    Line *line = side->out;
    if (!line->held) return;
    int at = size % line->held;
    line_put(side->in, line_bytes(line, at), *line_length(line, at));
}

static void do_wait(Talk *talk, Side *side, uint8_t size) {
    (void)talk, (void)side;
    pass_time(size * 10u);
}

static void do_retransmit(Talk *talk, Side *side, uint8_t size) {
    (void)size;
    double due = datagram_retransmit_due(&side->engine);
    if (due >= 0 && !side->failed && !is_open(side))
        seen(talk, side, datagram_retransmit(&side->engine));
}

static void do_fill(Talk *talk, Side *side, uint8_t size) {
    (void)talk;
    side->out->full = size & 1;
}

static void do_break(Talk *talk, Side *side, uint8_t size) {
    (void)talk;
    side->out->send_errno = size & 1 ? ECONNREFUSED : 0;
    side->in->receive_errno = size & 2 ? EHOSTUNREACH : 0;
}

static void do_free_buffers(Talk *talk, Side *side, uint8_t size) {
    (void)talk, (void)size;
    engine_free_buffers(&side->engine);
}

static void do_say_end(Talk *talk, Side *side, uint8_t size) {
    (void)size;
    if (!is_open(side)) return;
    side->said_end = true;
    seen(talk, side, engine_close_notify(&side->engine));
}

static void measure(void *arg, const uint8_t *bytes, size_t length) {
    fuzz_expect(bytes && length);
    *(size_t *)arg += length;
}

static void do_flush(Talk *talk, Side *side, uint8_t size) {
    (void)talk;
    size_t waiting = 0;
    datagram_each_pending(&side->engine, measure, &waiting);
    fuzz_expect(waiting <= side->engine.pending.length);
    if (size == 255) datagram_forget_pending(&side->engine);
    engine_flush(&side->engine);
}

static void do_move(Talk *talk, Side *side, uint8_t size) {
    (void)side;
    talk->address = size % ADDRESSES;
}

static void do_renew(Talk *talk, Side *side, uint8_t size) {
    (void)side, (void)size;
    memset(talk->asked, 0, sizeof talk->asked);
    cookie_secrets_renew(&secrets);
    cookie_secrets_renew(&secrets);
}

static void (*const steps[])(Talk *talk, Side *side, uint8_t size) = {
    do_handshake, do_shake,  do_read,       do_write,  do_peek,  do_lose,
    do_delay,     do_double, do_truncate,   do_change, do_slip,  do_join,
    do_reflect,   do_wait,   do_retransmit, do_fill,   do_break, do_free_buffers,
    do_say_end,   do_flush,  do_move,       do_renew,
};

static void step(Talk *talk) {
    uint8_t what = script_byte(&talk->script), size = script_byte(&talk->script);
    steps[(what >> 1) % (sizeof steps / sizeof *steps)](talk, &talk->sides[what & 1], size);
}

/* --- the end: the network is good again --- */

static void calm(Talk *talk) {
    for (int s = 0; s < 2; s++) {
        Side *side = &talk->sides[s];
        side->out->full = false;
        side->out->send_errno = side->out->receive_errno = 0;
        engine_flush(&side->engine);
    }
}

static void recover(Talk *talk) {
    for (int i = 0; i < 40; i++) {
        shake_once(talk);
        if (is_open(&talk->sides[0]) && is_open(&talk->sides[1])) return;
        pass_time(60000);
        for (int s = 0; s < 2; s++) do_retransmit(talk, &talk->sides[s], 0);
    }
}

static void read_all(Talk *talk, Side *side) {
    for (int i = 0; i < 1000; i++) {
        if (read_some(talk, side, DATAGRAM_MAX_MTU) != ENGINE_DONE) break;
    }
}

/* Two that have a session can talk, whatever there was before. */
static void converse(Talk *talk) {
    for (int s = 0; s < 2; s++) {
        Side *side = &talk->sides[s], *other = &talk->sides[!s];
        if (!is_open(side) || !is_open(other)) return;
        read_all(talk, other);
        if (side->said_end || other->said_end || !write_some(talk, side, 100)) continue;
        read_all(talk, other);
        fuzz_expect(side->had[side->written - 1]);
    }
}

/* --- the beginning --- */

static SSL_CTX *context_of(EngineRole role, int cipher) {
    static const char *const ciphers[CIPHERS] = {NULL, "ECDHE-ECDSA-CHACHA20-POLY1305",
                                                 "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0",
                                                 "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"};
    ContextSettings settings;
    talk_settings(&settings, role, DTLS1_2_VERSION, VERIFY_UNSET);
    settings.datagram = true;
    settings.keeps_sessions = false;
    if (role == ENGINE_SERVER && cipher % 2) settings.verify = VERIFY_REQUIRED;
    if (ciphers[cipher]) settings.ciphers = wire_bytes(ciphers[cipher]);
    return talk_make(&settings);
}

static void begin_side(Talk *talk, int s, int cipher, int mtu) {
    static CookieSource source;
    Side *side = &talk->sides[s];
    Failure failure = {""};
    const char *name = s ? NULL : "localhost";
    EngineRole role = s ? ENGINE_SERVER : ENGINE_CLIENT;
    source = (CookieSource){&secrets, {&talk->address, 1}};
    side->reading = -1;
    side->budget = INT_MAX;
    side->out = &talk->lines[s];
    side->in = &talk->lines[!s];
    side->engine.cookie_source = &source;
    side->engine.keeps_buffers = s;
    fuzz_expect(datagram_engine_init(&side->engine, contexts[s][cipher], role,
                                     (Transport){line_send, line_receive, side},
                                     (DatagramSettings){mtu, 0.25, 30}, &failure));
    fuzz_expect(context_prepare(side->engine.ssl, name, name, &failure));
}

static void begin(Talk *talk) {
    static const int mtus[] = {1200, 256, 500, DATAGRAM_MAX_MTU};
    Failure failure = {""};
    uint8_t how = script_byte(&talk->script);
    memset(talk->sides, 0, sizeof talk->sides);
    memset(talk->asked, 0, sizeof talk->asked);
    talk->address = 0;
    now.tv_sec = 1000000;
    now.tv_usec = 0;
    for (int s = 0; s < 2; s++) {
        SSL_CTX **context = &contexts[s][how & 3];
        if (!*context) *context = context_of(s ? ENGINE_SERVER : ENGINE_CLIENT, how & 3);
    }
    talk_begin();
    fuzz_expect(cookie_secrets_init(&secrets, &failure));
    for (int s = 0; s < 2; s++) {
        line_init(&talk->lines[s]);
        begin_side(talk, s, how & 3, mtus[how >> 2 & 3]);
    }
    talk->sides[1].listens = how & 16;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static Talk talk;
    for (size_t i = 0; !words[1] && i < sizeof words; i++)
        words[i] = (uint8_t)(i * 31 + (i >> 8) + 1);
    if (size > 4096) return -1;
    talk.script = (Script){data, size};
    begin(&talk);
    for (int i = 0; i < 300 && talk.script.left; i++) step(&talk);
    calm(&talk);
    recover(&talk);
    converse(&talk);
    for (int s = 0; s < 2; s++) engine_free(&talk.sides[s].engine);
    return 0;
}
