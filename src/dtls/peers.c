/* The peers of a server: hellos, handshakes, sessions, and their ends. */
#include "base/call.h"
#include "core/tls/context.h"
#include "dtls/address.h"
#include "dtls/server.h"

#include <math.h>
#include <openssl/rand.h>
#include <string.h>

#define RECORD_HEADER 13
#define HANDSHAKE_HEADER 12
#define RANDOM_AT (RECORD_HEADER + HANDSHAKE_HEADER + 2)
#define NATIVE_SIZE (48 << 10) /* of a session, as the collector is told */

/* Sessions of one IP address; of IPv6 of one network of 64 bits, as a single host has it. */
struct Host {
    TableNode node; /* first: in the server's table */
    uint8_t key[8];
    int32_t count;
};

/* --- a peer's transport --- */

static ptrdiff_t peer_send(void *arg, const uint8_t *bytes, size_t length) {
    Peer *peer = arg;
    udp_put(&peer->server->udp, &peer->endpoint, bytes, length); /* or it is lost */
    return (ptrdiff_t)length;
}

static ptrdiff_t peer_receive(void *arg, uint8_t *bytes, size_t room) {
    Peer *peer = arg;
    if (!peer->bytes) return TRANSPORT_WOULD_BLOCK;
    size_t length = peer->length < room ? peer->length : room;
    memcpy(bytes, peer->bytes, length);
    peer->bytes = NULL;
    return (ptrdiff_t)length;
}

/* --- hosts --- */

static void host_key(const Endpoint *endpoint, uint8_t key[8]) {
    memset(key, 0, 8);
    memcpy(key, endpoint->ip, endpoint->family == AF_INET6 ? 8 : 4);
}

static Host *find_host(const Server *server, const Endpoint *endpoint) {
    uint8_t key[8];
    host_key(endpoint, key);
    TableNode *node = table_first(&server->hosts, table_hash(&server->hosts, key, sizeof key));
    while (node && memcmp(((Host *)node)->key, key, sizeof key)) node = table_next(node);
    return (Host *)node;
}

static Host *count_in(Server *server, const Endpoint *endpoint) {
    Host *host = find_host(server, endpoint);
    if (!host) {
        host = OPENSSL_zalloc(sizeof *host);
        if (!host) return NULL;
        host_key(endpoint, host->key);
        host->node.hash = table_hash(&server->hosts, host->key, sizeof host->key);
        table_add(&server->hosts, &host->node);
    }
    host->count++;
    return host;
}

static void count_out(Server *server, Host *host) {
    if (!host || --host->count) return;
    table_remove(&server->hosts, &host->node);
    OPENSSL_free(host);
}

static bool is_full(const Server *server, const Endpoint *endpoint) {
    if (server->peers.count >= (size_t)server->options.max_sessions) return true;
    const Host *host = find_host(server, endpoint);
    return host && host->count >= server->options.max_per_host;
}

/* --- life --- */

static void root_mark(GcRoot *root) {
    janet_mark(janet_wrap_abstract((char *)root - offsetof(Server, root)));
}

static void free_peer(Peer *peer) {
    engine_free(&peer->engine);
    count_out(peer->server, peer->host);
    OPENSSL_free(peer);
}

bool peers_prepare(Server *server, Failure *failure) {
    if (server->spare) return true;
    Peer *peer = OPENSSL_zalloc(sizeof *peer);
    if (!peer) return failure_set(failure, "out of memory");
    Transport transport = {peer_send, peer_receive, peer};
    DatagramSettings settings = {server->settings.mtu, server->settings.retransmit,
                                 server->settings.handshake_timeout};
    peer->server = server;
    peer->address = janet_wrap_nil();
    peer->cookie =
        (CookieSource){&server->secrets, {(const uint8_t *)&peer->endpoint, sizeof peer->endpoint}};
    peer->engine.cookie_source = &peer->cookie;
    peer->engine.keeps_buffers = true; /* here, while it talks: see silence_due */
    if (!datagram_engine_init(&peer->engine, server->with->context, ENGINE_SERVER, transport,
                              settings, failure) ||
        !context_prepare(peer->engine.ssl, NULL, NULL, failure)) {
        free_peer(peer);
        return false;
    }
    server->spare = peer;
    return true;
}

/* The table knows it no more. */
static void forget(Peer *peer) {
    Server *server = peer->server;
    if (server->current == peer) server->current = NULL;
    if (server->recent == peer) server->recent = NULL;
    if (peer->predecessor) {
        peer->predecessor->successor = NULL;
        return;
    }
    table_remove(&server->peers, &peer->node);
    if (!server->peers.count) poller_remove_root(&server->root);
}

void peers_remove(Peer *peer, bool notify) {
    if (peer->successor) peers_remove(peer->successor, false);
    if (notify && peer->state == PEER_OPEN) engine_close_notify(&peer->engine);
    poller_unset_timer(&peer->timer);
    forget(peer);
    free_peer(peer);
}

Peer *peers_each(const Server *server, const Peer *after) {
    if (!server->peers.count) return NULL;
    return (Peer *)table_each(&server->peers, after ? &after->node : NULL);
}

/* In collectors timers are left alone, as streams do; a server is held while it has peers, so that is
 * at the VM's end only. */
void peers_free(Server *server, bool notify, bool collected) {
    Peer *peer = peers_each(server, NULL);
    for (Peer *next; peer; peer = next) {
        next = peers_each(server, peer);
        if (!collected) {
            peers_remove(peer, notify);
            continue;
        }
        if (peer->successor) free_peer(peer->successor);
        free_peer(peer);
    }
    server->current = server->recent = NULL;
    if (server->spare) free_peer(server->spare);
    server->spare = NULL;
}

Janet peers_address(Peer *peer) {
    if (janet_checktype(peer->address, JANET_NIL)) peer->address = address_new(&peer->endpoint);
    return peer->address;
}

Peer *peers_find(const Server *server, const Endpoint *endpoint) {
    Peer *recent = server->recent;
    if (recent && endpoint_equals(&recent->endpoint, endpoint)) return recent;
    uint64_t hash = table_hash(&server->peers, endpoint, sizeof *endpoint);
    TableNode *node = table_first(&server->peers, hash);
    while (node && !endpoint_equals(&((Peer *)node)->endpoint, endpoint)) node = table_next(node);
    return (Peer *)node;
}

/* --- handshakes --- */

static void report(const Peer *peer) {
    int errnum;
    char host[ENDPOINT_TEXT];
    const Server *server = peer->server;
    if (janet_checktype(server->on_error, JANET_NIL)) return;
    endpoint_host(&peer->endpoint, host);
    JanetString text = janet_formatc("dtls/listen: peer %s port %d: %s", host, peer->endpoint.port,
                                     engine_explain(&peer->engine, &errnum));
    janet_schedule(call_fiber(server->on_error, janet_wrap_string(text)), janet_wrap_nil());
}

static void fail(Peer *peer) {
    report(peer);
    peers_remove(peer, false);
}

/* The one that was there before gives its place. */
static void succeed(Peer *peer) {
    Peer *before = peer->predecessor;
    peer->predecessor = NULL;
    before->successor = NULL;
    peer->address = before->address;
    table_add(&peer->server->peers, &peer->node);
    peers_remove(before, false);
}

#define BUFFERS_TIME 5.0 /* seconds of silence after which buffers go, most of a peer's memory */

/* A timer is not moved each time that something comes: it looks, when it goes off, whether anything
 * has since. */
static void silence_due(Timer *timer);

static double silence_of(const Peer *peer) {
    return (double)(peer->server->now - peer->heard) / 1e9;
}

static void watch_silence(Peer *peer) {
    double max = peer->server->options.idle_timeout, silence = silence_of(peer);
    double left =
        silence < BUFFERS_TIME && max > BUFFERS_TIME ? BUFFERS_TIME - silence : max - silence;
    if (left < INFINITY) poller_set_timer(&peer->timer, left > 0 ? left : 0, silence_due);
}

static void silence_due(Timer *timer) {
    Peer *peer = (Peer *)((char *)timer - offsetof(Peer, timer));
    Server *server = peer->server;
    server->now = timer_now();
    if (silence_of(peer) < server->options.idle_timeout) {
        if (silence_of(peer) >= BUFFERS_TIME) engine_free_buffers(&peer->engine);
        watch_silence(peer);
        return;
    }
    peers_remove(peer, true);
    udp_flush(&server->udp);
}

static void establish(Peer *peer) {
    peer->state = PEER_OPEN;
    peer->heard = peer->server->now = timer_now();
    peer->took = peer->heard - peer->began;
    watch_silence(peer);
    if (peer->predecessor) succeed(peer);
    peer->server->current = peer; /* data may have come with the last flight */
}

static void timer_due(Timer *timer);

static double left_of_handshake(const Peer *peer) {
    double taken = (double)(timer_now() - peer->began) / 1e9;
    return peer->server->settings.handshake_timeout - taken;
}

static void arm(Peer *peer) {
    double due = datagram_retransmit_due(&peer->engine), left = left_of_handshake(peer);
    if (due < 0 || due > left) due = left;
    if (due < INFINITY) poller_set_timer(&peer->timer, due > 0 ? due : 0, timer_due);
}

static void step(Peer *peer) {
    EngineStatus status = engine_handshake(&peer->engine);
    if (status == ENGINE_DONE) {
        establish(peer);
    } else if (status == ENGINE_FAILED) {
        fail(peer);
    } else {
        arm(peer);
    }
}

static void timer_due(Timer *timer) {
    Peer *peer = (Peer *)((char *)timer - offsetof(Peer, timer));
    Server *server = peer->server;
    Failure failure;
    server->now = timer_now();
    if (left_of_handshake(peer) <= 0) {
        failure_set(&failure, "handshake timed out: the peer did not finish it within %g s",
                    server->settings.handshake_timeout);
        engine_fail(&peer->engine, failure.text);
        fail(peer);
    } else if (datagram_retransmit(&peer->engine) == ENGINE_FAILED) {
        fail(peer);
    } else {
        arm(peer);
    }
    udp_flush(&server->udp);
}

/* --- hellos --- */

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

static void admit(Server *server, Peer *peer, Peer *before, const Datagram *datagram) {
    Host *host = count_in(server, &datagram->from);
    if (!host) {
        free_peer(peer);
        return;
    }
    peer->host = host;
    peer->began = timer_now();
    memcpy(peer->random, datagram->bytes + RANDOM_AT, sizeof peer->random);
    peer->node.hash = table_hash(&server->peers, &peer->endpoint, sizeof peer->endpoint);
    if (before) {
        if (before->successor) peers_remove(before->successor, false);
        before->successor = peer;
        peer->predecessor = before;
    } else {
        table_add(&server->peers, &peer->node);
    }
    poller_add_root(&server->root, root_mark);
    janet_gcpressure(NATIVE_SIZE);
    step(peer);
}

#define SECRET_TERM INT64_C(60000000000) /* nanoseconds */

static void renew_secrets(Server *server) {
    CookieSecrets *secrets = &server->secrets;
    if (server->now < secrets->renew_at) return;
    /* After a long silence the last one is old as well. */
    if (server->now >= secrets->renew_at + SECRET_TERM) cookie_secrets_renew(secrets);
    if (cookie_secrets_renew(secrets)) secrets->renew_at = server->now + SECRET_TERM;
}

/* Nothing is spent on a client that has not shown a cookie. One that begins anew takes no place but
 * its own. */
static void listen_to(Server *server, const Datagram *datagram, Peer *before) {
    Failure failure;
    bool refused = !before && is_full(server, &datagram->from);
    if (refused || !peers_prepare(server, &failure)) return;
    renew_secrets(server);
    Peer *peer = server->spare;
    peer->endpoint = datagram->from;
    peer->bytes = datagram->bytes;
    peer->length = datagram->length;
    EngineStatus status = datagram_listen(&peer->engine);
    peer->bytes = NULL;
    if (status != ENGINE_DONE) return;
    server->spare = NULL;
    admit(server, peer, before, datagram);
}

/* --- datagrams --- */

static void feed(Peer *peer, const Datagram *datagram) {
    peer->bytes = datagram->bytes;
    peer->length = datagram->length;
    if (peer->state == PEER_OPEN) {
        peer->server->current = peer;
    } else {
        step(peer);
    }
}

static bool is_first_epoch(const Datagram *datagram) {
    return datagram->length > 4 && !datagram->bytes[3] && !datagram->bytes[4];
}

/* Records that are sealed belong to one of the two; the other drops what it can't open. */
static void feed_both(Server *server, Peer *peer, const Datagram *datagram) {
    bool first = is_first_epoch(datagram);
    feed(peer->successor, datagram);
    if (first || peers_find(server, &datagram->from) != peer) return;
    feed(peer, datagram);
}

void peers_hear(Server *server, const Datagram *datagram) {
    Peer *peer = peers_find(server, &datagram->from);
    Peer *successor = peer ? peer->successor : NULL;
    if (is_hello(datagram)) {
        Peer *known = has_random(peer, datagram)        ? peer
                      : has_random(successor, datagram) ? successor
                                                        : NULL;
        if (known) {
            feed(known, datagram);
        } else {
            listen_to(server, datagram, peer);
        }
    } else if (successor) {
        feed_both(server, peer, datagram);
    } else if (peer) {
        feed(peer, datagram);
    }
}
