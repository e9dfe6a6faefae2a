/* What drives a DTLS server: events of its socket, and turns that were asked for. */
#ifndef JSEC_DTLS_DRIVER_H
#define JSEC_DTLS_DRIVER_H

#include "net/poller.h"

/* The `ready` callback of a server's watcher: serve everything that is pending. */
void driver_ready(Watcher *watcher, unsigned ready);

#endif
