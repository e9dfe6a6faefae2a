#if !defined(__linux__) || defined(JSEC_KQUEUE)

#include "net/readiness.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/types.h>
/* must follow sys/types.h on the BSDs */
#include <sys/event.h>
#include <sys/time.h>

/* EV_SET's udata is a pointer on most systems and an intptr_t on NetBSD. */
static void fill_event(struct kevent *event, int identity, short filter, unsigned short flags,
                       int64_t number, void *data) {
    EV_SET(event, (uintptr_t)identity, filter, flags, 0, (intptr_t)number, data);
}

#ifdef EVFILT_USER

static void add_waker(const Readiness *readiness) {
    struct kevent change;
    fill_event(&change, 1, EVFILT_USER, EV_ADD | EV_CLEAR, 0, NULL);
    kevent(readiness->queue, &change, 1, NULL, 0, NULL);
}

void readiness_wake(const Readiness *readiness) {
    struct kevent change;
    fill_event(&change, 1, EVFILT_USER, 0, 0, NULL);
    change.fflags = NOTE_TRIGGER;
    kevent(readiness->queue, &change, 1, NULL, 0, NULL);
}

#else

static void add_waker(const Readiness *readiness) {
    (void)readiness;
}

void readiness_wake(const Readiness *readiness) {
    struct kevent change;
    fill_event(&change, 2, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 1, NULL);
    kevent(readiness->queue, &change, 1, NULL, 0, NULL);
}

#endif

bool readiness_open(Readiness *readiness) {
    readiness->timer = readiness->waker = -1;
    readiness->queue = kqueue();
    if (readiness->queue < 0) return false;
    add_waker(readiness);
    fcntl(readiness->queue, F_SETFD, FD_CLOEXEC);
    return true;
}

void readiness_close(Readiness *readiness) {
    (void)readiness;
}

bool readiness_add(const Readiness *readiness, int descriptor, void *data) {
    struct kevent changes[2];
    fill_event(changes, descriptor, EVFILT_READ, EV_ADD | EV_CLEAR, 0, data);
    fill_event(changes + 1, descriptor, EVFILT_WRITE, EV_ADD | EV_CLEAR, 0, data);
    return !kevent(readiness->queue, changes, 2, NULL, 0, NULL);
}

void readiness_remove(const Readiness *readiness, int descriptor) {
    struct kevent change;
    fill_event(&change, descriptor, EVFILT_READ, EV_DELETE, 0, NULL);
    kevent(readiness->queue, &change, 1, NULL, 0, NULL);
    fill_event(&change, descriptor, EVFILT_WRITE, EV_DELETE, 0, NULL);
    kevent(readiness->queue, &change, 1, NULL, 0, NULL);
}

void readiness_arm(const Readiness *readiness, int64_t nanoseconds) {
    struct kevent change;
    int64_t milliseconds =
        (nanoseconds + 999999) / 1000000; /* the one unit that all systems support */
    fill_event(&change, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, milliseconds, NULL);
    kevent(readiness->queue, &change, 1, NULL, 0, NULL);
}

int readiness_take(const Readiness *readiness, ReadyEvent *events, int room) {
    struct kevent ready[256];
    const struct timespec at_once = {0, 0};
    int count = kevent(readiness->queue, NULL, 0, ready, room < 256 ? room : 256, &at_once);
    int taken = 0;
    for (int i = 0; i < count; i++) {
        if (ready[i].filter != EVFILT_READ && ready[i].filter != EVFILT_WRITE) continue;
        unsigned flags = ready[i].filter == EVFILT_READ ? READY_IN : READY_OUT;
        if (ready[i].flags & (EV_EOF | EV_ERROR)) flags |= READY_HANGUP;
        events[taken++] = (ReadyEvent){(void *)ready[i].udata, flags};
    }
    return taken;
}

#else
typedef int readiness_is_epoll; /* ISO C forbids an empty translation unit */
#endif
