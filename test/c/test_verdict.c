/* Peers that the program judges: no way of a handshake accepts one that was not judged. */
#include "check.h"
#include "wire.h"

#include "core/tls/job.h"
#include "core/tls/trust.h"

#include <openssl/async.h>
#include <openssl/err.h>

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static char fact_text[256];

static const char *fact(const char *text, int version) {
    snprintf(fact_text, sizeof fact_text, "%s (TLS 1.%d)", text, version - TLS1_VERSION);
    return fact_text;
}

/* Both ends have a certificate and demand one, and each `judges`. */
static void init(Pair *pair, int version, bool client_judges, bool server_judges) {
    memset(pair, 0, sizeof *pair);
    pair->up.max = pair->down.max = pair->up.capacity = pair->down.capacity = 1 << 20;
    pair->up.allowed = pair->down.allowed = SIZE_MAX;
    pair->client.out = pair->server.in = &pair->up;
    pair->client.in = pair->server.out = &pair->down;
    ContextSettings settings;
    settings_init(&settings);
    settings.max_version = version;
    settings.trusted = wire_bytes(wire_certificate);
    settings.certificates = (BytesList){.list = {wire_bytes(wire_certificate)}, .count = 1};
    settings.keys = (BytesList){.list = {wire_bytes(wire_key)}, .count = 1};
    settings.verify_function = client_judges;
    end_init(&pair->client, &settings, ENGINE_CLIENT, "localhost");
    settings.verify = VERIFY_REQUIRED;
    settings.verify_function = server_judges;
    end_init(&pair->server, &settings, ENGINE_SERVER, NULL);
}

static bool rests(EngineStatus status) {
    return status == ENGINE_DONE || status == ENGINE_FAILED || status == ENGINE_WANTS_ANSWER;
}

/* Until both ends are done, failed or waiting, or nothing moves any more. */
static void drive(Pair *pair, EngineStatus *client, EngineStatus *server) {
    *client = *server = ENGINE_WANTS_READ;
    for (int i = 0; i < 20; i++) {
        if (!rests(*client)) *client = engine_handshake(&pair->client.engine);
        if (!rests(*server)) *server = engine_handshake(&pair->server.engine);
        if (*server == ENGINE_FAILED) pair->down.cut = true;
        if (*client == ENGINE_FAILED) pair->up.cut = true;
    }
}

static bool explains(const Engine *engine, const char *text) {
    int errnum;
    return strstr(engine_explain(engine, &errnum), text);
}

static void test_waiting(int version, bool server_judges) {
    Pair pair;
    EngineStatus client, server;
    init(&pair, version, !server_judges, server_judges);
    Engine *judge = server_judges ? &pair.server.engine : &pair.client.engine;
    drive(&pair, &client, &server);
    EngineStatus *status = server_judges ? &server : &client;
    CHECK(fact("the handshake waits for a verdict", version),
          *status == ENGINE_WANTS_ANSWER && judge->asked == QUESTION_VERDICT && judge->waits &&
              judge->verdict.sound && sk_X509_num(judge->verdict.chain) == 1);
    bool waits = true;
    for (int i = 0; i < 10; i++) waits = waits && engine_handshake(judge) == ENGINE_WANTS_ANSWER;
    CHECK(fact("calls without an answer change nothing", version), waits);
    engine_answer(judge);
    drive(&pair, &client, &server);
    CHECK(fact("the answer continues the handshake", version),
          client == ENGINE_DONE && server == ENGINE_DONE);
    CHECK(fact("reads and writes are no jobs", version),
          !(SSL_get_mode(judge->ssl) & SSL_MODE_ASYNC));
    pair_free(&pair);

    init(&pair, version, !server_judges, server_judges);
    drive(&pair, &client, &server);
    verdict_refuse(&judge->verdict, "refused by the test", false);
    engine_answer(judge);
    drive(&pair, &client, &server);
    CHECK(fact("a refusal fails the handshake", version),
          *status == ENGINE_FAILED && explains(judge, "refused by the test"));
    pair_free(&pair);

    init(&pair, version, !server_judges, server_judges);
    drive(&pair, &client, &server);
    pair_free(&pair); /* LeakSanitizer sees the job's stack */
    CHECK(fact("an engine that waits can be freed", version), true);
}

/* As on a system without jobs, where OpenSSL's way for clients would accept everything. */
static void test_server_without_job(int version) {
    Pair pair;
    EngineStatus client, server;
    init(&pair, version, false, true);
    SSL_clear_mode(pair.server.engine.ssl, SSL_MODE_ASYNC);
    drive(&pair, &client, &server);
    CHECK(fact("a server whose function can't be asked refuses the client", version),
          server == ENGINE_FAILED && !pair.server.engine.established &&
              explains(&pair.server.engine, ":on-verify can't be asked now"));
    size_t n;
    uint8_t byte;
    CHECK(fact("and neither reads nor writes", version),
          engine_read(&pair.server.engine, &byte, 1, &n) == ENGINE_FAILED && !n &&
              engine_write(&pair.server.engine, (const uint8_t *)"x", 1, &n) == ENGINE_FAILED);
    pair_free(&pair);
}

static void test_blocked_pause(int version) {
    Pair pair;
    EngineStatus client, server;
    init(&pair, version, true, false);
    engine_handshake(&pair.client.engine);
    engine_handshake(&pair.server.engine);
    ASYNC_block_pause();
    drive(&pair, &client, &server);
    ASYNC_unblock_pause();
    pair_free(&pair);
    CHECK(fact("a job that may not pause ends", version), true);
}

static int accept_all(X509_STORE_CTX *chain, void *arg) {
    (void)chain, (void)arg;
    return 1;
}

static void test_confirmation(int version, bool server_judges) {
    Pair pair;
    EngineStatus client, server;
    init(&pair, version, !server_judges, server_judges);
    Engine *judge = server_judges ? &pair.server.engine : &pair.client.engine;
    SSL_CTX_set_cert_verify_callback(SSL_get_SSL_CTX(judge->ssl), accept_all, NULL);
    drive(&pair, &client, &server);
    CHECK(fact(server_judges ? "a server ends without a verdict that was not asked for"
                             : "a client ends without a verdict that was not asked for",
               version),
          judge->failure && explains(judge, ":on-verify was not asked"));
    pair_free(&pair);
}

static void test_many_waiting(void) {
    enum { COUNT = 200 };
    static Pair pairs[COUNT];
    EngineStatus client, server;
    bool good = true;
    for (int i = 0; i < COUNT; i++) {
        init(pairs + i, versions[i % 2], false, true);
        drive(pairs + i, &client, &server);
        good = good && server == ENGINE_WANTS_ANSWER;
    }
    for (int i = 0; i < COUNT; i++) {
        engine_answer(&pairs[i].server.engine);
        drive(pairs + i, &client, &server);
        good = good && client == ENGINE_DONE && server == ENGINE_DONE;
    }
    CHECK("more handshakes than keep buffers wait, and all are made", good);
    for (int i = 0; i < COUNT; i++) pair_free(pairs + i);
}

int main(void) {
    wire_make_identity();
    if (!job_is_possible()) {
        CHECK("this system has no jobs", true);
        return check_end();
    }
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        for (int server = 0; server < 2; server++) {
            test_waiting(versions[i], server);
            test_confirmation(versions[i], server);
        }
        test_server_without_job(versions[i]);
        test_blocked_pause(versions[i]);
    }
    test_many_waiting();
    return check_end();
}
