/* DTLS servers over memory: cookies of any age and address, and hellos that are cut or changed. */
#define _GNU_SOURCE /* nanosleep */
#include "check.h"
#include "line.h"

#include "core/tls/cookie.h"

#include <openssl/rand.h>

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
    test_cookies();
    test_listen_to_anything();
    return check_end();
}
