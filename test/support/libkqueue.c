/* For `make KQUEUE=prefix`: libkqueue on Linux. The descriptor that its kqueue() returns is the end
 * of a pipe and never readable. Janet polls the epoll behind it instead, the first one that a call
 * of kqueue() makes. Linked with -Wl,--wrap=epoll_create1. */
int libkqueue_epoll(void);
int __real_epoll_create1(int flags);
int __wrap_epoll_create1(int flags);

static _Thread_local int first_epoll = -1;

int __wrap_epoll_create1(int flags) {
    int made = __real_epoll_create1(flags);
    if (first_epoll < 0) first_epoll = made;
    return made;
}

int libkqueue_epoll(void) {
    int made = first_epoll;
    first_epoll = -1;
    return made;
}
