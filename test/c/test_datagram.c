/* Engines of DTLS over memory: lost, delayed and forged datagrams. */
#define _GNU_SOURCE /* nanosleep */
#include "check.h"
#include "line.h"

#include <openssl/rand.h>

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
    up.first = up.end = 0; /* on a slow machine, a flight that was sent again */
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
#ifdef __linux__
    CHECK("the timers of OpenSSL run on this test's clock", asked_for_time);
#endif
    return check_end();
}
