/* Where a datagram comes from or goes to: an IP address and a port, as a value that compares and
 * hashes byte by byte. IPv4 addresses are the same whether or not they come over a socket of IPv6. */
#ifndef JSEC_NET_ENDPOINT_H
#define JSEC_NET_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

typedef struct Endpoint {
    uint8_t ip[16]; /* of IPv4 the first four */
    uint32_t scope; /* of a link-local address */
    uint16_t port;
    uint16_t family; /* AF_INET or AF_INET6 */
} Endpoint;

/* False where it is no IP address. */
bool endpoint_of(Endpoint *endpoint, const struct sockaddr_storage *address);

/* As a socket of that family takes it; the length. */
socklen_t endpoint_address(const Endpoint *endpoint, int family, struct sockaddr_storage *address);

bool endpoint_equals(const Endpoint *a, const Endpoint *b);

/* Its host alone, as text. */
#define ENDPOINT_TEXT 64
void endpoint_host(const Endpoint *endpoint, char text[ENDPOINT_TEXT]);

#endif
