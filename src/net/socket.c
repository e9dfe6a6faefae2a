#define _GNU_SOURCE /* accept4 */
#include "net/socket.h"

#include "base/raise.h"
#include "net/poller.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_ARGUMENTS 4

void socket_set_nodelay(int descriptor) {
    int on = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void socket_set_reset(int descriptor) {
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void socket_abort(JanetStream *stream) {
    if (stream->flags & JANET_STREAM_CLOSED) return;
    socket_set_reset(stream->handle);
    janet_stream_close(stream);
}

void socket_set_blocking(int descriptor) {
    fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK);
}

#ifdef SOCK_NONBLOCK

int socket_new(int family, int type) {
    return socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

int socket_accept(int listener, struct sockaddr_storage *peer) {
    socklen_t size = sizeof *peer;
    peer->ss_family = AF_UNSPEC;
    return accept4(listener, (struct sockaddr *)peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

#else

static int configure_socket(int descriptor) {
    int on = 1;
    if (descriptor < 0) return -1;
    fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK);
#ifdef SO_NOSIGPIPE
    setsockopt(descriptor, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#else
    (void)on;
#endif
    return descriptor;
}

int socket_new(int family, int type) {
    return configure_socket(socket(family, type, 0));
}

int socket_accept(int listener, struct sockaddr_storage *peer) {
    socklen_t size = sizeof *peer;
    peer->ss_family = AF_UNSPEC;
    return configure_socket(accept(listener, (struct sockaddr *)peer, &size));
}

#endif

/* Without SO_REUSEPORT a bind fails beside any listener. With SO_REUSEADDR it succeeds beside old
 * connections of a server that was restarted. */
bool socket_has_listener(const struct sockaddr *address, socklen_t length) {
    int on = 1;
    int probe = socket_new(address->sa_family, SOCK_STREAM);
    if (probe < 0) return false;
    setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    bool used = bind(probe, address, length) && errno == EADDRINUSE;
    close(probe);
    return used;
}

/* A name in Linux's abstract namespace begins with a NUL; most clients have no name at all. */
static void describe_unix(const struct sockaddr_un *peer, socklen_t size, JanetBuffer *into) {
    size_t room = size > offsetof(struct sockaddr_un, sun_path)
                      ? size - offsetof(struct sockaddr_un, sun_path)
                      : 0;
    size_t length = strnlen(peer->sun_path, room);
    if (length) {
        janet_buffer_push_bytes(into, (const uint8_t *)peer->sun_path, (int32_t)length);
    } else {
        janet_buffer_push_cstring(into, "unix");
    }
}

void socket_describe_peer(int descriptor, const char *name, JanetBuffer *into) {
    struct sockaddr_storage peer = {0};
    socklen_t size = sizeof peer;
    char host[NI_MAXHOST], port[NI_MAXSERV];
    if (getpeername(descriptor, (struct sockaddr *)&peer, &size)) return;
    if (peer.ss_family == AF_UNIX) {
        describe_unix((const struct sockaddr_un *)&peer, size, into);
    } else if (!getnameinfo((struct sockaddr *)&peer, size, host, sizeof host, port, sizeof port,
                            NI_NUMERICHOST | NI_NUMERICSERV)) {
        bool brackets = !name && peer.ss_family == AF_INET6;
        janet_formatb(into, brackets ? "[%s]:%s" : "%s:%s", name ? name : host, port);
    }
}

/* A core stream for core's functions that is in no event loop and never closes the descriptor. */
static JanetStream *make_view(int descriptor) {
    JanetStream *view = janet_abstract(&janet_stream_type, sizeof *view);
    memset(view, 0, sizeof *view);
    view->handle = descriptor;
    view->flags = JANET_STREAM_SOCKET | JANET_STREAM_READABLE | JANET_STREAM_WRITABLE |
                  JANET_STREAM_UNREGISTERED | JANET_STREAM_NOT_CLOSEABLE;
    return view;
}

Janet socket_call_core(const char *name, int descriptor, int32_t argc, const Janet *argv) {
    Janet function = janet_resolve_core(name);
    if (!janet_checktype(function, JANET_CFUNCTION)) janet_panicf("this Janet has no %s", name);
    if (argc < 1 || argc > MAX_ARGUMENTS) janet_panicf("arity mismatch, got %d", argc);
    Janet arguments[MAX_ARGUMENTS];
    memcpy(arguments, argv, sizeof *argv * (size_t)argc);
    arguments[0] = janet_wrap_abstract(make_view(descriptor));
    Janet result = janet_unwrap_cfunction(function)(argc, arguments);
    return janet_equals(result, arguments[0]) ? argv[0] : result;
}

/* --- detaching --- */

static void refuse_stream(const char *function, const char *why) {
    raise_format(function, "stream can't be taken over: %s", why);
}

static bool is_listener(int descriptor) {
    int listens = 0;
    socklen_t size = sizeof listens;
    return !getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) && listens;
}

static void check_detachable(const JanetStream *stream, int wanted, const char *function) {
    int type;
    socklen_t size = sizeof type;
    struct sockaddr_storage peer;
    socklen_t peer_size = sizeof peer;
    if (stream->flags & JANET_STREAM_CLOSED) refuse_stream(function, "it is closed");
    if (is_listener(stream->handle)) refuse_stream(function, "it is a listener");
    if (getsockopt(stream->handle, SOL_SOCKET, SO_TYPE, &type, &size)) {
        refuse_stream(function, errno == ENOTSOCK ? "it is not a socket" : strerror(errno));
    }
    if (type != wanted) {
        refuse_stream(function, wanted == SOCK_STREAM ? "it is not a stream socket"
                                                      : "it is not a socket of datagrams");
    }
    if (getpeername(stream->handle, (struct sockaddr *)&peer, &peer_size)) {
        refuse_stream(function, strerror(errno));
    }
    if ((stream->read_fiber && stream->read_fiber->ev_callback) ||
        (stream->write_fiber && stream->write_fiber->ev_callback)) {
        refuse_stream(function, "another fiber is reading or writing");
    }
}

int socket_detach(JanetStream *stream, int type, const char *function) {
    check_detachable(stream, type, function);
    int descriptor = stream->handle;
#ifdef JANET_STREAM_NODUPS
    /* With this flag Janet leaves the open descriptor in its epoll, and events would reach a freed
     * stream. */
    stream->flags &= ~(uint32_t)JANET_STREAM_NODUPS;
#else
    poller_keep(descriptor, stream);
#endif
    stream->flags |= JANET_STREAM_NOT_CLOSEABLE;
    JanetTryState state;
    /* Closing panics for a stream of another thread, which is in no event loop here. */
    if (janet_try(&state) == JANET_SIGNAL_OK) janet_stream_close(stream);
    janet_restore(&state);
    stream->handle = -1;
    return descriptor;
}
