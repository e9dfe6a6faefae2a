/* An IP address and port as a value that compares and hashes byte by byte. An IPv4-mapped IPv6
 * address is stored as the IPv4 address. */
#ifndef JSEC_NET_ENDPOINT_H
#define JSEC_NET_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

typedef struct Endpoint {
    uint8_t ip[16]; /* IPv4: the first four bytes */
    uint32_t scope; /* of a link-local address */
    uint16_t port;
    uint16_t family; /* AF_INET or AF_INET6 */
} Endpoint;

/* False for an address that is not IPv4 or IPv6. */
bool endpoint_of(Endpoint *endpoint, const struct sockaddr_storage *address);

/* Write the address for a socket of that family; returns its length. */
socklen_t endpoint_address(const Endpoint *endpoint, int family, struct sockaddr_storage *address);

bool endpoint_equals(const Endpoint *a, const Endpoint *b);

/* Equal but for the port. */
bool endpoint_same_host(const Endpoint *a, const Endpoint *b);

/* The IP address as text, with the zone of a link-local address. */
#define ENDPOINT_TEXT 64
void endpoint_host(const Endpoint *endpoint, char text[ENDPOINT_TEXT]);

#endif
