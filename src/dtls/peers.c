#include "dtls/peers.h"

#include "base/call.h"
#include "core/tls/context.h"
#include "core/tls/datagram.h"
#include "dtls/address.h"
#include "stream/stream.h"

#include <math.h>
#include <openssl/rand.h>
#include <string.h>

#define RECORD_HEADER 13
#define HANDSHAKE_HEADER 12
#define RANDOM_AT (RECORD_HEADER + HANDSHAKE_HEADER + 2)
#define NATIVE_SIZE (48 << 10) /* of a session, reported to the collector */

/* --- datagrams that come while the program is asked --- */

/* A flight of a client, whose chain of certificates can take many datagrams. More are lost: the
 * client sends its flight again. */
#define MAX_KEPT (32 << 10)

static void keep_datagram(Datagrams *kept, const uint8_t *bytes, size_t length) {
    uint16_t frame = (uint16_t)length;
    size_t whole = kept->length + sizeof frame + length;
    uint8_t *grown = whole <= MAX_KEPT ? OPENSSL_realloc(kept->bytes, whole) : NULL;
    if (!grown) return;
    memcpy(grown + kept->length, &frame, sizeof frame);
    memcpy(grown + kept->length + sizeof frame, bytes, length);
    kept->bytes = grown;
    kept->length = whole;
}

static void forget_kept(Datagrams *kept) {
    OPENSSL_free(kept->bytes);
    *kept = (Datagrams){NULL, 0, 0};
}

/* The next one; its length is 0 when there is none. */
static size_t take_kept(Datagrams *kept, const uint8_t **bytes) {
    uint16_t frame;
    if (kept->read == kept->length) {
        forget_kept(kept);
        return 0;
    }
    memcpy(&frame, kept->bytes + kept->read, sizeof frame);
    *bytes = kept->bytes + kept->read + sizeof frame;
    kept->read += sizeof frame + frame;
    return frame;
}

/* --- a peer's transport --- */

/* A datagram that finds no room is lost. */
static ptrdiff_t send_to_peer(void *arg, const uint8_t *bytes, size_t length) {
    Peer *peer = arg;
    udp_put(peer->peers->udp, &peer->endpoint, bytes, length);
    return (ptrdiff_t)length;
}

static ptrdiff_t receive_from_peer(void *arg, uint8_t *bytes, size_t room) {
    Peer *peer = arg;
    if (!peer->bytes) peer->length = take_kept(&peer->kept, &peer->bytes);
    if (!peer->bytes) return TRANSPORT_WOULD_BLOCK;
    size_t length = peer->length < room ? peer->length : room;
    memcpy(bytes, peer->bytes, length);
    peer->bytes = NULL;
    return (ptrdiff_t)length;
}

/* --- life --- */

static void free_peer(Peer *peer) {
    asker_stop(&peer->asker);
    engine_free(&peer->engine);
    forget_kept(&peer->kept);
    stats_release(peer->asker.stats);
    hosts_remove(&peer->peers->hosts, peer->host);
    OPENSSL_free(peer);
}

static const AskerKind asker_kind;

static Peer *new_peer(Peers *peers) {
    Peer *peer = OPENSSL_zalloc(sizeof *peer);
    if (!peer) return NULL;
    const Bytes address = {(const uint8_t *)&peer->endpoint, sizeof peer->endpoint};
    peer->peers = peers;
    peer->address = janet_wrap_nil();
    peer->cookie = (CookieSource){&peers->secrets, address};
    peer->engine.cookie_source = &peer->cookie;
    peer->engine.keeps_buffers = true; /* on_silence frees them */
    peer->asker = (Asker){.kind = &asker_kind,
                          .engine = &peer->engine,
                          .questions = peers->questions,
                          .contexts = &dtls_kind,
                          .chosen = janet_wrap_nil(),
                          .stats = stats_hold(context_slot_stats(peers->slot))};
    return peer;
}

static Peer *make_spare(Peers *peers, SSL_CTX *context, Failure *failure) {
    Peer *peer = new_peer(peers);
    if (!peer) {
        failure_set(failure, "out of memory");
        return NULL;
    }
    const ConnectionSettings *settings = peers->settings;
    DatagramSettings datagrams = {settings->mtu, settings->retransmit, settings->handshake_timeout};
    Transport transport = {send_to_peer, receive_from_peer, peer};
    if (!datagram_engine_init(&peer->engine, context, ENGINE_SERVER, transport, datagrams,
                              failure) ||
        !context_prepare(peer->engine.ssl, NULL, NULL, failure)) {
        free_peer(peer);
        return NULL;
    }
    return peer;
}

/* The spare, made if there is none of the context that serves now. NULL on failure. */
static Peer *prepare_spare(Peers *peers, Failure *failure) {
    SSL_CTX *context = context_slot_get(peers->slot);
    Peer *spare = peers->spare;
    if (spare && SSL_get_app_data(spare->engine.ssl) != context) {
        free_peer(spare);
        spare = NULL;
    }
    if (!spare) spare = make_spare(peers, context, failure);
    peers->spare = spare;
    SSL_CTX_free(context);
    return spare;
}

bool peers_init(Peers *peers, Failure *failure) {
    uint64_t seed;
    peers->now = timer_now();
    if (RAND_bytes((unsigned char *)&seed, sizeof seed) != 1) {
        return failure_openssl(failure, "no random bytes");
    }
    if (!cookie_secrets_init(&peers->secrets, failure)) return false;
    if (!table_init(&peers->table, seed) || !table_init(&peers->hosts, seed)) {
        return failure_set(failure, "out of memory");
    }
    return prepare_spare(peers, failure);
}

static void remove_from_table(Peer *peer) {
    Peers *peers = peer->peers;
    if (peers->unread == peer) peers->unread = NULL;
    if (peers->recent == peer) peers->recent = NULL;
    if (peer->predecessor) {
        peer->predecessor->successor = NULL;
        return;
    }
    table_remove(&peers->table, &peer->node);
    if (!peers->table.count) poller_remove_root(&peers->root);
}

void peers_remove(Peer *peer, bool notify) {
    if (peer->successor) peers_remove(peer->successor, false);
    if (notify && peer->state == PEER_OPEN) engine_close_notify(&peer->engine);
    poller_unset_timer(&peer->timer);
    remove_from_table(peer);
    free_peer(peer);
}

Peer *peers_each(const Peers *peers, const Peer *after) {
    if (!peers->table.count) return NULL;
    return (Peer *)table_each(&peers->table, after ? &after->node : NULL);
}

/* A server with peers is collected only when the VM ends. Its timers' neighbours may be gone then.
 * */
static void free_collected(Peer *peer) {
    if (peer->successor) free_peer(peer->successor);
    free_peer(peer);
}

void peers_free(Peers *peers, bool notify, bool collected) {
    Peer *peer = peers_each(peers, NULL);
    for (Peer *next; peer; peer = next) {
        next = peers_each(peers, peer);
        if (collected) {
            free_collected(peer);
        } else {
            peers_remove(peer, notify);
        }
    }
    if (peers->spare) free_peer(peers->spare);
    peers->spare = peers->recent = peers->unread = NULL;
    table_free(&peers->table);
    table_free(&peers->hosts);
    OPENSSL_cleanse(&peers->secrets, sizeof peers->secrets);
}

Janet peers_address(Peer *peer) {
    if (janet_checktype(peer->address, JANET_NIL)) peer->address = address_new(&peer->endpoint);
    return peer->address;
}

Peer *peers_find(const Peers *peers, const Endpoint *endpoint) {
    Peer *recent = peers->recent;
    if (recent && endpoint_equals(&recent->endpoint, endpoint)) return recent;
    uint64_t hash = table_hash(&peers->table, endpoint, sizeof *endpoint);
    TableNode *node = table_first(&peers->table, hash);
    while (node && !endpoint_equals(&((Peer *)node)->endpoint, endpoint)) node = table_next(node);
    return (Peer *)node;
}

/* --- silence --- */

/* seconds of silence after which a peer's buffers, its largest part, are freed */
#define BUFFERS_TIME 5.0

/* Plaintext does not move the timer. When the timer expires, check whether there was plaintext. */
static void on_silence(Timer *timer);

static double silence_of(const Peer *peer) {
    return (double)(peer->peers->now - peer->active) / 1e9;
}

static void watch_silence(Peer *peer) {
    double max = peer->peers->options->idle_timeout, silence = silence_of(peer);
    bool buffers_first = silence < BUFFERS_TIME && max > BUFFERS_TIME;
    double left = (buffers_first ? BUFFERS_TIME : max) - silence;
    if (left < INFINITY) poller_set_timer(&peer->timer, left > 0 ? left : 0, on_silence);
}

static void on_silence(Timer *timer) {
    Peer *peer = (Peer *)((char *)timer - offsetof(Peer, timer));
    Peers *peers = peer->peers;
    peers->now = timer_now();
    if (silence_of(peer) < peers->options->idle_timeout) {
        if (silence_of(peer) >= BUFFERS_TIME) engine_free_buffers(&peer->engine);
        watch_silence(peer);
        return;
    }
    peers_remove(peer, true);
    udp_flush(peers->udp);
}

/* --- handshakes --- */

static void report_failure(const Peer *peer) {
    int errnum;
    char host[ENDPOINT_TEXT];
    Janet on_error = peer->peers->options->on_error;
    if (janet_checktype(on_error, JANET_NIL)) return;
    endpoint_host(&peer->endpoint, host);
    JanetString text = janet_formatc("dtls/listen: peer %s port %d: %s", host, peer->endpoint.port,
                                     engine_explain(&peer->engine, &errnum));
    Janet facts = failure_facts(&peer->endpoint, false, engine_server_name(&peer->engine));
    janet_schedule(call_fiber_with(on_error, janet_wrap_string(text), facts), janet_wrap_nil());
}

static void fail_peer(Peer *peer) {
    report_failure(peer);
    peers_remove(peer, false);
}

static void replace_predecessor(Peer *peer) {
    Peer *before = peer->predecessor;
    peer->predecessor = NULL;
    before->successor = NULL;
    peer->address = before->address;
    table_add(&peer->peers->table, &peer->node);
    peers_remove(before, false);
}

static void open_session(Peer *peer) {
    peer->state = PEER_OPEN;
    peer->active = peer->peers->now = timer_now();
    peer->took = handshake_clock_taken(&peer->clock);
    forget_kept(&peer->kept);
    watch_silence(peer);
    if (peer->predecessor) replace_predecessor(peer);
}

static void on_handshake_timer(Timer *timer);

static void arm_timer(Peer *peer) {
    double due = handshake_clock_due(&peer->clock, &peer->engine);
    if (due < INFINITY) poller_set_timer(&peer->timer, due, on_handshake_timer);
}

/* Returns the peer if its handshake is done: data may have come with the last flight. */
static Peer *advance_handshake(Peer *peer) {
    EngineStatus status = asker_handshake(&peer->asker);
    if (status == ENGINE_WANTS_ANSWER && peer->bytes) {
        keep_datagram(&peer->kept, peer->bytes, peer->length);
        peer->bytes = NULL;
    }
    if (status == ENGINE_DONE) {
        open_session(peer);
        return peer;
    }
    if (status == ENGINE_FAILED) {
        fail_peer(peer);
    } else {
        arm_timer(peer);
    }
    return NULL;
}

static void on_handshake_timer(Timer *timer) {
    Peer *peer = (Peer *)((char *)timer - offsetof(Peer, timer));
    Peers *peers = peer->peers;
    peers->now = timer_now();
    if (handshake_clock_check(&peer->clock, &peer->engine) == ENGINE_FAILED) {
        fail_peer(peer);
    } else {
        arm_timer(peer);
    }
    udp_flush(peers->udp);
}

/* --- the program's answers --- */

static Peer *peer_of_asker(const Asker *asker) {
    return (Peer *)((uintptr_t)asker - offsetof(Peer, asker));
}

static void go_on(Asker *asker) {
    Peer *peer = peer_of_asker(asker);
    Peers *peers = peer->peers;
    peers->now = timer_now();
    advance_handshake(peer);
    udp_flush(peers->udp);
}

static bool find_peer(const Asker *asker, Endpoint *endpoint) {
    *endpoint = peer_of_asker(asker)->endpoint;
    return true;
}

static const AskerKind asker_kind = {.go_on = go_on, .find_peer = find_peer};

/* --- ClientHellos --- */

static bool is_hello(const Datagram *datagram) {
    static const uint8_t offset[3];
    const uint8_t *bytes = datagram->bytes;
    return datagram->length >= RANDOM_AT + 32 && bytes[0] == SSL3_RT_HANDSHAKE &&
           bytes[1] == DTLS1_VERSION_MAJOR && !bytes[3] && !bytes[4] &&
           bytes[RECORD_HEADER] == SSL3_MT_CLIENT_HELLO &&
           !memcmp(bytes + RECORD_HEADER + 6, offset, sizeof offset);
}

static bool has_random(const Peer *peer, const Datagram *datagram) {
    return peer && !memcmp(peer->random, datagram->bytes + RANDOM_AT, sizeof peer->random);
}

static bool is_full(const Peers *peers, const Endpoint *endpoint) {
    const ServerOptions *options = peers->options;
    return peers->table.count >= (size_t)options->max_sessions ||
           hosts_count(&peers->hosts, endpoint) >= options->max_per_host;
}

static void add_successor(Peer *peer, Peer *successor) {
    if (peer->successor) peers_remove(peer->successor, false);
    peer->successor = successor;
    successor->predecessor = peer;
}

/* Make the spare, whose client has shown a good cookie, a peer. */
static Peer *admit_spare(Peers *peers, Peer *before, const Datagram *datagram) {
    Peer *peer = peers->spare;
    peers->spare = NULL;
    peer->host = hosts_add(&peers->hosts, &datagram->from);
    if (!peer->host) {
        free_peer(peer);
        return NULL;
    }
    peer->clock = handshake_clock_start(peers->settings->handshake_timeout, 0);
    memcpy(peer->random, datagram->bytes + RANDOM_AT, sizeof peer->random);
    peer->node.hash = table_hash(&peers->table, &peer->endpoint, sizeof peer->endpoint);
    if (before) {
        add_successor(before, peer);
    } else {
        table_add(&peers->table, &peer->node);
    }
    poller_add_root(&peers->root, peers->mark);
    janet_gcpressure(NATIVE_SIZE);
    return advance_handshake(peer);
}

#define SECRET_TERM INT64_C(60000000000) /* nanoseconds */

static void renew_secrets(Peers *peers) {
    CookieSecrets *secrets = &peers->secrets;
    if (peers->now < secrets->renew_at) return;
    /* After a long silence both secrets are old. */
    if (peers->now >= secrets->renew_at + SECRET_TERM) cookie_secrets_renew(secrets);
    if (cookie_secrets_renew(secrets)) secrets->renew_at = peers->now + SECRET_TERM;
}

/* A client without a good cookie costs no memory. A client that starts again (`before`) is not
 * counted twice. */
static Peer *answer_hello(Peers *peers, const Datagram *datagram, Peer *before) {
    Failure failure;
    bool refused = !before && is_full(peers, &datagram->from);
    Peer *peer = refused ? NULL : prepare_spare(peers, &failure);
    if (!peer) return NULL;
    renew_secrets(peers);
    peer->endpoint = datagram->from;
    peer->bytes = datagram->bytes;
    peer->length = datagram->length;
    EngineStatus status = datagram_listen(&peer->engine);
    peer->bytes = NULL;
    return status == ENGINE_DONE ? admit_spare(peers, before, datagram) : NULL;
}

/* --- datagrams --- */

static Peer *feed_peer(Peer *peer, const Datagram *datagram) {
    peer->bytes = datagram->bytes;
    peer->length = datagram->length;
    return peer->state == PEER_OPEN ? peer : advance_handshake(peer);
}

static bool is_first_epoch(const Datagram *datagram) {
    return datagram->length > 4 && !datagram->bytes[3] && !datagram->bytes[4];
}

/* A sealed record belongs to one of the two sessions; the other drops it. */
static Peer *feed_both(Peer *peer, const Datagram *datagram) {
    Peers *peers = peer->peers;
    Peer *opened = feed_peer(peer->successor, datagram);
    if (is_first_epoch(datagram) || peers_find(peers, &datagram->from) != peer) return opened;
    return feed_peer(peer, datagram);
}

static Peer *receive_hello(Peers *peers, Peer *peer, const Datagram *datagram) {
    Peer *successor = peer ? peer->successor : NULL;
    Peer *same = has_random(peer, datagram)        ? peer
                 : has_random(successor, datagram) ? successor
                                                   : NULL;
    if (!same) return answer_hello(peers, datagram, peer);
    /* The client repeats the hello while the program judges it. */
    return same->engine.waits ? NULL : feed_peer(same, datagram);
}

Peer *peers_receive(Peers *peers, const Datagram *datagram) {
    Peer *peer = peers_find(peers, &datagram->from);
    if (is_hello(datagram)) return receive_hello(peers, peer, datagram);
    if (!peer) return NULL;
    return peer->successor ? feed_both(peer, datagram) : feed_peer(peer, datagram);
}

bool peers_read(Peer *peer, uint8_t *into, size_t room, size_t *length) {
    Peers *peers = peer->peers;
    peers->unread = NULL;
    EngineStatus status = engine_read(&peer->engine, into, room, length);
    if (status == ENGINE_DONE) {
        /* Data that overtook the last flight comes before the datagram, which then waits. */
        if (peer->bytes || SSL_has_pending(peer->engine.ssl)) peers->unread = peer;
        peers->recent = peer;
        peer->active = peers->now;
        return true;
    }
    peer->bytes = NULL;
    if (status == ENGINE_EOF || status == ENGINE_FAILED) peers_remove(peer, status == ENGINE_EOF);
    return false;
}
