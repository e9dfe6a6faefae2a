/* A stream's socket, TCP (or unix) and UDP, as the transport of its engine.
 *
 * Events are edge-triggered: a socket is tried only after an event, until it has no more. */
#include "stream/proxy.h"
#include "stream/stream_internal.h"

#include <errno.h>
#include <sys/socket.h>

#define MAX_READS 16 /* of a socket in a turn */
#define MAX_EMPTY 16 /* max. empty datagrams in a row; they hold no record */

static bool is_blocked(int errnum) {
    return errnum == EAGAIN || errnum == EWOULDBLOCK;
}

/* A peer that sends key updates or empty records without end keeps OpenSSL reading. */
static bool may_receive(Stream *stream) {
    if (!stream->readable) return false;
    if (poller_spend(&stream->intake, MAX_READS)) return true;
    poller_turn(&stream->watcher);
    return false;
}

static ssize_t send_retried(const Stream *stream, const uint8_t *bytes, size_t length) {
    ssize_t n;
    do {
        n = send(stream->watcher.descriptor, bytes, length, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n;
}

static ptrdiff_t send_tcp(void *arg, const uint8_t *bytes, size_t length) {
    Stream *stream = arg;
    if (!stream->writable) return TRANSPORT_WOULD_BLOCK;
    ptrdiff_t first = stream->proxy ? proxy_send(stream) : 1;
    if (first <= 0) return first;
    ssize_t n = send_retried(stream, bytes, length);
    if (n < 0 && !is_blocked(errno)) return TRANSPORT_ERROR(errno);
    if (n < 0 || (size_t)n < length) stream->writable = false;
    return n < 0 ? TRANSPORT_WOULD_BLOCK : n;
}

static ptrdiff_t receive_tcp(void *arg, uint8_t *bytes, size_t room) {
    Stream *stream = arg;
    if (!may_receive(stream)) return TRANSPORT_WOULD_BLOCK;
    ptrdiff_t first = stream->proxy ? proxy_receive(stream) : 1;
    if (first <= 0) return first;
    ssize_t n;
    do {
        n = recv(stream->watcher.descriptor, bytes, room, 0);
    } while (n < 0 && errno == EINTR);
    if (n == 0) return TRANSPORT_EOF;
    if (n < 0 && !is_blocked(errno)) return TRANSPORT_ERROR(errno);
    /* A short count means drained, but after a hangup no further event reports the end. */
    if (n < 0 || ((size_t)n < room && !stream->hangup)) stream->readable = false;
    return n < 0 ? TRANSPORT_WOULD_BLOCK : n;
}

static ptrdiff_t send_udp(void *arg, const uint8_t *bytes, size_t length) {
    Stream *stream = arg;
    if (!stream->writable) return TRANSPORT_WOULD_BLOCK;
    ssize_t n = send_retried(stream, bytes, length);
    if (n >= 0) return n;
    if (!is_blocked(errno)) return TRANSPORT_ERROR(errno);
    stream->writable = false;
    return TRANSPORT_WOULD_BLOCK;
}

static ptrdiff_t receive_udp(void *arg, uint8_t *bytes, size_t room) {
    Stream *stream = arg;
    if (!may_receive(stream)) return TRANSPORT_WOULD_BLOCK;
    for (int i = 0; i < MAX_EMPTY; i++) {
        ssize_t n = recv(stream->watcher.descriptor, bytes, room, 0);
        if (n > 0) return n;
        if (n == 0 || errno == EINTR) continue;
        if (!is_blocked(errno)) return TRANSPORT_ERROR(errno);
        break;
    }
    stream->readable = false;
    return TRANSPORT_WOULD_BLOCK;
}

const Transport transport_tcp = {send_tcp, receive_tcp, NULL};
const Transport transport_udp = {send_udp, receive_udp, NULL};
