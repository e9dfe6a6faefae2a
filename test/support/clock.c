/* A wall clock that jumps. Preloaded (LD_PRELOAD), it moves the time of day in a process by `shift`
 * seconds; loaded as a native module in the same process, it gives Janet that function. The
 * monotonic clock does not change. */
#define _GNU_SOURCE
#include <janet.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static atomic_llong shifted, asked; /* seconds; number of readings */

int clock_gettime(clockid_t clock, struct timespec *now) {
    int status = (int)syscall(SYS_clock_gettime, clock, now);
    if (clock == CLOCK_REALTIME && !status) {
        atomic_fetch_add(&asked, 1);
        now->tv_sec += (time_t)atomic_load(&shifted);
    }
    return status;
}

time_t time(time_t *into) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (into) *into = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict into, void *restrict zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    into->tv_sec = now.tv_sec;
    into->tv_usec = now.tv_nsec / 1000;
    return 0;
}

/* (shift seconds): set the total shift. Returns how often the time was read so far. */
static Janet cfun_shift(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 1);
    atomic_store(&shifted, (long long)janet_getinteger64(argv, 0));
    return janet_wrap_number((double)atomic_load(&asked));
}

JANET_MODULE_ENTRY(JanetTable *env) {
    janet_def(env, "shift", janet_wrap_cfunction(cfun_shift), NULL);
}
