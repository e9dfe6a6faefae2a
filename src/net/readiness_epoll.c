#if defined(__linux__) && !defined(JSEC_KQUEUE)

#define _GNU_SOURCE /* CLOCK_MONOTONIC */
#include "net/readiness.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

static bool add_descriptor(const Readiness *readiness, int descriptor, uint32_t events,
                           void *data) {
    struct epoll_event event = {.events = events, .data.ptr = data};
    return !epoll_ctl(readiness->queue, EPOLL_CTL_ADD, descriptor, &event);
}

static char waker_mark;

bool readiness_open(Readiness *readiness) {
    readiness->queue = epoll_create1(EPOLL_CLOEXEC);
    readiness->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    readiness->waker = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    /* Each write to an edge-triggered eventfd is an event, so it is never read. */
    if (readiness->queue >= 0 && readiness->timer >= 0 && readiness->waker >= 0 &&
        add_descriptor(readiness, readiness->timer, EPOLLIN, NULL) &&
        add_descriptor(readiness, readiness->waker, EPOLLIN | EPOLLET, &waker_mark)) {
        return true;
    }
    int why = errno;
    if (readiness->queue >= 0) close(readiness->queue);
    readiness_close(readiness);
    errno = why;
    return false;
}

void readiness_close(Readiness *readiness) {
    if (readiness->timer >= 0) close(readiness->timer);
    if (readiness->waker >= 0) close(readiness->waker);
    readiness->timer = readiness->waker = -1;
}

bool readiness_add(const Readiness *readiness, int descriptor, void *data) {
    uint32_t events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    if (add_descriptor(readiness, descriptor, events, data)) return true;
    /* In a child after a fork nothing is removed. */
    struct epoll_event event = {.events = events, .data.ptr = data};
    return errno == EEXIST && !epoll_ctl(readiness->queue, EPOLL_CTL_MOD, descriptor, &event);
}

void readiness_remove(const Readiness *readiness, int descriptor) {
    epoll_ctl(readiness->queue, EPOLL_CTL_DEL, descriptor, NULL);
}

bool readiness_arm(const Readiness *readiness, int64_t nanoseconds) {
    struct itimerspec when = {.it_value = {.tv_sec = (time_t)(nanoseconds / 1000000000),
                                           .tv_nsec = (long)(nanoseconds % 1000000000)}};
    return !timerfd_settime(readiness->timer, 0, &when, NULL);
}

void readiness_wake(const Readiness *readiness) {
    uint64_t one = 1;
    ssize_t n = write(readiness->waker, &one, sizeof one);
    (void)n; /* the counter never overflows */
}

static void consume_timer(const Readiness *readiness) {
    uint64_t expirations;
    ssize_t n = read(readiness->timer, &expirations, sizeof expirations);
    (void)n; /* it may have been set anew meanwhile: nothing to read then */
}

int readiness_take(const Readiness *readiness, ReadyEvent *events, int room) {
    struct epoll_event ready[256];
    int count = epoll_wait(readiness->queue, ready, room < 256 ? room : 256, 0), taken = 0;
    for (int i = 0; i < count; i++) {
        uint32_t bits = ready[i].events;
        if (!ready[i].data.ptr) {
            consume_timer(readiness);
            continue;
        }
        if (ready[i].data.ptr == &waker_mark) continue;
        unsigned flags = bits & EPOLLIN ? READY_IN : 0u;
        if (bits & EPOLLOUT) flags |= READY_OUT;
        if (bits & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) flags |= READY_HANGUP | READY_IN | READY_OUT;
        events[taken++] = (ReadyEvent){ready[i].data.ptr, flags};
    }
    return taken;
}

#else
typedef int readiness_is_kqueue; /* ISO C forbids an empty translation unit */
#endif
