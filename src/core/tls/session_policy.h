/* The policy digest: a hash of everything that decides which peers a context admits, in one role.
 * Sessions are bound to it, since resuming a session skips the checks made when it was new. */
#ifndef JSEC_CORE_SESSION_POLICY_H
#define JSEC_CORE_SESSION_POLICY_H

#include "core/tls/context_data.h"

/* Digest the settings for both roles, into `data`. */
bool session_policy_begin(const SSL_CTX *context, ContextData *data,
                          const ContextSettings *settings, Failure *failure);

/* Complete both digests with the content of the store of `trust`. */
bool session_policy_set(const ContextData *data, Trust *trust, Failure *failure);

#endif
