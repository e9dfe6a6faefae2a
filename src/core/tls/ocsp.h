/* OCSP stapling (RFC 6066, RFC 6960): a server's response about its own certificate, and what a
 * client makes of it. */
#ifndef JSEC_CORE_OCSP_H
#define JSEC_CORE_OCSP_H

#include "core/tls/context_data.h"

/* Clients ask as the settings say; servers staple what they were given. */
bool ocsp_set(SSL_CTX *context, const ContextSettings *settings, Failure *failure);

/* What a server staples from now on, for a whole context or for the one handshake to come: DER or a
 * file of it. No data: nothing. */
bool ocsp_staple_context(SSL_CTX *context, Bytes source, Failure *failure);
bool ocsp_staple(SSL *ssl, Bytes source, Failure *failure);

/* Ask for a staple in the handshake of a client to come. */
bool ocsp_prepare(SSL *ssl, const ContextData *data, Failure *failure);

#endif
