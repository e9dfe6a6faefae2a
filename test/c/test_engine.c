/* Engines over memory: what a transport can do to them, and what they make of it. */
#include "check.h"
#include "wire.h"

#include <openssl/err.h>

#define SIZE (1 << 20)

static uint8_t data[SIZE], got_data[SIZE + 1];

static char fact_text[256];

static const char *fact(const char *text, int version, size_t max) {
    snprintf(fact_text, sizeof fact_text, "%s (TLS 1.%d, %s)", text, version - TLS1_VERSION,
             max == 1 ? "a byte at a time" : "in one go");
    return fact_text;
}

static bool explains(const Engine *engine, const char *text, int errnum) {
    int told;
    const char *why = engine_explain(engine, &told);
    return strstr(why, text) && told == errnum;
}

/* Move `length` bytes from one end to the other. */
static bool transfer(End *from, End *to, size_t length) {
    size_t sent = 0, received = 0, n;
    bool written = false;
    for (long i = 0; received < length && i < 10000000; i++) {
        if (!written) {
            EngineStatus status = engine_write(&from->engine, data + sent, length - sent, &n);
            sent += n;
            if (status == ENGINE_FAILED) return false;
            written = status == ENGINE_DONE;
        }
        engine_flush(&from->engine);
        EngineStatus status = engine_read(&to->engine, got_data + received, length - received, &n);
        if (status == ENGINE_FAILED || status == ENGINE_EOF) return false;
        received += n;
    }
    return received == length && sent == length && !memcmp(data, got_data, length);
}

static void test_transfer(int version, size_t max) {
    Pair pair;
    size_t length = max == 1 ? 50000 : SIZE;
    CHECK(fact("the handshake is made", version, max), pair_open(&pair, version, max));
    CHECK(fact("both agree on the version", version, max),
          SSL_version(pair.client.engine.ssl) == version &&
              SSL_version(pair.server.engine.ssl) == version);
    CHECK(fact("data goes up", version, max), transfer(&pair.client, &pair.server, length));
    CHECK(fact("data comes down", version, max), transfer(&pair.server, &pair.client, length));
    CHECK(fact("small data goes up", version, max), transfer(&pair.client, &pair.server, 1));
    pair_free(&pair);
}

static EngineStatus read_until(End *end, size_t *total) {
    EngineStatus status;
    size_t n;
    *total = 0;
    for (int i = 0; i < 1000000; i++) {
        status = engine_read(&end->engine, got_data, SIZE, &n);
        *total += n;
        if (status == ENGINE_EOF || status == ENGINE_FAILED) break;
    }
    return status;
}

static void say(End *end, const char *text) {
    size_t taken;
    engine_write(&end->engine, (const uint8_t *)text, strlen(text), &taken);
    for (int i = 0; i < 10000 && engine_flush(&end->engine) == ENGINE_WANTS_WRITE; i++) {
    }
}

static void test_end(int version, size_t max) {
    Pair pair;
    size_t total;
    pair_open(&pair, version, max);
    say(&pair.client, "bye");
    CHECK(fact("no side has sent close_notify yet", version, max),
          !engine_peer_closed(&pair.server.engine));
    for (int i = 0; i < 10000 && engine_close_notify(&pair.client.engine) != ENGINE_DONE; i++) {
    }
    CHECK(fact("close_notify is sent once", version, max),
          engine_close_notify(&pair.client.engine) == ENGINE_DONE);
    CHECK(fact("data before close_notify is read, then the end", version, max),
          read_until(&pair.server, &total) == ENGINE_EOF && total == 3);
    CHECK(fact("the end stays the end", version, max),
          read_until(&pair.server, &total) == ENGINE_EOF && !total &&
              engine_peek(&pair.server.engine) == ENGINE_EOF &&
              engine_peer_closed(&pair.server.engine));
    say(&pair.server, "answer");
    size_t n, held = 0;
    for (int i = 0; i < 10000 && held < 6; i++) {
        engine_read(&pair.client.engine, got_data + held, SIZE, &n);
        held += n;
    }
    CHECK(fact("the other direction goes on", version, max),
          held == 6 && !memcmp(got_data, "answer", 6));
    pair_free(&pair);
}

static void test_truncation(int version, size_t max) {
    Pair pair;
    size_t total;
    pair_open(&pair, version, max);
    say(&pair.client, "part");
    pair.up.cut = true;
    CHECK(fact("a truncation fails after the data", version, max),
          read_until(&pair.server, &total) == ENGINE_FAILED && total == 4 &&
              explains(&pair.server.engine, "connection truncated", 0));
    CHECK(fact("a truncation stays a failure", version, max),
          read_until(&pair.server, &total) == ENGINE_FAILED && !total);
    pair_free(&pair);

    pair_open(&pair, version, max);
    pair.server.engine.truncation_is_eof = true;
    say(&pair.client, "part");
    pair.up.cut = true;
    CHECK(fact("a truncation is an end with truncation_is_eof", version, max),
          read_until(&pair.server, &total) == ENGINE_EOF && total == 4 &&
              read_until(&pair.server, &total) == ENGINE_EOF);
    pair_free(&pair);

    pair_open(&pair, version, max);
    say(&pair.client, "a record that does not come whole");
    pair.up.length -= 5;
    pair.up.cut = true;
    CHECK(
        fact("a truncation within a record fails and delivers nothing of the record", version, max),
        read_until(&pair.server, &total) == ENGINE_FAILED && !total);
    pair_free(&pair);
}

static void test_forgery(int version, size_t max) {
    Pair pair;
    size_t total;
    pair_open(&pair, version, max);
    say(&pair.client, "genuine");
    pair.up.bytes[pair.up.length - 3] ^= 1;
    CHECK(fact("a changed record fails and delivers nothing", version, max),
          read_until(&pair.server, &total) == ENGINE_FAILED && !total &&
              explains(&pair.server.engine, "bad record mac", 0));
    CHECK(fact("an error stays in its own engine", version, max),
          transfer(&pair.server, &pair.client, 0) && ERR_peek_error() == 0);
    pair_free(&pair);
}

static void test_handshake_failures(int version, size_t max) {
    Pair pair;
    EngineStatus client, server;
    pair_init(&pair, version, max, "elsewhere.example");
    pair_handshake(&pair, &client, &server);
    CHECK(fact("a wrong name is refused", version, max),
          client == ENGINE_FAILED && explains(&pair.client.engine, "hostname mismatch", 0));
    CHECK(fact("the failure names both names", version, max),
          explains(&pair.client.engine, "elsewhere.example", 0) &&
              explains(&pair.client.engine, "localhost", 0));
    size_t n;
    CHECK(fact("writes and reads fail after the failed handshake", version, max),
          engine_write(&pair.client.engine, data, 1, &n) == ENGINE_FAILED && !n &&
              engine_read(&pair.client.engine, got_data, 1, &n) == ENGINE_FAILED && !n);
    pair_free(&pair);

    bool failed = true;
    for (size_t before = 0; before < 500 && failed; before += max == 1 ? 150 : 37) {
        pair_init(&pair, version, max, "localhost");
        pair.down.allowed = before; /* so much of the server's answer comes */
        for (int i = 0; i < 5000 && pair.down.allowed; i++) {
            engine_handshake(&pair.client.engine);
            engine_handshake(&pair.server.engine);
        }
        pair.down.cut = true;
        client = ENGINE_WANTS_READ;
        for (int i = 0; i < 5000 && client != ENGINE_FAILED; i++) {
            client = engine_handshake(&pair.client.engine);
        }
        failed = client == ENGINE_FAILED && explains(&pair.client.engine, "handshake failed", 0);
        if (!failed) printf("# after %zu bytes\n", before);
        pair_free(&pair);
    }
    CHECK(fact("a handshake fails wherever the peer closes in it", version, max), failed);
}

/* --- transports that block, and that fail --- */

static void test_blocked(int version) {
    Pair pair;
    size_t sent = 0, n;
    pair_open(&pair, version, SIZE);
    pair.up.capacity = 1000;
    EngineStatus status = engine_write(&pair.client.engine, data, 100000, &sent);
    CHECK("a blocked transport is reported", status == ENGINE_WANTS_WRITE && sent);
    CHECK("pending output is kept", pair.client.engine.pending.length > 0);
    size_t waiting = pair.client.engine.pending.length;
    CHECK("a second flush changes nothing",
          engine_flush(&pair.client.engine) == ENGINE_WANTS_WRITE &&
              pair.client.engine.pending.length == waiting);
    /* Reading goes on meanwhile, and what is written later comes later. */
    say(&pair.server, "down");
    CHECK("reading does not need writing",
          engine_read(&pair.client.engine, got_data, 10, &n) == ENGINE_DONE && n == 4);
    size_t more;
    CHECK("no data is sealed while output is pending",
          engine_write(&pair.client.engine, data + sent, 10, &more) == ENGINE_WANTS_WRITE && !more);
    size_t received = 0;
    for (int i = 0; i < 100000 && received < 100000; i++) {
        if (engine_flush(&pair.client.engine) == ENGINE_DONE && sent < 100000) {
            engine_write(&pair.client.engine, data + sent, 100000 - sent, &more);
            sent += more;
        }
        engine_read(&pair.server.engine, got_data + received, SIZE - received, &n);
        received += n;
    }
    CHECK("all data arrives in order", received == 100000 && !memcmp(got_data, data, 100000));
    pair_free(&pair);
}

/* A write that is given up leaves whole records, and the next one follows them. */
static void test_given_up(int version) {
    Pair pair;
    size_t sent = 0, n, received = 0, taken;
    pair_open(&pair, version, SIZE);
    pair.up.capacity = 5000;
    engine_write(&pair.client.engine, data, SIZE, &sent);
    bool ended = false;
    for (int i = 0; i < 100000 && received < sent + 4; i++) {
        if (engine_flush(&pair.client.engine) == ENGINE_DONE && !ended) {
            engine_write(&pair.client.engine, (const uint8_t *)"next", 4, &taken);
            ended = true;
        }
        engine_read(&pair.server.engine, got_data + received, sizeof got_data - received, &n);
        received += n;
    }
    CHECK("after a cancelled write the next one follows the sealed data",
          sent < SIZE && received == sent + 4 && !memcmp(got_data, data, sent) &&
              !memcmp(got_data + sent, "next", 4));
    pair_free(&pair);
}

static void test_close_while_blocked(int version) {
    Pair pair;
    size_t sent, total = 0, n;
    pair_open(&pair, version, SIZE);
    pair.up.capacity = 100;
    engine_write(&pair.client.engine, data, 5000, &sent);
    CHECK("close_notify waits behind the data",
          engine_close_notify(&pair.client.engine) == ENGINE_WANTS_WRITE);
    EngineStatus status = ENGINE_WANTS_READ;
    for (int i = 0; i < 10000 && status != ENGINE_EOF && status != ENGINE_FAILED; i++) {
        engine_close_notify(&pair.client.engine);
        status = engine_read(&pair.server.engine, got_data + total, SIZE, &n);
        total += n;
    }
    CHECK("close_notify arrives after the data",
          status == ENGINE_EOF && total == 5000 && !memcmp(got_data, data, 5000));
    pair_free(&pair);
}

static void test_broken(int version) {
    Pair pair;
    size_t n, total;
    pair_open(&pair, version, SIZE);
    say(&pair.server, "last words");
    pair.up.send_errno = EPIPE;
    CHECK("a transport that fails to send fails the write",
          engine_write(&pair.client.engine, data, 10, &n) == ENGINE_FAILED &&
              explains(&pair.client.engine, strerror(EPIPE), EPIPE));
    CHECK("data that has arrived can still be read",
          engine_read(&pair.client.engine, got_data, 100, &n) == ENGINE_DONE && n == 10);
    pair.down.receive_errno = ECONNRESET;
    CHECK("a transport that fails to receive fails the read",
          read_until(&pair.client, &total) == ENGINE_FAILED);
    pair_free(&pair);

    pair_open(&pair, version, SIZE);
    pair.down.receive_errno = ECONNRESET;
    CHECK("a reset is reported with its errno",
          read_until(&pair.client, &total) == ENGINE_FAILED &&
              explains(&pair.client.engine, strerror(ECONNRESET), ECONNRESET));
    pair_free(&pair);

    EngineStatus status = ENGINE_WANTS_READ;
    pair_init(&pair, version, SIZE, "localhost");
    pair.up.send_errno = EPIPE;
    for (int i = 0; i < 3 && status != ENGINE_FAILED; i++)
        status = engine_handshake(&pair.client.engine);
    CHECK("a handshake whose transport fails to send fails",
          status == ENGINE_FAILED && explains(&pair.client.engine, strerror(EPIPE), EPIPE));
    pair_free(&pair);

    pair_init(&pair, version, SIZE, "localhost");
    pair.down.receive_errno = ECONNRESET;
    CHECK("a handshake whose transport fails to receive fails",
          engine_handshake(&pair.client.engine) == ENGINE_FAILED &&
              explains(&pair.client.engine, strerror(ECONNRESET), ECONNRESET));
    pair_free(&pair);
}

static void test_small_seals(int version) {
    Pair pair;
    pair_open(&pair, version, SIZE);
    pair.client.engine.max_sealed = 1024;
    CHECK("data sealed in small pieces is whole", transfer(&pair.client, &pair.server, 300000));
    pair_free(&pair);
}

static void test_key_update(void) {
    Pair pair;
    pair_open(&pair, TLS1_3_VERSION, SIZE);
    bool good = true;
    for (int i = 0; i < 20; i++) {
        good = good && SSL_key_update(pair.client.engine.ssl, SSL_KEY_UPDATE_REQUESTED) &&
               transfer(&pair.client, &pair.server, 40000) &&
               transfer(&pair.server, &pair.client, 40000);
    }
    CHECK("keys are renewed both ways between transfers", good);
    pair_free(&pair);
}

/* A TLS 1.3 handshake up to the client's end of it; neither end flushes. */
static bool open_corked(Pair *pair) {
    pair_init(pair, TLS1_3_VERSION, SIZE, "localhost");
    pair->client.engine.corks = pair->server.engine.corks = true;
    engine_handshake(&pair->client.engine);
    engine_handshake(&pair->server.engine);
    return engine_handshake(&pair->client.engine) == ENGINE_DONE;
}

static void test_cork(void) {
    Pair pair;
    size_t n, total;
    Engine *client = &pair.client.engine, *server = &pair.server.engine;
    CHECK("a last flight is held back", open_corked(&pair) && client->corked && pair.up.sends == 1);
    engine_write(client, data, 5, &n);
    CHECK("the last flight and the first data are one send", !client->corked && pair.up.sends == 2);
    CHECK("the peer accepts them as handshake and data",
          engine_handshake(server) == ENGINE_DONE &&
              engine_read(server, got_data, SIZE, &n) == ENGINE_DONE && n == 5);
    CHECK("a read keeps the corked flight", server->corked && pair.down.sends == 1);
    engine_close_notify(server);
    CHECK("close_notify and the corked flight are one send",
          !server->corked && pair.down.sends == 2);
    CHECK("the end arrives after the corked flight",
          read_until(&pair.client, &total) == ENGINE_EOF && !total);
    pair_free(&pair);

    open_corked(&pair);
    CHECK("a flush sends the corked flight", engine_flush(client) == ENGINE_DONE &&
                                                 !client->corked && pair.up.sends == 2 &&
                                                 engine_handshake(server) == ENGINE_DONE);
    pair_free(&pair);

    open_corked(&pair);
    pair.up.capacity = 0;
    EngineStatus blocked = engine_write(client, data, 5, &n);
    pair.up.capacity = SIZE;
    CHECK("a corked and then blocked flight still comes first",
          blocked == ENGINE_WANTS_WRITE && n == 5 && engine_flush(client) == ENGINE_DONE &&
              engine_handshake(server) == ENGINE_DONE &&
              engine_read(server, got_data, SIZE, &n) == ENGINE_DONE && n == 5);
    pair_free(&pair);
}

/* More than keep OpenSSL's buffers. */
static void test_many(void) {
    static Pair pairs[100];
    bool good = true;
    for (size_t i = 0; i < 100; i++) good = pair_open(&pairs[i], TLS1_3_VERSION, SIZE) && good;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 100; i++) {
            say(&pairs[i].client, "in the middle"); /* stays unread while the others are used */
        }
        for (size_t i = 0; i < 100; i++) {
            size_t n;
            good = good && engine_read(&pairs[i].server.engine, got_data, 3, &n) == ENGINE_DONE &&
                   n == 3;
        }
        for (size_t i = 0; i < 100; i++) {
            size_t n;
            good = good &&
                   engine_read(&pairs[i].server.engine, got_data, SIZE, &n) == ENGINE_DONE &&
                   n == 10 && !memcmp(got_data, "the middle", 10);
        }
    }
    CHECK("a hundred connections in turns lose nothing", good);
    for (size_t i = 0; i < 100; i++) pair_free(&pairs[i]);
}

static void test_life(void) {
    Engine engine = {0};
    size_t n;
    engine_free(&engine);
    engine_free(&engine);
    CHECK("a zeroed engine can be freed, twice", !engine.ssl);
    CHECK("a zeroed engine fails when used",
          engine_read(&engine, got_data, 1, &n) == ENGINE_FAILED &&
              engine_write(&engine, data, 1, &n) == ENGINE_FAILED &&
              engine_handshake(&engine) == ENGINE_FAILED && !engine_peer_closed(&engine));
    int errnum;
    CHECK("there is always a reason", *engine_explain(&engine, &errnum));
    engine_fail(&engine, "first");
    engine_fail(&engine, "second");
    CHECK("the first reason stays", explains(&engine, "first", 0));
    engine_free(&engine);
}

int main(void) {
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    static const size_t max_values[] = {SIZE, 1};
    for (size_t i = 0; i < SIZE; i++) data[i] = (uint8_t)(i * 31 + (i >> 8));
    wire_make_identity();
    test_life();
    for (int v = 0; v < 2; v++) {
        for (int m = 0; m < 2; m++) {
            test_transfer(versions[v], max_values[m]);
            test_end(versions[v], max_values[m]);
            test_truncation(versions[v], max_values[m]);
            test_forgery(versions[v], max_values[m]);
            test_handshake_failures(versions[v], max_values[m]);
        }
        test_blocked(versions[v]);
        test_given_up(versions[v]);
        test_close_while_blocked(versions[v]);
        test_broken(versions[v]);
        test_small_seals(versions[v]);
    }
    test_key_update();
    test_cork();
    test_many();
    return check_end();
}
