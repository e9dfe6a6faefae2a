/* Sessions for resumption and staples of servers: bytes from a file or from the peer, which are
 * accepted whole or refused with a reason. */
#include "core/tls/ocsp.h"
#include "core/tls/session.h"
#include "talk.h"

static SSL_CTX *client, *server;

static void make_contexts(void) {
    client = talk_context(ENGINE_CLIENT, 0, VERIFY_UNSET);
    server = talk_context(ENGINE_SERVER, 0, VERIFY_UNSET);
}

static void import(Bytes bytes) {
    Failure failure = {""};
    SSL *ssl = SSL_new(client);
    SSL_set_connect_state(ssl);
    fuzz_expect(context_prepare(ssl, "localhost", "localhost", &failure));
    if (session_import(ssl, bytes, &failure)) {
        SSL_SESSION *session = SSL_get_session(ssl);
        size_t length;
        uint8_t *again = session_export(ssl, session, &length);
        OPENSSL_free(again);
    } else {
        fuzz_expect_reason(&failure);
    }
    SSL_free(ssl);
}

/* The response has no trusted signer: it is refused, and so is the handshake. */
static void staple(Bytes bytes) {
    Failure failure = {""};
    Pair pair;
    EngineStatus at_client, at_server;
    if (!ocsp_staple_context(server, bytes, &failure)) {
        fuzz_expect_reason(&failure);
        return;
    }
    memset(&pair, 0, sizeof pair);
    pair.up = pair.down = (Wire){.max = 1 << 16, .capacity = 1 << 20, .allowed = SIZE_MAX};
    pair.client.out = pair.server.in = &pair.up;
    pair.client.in = pair.server.out = &pair.down;
    talk_init(&pair.client.engine, client, ENGINE_CLIENT,
              (Transport){end_send, end_receive, &pair.client});
    talk_init(&pair.server.engine, server, ENGINE_SERVER,
              (Transport){end_send, end_receive, &pair.server});
    SSL_set_tlsext_status_type(pair.client.engine.ssl, TLSEXT_STATUSTYPE_ocsp);
    pair_handshake(&pair, &at_client, &at_server);
    fuzz_expect(at_client == ENGINE_FAILED);
    fuzz_expect_explained(&pair.client.engine);
    pair_free(&pair);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Bytes bytes = {data, size};
    if (!client) make_contexts();
    import(bytes);
    if (size && data[0] == 0x30) staple(bytes);
    return 0;
}
