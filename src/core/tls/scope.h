/* A digest of all that decides whom a context admits, in each role: sessions are bound to it, since
 * resuming one skips what was checked when it was made. */
#ifndef JSEC_CORE_SCOPE_H
#define JSEC_CORE_SCOPE_H

#include "core/tls/context.h"

/* From the settings, before anything is trusted. The CRLs are those that were loaded. */
bool scope_begin(ContextTraits *traits, const ContextSettings *settings, STACK_OF(X509_CRL) * crls,
                 Failure *failure);

/* With what the context's own store holds now; again after a change of it. */
bool scope_set(SSL_CTX *context, ContextTraits *traits, Failure *failure);

#endif
