/* Texts for a handshake or a connection that failed. */
#ifndef JSEC_CORE_EXPLAIN_H
#define JSEC_CORE_EXPLAIN_H

#include "core/failure.h"

#include <openssl/ssl.h>

/* After a failed handshake: "certificate verify failed: …" with the wanted and the found value, if
 * verification failed; otherwise "handshake failed: …". Reads and clears the error queue. */
void explain_handshake(const SSL *ssl, Failure *failure);

/* The same for an error after the handshake. In TLS 1.3 a client learns only then that the server
 * refused its certificate. */
void explain_protocol(Failure *failure);

/* "WHAT: OpenSSL's reason: what to do" for a context that cannot be made. Returns false. */
bool explain_setup(Failure *failure, const char *what);

#endif
