/* The peers of a DTLS server: ClientHellos, handshakes, sessions, and their ends. A peer is found
 * by its address. */
#ifndef JSEC_DTLS_PEERS_H
#define JSEC_DTLS_PEERS_H

#include "core/tls/cookie.h"
#include "dtls/hosts.h"
#include "dtls/options.h"
#include "net/poller.h"
#include "net/udp.h"
#include "stream/asker.h"
#include "stream/handshake_clock.h"

typedef struct Peers Peers;

/* Frames of length and bytes, in the order of arrival. */
typedef struct Datagrams {
    uint8_t *bytes; /* NULL: none */
    size_t length, read;
} Datagrams;

typedef enum PeerState { PEER_HANDSHAKING, PEER_OPEN } PeerState;

/* The fields that each datagram needs come first, in few cache lines. */
typedef struct Peer {
    TableNode node; /* first: the table returns it */
    Peers *peers;
    Endpoint endpoint;
    PeerState state;
    /* A peer may start again at its address, after a crash for example. A ClientHello can be
     * spoofed, a finished handshake can't: the old session stays until then (RFC 6347, 4.2.8). */
    struct Peer *successor, *predecessor;
    const uint8_t *bytes; /* the datagram to read next; NULL: none */
    size_t length;
    Datagrams kept; /* that came while the handshake waited for the program */
    int64_t active; /* nanoseconds: when plaintext last came or went */
    Janet address;  /* the Janet value, made when it is first needed; nil before */
    Engine engine;
    Asker asker;
    CookieSource cookie; /* of its ClientHello */
    uint8_t random[32];  /* of its ClientHello: a new one differs, a retransmitted one does not */
    Timer timer;         /* of the handshake, then of silence */
    HandshakeClock clock;
    int64_t took; /* nanoseconds of the handshake */
    Host *host;
} Peer;

struct Peers {
    Udp *udp;
    ContextSlot *slot;
    const Questions *questions; /* of the context object */
    const ConnectionSettings *settings;
    const ServerOptions *options;
    GcRoot root; /* keeps the server alive while it has peers, since they have timers */
    void (*mark)(GcRoot *root);
    CookieSecrets secrets;
    Table table, hosts;
    Peer *spare;  /* answers ClientHellos; becomes the next peer */
    Peer *recent; /* sent the last plaintext: the answer usually goes to it */
    Peer *unread; /* peer whose last datagram has more records; NULL: none */
    int64_t now;  /* when the event loop last called */
};

/* The other fields are set. */
bool peers_init(Peers *peers, Failure *failure);

/* Free all. A `collected` server touches nothing that the collector may have freed. */
void peers_free(Peers *peers, bool notify, bool collected);

/* Pass a datagram to its peer. Returns the peer that may have plaintext then, or NULL. */
Peer *peers_receive(Peers *peers, const Datagram *datagram);

/* Read a record of a peer's datagram. Returns false if it has no plaintext for the caller; the peer
 * may then have ended its session and been freed. */
bool peers_read(Peer *peer, uint8_t *into, size_t room, size_t *length);

/* The peer of an address, also during its handshake; NULL: none. */
Peer *peers_find(const Peers *peers, const Endpoint *endpoint);

/* All peers in turn, in no order; NULL starts and ends. */
Peer *peers_each(const Peers *peers, const Peer *after);

/* End a peer's session, with a close_notify if `notify`. */
void peers_remove(Peer *peer, bool notify);

Janet peers_address(Peer *peer);

#endif
