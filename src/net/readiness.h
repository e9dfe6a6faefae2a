/* The kernel's readiness queue, edge-triggered, with one timer: epoll or kqueue. */
#ifndef JSEC_NET_READINESS_H
#define JSEC_NET_READINESS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    READY_IN = 1,
    READY_OUT = 2,
    READY_HANGUP = 4 /* the peer will send no more, or an error */
};

typedef struct ReadyEvent {
    void *data;
    unsigned ready;
} ReadyEvent;

typedef struct Readiness {
    int queue; /* a descriptor that is readable while events wait */
    int timer; /* -1 where the queue has timers of its own */
} Readiness;

bool readiness_open(Readiness *readiness);
void readiness_close_timer(Readiness *readiness); /* the queue itself belongs to its JanetStream */

bool readiness_add(const Readiness *readiness, int descriptor, void *data);

/* Before the descriptor is closed, or handed on. */
void readiness_remove(const Readiness *readiness, int descriptor);

/* Make the queue readable after so many nanoseconds, 1 at least; replaces what was set before. */
void readiness_arm(const Readiness *readiness, int64_t nanoseconds);

/* Events without waiting, a kqueue's two of one descriptor one after the other; the timer's own
 * is eaten. How many. */
int readiness_take(const Readiness *readiness, ReadyEvent *events, int room);

#endif
