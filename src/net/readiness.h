/* The kernel's readiness queue, epoll or kqueue: edge-triggered, with one timer. */
#ifndef JSEC_NET_READINESS_H
#define JSEC_NET_READINESS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    READY_IN = 1,
    READY_OUT = 2,
    READY_HANGUP = 4 /* the peer has ended its output, or there is an error */
};

typedef struct ReadyEvent {
    void *data;
    unsigned ready;
} ReadyEvent;

typedef struct Readiness {
    int queue; /* a descriptor that is readable while events wait */
    int timer; /* timerfd; -1 with kqueue, which has timers itself */
    int waker; /* eventfd; -1 with kqueue, libkqueue's own descriptor on Linux */
} Readiness;

bool readiness_open(Readiness *readiness);

/* Close the timer and the waker. The queue belongs to its JanetStream. */
void readiness_close(Readiness *readiness);

bool readiness_add(const Readiness *readiness, int descriptor, void *data);

/* Call it before the descriptor is closed or given away. */
void readiness_remove(const Readiness *readiness, int descriptor);

/* Set the timer: the queue becomes readable after `nanoseconds`, 1 to
 * READINESS_MAX_WAIT. False when the
 * system has no timer left. */
#define READINESS_MAX_WAIT (24 * INT64_C(3600000000000))
bool readiness_arm(const Readiness *readiness, int64_t nanoseconds);

/* Make the queue readable now. A timer of 1 ns does the same at ten times the cost. */
void readiness_wake(const Readiness *readiness);

/* Take up to `room` events without waiting; returns how many. kqueue reports reading and writing of
 * one descriptor as two events. The events of timer and waker are consumed here. */
int readiness_take(const Readiness *readiness, ReadyEvent *events, int room);

#endif
