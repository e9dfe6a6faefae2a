/* Deadlines in a pairing heap. Timers are embedded in their owners: setting allocates nothing. */
#ifndef JSEC_NET_TIMER_H
#define JSEC_NET_TIMER_H

#include <stdbool.h>
#include <stdint.h>

typedef struct Timer {
    int64_t when; /* nanoseconds of the monotonic clock */
    void (*expired)(struct Timer *timer);
    struct Timer *child, *next;
    struct Timer **link; /* the pointer to this timer; NULL: not set */
} Timer;

/* Nanoseconds of the monotonic clock. */
int64_t timer_now(void);

/* The time `seconds` from now, at most thirty years ahead. */
int64_t timer_after(double seconds);

static inline bool timer_is_set(const Timer *timer) {
    return timer->link;
}

/* *heap is the root. A timer must not be added twice; removing one that is not set does nothing. */
void timer_heap_add(Timer **heap, Timer *timer);
void timer_heap_remove(Timer *timer);

#endif
