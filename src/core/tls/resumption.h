/* Which sessions may be resumed, and for how long: resumption skips the verification of the peer.
 *
 * A session's life starts with its full handshake. It ends after the context's session lifetime,
 * and when a certificate of the chain that was verified expires. Both times are kept in the session
 * itself, so they survive its export and each ticket that is issued for it later: OpenSSL alone
 * counts from the newest ticket, and does not look at certificates. */
#ifndef JSEC_CORE_RESUMPTION_H
#define JSEC_CORE_RESUMPTION_H

#include <openssl/ssl.h>
#include <stdbool.h>

/* Start the life of the connection's new session, in a full handshake. `verified` is the peer's
 * chain; NULL if no certificate limits the life. False: out of memory. */
bool resumption_start_life(SSL *ssl, const STACK_OF(X509) * verified);

/* Let a context's servers resume a session only during its life and under its server name. */
void resumption_limit(SSL_CTX *context);

/* Before a client's handshake: do not offer the session that was set if its life is over. */
void resumption_check_offer(SSL *ssl);

#endif
