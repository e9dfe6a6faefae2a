/* Sockets that are closed in the background. When a socket is closed with unread input, or input
 * arrives later, the kernel sends a reset, and the peer loses data that it has not read yet. So end
 * the output first, and discard input until the peer ends too. */
#ifndef JSEC_NET_LINGER_H
#define JSEC_NET_LINGER_H

#include <stdbool.h>

/* End the output of a connected stream socket that nothing watches. Close it when the peer has
 * ended, when `seconds` have passed, or when the peer has received all and goes on sending. It
 * keeps the process alive until then. A bounded number of sockets lingers: for a new one the oldest
 * is closed whose output has arrived, or the oldest of all. */
void linger_close(int descriptor, double seconds);

/* Discard a bounded amount of input. True: there may be more. */
bool linger_discard(int descriptor);

/* When descriptors run out: close the lingering sockets whose output has arrived, or the oldest. */
void linger_make_room(void);

#endif
