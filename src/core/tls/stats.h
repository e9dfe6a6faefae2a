/* Counts of a context's connections, of all threads. Connections may outlive the context, so the
 * counts have references. */
#ifndef JSEC_CORE_STATS_H
#define JSEC_CORE_STATS_H

#include <stdatomic.h>
#include <stdint.h>

typedef _Atomic(int64_t) Count;

typedef struct Stats {
    Count references;
    Count handshakes, resumed, failed; /* that ended */
    Count refused;                     /* connections dropped by an accept loop */
    Count open;                        /* connections now */
    Count handlers;                    /* of accept loops, now */
    Count asking;                      /* handshakes that wait for the program, now */
} Stats;

/* With one reference; NULL when out of memory. */
Stats *stats_new(void);

Stats *stats_hold(Stats *stats);

/* NULL is fine. */
void stats_release(Stats *stats);

#endif
