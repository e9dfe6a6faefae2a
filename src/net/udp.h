/* An unconnected UDP socket that receives and sends datagrams in batches, with recvmmsg and
 * sendmmsg where the system has them. */
#ifndef JSEC_NET_UDP_H
#define JSEC_NET_UDP_H

#include "net/endpoint.h"

typedef struct UdpBatches UdpBatches;

typedef struct Udp {
    int descriptor, family;  /* not owned; AF_INET or AF_INET6 */
    bool readable, writable; /* as of the last event */
    UdpBatches *batches;
} Udp;

typedef struct Datagram {
    Endpoint from;
    const uint8_t *bytes; /* valid until the next udp_take */
    size_t length;
} Datagram;

/* A bound, non-blocking socket; -1 with errno. */
int udp_bind(const struct sockaddr_storage *address, socklen_t length, bool share);

/* Start to use a bound descriptor; false: out of memory. */
bool udp_init(Udp *udp, int descriptor);
void udp_free(Udp *udp);

/* Take the next datagram; false: there is none. Each system call decrements *budget; at 0 the
 * socket waits for the next turn. */
bool udp_take(Udp *udp, Datagram *datagram, int *budget);

/* True while the last batch has datagrams that were not taken. */
bool udp_has_more(const Udp *udp);

/* Queue a datagram for the next flush. False: the queue is full and the socket is not writable. */
bool udp_put(Udp *udp, const Endpoint *to, const uint8_t *bytes, size_t length);

/* Send the queued datagrams. One that the system rejects is dropped, as the network may drop it.
 * False: datagrams wait until the socket is writable. */
bool udp_flush(Udp *udp);

/* True when the queue has room for a datagram, if need be after a flush. */
bool udp_has_room(Udp *udp);

#endif
