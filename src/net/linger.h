/* Sockets that are closed in the background. When a socket is closed with unread input, or input
 * arrives later, the kernel sends a reset, and the peer loses data that it has not read yet. So the
 * output is ended first, and input is discarded until the peer ends too. */
#ifndef JSEC_NET_LINGER_H
#define JSEC_NET_LINGER_H

/* End the output of a connected stream socket that nothing watches, and close it when the peer has
 * ended, at the latest after `seconds`, or when it goes on sending although it has received all. It
 * keeps the process alive until then. A bounded number of sockets lingers: the oldest is closed for
 * a new one. */
void linger_close(int descriptor, double seconds);

/* When descriptors run out: close the lingering sockets whose output has arrived, or the oldest. */
void linger_make_room(void);

#endif
