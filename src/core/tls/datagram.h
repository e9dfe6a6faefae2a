/* An engine's other transport: datagrams, for DTLS. What one call hands over is one datagram, and so
 * is what one call gives; a datagram that was not taken whole is lost, as on the way it may be.
 * Errors of the transport concern the call at hand: a port that nobody listens on may be listened
 * on a moment later. */
#ifndef JSEC_CORE_DATAGRAM_H
#define JSEC_CORE_DATAGRAM_H

#include "core/tls/engine.h"

#define DATAGRAM_MAX_MTU 16384

/* How a connection treats its datagrams. */
typedef struct DatagramSettings {
    int mtu;                  /* bytes of a handshake's datagram, DATAGRAM_MAX_MTU at most */
    double retransmit;        /* seconds before a flight is sent again, the first time */
    double handshake_timeout; /* seconds that the handshake has, or INFINITY */
} DatagramSettings;

/* As engine_init, for a context of DTLS. */
bool datagram_engine_init(Engine *engine, SSL_CTX *context, EngineRole role, Transport transport,
                          DatagramSettings settings, Failure *failure);

/* A server's first step: ENGINE_DONE when the datagram that the transport gives is a ClientHello
 * whose cookie shows that the client receives at its address (see cookie.h): go on with
 * engine_handshake then. ENGINE_WANTS_READ: it was not, or asked for a cookie, which was sent.
 * Nothing is kept of it, and the engine serves for the next. */
EngineStatus datagram_listen(Engine *engine);

/* Seconds until datagram_retransmit is due; negative: nothing is to be sent again. */
double datagram_retransmit_due(Engine *engine);

/* Send the last flight again if its time has come. ENGINE_FAILED: it has been often enough. */
EngineStatus datagram_retransmit(Engine *engine);

/* Before there is a way for them: have each datagram that waits, and forget them. */
void datagram_each_pending(const Engine *engine,
                           void (*each)(void *arg, const uint8_t *bytes, size_t length), void *arg);
void datagram_forget_pending(Engine *engine);

/* --- for engine.c --- */

BIO *datagram_bio(Engine *engine);
void datagram_send_pending(Engine *engine);
void datagram_send_gathered(Engine *engine);

#endif
