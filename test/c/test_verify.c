/* The check at the end of a handshake: if OpenSSL's settings are lost or weakened, a connection
 * that must be verified still fails. */
#include "check.h"
#include "wire.h"

#include "core/tls/verify.h"

#define ANONYMOUS "AECDH-AES128-SHA:@SECLEVEL=0"
#define BOTH "ECDHE-ECDSA-AES128-GCM-SHA256:" ANONYMOUS

static char fact_text[256];

static const char *fact(const char *text, int version) {
    snprintf(fact_text, sizeof fact_text, "%s (TLS 1.%d)", text, version - TLS1_VERSION);
    return fact_text;
}

static void side_settings(ContextSettings *settings, int version, VerifyMode verify) {
    settings_init(settings);
    settings->max_version = version;
    settings->verify = verify;
    settings->renegotiation = true;
    settings->trusted = wire_bytes(wire_certificate);
}

/* A server that verifies as `verify` says, and a client that does unless it is VERIFY_NONE. */
static void sides_init(Pair *pair, int version, VerifyMode client, VerifyMode server) {
    ContextSettings settings;
    memset(pair, 0, sizeof *pair);
    pair->up.max = pair->down.max = pair->up.capacity = pair->down.capacity = 1 << 20;
    pair->up.allowed = pair->down.allowed = SIZE_MAX;
    pair->client.out = pair->server.in = &pair->up;
    pair->client.in = pair->server.out = &pair->down;
    side_settings(&settings, version, client);
    end_init(&pair->client, &settings, ENGINE_CLIENT, "localhost");
    side_settings(&settings, version, server);
    settings.certificates = (BytesList){.list = {wire_bytes(wire_certificate)}, .count = 1};
    settings.keys = (BytesList){.list = {wire_bytes(wire_key)}, .count = 1};
    end_init(&pair->server, &settings, ENGINE_SERVER, NULL);
}

static void use_suites(Pair *pair, const char *suites) {
    if (!SSL_set_cipher_list(pair->client.engine.ssl, suites) ||
        !SSL_set_cipher_list(pair->server.engine.ssl, suites)) {
        abort();
    }
}

static bool explains(const Engine *engine, const char *text) {
    int errnum;
    return strstr(engine_explain(engine, &errnum), text);
}

static bool refuses(Pair *pair, const End *end, const char *text) {
    EngineStatus client, server;
    pair_handshake(pair, &client, &server);
    bool failed = (end == &pair->client ? client : server) == ENGINE_FAILED;
    return failed && !end->engine.established && explains(&end->engine, text);
}

static void test_anonymous(void) {
    EngineStatus client, server;
    Pair pair;
    sides_init(&pair, TLS1_2_VERSION, VERIFY_NONE, VERIFY_NONE);
    use_suites(&pair, ANONYMOUS);
    pair_handshake(&pair, &client, &server);
    CHECK("without verification a suite without certificates is used",
          client == ENGINE_DONE && !SSL_get0_peer_certificate(pair.client.engine.ssl));
    pair_free(&pair);
    sides_init(&pair, TLS1_2_VERSION, VERIFY_REQUIRED, VERIFY_NONE);
    use_suites(&pair, ANONYMOUS);
    CHECK("a verifying client fails if such a suite was negotiated",
          refuses(&pair, &pair.client, "the peer showed no certificate (AECDH-AES128-SHA)"));
    pair_free(&pair);
    /* With its flags OpenSSL itself still asks for a certificate, which ends the handshake. */
    sides_init(&pair, TLS1_2_VERSION, VERIFY_NONE, VERIFY_REQUIRED);
    SSL_set_verify(pair.server.engine.ssl, SSL_VERIFY_NONE, NULL);
    use_suites(&pair, ANONYMOUS);
    CHECK("a server that requires a certificate fails too",
          refuses(&pair, &pair.server, "the peer showed no certificate (AECDH-AES128-SHA)"));
    pair_free(&pair);
}

static void test_lost_flags(int version) {
    Pair pair;
    pair_init(&pair, version, 1 << 20, "other.example");
    SSL_set_verify(pair.client.engine.ssl, SSL_VERIFY_NONE, NULL);
    CHECK(fact("a client whose flags were lost refuses another host's certificate", version),
          refuses(&pair, &pair.client, "hostname mismatch"));
    pair_free(&pair);
    sides_init(&pair, version, VERIFY_NONE, VERIFY_REQUIRED);
    SSL_set_verify(pair.server.engine.ssl, SSL_VERIFY_NONE, NULL);
    CHECK(fact("a server whose flags were lost refuses a client without a certificate", version),
          refuses(&pair, &pair.server, "the peer showed no certificate"));
    pair_free(&pair);
}

static void test_unprepared(void) {
    Failure failure;
    ContextSettings settings;
    settings_init(&settings);
    SSL_CTX *context = context_new(&settings, &failure);
    SSL *ssl = SSL_new(context);
    CHECK("a connection without prepared verification does not count as verified",
          !verify_confirm(ssl, &failure) && strstr(failure.text, "was not set up"));
    SSL_free(ssl);
    SSL_CTX_free(context);
}

/* A session without certificates, made by ends that do not verify. */
static SSL_SESSION *anonymous_session(Pair *pair) {
    EngineStatus client, server;
    sides_init(pair, TLS1_2_VERSION, VERIFY_NONE, VERIFY_NONE);
    use_suites(pair, ANONYMOUS);
    pair_handshake(pair, &client, &server);
    return SSL_get1_session(pair->client.engine.ssl);
}

static void test_resumption(void) {
    Pair first, second;
    SSL_SESSION *session = anonymous_session(&first);
    CHECK("a session without certificates is made", session && SSL_SESSION_is_resumable(session));
    pair_free(&first);
    sides_init(&second, TLS1_2_VERSION, VERIFY_REQUIRED, VERIFY_NONE);
    SSL_CTX *context = SSL_get_SSL_CTX(second.server.engine.ssl);
    unsigned int length;
    const unsigned char *scope = SSL_SESSION_get0_id_context(session, &length);
    SSL_set_session_id_context(second.client.engine.ssl, scope, length);
    SSL_CTX_add_session(context, session);
    use_suites(&second, ANONYMOUS);
    SSL_set_session(second.client.engine.ssl, session);
    CHECK("a verifying client refuses to resume it",
          refuses(&second, &second.client, "the peer showed no certificate"));
    pair_free(&second);
    SSL_SESSION_free(session);
}

static void test_renegotiation(void) {
    EngineStatus client, server;
    Pair pair;
    uint8_t byte;
    size_t n;
    sides_init(&pair, TLS1_2_VERSION, VERIFY_REQUIRED, VERIFY_NONE);
    use_suites(&pair, BOTH);
    pair_handshake(&pair, &client, &server);
    CHECK("the first handshake shows a certificate",
          client == ENGINE_DONE && SSL_get0_peer_certificate(pair.client.engine.ssl));
    if (!SSL_set_cipher_list(pair.server.engine.ssl, ANONYMOUS)) abort();
    client = engine_renegotiate(&pair.client.engine);
    for (int i = 0; i < 20 && client != ENGINE_FAILED; i++) {
        engine_read(&pair.server.engine, &byte, 1, &n);
        client = engine_read(&pair.client.engine, &byte, 1, &n);
    }
    CHECK("a renegotiation that shows none ends the connection",
          client == ENGINE_FAILED &&
              explains(&pair.client.engine, "the peer showed no certificate"));
    pair_free(&pair);
}

int main(void) {
    wire_make_identity();
    test_anonymous();
    test_lost_flags(TLS1_2_VERSION);
    test_lost_flags(TLS1_3_VERSION);
    test_unprepared();
    test_resumption();
    test_renegotiation();
    return check_end();
}
