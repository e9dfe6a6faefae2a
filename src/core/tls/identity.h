/* The certificates and private keys by which a context's connections identify themselves. */
#ifndef JSEC_CORE_IDENTITY_H
#define JSEC_CORE_IDENTITY_H

#include "core/tls/context_data.h"

/* Give a context that is being made the certificates and keys of the settings, in pairs. Suites and
 * versions are set already: `data` records whether a suite fits one of the keys. */
bool identity_set(SSL_CTX *context, ContextData *data, const ContextSettings *settings,
                  Failure *failure);

/* Replace the keys of a copy of settings by what the password opens, and wipe the password. It
 * stays for a key in a file, which a reload reads again, and where it does not open all keys:
 * identity_set explains that. */
void identity_open_keys(ContextSettings *copy);

#endif
