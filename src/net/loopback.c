#include "net/loopback.h"

#include "net/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROBE_EVERY 1 /* seconds */

typedef struct sockaddr_in Address4;

static int open_socket(void) {
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    if (descriptor >= 0) fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    return descriptor;
}

static bool own_address(int descriptor, Address4 *address) {
    socklen_t size = sizeof *address;
    return !getsockname(descriptor, (struct sockaddr *)address, &size);
}

/* Another process may have connected to the port: take the connection of our own socket only. */
static int accept_own(int listener, const Address4 *own) {
    for (;;) {
        Address4 peer;
        socklen_t size = sizeof peer;
        int descriptor = accept(listener, (struct sockaddr *)&peer, &size);
        bool ours = descriptor >= 0 && peer.sin_port == own->sin_port &&
                    peer.sin_addr.s_addr == own->sin_addr.s_addr;
        if (ours || (descriptor < 0 && errno != EINTR && errno != ECONNABORTED)) return descriptor;
        if (descriptor >= 0) close(descriptor);
    }
}

/* The kernel connects at once, on this machine. */
static bool connect_ends(int listener, const Address4 *there, int ends[2]) {
    Address4 own;
    ends[0] = open_socket();
    ends[1] = -1;
    bool connected = ends[0] >= 0 &&
                     !connect(ends[0], (const struct sockaddr *)there, sizeof *there) &&
                     own_address(ends[0], &own);
    if (connected) ends[1] = accept_own(listener, &own);
    if (ends[1] >= 0) return true;
    if (ends[0] >= 0) close(ends[0]);
    return false;
}

/* When the process at this end closes it, the kernel is to forget it soon: until then the other end
 * can't tell a close from an end of output. */
static void forget_soon(int descriptor) {
#ifdef TCP_LINGER2
    int seconds = PROBE_EVERY;
    setsockopt(descriptor, IPPROTO_TCP, TCP_LINGER2, &seconds, sizeof seconds);
#else
    (void)descriptor;
#endif
}

static void configure_end(int descriptor) {
    fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK);
    socket_set_nodelay(descriptor);
    forget_soon(descriptor);
}

bool loopback_pair(int listener, int ends[2], Failure *failure) {
    Address4 there;
    socket_set_blocking(listener);
    if (!own_address(listener, &there) || !connect_ends(listener, &there, ends)) {
        return failure_set(failure, "no pair of sockets on 127.0.0.1: %s", strerror(errno));
    }
    configure_end(ends[0]);
    configure_end(ends[1]);
    return true;
}

void loopback_probe(int end) {
    int on = 1, seconds = PROBE_EVERY;
    setsockopt(end, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
#ifdef TCP_KEEPIDLE
    setsockopt(end, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds);
#elif defined(TCP_KEEPALIVE)
    setsockopt(end, IPPROTO_TCP, TCP_KEEPALIVE, &seconds, sizeof seconds);
#endif
#ifdef TCP_KEEPINTVL
    setsockopt(end, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof seconds);
#endif
}

bool loopback_is_gone(int end) {
    struct pollfd entry = {.fd = end};
    return poll(&entry, 1, 0) > 0 && (entry.revents & (POLLERR | POLLHUP | POLLNVAL));
}
