/* Virtual hosts: a server's context by the name that the client asks for (SNI, RFC 6066). */
#ifndef JSEC_CORE_VIRTUAL_HOSTS_H
#define JSEC_CORE_VIRTUAL_HOSTS_H

#include "core/tls/context.h"

typedef struct VirtualHosts VirtualHosts;

/* What a server does at a ClientHello, before anything is decided: it finds the virtual host, and
 * waits for its driver's answer where the context asks for one. */
void virtual_hosts_watch(SSL_CTX *context);

/* Let connections of a context go over to another by name: an exact one first, then a wildcard for one
 * label, then the default. Without any of them the context's own certificate serves, or the
 * handshake fails with unrecognized_name where it has none. */
bool virtual_hosts_set(SSL_CTX *context, ContextData *data, const VirtualHost *hosts, size_t count,
                       Failure *failure);

void virtual_hosts_free(VirtualHosts *hosts);

#endif
