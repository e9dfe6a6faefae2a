/* A slot that threads share: one replaces its context, and those of its virtual host, while others
 * make handshakes. `make tsan` runs this under ThreadSanitizer. */
#include "check.h"
#include "wire.h"

#include "core/tls/context_slot.h"

#include <pthread.h>
#include <stdatomic.h>

#define THREADS 3
#define RELOADS 200

static ContextSlot *slot, *host;
static SSL_CTX *client_context;
/* All contexts of the slots, freed at the end: ThreadSanitizer does not see that OpenSSL counts
 * references, and takes a last reference that another thread frees for a race. */
static SSL_CTX *kept[2 * (RELOADS + 1)];
static int kept_count;
static atomic_int done;
static atomic_int served, failed;

static void server_settings(ContextSettings *settings) {
    settings_init(settings);
    settings->groups = wire_bytes("X25519");
    settings->certificates = (BytesList){.list = {wire_bytes(wire_certificate)}, .count = 1};
    settings->keys = (BytesList){.list = {wire_bytes(wire_key)}, .count = 1};
}

static ContextSlot *new_slot(const ContextSettings *settings) {
    Failure failure;
    ContextSlot *made = context_slot_new(settings, &failure);
    if (!made) abort();
    return made;
}

static void keep_contexts(void) {
    kept[kept_count++] = context_slot_get(slot);
    kept[kept_count++] = context_slot_get(host);
}

static void make_slots(void) {
    ContextSettings settings;
    VirtualHost list[1];
    server_settings(&settings);
    host = new_slot(&settings);
    list[0] = (VirtualHost){wire_bytes("localhost"), host};
    settings.hosts = (VirtualHostList){list, 1};
    slot = new_slot(&settings);
    keep_contexts();
}

/* With a group that the server does not take first: it asks for a second hello. */
static void make_client(void) {
    Failure failure;
    ContextSettings settings;
    settings_init(&settings);
    settings.groups = wire_bytes("P-256:X25519");
    settings.trusted = wire_bytes(wire_certificate);
    client_context = context_new(&settings, &failure);
    if (!client_context) abort();
}

static void init_end(End *end, SSL_CTX *context, EngineRole role, const char *name) {
    Failure failure;
    Transport transport = {end_send, end_receive, end};
    if (!byte_stream_engine_init(&end->engine, context, role, transport, &failure) ||
        !context_prepare(end->engine.ssl, name, name, &failure)) {
        abort();
    }
}

static void open_pair(Pair *pair) {
    memset(pair, 0, sizeof *pair);
    pair->up.max = pair->down.max = pair->up.capacity = pair->down.capacity = 1 << 20;
    pair->up.allowed = pair->down.allowed = SIZE_MAX;
    pair->client.out = pair->server.in = &pair->up;
    pair->client.in = pair->server.out = &pair->down;
    SSL_CTX *context = context_slot_get(slot);
    init_end(&pair->client, client_context, ENGINE_CLIENT, "localhost");
    init_end(&pair->server, context, ENGINE_SERVER, NULL);
    SSL_CTX_free(context);
}

static bool shake(Pair *pair) {
    EngineStatus mine, theirs;
    pair_handshake(pair, &mine, &theirs);
    return mine == ENGINE_DONE && theirs == ENGINE_DONE;
}

static void *serve(void *arg) {
    (void)arg;
    for (int i = 0; !atomic_load(&done) || i < 10; i++) {
        Pair pair;
        open_pair(&pair);
        atomic_fetch_add(shake(&pair) ? &served : &failed, 1);
        pair_free(&pair);
    }
    return NULL;
}

static int reload_often(void) {
    Failure failure;
    uint8_t bytes[80] = "key";
    BytesList keys = {.list = {{bytes, sizeof bytes}}, .count = 1};
    int reloaded = 0;
    for (int i = 0; i < RELOADS; i++) {
        bytes[0] = (uint8_t)i;
        reloaded += context_slot_set_ticket_keys(slot, &keys, &failure) &&
                    context_slot_reread(i % 2 ? slot : host, &failure);
        keep_contexts();
    }
    return reloaded;
}

static void test_threads(void) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) pthread_create(threads + i, NULL, serve, NULL);
    int reloaded = reload_often();
    atomic_store(&done, 1);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    CHECK("each reload succeeds", reloaded == RELOADS);
    CHECK("no handshake fails meanwhile", served > 0 && !failed);
}

static void test_between_hellos(void) {
    Pair pair;
    Failure failure;
    open_pair(&pair);
    engine_handshake(&pair.client.engine);
    engine_handshake(&pair.server.engine);
    const SSL_CTX *before = SSL_get_SSL_CTX(pair.server.engine.ssl);
    bool reloaded = context_slot_reread(slot, &failure);
    CHECK("a handshake goes on when its host is replaced between two hellos",
          reloaded && shake(&pair));
    CHECK("with the context that it began with", before == SSL_get_SSL_CTX(pair.server.engine.ssl));
    pair_free(&pair);
}

static void test_refusals(void) {
    Failure failure;
    ContextSettings settings;
    SSL_CTX *before = context_slot_get(slot);
    settings_init(&settings);
    CHECK("a server can't lose its certificate", !context_slot_reload(slot, &settings, &failure));
    SSL_CTX *after = context_slot_get(slot);
    CHECK("a failed reload replaces nothing", before == after);
    SSL_CTX_free(before);
    SSL_CTX_free(after);
}

int main(void) {
    wire_make_identity();
    make_slots();
    make_client();
    test_threads();
    test_between_hellos();
    test_refusals();
    context_slot_release(slot);
    context_slot_release(host);
    SSL_CTX_free(client_context);
    while (kept_count) SSL_CTX_free(kept[--kept_count]);
    return check_end();
}
