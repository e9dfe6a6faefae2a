/* A client that names one host in its first ClientHello and another in a later one: what it gets,
 * and the name that the server reports, belong to one host. */
#define _GNU_SOURCE /* nanosleep */
#include "check.h"
#include "line.h"

#include "core/tls/context_slot.h"
#include "core/tls/cookie.h"

#define LAX "lax.example"       /* verifies no client */
#define STRICT "strict.example" /* requires a certificate */

static ContextSlot *host_new(int version, VerifyMode verify) {
    Failure failure;
    ContextSettings settings;
    settings_init(&settings);
    settings.datagram = version == DTLS1_2_VERSION;
    settings.max_version = version;
    settings.verify = verify;
    settings.renegotiation = true;
    settings.groups = wire_bytes("X25519");
    settings.trusted = wire_bytes(wire_certificate);
    settings.certificates = (BytesList){.list = {wire_bytes(wire_certificate)}, .count = 1};
    settings.keys = (BytesList){.list = {wire_bytes(wire_key)}, .count = 1};
    ContextSlot *slot = context_slot_new(&settings, &failure);
    if (!slot) abort();
    return slot;
}

static void wires_init(Pair *pair) {
    memset(pair, 0, sizeof *pair);
    pair->up.max = pair->down.max = pair->up.capacity = pair->down.capacity = 1 << 20;
    pair->up.allowed = pair->down.allowed = SIZE_MAX;
    pair->client.out = pair->server.in = &pair->up;
    pair->client.in = pair->server.out = &pair->down;
}

/* A listener that requires certificates and has both hosts, and a client without one. */
typedef struct Hosts {
    VirtualHost list[2];
    ContextSettings client, listener;
} Hosts;

static void hosts_init(Hosts *hosts, int version) {
    hosts->list[0] = (VirtualHost){wire_bytes(LAX), host_new(version, VERIFY_NONE)};
    hosts->list[1] = (VirtualHost){wire_bytes(STRICT), host_new(version, VERIFY_REQUIRED)};
    settings_init(&hosts->client);
    hosts->client.max_version = version;
    hosts->client.verify = VERIFY_NONE;
    hosts->client.renegotiation = true;
    hosts->client.groups = wire_bytes("P-256:X25519");
    hosts->listener = hosts->client;
    hosts->listener.verify = VERIFY_REQUIRED;
    hosts->listener.groups = wire_bytes("X25519");
    hosts->listener.trusted = wire_bytes(wire_certificate);
    hosts->listener.certificates = (BytesList){.list = {wire_bytes(wire_certificate)}, .count = 1};
    hosts->listener.keys = (BytesList){.list = {wire_bytes(wire_key)}, .count = 1};
    hosts->listener.hosts = (VirtualHostList){hosts->list, 2};
}

static void hosts_free(const Hosts *hosts) {
    context_slot_release(hosts->list[0].slot);
    context_slot_release(hosts->list[1].slot);
}

static void sides_init(Pair *pair, int version, const char *name) {
    Hosts hosts;
    hosts_init(&hosts, version);
    wires_init(pair);
    end_init(&pair->client, &hosts.client, ENGINE_CLIENT, name);
    end_init(&pair->server, &hosts.listener, ENGINE_SERVER, NULL);
    hosts_free(&hosts);
}

static void lines_open(const char *name) {
    Hosts hosts;
    hosts_init(&hosts, DTLS1_2_VERSION);
    lines_init();
    side_init(&client, &hosts.client, ENGINE_CLIENT, name, datagram_settings);
    side_init(&server, &hosts.listener, ENGINE_SERVER, NULL, datagram_settings);
    hosts_free(&hosts);
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
    int message = *(const uint8_t *)bytes;
    if (message == SSL3_MT_SERVER_HELLO || message == DTLS1_MT_HELLO_VERIFY_REQUEST) {
        set_server_name(ssl, next_name);
    }
}

static bool is_served(Pair *pair) {
    EngineStatus mine, theirs;
    SSL_set_msg_callback(pair->client.engine.ssl, on_message);
    pair_handshake(pair, &mine, &theirs);
    return theirs == ENGINE_DONE;
}

static void test_retry(const char *fact, const char *first, const char *second, bool served) {
    Pair pair;
    next_name = second;
    sides_init(&pair, TLS1_3_VERSION, first);
    CHECK(fact, is_served(&pair) == served);
    pair_free(&pair);
}

static void test_renegotiation(const char *fact, const char *second, bool served) {
    EngineStatus mine, theirs;
    uint8_t byte;
    size_t n;
    Pair pair;
    sides_init(&pair, TLS1_2_VERSION, LAX);
    pair_handshake(&pair, &mine, &theirs);
    set_server_name(pair.client.engine.ssl, second);
    mine = engine_renegotiate(&pair.client.engine);
    for (int i = 0; i < 20 && mine != ENGINE_FAILED; i++) {
        theirs = engine_read(&pair.server.engine, &byte, 1, &n);
        mine = engine_read(&pair.client.engine, &byte, 1, &n);
    }
    CHECK(fact, (theirs != ENGINE_FAILED) == served);
    pair_free(&pair);
}

static bool host_is(const char *name) {
    const char *served = SSL_get_servername(server.engine.ssl, TLSEXT_NAMETYPE_host_name);
    return served && !strcmp(served, name);
}

/* The first hello asks for a cookie, and a server keeps nothing of it. */
static void test_cookie_exchange(const char *fact, const char *first, const char *second,
                                 bool served) {
    static CookieSecrets secrets;
    static uint8_t address[] = "192.0.2.1:5000";
    static CookieSource source = {&secrets, {address, sizeof address}};
    Failure failure;
    next_name = second;
    lines_open(first);
    if (!cookie_secrets_init(&secrets, &failure)) abort();
    server.engine.cookie_source = &source;
    SSL_set_msg_callback(client.engine.ssl, on_message);
    engine_handshake(&client.engine);
    bool asked = datagram_listen(&server.engine) == ENGINE_WANTS_READ;
    engine_handshake(&client.engine);
    bool heard = datagram_listen(&server.engine) == ENGINE_DONE;
    CHECK(fact, asked && heard && shake() == served && (!served || host_is(second)));
    both_free();
}

static void test_datagram_renegotiation(const char *fact, const char *second, bool served) {
    EngineStatus mine, theirs = ENGINE_WANTS_READ;
    uint8_t byte;
    size_t n;
    lines_open(LAX);
    if (!shake()) abort();
    set_server_name(client.engine.ssl, second);
    mine = engine_renegotiate(&client.engine);
    for (int i = 0; i < 20 && mine != ENGINE_FAILED && theirs != ENGINE_FAILED; i++) {
        theirs = engine_read(&server.engine, &byte, 1, &n);
        mine = engine_read(&client.engine, &byte, 1, &n);
    }
    CHECK(fact, (theirs != ENGINE_FAILED) == served && passes(&client, &server, "x") == served);
    both_free();
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
    test_cookie_exchange("DTLS: a client that repeats its name with the cookie is served", LAX, LAX,
                         true);
    test_cookie_exchange("DTLS: the name beside the cookie chooses the host", STRICT, LAX, true);
    test_cookie_exchange("DTLS: and the host's verification: a stricter host refuses", LAX, STRICT,
                         false);
    test_cookie_exchange("DTLS: and so does the listener", LAX, "else.example", false);
    test_datagram_renegotiation("DTLS: a renegotiation for the same host goes on", LAX, true);
    test_datagram_renegotiation("DTLS: a renegotiation for a stricter host is refused", STRICT,
                                false);
    test_datagram_renegotiation("DTLS: and so is one for the listener", "else.example", false);
    return check_end();
}
