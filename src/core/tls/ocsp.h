/* OCSP stapling (RFC 6066, RFC 6960): a server sends a response about its own certificate, a client
 * checks it. */
#ifndef JSEC_CORE_OCSP_H
#define JSEC_CORE_OCSP_H

#include "core/tls/context_data.h"

/* Install the callback of both roles and the staple of the settings. */
bool ocsp_set(SSL_CTX *context, const ContextSettings *settings, Failure *failure);

/* Replace the response that a server staples, for a whole context or for one connection before its
 * handshake: DER or the path of a file. Without data the server staples nothing. */
bool ocsp_staple_context(SSL_CTX *context, Bytes source, Failure *failure);
bool ocsp_staple(SSL *ssl, Bytes source, Failure *failure);

/* Have a client ask for a staple in its handshake. */
bool ocsp_prepare(SSL *ssl, const ContextData *data, Failure *failure);

#endif
