/* The time of one handshake, for streams and for the peers of a DTLS server: its limit, and when
 * DTLS retransmits. The owner has the timer. */
#ifndef JSEC_STREAM_HANDSHAKE_CLOCK_H
#define JSEC_STREAM_HANDSHAKE_CLOCK_H

#include "core/tls/engine.h"

typedef struct HandshakeClock {
    int64_t start; /* nanoseconds */
    double limit;  /* seconds, or INFINITY */
    double spent;  /* of the limit, before the start */
} HandshakeClock;

HandshakeClock handshake_clock_start(double limit, double spent);

/* Nanoseconds since the start. */
int64_t handshake_clock_taken(const HandshakeClock *clock);

/* Seconds until the owner calls handshake_clock_check, or INFINITY. */
double handshake_clock_due(const HandshakeClock *clock, Engine *engine);

/* Fail the engine when the time is over; else retransmit if that is due. */
EngineStatus handshake_clock_check(const HandshakeClock *clock, Engine *engine);

#endif
