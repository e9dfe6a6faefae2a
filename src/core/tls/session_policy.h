/* A digest of all that decides whom a context admits, in each role: sessions are bound to it, since
 * resuming one skips what was checked when it was made. */
#ifndef JSEC_CORE_SESSION_POLICY_H
#define JSEC_CORE_SESSION_POLICY_H

#include "core/tls/context.h"

/* From the settings, before anything is trusted. The CRLs are those that were loaded. */
bool session_policy_begin(ContextData *data, const ContextSettings *settings,
                          STACK_OF(X509_CRL) * crls, Failure *failure);

/* With what the context's own store holds now; again after a change of it. */
bool session_policy_set(SSL_CTX *context, ContextData *data, Failure *failure);

#endif
