/* How many sessions each remote host has: an IPv4 address, or an IPv6 network of 64 bits, which a
 * single host usually has. */
#ifndef JSEC_DTLS_HOSTS_H
#define JSEC_DTLS_HOSTS_H

#include "dtls/table.h"
#include "net/endpoint.h"

typedef struct Host Host;

/* Count a session of the endpoint's host. NULL: out of memory. */
Host *hosts_add(Table *hosts, const Endpoint *endpoint);

/* Remove a session that was counted; NULL is allowed. */
void hosts_remove(Table *hosts, Host *host);

int32_t hosts_count(const Table *hosts, const Endpoint *endpoint);

#endif
