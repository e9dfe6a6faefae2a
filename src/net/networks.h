/* A short list of IP networks. */
#ifndef JSEC_NET_NETWORKS_H
#define JSEC_NET_NETWORKS_H

#include "net/endpoint.h"

#define MAX_NETWORKS 16

typedef struct Network {
    uint8_t ip[16];
    uint8_t bits; /* that an address has in common with it */
    uint16_t family;
} Network;

typedef struct Networks {
    int32_t count;
    bool unix_sockets;
    Network list[MAX_NETWORKS];
} Networks;

/* Is there any? */
static inline bool networks_given(const Networks *networks) {
    return networks->count || networks->unix_sockets;
}

/* Read "192.0.2.0/24", "2001:db8::/32" or a single address. False: it is neither, has bits behind
 * its length, or is IPv4 in the form of IPv6, which would match no peer. */
bool network_read(const char *text, Network *network);

/* An endpoint of family 0 is a peer without an IP address: is it one of the unix sockets? */
bool networks_contain(const Networks *networks, const Endpoint *peer);

#endif
