/* The header of the PROXY protocol, versions 1 and 2, in which a balancer says which client a
 * connection comes from. https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt */
#ifndef JSEC_CORE_PROXY_HEADER_H
#define JSEC_CORE_PROXY_HEADER_H

#include "core/bytes.h"

#include <stdbool.h>

#define MAX_PROXY_HEADER 4096 /* bytes that a header may have, extensions included */
#define MAX_PROXY_WRITTEN 108 /* bytes of a header that we write */

typedef struct ProxyAddress {
    uint16_t family; /* AF_INET or AF_INET6 */
    uint16_t port;
    uint8_t ip[16]; /* IPv4: the first four bytes */
} ProxyAddress;

typedef struct ProxyHeader {
    size_t length;
    int version;
    bool known; /* the addresses are given; not for the balancer's own connections */
    ProxyAddress source, destination;
    Bytes extensions; /* well-formed TLVs */
} ProxyHeader;

typedef enum ProxyStatus { PROXY_DONE, PROXY_MORE, PROXY_BAD } ProxyStatus;

/* Parse what has arrived. `extensions` refers to `bytes`. PROXY_BAD: *why has the reason. */
ProxyStatus proxy_header_parse(Bytes bytes, ProxyHeader *header, const char **why);

/* The next of a header's extensions, or false. */
bool proxy_header_next(Bytes *extensions, uint8_t *type, Bytes *value);

/* Write a header of the version with `source` and `destination`, which have one family. Returns
 * its length. */
size_t proxy_header_write(const ProxyHeader *header, uint8_t into[MAX_PROXY_WRITTEN]);

#endif
