/* Drives a DTLS server by events of its socket, and by requested turns. */
#ifndef JSEC_DTLS_DRIVER_H
#define JSEC_DTLS_DRIVER_H

#include "net/poller.h"

/* The `ready` callback of a server's watcher: serve everything that is pending. */
void driver_ready(Watcher *watcher, unsigned ready);

#endif
