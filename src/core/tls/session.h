/* Sessions as bytes, bound to their peer and to its verification; and the keys with which servers
 * seal tickets. */
#ifndef JSEC_CORE_SESSION_H
#define JSEC_CORE_SESSION_H

#include "core/bytes.h"
#include "core/failure.h"
#include "core/keys/pem.h"

#include <openssl/ssl.h>

/* A session of this client connection (NULL: its current one) as bytes for OPENSSL_free. NULL when
 * there is none that can be resumed (yet). */
uint8_t *session_export(SSL *ssl, SSL_SESSION *session, size_t *length);

/* Offer a session in the handshake to come, verification set up already. Fails where it was made
 * for another host or under other verification: resumption skips what was checked then. */
bool session_import(SSL *ssl, Bytes data, Failure *failure);

/* --- ticket keys --- */

#define MAX_TICKET_KEYS 8

/* Seal a context's tickets with these keys, in place of random ones or of those before: 48 bytes
 * (AES-128) or 80 (AES-256) each, name, HMAC-SHA-256 key and AES key, as nginx keeps them. The
 * first seals, all open. */
bool ticket_keys_set(SSL_CTX *context, const Bytes *list, size_t count, Failure *failure);

/* What names a key, the bytes themselves or the path of a file that holds them. */
bool ticket_key_source(Bytes source, PemSource *owned, Bytes *key, Failure *failure);

#endif
