/* Virtual hosts: a server's context by the name that the client asks for (SNI, RFC 6066). */
#ifndef JSEC_CORE_VIRTUAL_HOSTS_H
#define JSEC_CORE_VIRTUAL_HOSTS_H

#include "core/tls/context_data.h"

/* Give a context virtual hosts. An exact name is found first, then a wildcard for one label, then
 * the default. Without any of them the context's own certificate serves, or the handshake fails
 * with unrecognized_name if it has none. */
bool virtual_hosts_set(SSL_CTX *context, const VirtualHostList *hosts, Failure *failure);

/* At a ClientHello: switch the connection to the host that the client asks for. `base` is the
 * context it began with. A later ClientHello may not ask for another host. False: the handshake
 * fails with `alert`. */
bool virtual_hosts_choose(SSL *ssl, const SSL_CTX *base, int *alert);

/* At a ClientHello: go on with the context of the host of that name. */
bool virtual_hosts_switch(SSL *ssl, SSL_CTX *context, const char *name);

#endif
