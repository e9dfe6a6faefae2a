/* The key log: secrets of connections in the format of NSS, for tools that decrypt captures. */
#ifndef JSEC_CORE_KEYLOG_H
#define JSEC_CORE_KEYLOG_H

#include "core/tls/context_data.h"

/* Append secrets to this file; no data: no key log. Fails if the file can't be opened. */
bool keylog_set(SSL_CTX *context, ContextData *data, Bytes path, Failure *failure);

#endif
