/* A connected pair of TCP sockets of this machine. Unlike the ends of a socketpair, such an end can
 * be reset, so that the other one sees an error and not an end. */
#ifndef JSEC_NET_LOOPBACK_H
#define JSEC_NET_LOOPBACK_H

#include "core/failure.h"

#include <stdbool.h>

/* Make the pair by a listener on 127.0.0.1, which becomes blocking. The ends are close-on-exec and
 * non-blocking. */
bool loopback_pair(int listener, int ends[2], Failure *failure);

/* From now on, find out within seconds that the process at the other end has closed it. */
void loopback_probe(int end);

/* Is the other end closed for reading as well? Known soon after loopback_probe. */
bool loopback_is_gone(int end);

#endif
