/* Name lookups: host and port to addresses. */
#ifndef JSEC_NET_RESOLVE_H
#define JSEC_NET_RESOLVE_H

#include "core/failure.h"

#include <stdbool.h>
#include <sys/socket.h>

#define MAX_ADDRESSES 16

typedef struct Address {
    struct sockaddr_storage storage;
    socklen_t length;
} Address;

typedef struct Addresses {
    Address list[MAX_ADDRESSES];
    int count;
} Addresses;

/* Look up a host and a port. Address families alternate, the system's first choice first (RFC
 * 8305). With `numeric` the host must be an IP address, and the call never blocks; otherwise it may
 * block for many seconds. `passive`: the addresses are for bind. */
bool resolve(const char *host, const char *port, int type, bool numeric, bool passive,
             Addresses *addresses, Failure *failure);

/* The address of a unix socket; on Linux a leading @ means the abstract namespace. */
bool resolve_unix(const char *path, size_t length, Address *address, Failure *failure);

#endif
