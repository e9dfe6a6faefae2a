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
    int waker; /* likewise */
} Readiness;

bool readiness_open(Readiness *readiness);
void readiness_close(
    Readiness *readiness); /* all but the queue, which belongs to its JanetStream */

bool readiness_add(const Readiness *readiness, int descriptor, void *data);

/* Before the descriptor is closed, or handed on. */
void readiness_remove(const Readiness *readiness, int descriptor);

/* Make the queue readable after so many nanoseconds, 1 at least; replaces what was set before. */
void readiness_arm(const Readiness *readiness, int64_t nanoseconds);

/* Make the queue readable now. A timer that goes off at once would do so too, at ten times the price. */
void readiness_wake(const Readiness *readiness);

/* Events without waiting, a kqueue's two of one descriptor one after the other; the timer's and
 * the waker's own are eaten. How many. */
int readiness_take(const Readiness *readiness, ReadyEvent *events, int room);

#endif
