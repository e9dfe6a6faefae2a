/* Two engines of DTLS that talk over memory, a datagram at a time. OpenSSL's timers run on a clock
 * that only moves when a test moves it. Include it first: it asks for nanosleep. */
#ifndef LINE_H
#define LINE_H

#include "wire.h"

#include "core/tls/datagram.h"

#include <sys/time.h>
#include <time.h>

#define MAX_DATAGRAMS 64
#define ROOM 17000

/* One direction: datagrams in the order in which they were sent. */
typedef struct Line {
    uint8_t bytes[MAX_DATAGRAMS][ROOM];
    size_t lengths[MAX_DATAGRAMS];
    int first, end; /* those that wait */
    int sent, lost; /* how many; the number of the one that is lost, -1: none */
    size_t longest; /* datagram that was sent */
    bool full;      /* takes nothing */
    int send_errno, receive_errno;
} Line;

typedef struct Side {
    Engine engine;
    Line *in, *out;
} Side;

static Line up, down;
static Side client, server;

static inline ptrdiff_t line_send(void *arg, const uint8_t *bytes, size_t length) {
    Line *line = ((Side *)arg)->out;
    if (line->send_errno) return TRANSPORT_ERROR(line->send_errno);
    if (line->full) return TRANSPORT_WOULD_BLOCK;
    if (length > line->longest) line->longest = length;
    if (line->sent++ == line->lost) return (ptrdiff_t)length;
    if (line->end == MAX_DATAGRAMS || length > ROOM) abort();
    memcpy(line->bytes[line->end], bytes, length);
    line->lengths[line->end++] = length;
    return (ptrdiff_t)length;
}

static inline ptrdiff_t line_receive(void *arg, uint8_t *into, size_t room) {
    Line *line = ((Side *)arg)->in;
    if (line->receive_errno) return TRANSPORT_ERROR(line->receive_errno);
    if (line->first == line->end) return TRANSPORT_WOULD_BLOCK;
    size_t length = line->lengths[line->first];
    if (length > room) length = room;
    memcpy(into, line->bytes[line->first++], length);
    if (line->first == line->end) line->first = line->end = 0;
    return (ptrdiff_t)length;
}

static inline int waiting(const Line *line) {
    return line->end - line->first;
}

/* A copy of the datagram that was sent last; its length. */
static inline size_t copy_last(const Line *line, uint8_t *into) {
    memcpy(into, line->bytes[line->end - 1], line->lengths[line->end - 1]);
    return line->lengths[line->end - 1];
}

static inline void slip(Line *line, const void *bytes, size_t length) {
    memcpy(line->bytes[line->end], bytes, length);
    line->lengths[line->end++] = length;
}

/* --- sides --- */

/* For a client the name that it verifies, and asks for. */
static inline void side_init(Side *side, ContextSettings *settings, EngineRole role,
                             const char *name, DatagramSettings datagrams) {
    Failure failure;
    settings->datagram = true;
    SSL_CTX *context = context_new(settings, &failure);
    Transport transport = {line_send, line_receive, side};
    side->in = role == ENGINE_CLIENT ? &down : &up;
    side->out = role == ENGINE_CLIENT ? &up : &down;
    if (!context ||
        !datagram_engine_init(&side->engine, context, role, transport, datagrams, &failure) ||
        !context_prepare(side->engine.ssl, name, name, &failure)) {
        fprintf(stderr, "%s\n", failure.text);
        abort();
    }
    SSL_CTX_free(context);
}

static inline void lines_init(void) {
    memset(&up, 0, sizeof up);
    memset(&down, 0, sizeof down);
    memset(&client, 0, sizeof client);
    memset(&server, 0, sizeof server);
    up.lost = down.lost = -1;
}

static const char *ciphers = ""; /* OpenSSL's own */
static DatagramSettings datagram_settings = {1200, 0.02, 30};

static inline void both_init(void) {
    ContextSettings settings;
    lines_init();
    settings_init(&settings);
    if (*ciphers) settings.ciphers = wire_bytes(ciphers);
    settings.trusted = wire_bytes(wire_certificate);
    side_init(&client, &settings, ENGINE_CLIENT, "localhost", datagram_settings);
    settings_init(&settings);
    if (*ciphers) settings.ciphers = wire_bytes(ciphers);
    settings.certificates = (BytesList){.list = {wire_bytes(wire_certificate)}, .count = 1};
    settings.keys = (BytesList){.list = {wire_bytes(wire_key)}, .count = 1};
    side_init(&server, &settings, ENGINE_SERVER, NULL, datagram_settings);
}

static inline void both_free(void) {
    engine_free(&client.engine);
    engine_free(&server.engine);
}

/* --- time --- */

static int64_t now_us = INT64_C(1800000000000000);
static bool asked_for_time;

/* Replaces libc's for OpenSSL's libraries, too, where an executable's symbols come first: visible,
 * against -fvisibility=hidden. */
__attribute__((visibility("default"))) int gettimeofday(struct timeval *restrict tv,
                                                        void *restrict tz) {
    (void)tz;
    asked_for_time = true;
    tv->tv_sec = (time_t)(now_us / 1000000);
    tv->tv_usec = (suseconds_t)(now_us % 1000000);
    return 0;
}

static inline void pause_for(double seconds) {
    struct timespec time = {.tv_nsec = (long)(seconds * 1e9)};
    now_us += (int64_t)(seconds * 1e6);
    if (!asked_for_time) nanosleep(&time, NULL); /* OpenSSL has another clock, as on macOS */
}

/* --- handshakes --- */

static inline bool resend_when_due(Side *side) {
    double due = datagram_retransmit_due(&side->engine);
    if (due < 0) return true;
    if (due > 0) pause_for(due < 0.05 ? due : 0.05);
    return datagram_retransmit(&side->engine) != ENGINE_FAILED;
}

/* Until both are done, what is lost sent again when it is time. */
static inline bool shake(void) {
    EngineStatus mine = ENGINE_WANTS_READ, theirs = ENGINE_WANTS_READ;
    for (int i = 0; i < 1000 && (mine != ENGINE_DONE || theirs != ENGINE_DONE); i++) {
        if (mine != ENGINE_DONE) mine = engine_handshake(&client.engine);
        if (theirs != ENGINE_DONE) theirs = engine_handshake(&server.engine);
        if (mine == ENGINE_FAILED || theirs == ENGINE_FAILED) return false;
        if (waiting(&up) || waiting(&down)) continue;
        if (mine != ENGINE_DONE && !resend_when_due(&client)) return false;
        if (theirs != ENGINE_DONE && !resend_when_due(&server)) return false;
        /* A side that is done answers a repeated flight. */
        if (theirs == ENGINE_DONE) engine_peek(&server.engine);
    }
    return mine == ENGINE_DONE && theirs == ENGINE_DONE;
}

static inline bool passes(Side *from, Side *to, const char *text) {
    uint8_t got[100];
    size_t taken, length;
    return engine_write(&from->engine, (const uint8_t *)text, strlen(text), &taken) ==
               ENGINE_DONE &&
           engine_read(&to->engine, got, sizeof got, &length) == ENGINE_DONE &&
           length == strlen(text) && !memcmp(got, text, length);
}

#endif
