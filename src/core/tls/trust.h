/* The certificates that a context trusts, and the verification of its connections. */
#ifndef JSEC_CORE_TRUST_H
#define JSEC_CORE_TRUST_H

#include "core/tls/context_data.h"

/* Give a context that is being made the CAs, CRLs, pins and limits of the settings. */
bool trust_set(SSL_CTX *context, ContextData *data, const ContextSettings *settings,
               Failure *failure);

/* Trust one more certificate by itself. Connections that are prepared later use it; other threads
 * may use the context meanwhile. Not for a context that others share (context_cached). */
bool trust_add(SSL_CTX *context, Bytes certificate, Failure *failure);

/* Set up the verification of one connection, its role set already. A server's data may be that of a
 * virtual host of that name (NULL: none), to which sessions are bound then. The name that a client
 * verifies may be NULL. */
bool trust_prepare_server(SSL *ssl, const ContextData *data, const char *virtual_host,
                          Failure *failure);
bool trust_prepare_client(SSL *ssl, const ContextData *data, const char *verify_name,
                          Failure *failure);

/* Is this the digest that sessions of the context's clients are bound to now? */
bool trust_is_client_policy(const ContextData *data, const uint8_t *digest, size_t length);

/* For a request after the handshake: are there CAs for clients? Then have the answer verified. */
bool trust_can_request(const SSL *ssl, Failure *failure);
bool trust_prepare_request(SSL *ssl, bool optional, Failure *failure);

#endif
