/* For `make KQUEUE=prefix`: what libkqueue on Linux must do differently to stand for a BSD's
 * kqueue. The Makefile gives a copy of its archive these functions in place of libc's. */
#include <sys/epoll.h>
#include <sys/socket.h>

int libkqueue_epoll(void);
int libkqueue_epoll_create1(int flags);
int libkqueue_epoll_wait(int epoll, struct epoll_event *events, int room, int timeout);
int libkqueue_getsockopt(int socket, int level, int name, void *value, socklen_t *size);

/* The descriptor that kqueue() returns is the end of a pipe and never readable. Janet polls the
 * epoll behind it instead, the first one that a call of kqueue() makes. */
static _Thread_local int first_epoll = -1;

int libkqueue_epoll_create1(int flags) {
    int made = epoll_create1(flags);
    if (first_epoll < 0) first_epoll = made;
    return made;
}

int libkqueue_epoll(void) {
    int made = first_epoll;
    first_epoll = -1;
    return made;
}

/* An epoll event becomes two of kqueue's, and those without room are lost. */
int libkqueue_epoll_wait(int epoll, struct epoll_event *events, int room, int timeout) {
    return epoll_wait(epoll, events, room > 1 ? room / 2 : 1, timeout);
}

/* Only SO_ERROR matters: a kqueue leaves it to the program, and here asking would clear it. */
int libkqueue_getsockopt(int socket, int level, int name, void *value, socklen_t *size) {
    if (level != SOL_SOCKET || name != SO_ERROR)
        return getsockopt(socket, level, name, value, size);
    *(int *)value = 0;
    return 0;
}
