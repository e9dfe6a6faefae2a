#include "dtls/driver.h"

#include "dtls/receive.h"
#include "dtls/send.h"

void driver_ready(Watcher *watcher, unsigned ready) {
    Server *server = (Server *)watcher;
    if (server->closed) return; /* a turn that was requested before the close */
    if (ready & READY_IN) server->udp.readable = true;
    if (ready & READY_OUT) server->udp.writable = true;
    server->peers.now = timer_now();
    udp_flush(&server->udp);
    send_serve(server);
    receive_serve(server);
    /* A fiber that got a message usually calls recv-from again: leave it the remaining messages. If
     * it does not, the next turn reads the socket. */
    if (server->delivered) {
        poller_turn(&server->watcher);
    } else {
        receive_unasked(server);
    }
    udp_flush(&server->udp);
}
