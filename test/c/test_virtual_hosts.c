/* A client that names one host in its first ClientHello and another in a later one: what it gets,
 * and the name that the server reports, belong to one host. */
#include "check.h"
#include "wire.h"

#define LAX "lax.example"       /* verifies no client */
#define STRICT "strict.example" /* requires a certificate */

static SSL_CTX *host_new(int version, VerifyMode verify) {
    Failure failure;
    ContextSettings settings;
    settings_init(&settings);
    settings.max_version = version;
    settings.verify = verify;
    settings.renegotiation = true;
    settings.groups = wire_bytes("X25519");
    settings.trusted = wire_bytes(wire_certificate);
    settings.certificates = (BytesList){.list = {wire_bytes(wire_certificate)}, .count = 1};
    settings.keys = (BytesList){.list = {wire_bytes(wire_key)}, .count = 1};
    SSL_CTX *context = context_new(&settings, &failure);
    if (!context) abort();
    return context;
}

static void wires_init(Pair *pair) {
    memset(pair, 0, sizeof *pair);
    pair->up.max = pair->down.max = pair->up.capacity = pair->down.capacity = 1 << 20;
    pair->up.allowed = pair->down.allowed = SIZE_MAX;
    pair->client.out = pair->server.in = &pair->up;
    pair->client.in = pair->server.out = &pair->down;
}

/* A listener that requires certificates and has both hosts, and a client without one. */
static void sides_init(Pair *pair, int version, const char *name) {
    ContextSettings settings;
    VirtualHost hosts[] = {{wire_bytes(LAX), host_new(version, VERIFY_NONE)},
                           {wire_bytes(STRICT), host_new(version, VERIFY_REQUIRED)}};
    wires_init(pair);
    settings_init(&settings);
    settings.max_version = version;
    settings.verify = VERIFY_NONE;
    settings.renegotiation = true;
    settings.groups = wire_bytes("P-256:X25519");
    end_init(&pair->client, &settings, ENGINE_CLIENT, name);
    settings.verify = VERIFY_REQUIRED;
    settings.groups = wire_bytes("X25519");
    settings.trusted = wire_bytes(wire_certificate);
    settings.certificates = (BytesList){.list = {wire_bytes(wire_certificate)}, .count = 1};
    settings.keys = (BytesList){.list = {wire_bytes(wire_key)}, .count = 1};
    settings.hosts = (VirtualHostList){hosts, 2};
    end_init(&pair->server, &settings, ENGINE_SERVER, NULL);
    SSL_CTX_free(hosts[0].context);
    SSL_CTX_free(hosts[1].context);
}

static const char *next_name;

/* OpenSSL's macro takes a pointer without const, and copies the text. */
static void set_server_name(SSL *ssl, const char *name) {
    char copy[64];
    snprintf(copy, sizeof copy, "%s", name);
    SSL_set_tlsext_host_name(ssl, copy);
}

/* Change the name once the server has asked for another ClientHello. */
static void on_message(int sent, int version, int type, const void *bytes, size_t length, SSL *ssl,
                       void *arg) {
    (void)version, (void)arg;
    if (sent || type != SSL3_RT_HANDSHAKE || !length) return;
    if (*(const uint8_t *)bytes == SSL3_MT_SERVER_HELLO) set_server_name(ssl, next_name);
}

static bool is_served(Pair *pair) {
    EngineStatus client, server;
    SSL_set_msg_callback(pair->client.engine.ssl, on_message);
    pair_handshake(pair, &client, &server);
    return server == ENGINE_DONE;
}

static void test_retry(const char *fact, const char *first, const char *second, bool served) {
    Pair pair;
    next_name = second;
    sides_init(&pair, TLS1_3_VERSION, first);
    CHECK(fact, is_served(&pair) == served);
    pair_free(&pair);
}

static void test_renegotiation(const char *fact, const char *second, bool served) {
    EngineStatus client, server;
    uint8_t byte;
    size_t n;
    Pair pair;
    sides_init(&pair, TLS1_2_VERSION, LAX);
    pair_handshake(&pair, &client, &server);
    set_server_name(pair.client.engine.ssl, second);
    client = engine_renegotiate(&pair.client.engine);
    for (int i = 0; i < 20 && client != ENGINE_FAILED; i++) {
        server = engine_read(&pair.server.engine, &byte, 1, &n);
        client = engine_read(&pair.client.engine, &byte, 1, &n);
    }
    CHECK(fact, (server != ENGINE_FAILED) == served);
    pair_free(&pair);
}

int main(void) {
    wire_make_identity();
    test_retry("a host that verifies nothing serves a client that repeats its name", LAX, LAX,
               true);
    test_retry("a client that goes over to a stricter host's name is refused", LAX, STRICT, false);
    test_retry("and so is one that goes over to the listener", LAX, "else.example", false);
    test_retry("a client that goes over to a laxer host's name is refused", STRICT, LAX, false);
    test_renegotiation("a renegotiation for the same host goes on", LAX, true);
    test_renegotiation("a renegotiation for a stricter host is refused", STRICT, false);
    return check_end();
}
