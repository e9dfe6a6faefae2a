#if !defined(__linux__) || defined(JSEC_KQUEUE)

#include "net/readiness.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/types.h>
/* must follow sys/types.h on the BSDs */
#include <sys/event.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum {
    TIMER = 1, /* identities */
    WAKER = 2
};

#ifdef __linux__

/* libkqueue's descriptor can't be polled, the epoll behind it can: see test/support/libkqueue.c. */
int libkqueue_epoll(void);

static bool open_queue(Readiness *readiness) {
    readiness->waker = kqueue();
    if (readiness->waker < 0) return false;
    readiness->queue = dup(libkqueue_epoll());
    return readiness->queue >= 0;
}

static int find_queue(const Readiness *readiness) {
    return readiness->waker;
}

#else

static bool open_queue(Readiness *readiness) {
    readiness->queue = kqueue();
    return readiness->queue >= 0;
}

static int find_queue(const Readiness *readiness) {
    return readiness->queue;
}

#endif

/* EV_SET's udata is a pointer on most systems and an intptr_t on NetBSD. */
static void fill_event(struct kevent *event, int identity, short filter, unsigned short flags,
                       int64_t number, void *data) {
    EV_SET(event, (uintptr_t)identity, filter, flags, 0, (intptr_t)number, data);
}

/* One change a call: after a change that fails, kevent ignores the rest of its list. Without room
 * for events it does not wait, so it is not interrupted. */
static bool change_queue(const Readiness *readiness, const struct kevent *change) {
    return kevent(find_queue(readiness), change, 1, NULL, 0, NULL) >= 0;
}

static void delete_filter(const Readiness *readiness, int identity, short filter) {
    struct kevent change;
    fill_event(&change, identity, filter, EV_DELETE, 0, NULL);
    change_queue(readiness, &change); /* ENOENT: there is none */
}

/* Delete first: NetBSD before 10 and libkqueue do not start an active timer again. */
static bool set_timer(const Readiness *readiness, int identity, int64_t milliseconds) {
    struct kevent change;
    delete_filter(readiness, identity, EVFILT_TIMER);
    fill_event(&change, identity, EVFILT_TIMER, EV_ADD | EV_ONESHOT, milliseconds, NULL);
    return change_queue(readiness, &change);
}

#ifdef EVFILT_USER

static bool add_waker(const Readiness *readiness) {
    struct kevent change;
    fill_event(&change, WAKER, EVFILT_USER, EV_ADD | EV_CLEAR, 0, NULL);
    return change_queue(readiness, &change);
}

void readiness_wake(const Readiness *readiness) {
    struct kevent change;
    fill_event(&change, WAKER, EVFILT_USER, 0, 0, NULL);
    change.fflags = NOTE_TRIGGER;
    change_queue(readiness, &change); /* needs no memory */
}

#else

static bool add_waker(const Readiness *readiness) {
    (void)readiness;
    return true;
}

void readiness_wake(const Readiness *readiness) {
    set_timer(readiness, WAKER, 1);
}

#endif

bool readiness_open(Readiness *readiness) {
    readiness->queue = readiness->timer = readiness->waker = -1;
    if (open_queue(readiness) && add_waker(readiness)) {
        fcntl(readiness->queue, F_SETFD, FD_CLOEXEC);
        return true;
    }
    int why = errno;
    if (readiness->queue >= 0) close(readiness->queue);
    readiness_close(readiness);
    errno = why;
    return false;
}

void readiness_close(Readiness *readiness) {
    if (readiness->waker >= 0) close(readiness->waker);
    readiness->waker = -1;
}

bool readiness_add(const Readiness *readiness, int descriptor, void *data) {
    struct kevent input, output;
    fill_event(&input, descriptor, EVFILT_READ, EV_ADD | EV_CLEAR, 0, data);
    fill_event(&output, descriptor, EVFILT_WRITE, EV_ADD | EV_CLEAR, 0, data);
    /* In this order: libkqueue 2.7 does not report the end of input when output is added last. */
    if (change_queue(readiness, &output) && change_queue(readiness, &input)) return true;
    int why = errno;
    readiness_remove(readiness, descriptor);
    errno = why;
    return false;
}

void readiness_remove(const Readiness *readiness, int descriptor) {
    delete_filter(readiness, descriptor, EVFILT_READ);
    delete_filter(readiness, descriptor, EVFILT_WRITE);
}

bool readiness_arm(const Readiness *readiness, int64_t nanoseconds) {
    /* Milliseconds are the one unit that all systems support. One more: an event before the time
     * would be the last one. */
    return set_timer(readiness, TIMER, nanoseconds / 1000000 + 2);
}

int readiness_take(const Readiness *readiness, ReadyEvent *events, int room) {
    struct kevent ready[256];
    const struct timespec at_once = {0, 0};
    int count = kevent(find_queue(readiness), NULL, 0, ready, room < 256 ? room : 256, &at_once);
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
