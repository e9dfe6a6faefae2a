#define _GNU_SOURCE /* recvmmsg, sendmmsg */
#include "net/udp.h"

#include "net/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH 32
#define RECORD_ROOM (16 * 1024 + 512) /* more than OpenSSL reads of a datagram */
/* Not a power of two: otherwise all datagrams begin in the same set of cache lines. */
#define IN_STRIDE (RECORD_ROOM + 192)
#define OUT_ROOM (128 * 1024)
#define RECEIVE_BUFFER (4 << 20) /* requested from the kernel, for bursts; it may give less */

typedef struct Place {
    struct sockaddr_storage name;
    socklen_t name_length;
    struct iovec bytes;
} Place;

struct UdpBatches {
    Place in[BATCH], out[BATCH];
    int in_at, in_end, out_at, out_end;
    size_t out_used;
    uint8_t out_bytes[OUT_ROOM];
    uint8_t in_bytes[BATCH * IN_STRIDE];
};

/* --- system calls: for a batch, or for one datagram --- */

#ifdef __linux__

#define BATCHES true

static int receive_batch(const Udp *udp, Place *places, int room) {
    struct mmsghdr headers[BATCH];
    for (int i = 0; i < room; i++) {
        headers[i].msg_hdr = (struct msghdr){.msg_name = &places[i].name,
                                             .msg_namelen = sizeof places[i].name,
                                             .msg_iov = &places[i].bytes,
                                             .msg_iovlen = 1};
    }
    int count = recvmmsg(udp->descriptor, headers, (unsigned)room, MSG_DONTWAIT, NULL);
    for (int i = 0; i < count; i++) {
        places[i].name_length = headers[i].msg_hdr.msg_namelen;
        places[i].bytes.iov_len = headers[i].msg_len;
    }
    return count;
}

static int send_batch(const Udp *udp, Place *places, int count) {
    struct mmsghdr headers[BATCH];
    for (int i = 0; i < count; i++) {
        headers[i].msg_hdr = (struct msghdr){.msg_name = &places[i].name,
                                             .msg_namelen = places[i].name_length,
                                             .msg_iov = &places[i].bytes,
                                             .msg_iovlen = 1};
    }
    return sendmmsg(udp->descriptor, headers, (unsigned)count, MSG_DONTWAIT | MSG_NOSIGNAL);
}

#else

#define BATCHES false

static int receive_batch(const Udp *udp, Place *places, int room) {
    (void)room;
    places->name_length = sizeof places->name;
    ssize_t n = recvfrom(udp->descriptor, places->bytes.iov_base, places->bytes.iov_len, 0,
                         (struct sockaddr *)&places->name, &places->name_length);
    if (n < 0) return -1;
    places->bytes.iov_len = (size_t)n;
    return 1;
}

static int send_batch(const Udp *udp, Place *places, int count) {
    (void)count;
    ssize_t n = sendto(udp->descriptor, places->bytes.iov_base, places->bytes.iov_len, MSG_NOSIGNAL,
                       (const struct sockaddr *)&places->name, places->name_length);
    return n < 0 ? -1 : 1;
}

#endif

/* --- opening and closing --- */

static bool is_port_zero(const struct sockaddr_storage *address) {
    Endpoint endpoint;
    return endpoint_of(&endpoint, address) && !endpoint.port;
}

/* SO_REUSEPORT lets several workers share a port, each with its own peers. For port 0 it is set
 * after bind; otherwise the kernel may choose a port that is already shared. SO_REUSEADDR is not
 * used: it would let other users' processes share the port. */
static bool bind_shared(int descriptor, const struct sockaddr_storage *address, socklen_t length) {
    int on = 1;
    bool any = is_port_zero(address);
    if (!any) setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (bind(descriptor, (const struct sockaddr *)address, length)) return false;
    if (any) setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    return true;
}

static bool bind_alone(int descriptor, const struct sockaddr_storage *address, socklen_t length) {
    return !bind(descriptor, (const struct sockaddr *)address, length);
}

int udp_bind(const struct sockaddr_storage *address, socklen_t length, bool share) {
    int off = 0, room = RECEIVE_BUFFER;
    int descriptor = socket_new(address->ss_family, SOCK_DGRAM);
    if (descriptor < 0) return -1;
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (address->ss_family == AF_INET6)
        setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    bool bound =
        share ? bind_shared(descriptor, address, length) : bind_alone(descriptor, address, length);
    if (bound) return descriptor;
    int why = errno;
    close(descriptor);
    errno = why;
    return -1;
}

bool udp_init(Udp *udp, int descriptor) {
    struct sockaddr_storage own;
    socklen_t size = sizeof own;
    udp->batches = malloc(sizeof *udp->batches); /* unused pages take no memory */
    if (!udp->batches || getsockname(descriptor, (struct sockaddr *)&own, &size)) {
        udp_free(udp);
        return false;
    }
    UdpBatches *batches = udp->batches;
    batches->in_at = batches->in_end = batches->out_at = batches->out_end = 0;
    batches->out_used = 0;
    for (int i = 0; i < BATCH; i++) {
        batches->in[i].bytes.iov_base = batches->in_bytes + (size_t)i * IN_STRIDE;
    }
    udp->descriptor = descriptor;
    udp->family = own.ss_family;
    udp->readable = udp->writable = true;
    return true;
}

void udp_free(Udp *udp) {
    free(udp->batches);
    udp->batches = NULL;
}

/* --- in --- */

static bool fill_batch(Udp *udp, int *budget) {
    UdpBatches *batches = udp->batches;
    batches->in_at = batches->in_end = 0;
    while (udp->readable && *budget > 0) {
        for (int i = 0; i < BATCH; i++) batches->in[i].bytes.iov_len = RECORD_ROOM;
        --*budget;
        int count = receive_batch(udp, batches->in, BATCH);
        if (count > 0) {
            batches->in_end = count;
            /* A batch that is not full has emptied the socket; a later datagram causes an event. */
            if (count < BATCH && BATCHES) udp->readable = false;
            return true;
        }
        /* Other errors belong to datagrams that were sent earlier. */
        if (errno == EAGAIN || errno == EWOULDBLOCK) udp->readable = false;
    }
    return false;
}

bool udp_take(Udp *udp, Datagram *datagram, int *budget) {
    UdpBatches *batches = udp->batches;
    for (;;) {
        if (batches->in_at == batches->in_end && !fill_batch(udp, budget)) return false;
        const Place *place = batches->in + batches->in_at++;
        if (!endpoint_of(&datagram->from, &place->name)) continue;
        datagram->bytes = place->bytes.iov_base;
        datagram->length = place->bytes.iov_len;
        return true;
    }
}

bool udp_has_more(const Udp *udp) {
    return udp->batches->in_at < udp->batches->in_end;
}

/* --- out --- */

bool udp_put(Udp *udp, const Endpoint *to, const uint8_t *bytes, size_t length) {
    UdpBatches *batches = udp->batches;
    bool full = batches->out_end == BATCH || length > OUT_ROOM - batches->out_used;
    if (full && !udp_flush(udp)) return false;
    if (length > OUT_ROOM) return true; /* larger than any datagram: dropped */
    Place *place = batches->out + batches->out_end++;
    place->name_length = endpoint_address(to, udp->family, &place->name);
    place->bytes.iov_base = batches->out_bytes + batches->out_used;
    place->bytes.iov_len = length;
    memcpy(place->bytes.iov_base, bytes, length);
    batches->out_used += length;
    return true;
}

bool udp_flush(Udp *udp) {
    UdpBatches *batches = udp->batches;
    while (batches->out_at < batches->out_end) {
        if (!udp->writable) return false;
        int sent =
            send_batch(udp, batches->out + batches->out_at, batches->out_end - batches->out_at);
        if (sent > 0) {
            batches->out_at += sent;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            udp->writable = false;
        } else if (errno != EINTR) {
            batches->out_at++; /* too long for the path, unreachable: dropped */
        }
    }
    batches->out_at = batches->out_end = 0;
    batches->out_used = 0;
    return true;
}

bool udp_has_room(Udp *udp) {
    const UdpBatches *batches = udp->batches;
    bool room = batches->out_end < BATCH && batches->out_used + RECORD_ROOM <= OUT_ROOM;
    return room || udp_flush(udp);
}
