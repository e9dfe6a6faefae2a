/* recv-from: the next message, of any peer. */
#ifndef JSEC_DTLS_RECEIVE_H
#define JSEC_DTLS_RECEIVE_H

#include "dtls/server.h"

/* Append up to `max` bytes of the next message to the buffer, and return the peer's address. Parks
 * the fiber when there is none; raises when the buffer cannot grow. */
Janet receive_message(Server *server, int32_t max, JanetBuffer *buffer, double timeout);

/* Serve the calls that wait. */
void receive_serve(Server *server);

/* Read the socket when no call waits: handshakes go on, and messages go to the inbox. */
void receive_unasked(Server *server);

#endif
