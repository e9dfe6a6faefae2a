/* An SSL_CTX made of settings, once. Contexts are shared by reference (SSL_CTX_up_ref) between
 * connections and threads. What may change while they are used is in context_data.h. */
#ifndef JSEC_CORE_CONTEXT_H
#define JSEC_CORE_CONTEXT_H

#include "core/tls/settings.h"

/* NULL on failure; else for SSL_CTX_free. */
SSL_CTX *context_new(const ContextSettings *settings, Failure *failure);

/* Replace the keys that tickets are sealed with. */
bool context_set_ticket_keys(SSL_CTX *context, const BytesList *keys, Failure *failure);

/* Set up one connection of a context; its role is set already. Verification follows the context; by
 * default a client verifies. For a client, set the name to send (SNI; none for an IP address) and
 * the name to verify, both NUL-terminated; NULL: none. */
bool context_prepare(SSL *ssl, const char *server_name, const char *verify_name, Failure *failure);

#endif
