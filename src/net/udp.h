/* An unconnected UDP socket that takes and gives datagrams by the batch: a system call for many,
 * where the system has such a call. */
#ifndef JSEC_NET_UDP_H
#define JSEC_NET_UDP_H

#include "net/endpoint.h"

typedef struct UdpBatches UdpBatches;

typedef struct Udp {
    int descriptor, family;  /* not owned; AF_INET or AF_INET6 */
    bool readable, writable; /* what the last events said */
    UdpBatches *batches;
} Udp;

typedef struct Datagram {
    Endpoint from;
    const uint8_t *bytes; /* good until the next is taken */
    size_t length;
} Datagram;

/* A non-blocking socket, bound; -1 with errno. */
int udp_bind(const struct sockaddr_storage *address, socklen_t length);

/* On a bound descriptor; false: out of memory. */
bool udp_init(Udp *udp, int descriptor);
void udp_free(Udp *udp);

/* The next datagram; false: there is none. Bounded: each call of the system is counted down from
 * *budget, and at 0 the socket is left for later. */
bool udp_take(Udp *udp, Datagram *datagram, int *budget);

/* Is there a datagram that was received already? */
bool udp_has_more(const Udp *udp);

/* Have a datagram sent with the next flush, or before. False: there is no room, and the socket takes
 * none: try again when it is writable. */
bool udp_put(Udp *udp, const Endpoint *to, const uint8_t *bytes, size_t length);

/* Send what was put. What the system refuses is lost, but for want of room. False: something waits
 * for the socket. */
bool udp_flush(Udp *udp);

/* Is there room for a datagram, or can room be made? */
bool udp_has_room(Udp *udp);

#endif
