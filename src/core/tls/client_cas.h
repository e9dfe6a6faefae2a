/* The names of CAs that a server sends with its request for a client's certificate: browsers choose
 * a certificate by them (RFC 8446, 4.2.4; RFC 5246, 7.4.4). */
#ifndef JSEC_CORE_CLIENT_CAS_H
#define JSEC_CORE_CLIENT_CAS_H

#include "core/tls/settings.h"

/* Give a context that is being made the names that the settings choose, by default those of the
 * certificates in `store`. Default names that no handshake message can hold are left out. */
bool client_cas_set(SSL_CTX *context, X509_STORE *store, const ContextSettings *settings,
                    Failure *failure);

#endif
