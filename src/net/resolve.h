/* Names to addresses, off the event loop; numeric ones at once. */
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

/* Blocks unless `numeric`, which fails for names. Families alternate, the system's first choice
 * first (RFC 8305). `passive`: to bind to. */
bool resolve(const char *host, const char *port, int type, bool numeric, bool bind_request,
             Addresses *addresses, Failure *failure);

/* A unix socket's path; on Linux a leading @ means the abstract namespace. */
bool resolve_unix(const char *path, size_t length, Address *address, Failure *failure);

#endif
