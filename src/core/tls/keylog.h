/* Secrets of connections in the file format of NSS, for tools that decrypt captures. */
#ifndef JSEC_CORE_KEYLOG_H
#define JSEC_CORE_KEYLOG_H

#include "core/tls/context_data.h"

/* Append to this file; no data: no log. Fails where it can't be opened. */
bool keylog_set(SSL_CTX *context, ContextData *data, Bytes path, Failure *failure);

#endif
