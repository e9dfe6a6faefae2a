/* A server of DTLS: one unconnected UDP socket, a session for each peer, found by its address.
 *
 * What arrives is taken from the socket whether or not anybody is in recv-from, so that handshakes
 * go on; plaintext that nobody waits for is kept in an inbox, of bounded size, as a kernel keeps
 * datagrams. */
#ifndef JSEC_DTLS_SERVER_H
#define JSEC_DTLS_SERVER_H

#include "core/tls/cookie.h"
#include "core/tls/datagram.h"
#include "dtls/options.h"
#include "dtls/table.h"
#include "net/request.h"
#include "net/udp.h"

typedef struct Server Server;
typedef struct Host Host;

typedef enum PeerState { PEER_HANDSHAKING, PEER_OPEN } PeerState;

/* What each datagram needs comes first, in as few lines of the cache as it takes. */
typedef struct Peer {
    TableNode node; /* first: in the server's table */
    Server *server;
    Endpoint endpoint;
    PeerState state;
    /* A peer may begin anew at its address, after a crash, say. The session it had lasts until the
     * new one's handshake is done: its first datagrams can be forged, that can't (RFC 6347, 4.2.8). */
    struct Peer *successor, *predecessor;
    const uint8_t *bytes; /* the datagram at hand; NULL: it was read */
    size_t length;
    int64_t heard; /* nanoseconds: when something last came or went */
    Janet address; /* as Janet has it, made when first told; nil before */
    Engine engine;
    CookieSource cookie; /* of its hello */
    uint8_t random[32];  /* of its ClientHello: what tells a new one from a repeated one */
    Timer timer;         /* of the handshake: retransmission, and its end; then of silence */
    int64_t began, took; /* nanoseconds, of the handshake */
    Host *host;
} Peer;

/* A datagram's plaintext that waits for recv-from. */
typedef struct Message {
    struct Message *next;
    Janet address;
    uint64_t number; /* of its arrival */
    int32_t length;
    uint8_t bytes[];
} Message;

struct Server {
    Watcher watcher; /* first: the poller hands it back */
    GcRoot root;     /* while there are peers: they have timers */
    Udp udp;
    Janet context, on_error;
    Context *with; /* the same context */
    ConnectionSettings settings;
    ServerOptions options;
    CookieSecrets secrets;
    Table peers, hosts;
    Peer *spare;   /* listens to hellos; becomes the next peer */
    Peer *recent;  /* whom a datagram last came from; most often the answer goes there next */
    Peer *current; /* may have plaintext for us; NULL: nobody */
    Message *messages, **last_message;
    size_t message_bytes;
    uint64_t arrived; /* datagrams with plaintext, so far */
    RequestQueue readers, writers;
    int32_t given; /* calls that were given a datagram, and whose fibers have not run since */
    Budget returns;
    int64_t now; /* when the loop last came by */
    bool closed;
};

/* The server of argument n; raises otherwise, and with get_open where it is closed. */
Server *server_get(const Janet *argv, int32_t n);
Server *server_get_open(const Janet *argv, int32_t n);
Server *server_object(Janet value); /* NULL: it is none */

/* Work off what can be. */
void server_advance(Server *server);

/* Close all; waiting calls get what a close gives them. */
void server_close(Server *server, bool notify);

/* --- peers.c --- */

Peer *peers_find(const Server *server, const Endpoint *endpoint);

/* Give a datagram to whom it belongs; server->current is who may have plaintext then. */
void peers_hear(Server *server, const Datagram *datagram);

/* All that have a session or are about to; NULL begins, and ends. */
Peer *peers_each(const Server *server, const Peer *after);

void peers_remove(Peer *peer, bool notify);

/* Make what listens to hellos, if there is none. */
bool peers_prepare(Server *server, Failure *failure);

/* Free all; in collectors (`collected`) nothing that others may have freed is touched. */
void peers_free(Server *server, bool notify, bool collected);

Janet peers_address(Peer *peer);

/* --- receive.c, send.c --- */

/* Serve recv-from and send-to. */
void server_serve_readers(Server *server);
void server_serve_writers(Server *server);

/* Take in what arrived, for readers to come. */
void server_take_in(Server *server);

void server_free_messages(Server *server);
void server_mark_messages(const Server *server);
void server_wake_for_close(Server *server);

Janet cfun_dtls_recv_from(int32_t argc, Janet *argv);
Janet cfun_dtls_send_to(int32_t argc, Janet *argv);

#endif
