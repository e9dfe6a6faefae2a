/* send-to: one datagram to one peer. */
#ifndef JSEC_DTLS_SEND_H
#define JSEC_DTLS_SEND_H

#include "dtls/server.h"

/* Returns the number of bytes. Parks the fiber while the socket has no room; raises when there is
 * no session with the address. */
Janet send_message(Server *server, const Endpoint *to, JanetByteView data, double timeout);

/* Serve the calls that wait. */
void send_serve(Server *server);

#endif
