/* The cipher suites, groups and security level of a context. */
#ifndef JSEC_CORE_SUITES_H
#define JSEC_CORE_SUITES_H

#include "core/tls/settings.h"

/* Give a context that is being made the suites, groups and level of the settings. Suites without
 * authentication (aNULL) are left out of a context that verifies or pins. */
bool suites_set(SSL_CTX *context, const ContextSettings *settings, Failure *failure);

/* Does the context have a suite for the versions from `min` to `max` (0: the newest), and for a
 * server's key (NULL: any)? */
bool suites_left(const SSL_CTX *context, const EVP_PKEY *key, int min, int max);

#endif
