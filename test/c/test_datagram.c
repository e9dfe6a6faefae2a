/* Engines of DTLS over memory: lost, delayed and forged datagrams, and cookies of any age.
 * OpenSSL's timers run on a clock that only moves when a test moves it. */
#define _GNU_SOURCE /* nanosleep, timersub */
#include "check.h"
#include "wire.h"

#include "core/tls/cookie.h"
#include "core/tls/datagram.h"

#include <openssl/rand.h>
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

static ptrdiff_t line_send(void *arg, const uint8_t *bytes, size_t length) {
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

static ptrdiff_t line_receive(void *arg, uint8_t *into, size_t room) {
    Line *line = ((Side *)arg)->in;
    if (line->receive_errno) return TRANSPORT_ERROR(line->receive_errno);
    if (line->first == line->end) return TRANSPORT_WOULD_BLOCK;
    size_t length = line->lengths[line->first];
    if (length > room) length = room;
    memcpy(into, line->bytes[line->first++], length);
    if (line->first == line->end) line->first = line->end = 0;
    return (ptrdiff_t)length;
}

static int waiting(const Line *line) {
    return line->end - line->first;
}

/* A copy of the datagram that was sent last; its length. */
static size_t copy_last(const Line *line, uint8_t *into) {
    memcpy(into, line->bytes[line->end - 1], line->lengths[line->end - 1]);
    return line->lengths[line->end - 1];
}

static void slip(Line *line, const void *bytes, size_t length) {
    memcpy(line->bytes[line->end], bytes, length);
    line->lengths[line->end++] = length;
}

/* --- sides --- */

static const char *ciphers = ""; /* OpenSSL's own */

static ContextSettings settings_of(EngineRole role) {
    ContextSettings settings;
    settings_init(&settings);
    settings.datagram = true;
    if (*ciphers) settings.ciphers = wire_bytes(ciphers);
    if (role == ENGINE_CLIENT) {
        settings.trusted = wire_bytes(wire_certificate);
    } else {
        settings.certificates = (BytesList){.list = {wire_bytes(wire_certificate)}, .count = 1};
        settings.keys = (BytesList){.list = {wire_bytes(wire_key)}, .count = 1};
    }
    return settings;
}

static DatagramSettings datagram_settings = {1200, 0.02, 30};

static void side_init(Side *side, EngineRole role, Line *in, Line *out) {
    Failure failure;
    ContextSettings settings = settings_of(role);
    SSL_CTX *context = context_new(&settings, &failure);
    Transport transport = {line_send, line_receive, side};
    const char *name = role == ENGINE_CLIENT ? "localhost" : NULL;
    side->in = in;
    side->out = out;
    if (!context ||
        !datagram_engine_init(&side->engine, context, role, transport, datagram_settings,
                              &failure) ||
        !context_prepare(side->engine.ssl, name, name, &failure)) {
        fprintf(stderr, "%s\n", failure.text);
        abort();
    }
    SSL_CTX_free(context);
}

static void both_init(void) {
    memset(&up, 0, sizeof up);
    memset(&down, 0, sizeof down);
    memset(&client, 0, sizeof client);
    memset(&server, 0, sizeof server);
    up.lost = down.lost = -1;
    side_init(&client, ENGINE_CLIENT, &down, &up);
    side_init(&server, ENGINE_SERVER, &up, &down);
}

static void both_free(void) {
    engine_free(&client.engine);
    engine_free(&server.engine);
}

/* --- time --- */

static int64_t now_us = INT64_C(1800000000000000);
static bool asked_for_time;

/* Replaces libc's for OpenSSL's libraries, too, where an executable's symbols come first. */
int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    (void)zone;
    asked_for_time = true;
    now->tv_sec = (time_t)(now_us / 1000000);
    now->tv_usec = (suseconds_t)(now_us % 1000000);
    return 0;
}

static void pause_for(double seconds) {
    struct timespec time = {.tv_nsec = (long)(seconds * 1e9)};
    now_us += (int64_t)(seconds * 1e6);
    if (!asked_for_time) nanosleep(&time, NULL); /* OpenSSL has another clock, as on macOS */
}

/* --- handshakes --- */

static bool resend_when_due(Side *side) {
    double due = datagram_retransmit_due(&side->engine);
    if (due < 0) return true;
    if (due > 0) pause_for(due < 0.05 ? due : 0.05);
    return datagram_retransmit(&side->engine) != ENGINE_FAILED;
}

/* Until both are done, what is lost sent again when it is time. */
static bool shake(void) {
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

static bool passes(Side *from, Side *to, const char *text) {
    uint8_t got[100];
    size_t taken, length;
    return engine_write(&from->engine, (const uint8_t *)text, strlen(text), &taken) ==
               ENGINE_DONE &&
           engine_read(&to->engine, got, sizeof got, &length) == ENGINE_DONE &&
           length == strlen(text) && !memcmp(got, text, length);
}

static void test_handshake(void) {
    both_init();
    CHECK("a handshake is made", shake());
    CHECK("data goes up", passes(&client, &server, "up"));
    CHECK("data comes down", passes(&server, &client, "down"));
    CHECK("nothing is sent again once it is done", datagram_retransmit_due(&client.engine) < 0 &&
                                                       datagram_retransmit_due(&server.engine) < 0);
    both_free();
}

static void test_anonymous(void) {
    static const char suites[] = "AECDH-AES128-SHA:@SECLEVEL=0";
    int errnum;
    both_init();
    if (!SSL_set_cipher_list(client.engine.ssl, suites)) abort();
    if (!SSL_set_cipher_list(server.engine.ssl, suites)) abort();
    CHECK("a suite without certificates is refused at the handshake's end",
          !shake() && !client.engine.established &&
              strstr(engine_explain(&client.engine, &errnum), "the peer showed no certificate"));
    both_free();
}

static void test_loss(void) {
    bool all = true;
    for (int lost = 0; lost < 12; lost++) {
        both_init();
        if (lost % 2) {
            up.lost = lost / 2;
        } else {
            down.lost = lost / 2;
        }
        bool made = shake();
        up.lost = down.lost = -1;
        all = all && made && passes(&client, &server, "x") && passes(&server, &client, "y");
        both_free();
    }
    CHECK("a handshake gets over the loss of any one datagram", all);
}

static void test_flight_shares_datagrams(void) {
    both_init();
    engine_handshake(&client.engine);
    engine_handshake(&server.engine);
    engine_handshake(&client.engine);
    CHECK("a flight that fits is one datagram", waiting(&up) == 1);
    pause_for(0.03);
    datagram_retransmit(&client.engine);
    CHECK("a retransmitted flight is one datagram too", waiting(&up) == 2);
    both_free();
    datagram_settings.mtu = 256;
    both_init();
    engine_handshake(&client.engine);
    engine_handshake(&server.engine);
    bool small = waiting(&down) > 1;
    for (int i = down.first; i < down.end; i++) small = small && down.lengths[i] <= 256;
    CHECK("no datagram of a handshake is longer than the MTU", small);
    CHECK("the handshake still succeeds", shake());
    both_free();
    datagram_settings.mtu = 1200;
}

static void test_mtu(void) {
    bool all = true;
    for (int mtu = 256; mtu < 600; mtu++) {
        datagram_settings.mtu = mtu;
        both_init();
        size_t max = (size_t)mtu;
        all = all && shake() && up.longest <= max && down.longest <= max;
        both_free();
    }
    CHECK("no datagram of a whole handshake is longer than the MTU", all);
    datagram_settings.mtu = 1200;
}

/* --- waits --- */

/* The waits between retransmissions, of OpenSSL's own reckoning: what is due after each. */
static double sum_of_waits(double first, double time, int *tries, double *max_length) {
    datagram_settings.retransmit = first;
    datagram_settings.handshake_timeout = time;
    both_init();
    double sum = 0;
    unsigned int wait = client.engine.retransmit_us;
    for (*tries = 0; *tries < 13; ++*tries) {
        sum += wait / 1e6;
        if (wait / 1e6 > *max_length) *max_length = wait / 1e6;
        unsigned int max = client.engine.max_retransmit_us;
        wait = wait < max / 2 ? 2 * wait : max;
    }
    both_free();
    datagram_settings = (DatagramSettings){1200, 0.02, 30};
    return sum;
}

static void test_waits(void) {
    int tries;
    double max_length = 0, sum = sum_of_waits(0.25, 30, &tries, &max_length);
    CHECK("all tries fit into the handshake's time, and fill it", sum > 25 && sum < 30.5);
    CHECK("the maximum wait leaves time for several tries", max_length < 4);
    max_length = 0;
    sum_of_waits(1, 1e9, &tries, &max_length);
    CHECK("no wait is longer than a minute", max_length > 59.9 && max_length < 60.1);
    max_length = 0;
    sum_of_waits(20, 30, &tries, &max_length);
    CHECK("no wait is shorter than the first", max_length > 19.9);
    datagram_settings.retransmit = 0.3;
    both_init();
    engine_handshake(&client.engine);
    up.first = up.end = 0;
    double due = datagram_retransmit_due(&client.engine);
    CHECK("the first wait is the configured one", due > 0 && due <= 0.3);
    pause_for(0.31);
    CHECK("a due flight is retransmitted",
          datagram_retransmit(&client.engine) != ENGINE_FAILED && waiting(&up) == 1);
    due = datagram_retransmit_due(&client.engine);
    CHECK("the second wait is twice the first", due > 0.3 && due <= 0.6);
    CHECK("nothing is sent before it is due",
          datagram_retransmit(&client.engine) != ENGINE_FAILED && waiting(&up) == 1);
    both_free();
    datagram_settings.retransmit = 0.02;
}

static void test_tries_end(void) {
    both_init();
    datagram_settings.handshake_timeout = 0.1;
    both_free();
    both_init();
    EngineStatus status = engine_handshake(&client.engine);
    for (int i = 0; i < 100 && status != ENGINE_FAILED; i++) {
        pause_for(0.021);
        up.first = up.end = 0;
        status = datagram_retransmit(&client.engine);
    }
    int errnum;
    CHECK("a client without an answer gives up", status == ENGINE_FAILED);
    CHECK("the failure gives the reason",
          strlen(engine_explain(&client.engine, &errnum)) > 0 && !errnum);
    both_free();
    datagram_settings.handshake_timeout = 30;
}

/* --- the transport --- */

static void test_frames_wait(void) {
    both_init();
    shake();
    size_t taken;
    up.full = true;
    bool all = true;
    for (int i = 0; i < 5; i++) {
        uint8_t data[3] = {'a', 'b', (uint8_t)('0' + i)};
        EngineStatus status = engine_write(&client.engine, data, 3, &taken);
        all = all && status == ENGINE_WANTS_WRITE;
    }
    CHECK("output that the transport refuses stays pending",
          all && !waiting(&up) && client.engine.pending.length > 0);
    up.full = false;
    CHECK("pending output is sent when the transport is ready",
          engine_flush(&client.engine) == ENGINE_DONE && !client.engine.pending.length);
    uint8_t got[10];
    size_t length;
    int count = 0;
    while (engine_read(&server.engine, got, sizeof got, &length) == ENGINE_DONE && length == 3)
        count++;
    CHECK("a refused write sends nothing", count == 1);
    both_free();
}

static void test_errors_pass(void) {
    both_init();
    shake();
    int errnum;
    size_t taken;
    uint8_t got[10];
    up.send_errno = ECONNREFUSED;
    EngineStatus status = engine_write(&client.engine, (const uint8_t *)"x", 1, &taken);
    engine_explain(&client.engine, &errnum);
    CHECK("an error of the transport fails the write",
          status == ENGINE_FAILED && errnum == ECONNREFUSED);
    up.send_errno = 0;
    down.receive_errno = ECONNREFUSED;
    status = engine_read(&client.engine, got, sizeof got, &taken);
    engine_explain(&client.engine, &errnum);
    CHECK("an error of the transport fails the read",
          status == ENGINE_FAILED && errnum == ECONNREFUSED);
    down.receive_errno = 0;
    CHECK("the session continues after the error",
          passes(&client, &server, "up") && passes(&server, &client, "down"));
    both_free();
}

static void test_buffers_come_back(void) {
    both_init();
    shake();
    engine_free_buffers(&server.engine);
    engine_free_buffers(&client.engine);
    CHECK("an engine without buffers can write first",
          passes(&server, &client, "down") && passes(&client, &server, "up"));
    engine_free_buffers(&server.engine);
    CHECK("an engine without buffers can send close_notify",
          engine_close_notify(&server.engine) == ENGINE_DONE);
    both_free();
}

/* --- forgeries --- */

static void test_forgeries(const char *name) {
    uint8_t record[13 + 64];
    printf("# %s\n", name);
    ciphers = name;
    both_init();
    CHECK("a handshake is made", shake());
    bool all = true;
    for (int type = 20; type < 25; type++) {
        for (int epoch = 0; epoch < 3; epoch++) {
            for (int length = 0; length <= 64; length++) {
                uint8_t header[] = {(uint8_t)type,
                                    0xfe,
                                    0xfd,
                                    0,
                                    (uint8_t)epoch,
                                    0,
                                    0,
                                    0,
                                    0,
                                    (uint8_t)type,
                                    (uint8_t)length,
                                    0,
                                    (uint8_t)length};
                memcpy(record, header, sizeof header);
                RAND_bytes(record + 13, length);
                up.first = up.end = down.first = down.end = 0; /* where one was not even read */
                slip(&up, record, 13 + (size_t)length);
                slip(&down, record, 13 + (size_t)length);
                all = all && engine_peek(&server.engine) == ENGINE_WANTS_READ &&
                      engine_peek(&client.engine) == ENGINE_WANTS_READ;
            }
        }
    }
    CHECK("forged records of each type, epoch and length are dropped", all);
    CHECK("the session continues after forged records",
          passes(&client, &server, "up") && passes(&server, &client, "down"));
    both_free();
    ciphers = "";
}

static void test_reads_after_its_end(void) {
    both_init();
    for (int i = 0; i < 2; i++) {
        engine_handshake(&client.engine);
        engine_handshake(&server.engine);
    }
    CHECK("a server can send close_notify right after its handshake",
          server.engine.established && engine_close_notify(&server.engine) == ENGINE_DONE);
    down.first = down.end = 0;
    pause_for(0.03);
    datagram_retransmit(&client.engine);
    CHECK("a client without an answer retransmits", waiting(&up) > 0);
    CHECK("the retransmission is no failure of the server",
          engine_peek(&server.engine) == ENGINE_WANTS_READ && !waiting(&up));
    both_free();
}

static void test_replay(void) {
    both_init();
    shake();
    size_t taken, length;
    uint8_t got[10], copy[ROOM];
    engine_write(&client.engine, (const uint8_t *)"once", 4, &taken);
    length = copy_last(&up, copy);
    engine_read(&server.engine, got, sizeof got, &taken);
    slip(&up, copy, length);
    CHECK("a datagram that comes twice is read once",
          engine_read(&server.engine, got, sizeof got, &taken) == ENGINE_WANTS_READ);
    copy[length - 1] ^= 1;
    slip(&up, copy, length);
    CHECK("an altered datagram is not read",
          engine_read(&server.engine, got, sizeof got, &taken) == ENGINE_WANTS_READ);
    both_free();
}

/* --- cookies --- */

static CookieSecrets secrets;
static uint8_t address[] = "192.0.2.1:5000";
static CookieSource source = {&secrets, {address, sizeof address}};

/* A client's hello that answers a server's question is at hand in `up`. */
static bool ask_for_cookie(void) {
    both_init();
    server.engine.cookie_source = &source;
    engine_handshake(&client.engine);
    bool asked = datagram_listen(&server.engine) == ENGINE_WANTS_READ && waiting(&down) == 1;
    engine_handshake(&client.engine);
    return asked && waiting(&up) == 1;
}

static void test_cookies(void) {
    Failure failure;
    CHECK("secrets are made", cookie_secrets_init(&secrets, &failure));
    CHECK("a ClientHello without a cookie gets a cookie request", ask_for_cookie());
    CHECK("a ClientHello with a good cookie is accepted",
          datagram_listen(&server.engine) == ENGINE_DONE);
    engine_free_buffers(&server.engine); /* not of what it has heard */
    CHECK("the handshake continues after the cookie", shake() && passes(&client, &server, "hello"));
    both_free();

    ask_for_cookie();
    cookie_secrets_renew(&secrets);
    CHECK("a cookie of the previous term is valid", datagram_listen(&server.engine) == ENGINE_DONE);
    both_free();

    ask_for_cookie();
    cookie_secrets_renew(&secrets);
    cookie_secrets_renew(&secrets);
    CHECK("an older cookie is refused with a new one",
          datagram_listen(&server.engine) == ENGINE_WANTS_READ && waiting(&down) == 1);
    both_free();

    ask_for_cookie();
    address[0] ^= 1;
    CHECK("a cookie of another address is refused",
          datagram_listen(&server.engine) == ENGINE_WANTS_READ && waiting(&down) == 1);
    both_free();
    address[0] ^= 1;

    ask_for_cookie();
    uint8_t copy[ROOM];
    size_t length = copy_last(&up, copy);
    bool none = true;
    for (int bit = 0; bit < 256; bit++) {
        up.first = up.end = 0;
        size_t cookie = 13 + 12 + 2 + 32 + 1 + copy[13 + 12 + 2 + 32] + 1;
        copy[cookie + (size_t)bit / 8] ^= (uint8_t)(1 << bit % 8);
        slip(&up, copy, length);
        none = none && datagram_listen(&server.engine) != ENGINE_DONE;
        copy[cookie + (size_t)bit / 8] ^= (uint8_t)(1 << bit % 8);
        down.first = down.end = 0;
    }
    CHECK("a cookie with any bit changed is refused", none);
    slip(&up, copy, length);
    CHECK("after all refusals the engine accepts the right cookie",
          datagram_listen(&server.engine) == ENGINE_DONE);
    both_free();
}

static void test_listen_to_anything(void) {
    both_init();
    server.engine.cookie_source = &source;
    engine_handshake(&client.engine);
    uint8_t copy[ROOM];
    size_t length = copy_last(&up, copy);
    up.first = up.end = 0;
    bool none = true;
    for (size_t cut = 0; cut < length; cut++) {
        if (cut) slip(&up, copy, cut);
        none = none && datagram_listen(&server.engine) == ENGINE_WANTS_READ;
        down.first = down.end = 0;
    }
    for (size_t i = 0; i < 20 * length; i++) {
        uint8_t noise[2];
        RAND_bytes(noise, sizeof noise);
        uint8_t kept = copy[i % length];
        copy[i % length] = noise[0];
        slip(&up, copy, length);
        none = none && datagram_listen(&server.engine) == ENGINE_WANTS_READ;
        copy[i % length] = kept;
        up.first = up.end = down.first = down.end = 0;
    }
    CHECK("truncated or changed ClientHellos make no session", none);
    slip(&up, copy, length);
    CHECK("the next ClientHello is answered",
          datagram_listen(&server.engine) == ENGINE_WANTS_READ && waiting(&down) == 1);
    both_free();
}

int main(void) {
    wire_make_identity();
    test_handshake();
    test_anonymous();
    test_loss();
    test_flight_shares_datagrams();
    test_mtu();
    test_waits();
    test_tries_end();
    test_frames_wait();
    test_errors_pass();
    test_buffers_come_back();
    test_forgeries("");
    test_forgeries("ECDHE-ECDSA-CHACHA20-POLY1305");
    test_forgeries("ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0");
    test_forgeries("ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0");
    test_forgeries("ECDHE-ECDSA-AES256-SHA384");
    test_reads_after_its_end();
    test_replay();
    test_cookies();
    test_listen_to_anything();
    return check_end();
}
