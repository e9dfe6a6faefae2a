/* Deadlines: a pairing heap of nodes that live in what they belong to, so nothing is allocated and
 * a finished call leaves no timer behind. */
#ifndef JSEC_NET_TIMER_H
#define JSEC_NET_TIMER_H

#include <stdbool.h>
#include <stdint.h>

typedef struct Timer {
    int64_t when; /* nanoseconds of the monotonic clock */
    void (*expired)(struct Timer *timer);
    struct Timer *child, *next;
    struct Timer **link; /* what points here; NULL: not set */
} Timer;

/* Nanoseconds of the monotonic clock. */
int64_t timer_now(void);

/* The time `seconds` from now; far away for very large numbers. */
int64_t timer_after(double seconds);

static inline bool timer_is_set(const Timer *timer) {
    return timer->link;
}

/* On a heap whose root is *heap. A timer that is set is never set again before it is unset. */
void timer_heap_add(Timer **heap, Timer *timer);
void timer_heap_remove(Timer *timer);

#endif
