/* Virtual hosts: a server's context by the name that the client asks for (SNI, RFC 6066). */
#ifndef JSEC_CORE_VIRTUAL_H
#define JSEC_CORE_VIRTUAL_H

#include "core/context.h"

typedef struct Virtual Virtual;

/* Let connections of a context go over to another by name: an exact one first, then a wildcard for one
 * label, then the default. Without any of them the context's own certificate serves, or the
 * handshake fails with unrecognized_name where it has none. */
bool virtual_set(SSL_CTX *context, ContextTraits *traits, const VirtualHost *hosts, size_t count,
                 Failure *failure);

void virtual_free(Virtual *hosts);

#endif
