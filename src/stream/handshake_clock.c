#include "stream/handshake_clock.h"

#include "core/tls/datagram.h"
#include "net/timer.h"

HandshakeClock handshake_clock_start(double limit, double spent) {
    return (HandshakeClock){timer_now(), limit, spent};
}

int64_t handshake_clock_taken(const HandshakeClock *clock) {
    return timer_now() - clock->start;
}

static double time_left(const HandshakeClock *clock) {
    return clock->limit - clock->spent - (double)handshake_clock_taken(clock) / 1e9;
}

double handshake_clock_due(const HandshakeClock *clock, Engine *engine) {
    double due = engine->waits ? -1 : datagram_retransmit_due(engine), left = time_left(clock);
    if (due < 0 || due > left) due = left;
    return due > 0 ? due : 0;
}

EngineStatus handshake_clock_check(const HandshakeClock *clock, Engine *engine) {
    Failure failure;
    if (time_left(clock) > 0)
        return engine->waits ? ENGINE_WANTS_ANSWER : datagram_retransmit(engine);
    if (engine->waits) {
        failure_set(&failure,
                    "handshake timed out: a function of the options gave no answer within %g s",
                    clock->limit);
    } else {
        failure_set(&failure, "handshake timed out: the peer did not finish it within %g s",
                    clock->limit);
    }
    return engine_fail(engine, failure.text);
}
