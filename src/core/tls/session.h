/* A client's sessions as bytes, bound to the host and to the verification they were made with. */
#ifndef JSEC_CORE_SESSION_H
#define JSEC_CORE_SESSION_H

#include "core/bytes.h"
#include "core/failure.h"

#include <openssl/ssl.h>

/* A session of this client connection (NULL: its current one) as bytes for OPENSSL_free. NULL when
 * no session can be resumed (yet). */
uint8_t *session_export(SSL *ssl, SSL_SESSION *session, size_t *length);

/* Offer a session in the handshake to come. Verification is set up before. Fails for a session of
 * another host or other verification settings, since resumption skips their checks. */
bool session_import(SSL *ssl, Bytes data, Failure *failure);

#endif
