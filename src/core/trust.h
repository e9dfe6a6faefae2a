/* What a context trusts, and how connections verify by it. */
#ifndef JSEC_CORE_TRUST_H
#define JSEC_CORE_TRUST_H

#include "core/context.h"

/* CAs, CRLs, pins, purpose, depth and time of the settings, into a context that is being made. */
bool trust_set(SSL_CTX *context, ContextTraits *traits, const ContextSettings *settings,
               Failure *failure);

/* Set up verification of a server's connection, which may have come to another context (a virtual
 * host's) than it began with. */
bool trust_prepare_server(SSL *ssl, const ContextTraits *traits, Failure *failure);

#endif
