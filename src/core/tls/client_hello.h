/* A server's handling of a ClientHello, before OpenSSL looks at versions, sessions or
 * certificates. */
#ifndef JSEC_CORE_CLIENT_HELLO_H
#define JSEC_CORE_CLIENT_HELLO_H

#include <openssl/ssl.h>

/* Watch for ClientHellos: a context that staples on demand waits for its driver's answer
 * (ENGINE_WANT_ANSWER), and one with virtual hosts looks for the host. Every context watches: once
 * a virtual host's has replaced the listener's, OpenSSL asks it about later ClientHellos. */
void client_hello_watch(SSL_CTX *context);

#endif
