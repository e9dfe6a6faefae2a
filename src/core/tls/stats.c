#include "core/tls/stats.h"

#include <stdlib.h>

Stats *stats_new(void) {
    Stats *stats = calloc(1, sizeof *stats);
    return stats ? stats_hold(stats) : NULL;
}

Stats *stats_hold(Stats *stats) {
    atomic_fetch_add(&stats->references, 1);
    return stats;
}

void stats_release(Stats *stats) {
    if (stats && atomic_fetch_sub(&stats->references, 1) == 1) free(stats);
}
