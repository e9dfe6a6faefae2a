/* DTLS: an engine on a transport of datagrams. One call of the transport sends or receives one
 * datagram; bytes that do not fit into a receive's room are lost, as they may be on the network.
 *
 * An error of the transport fails only the running call: a refused port may have a server a
 * moment later. */
#ifndef JSEC_CORE_DATAGRAM_H
#define JSEC_CORE_DATAGRAM_H

#include "core/tls/engine.h"

#define DATAGRAM_MAX_MTU 16384

/* How a connection treats its datagrams. */
typedef struct DatagramSettings {
    int mtu;                  /* bytes of a handshake's datagram, DATAGRAM_MAX_MTU at most */
    double retransmit;        /* seconds before the first retransmission of a flight */
    double handshake_timeout; /* seconds that the handshake has, or INFINITY */
} DatagramSettings;

/* Initialize a zeroed engine for a DTLS context, which is shared, not owned. */
bool datagram_engine_init(Engine *engine, SSL_CTX *context, EngineRole role, Transport transport,
                          DatagramSettings settings, Failure *failure);

/* A server's first step. ENGINE_DONE when the transport's datagram is a ClientHello with a good
 * cookie (see cookie.h): continue with engine_handshake. ENGINE_WANTS_READ when it is not, or asks
 * for a cookie, which was sent. The engine keeps no state of it and can process the next
 * datagram. */
EngineStatus datagram_listen(Engine *engine);

/* Seconds until datagram_retransmit is due; negative: no flight waits for an answer. */
double datagram_retransmit_due(Engine *engine);

/* Retransmit the last flight if that is due. ENGINE_FAILED after too many retransmissions. */
EngineStatus datagram_retransmit(Engine *engine);

/* While there is no socket yet: visit the queued datagrams; drop them. */
void datagram_each_pending(const Engine *engine,
                           void (*each)(void *arg, const uint8_t *bytes, size_t length), void *arg);
void datagram_forget_pending(Engine *engine);

#endif
