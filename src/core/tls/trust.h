/* What a context trusts, and how connections verify by it. */
#ifndef JSEC_CORE_TRUST_H
#define JSEC_CORE_TRUST_H

#include "core/tls/context.h"

/* CAs, CRLs, pins, purpose, depth and time of the settings, into a context that is being made. */
bool trust_set(SSL_CTX *context, ContextData *data, const ContextSettings *settings,
               Failure *failure);

/* What clients of a context verify by: its own store, or the system's; NULL: there is none. */
X509_STORE *trust_client_store(const SSL_CTX *context);

/* Set up verification of a server's connection, which may have come to another context (a virtual
 * host's) than it began with. */
bool trust_prepare_server(SSL *ssl, const ContextData *data, Failure *failure);

#endif
