#include "context/options.h"

#include <math.h>
#include <string.h>

#define HANDSHAKE_TIMEOUT 30.0 /* seconds */
#define CLOSE_TIMEOUT 1.0
#define RETRANSMIT 0.25 /* seconds */
#define MTU 1200        /* bytes, which every path of the internet carries */

void context_options_init(ContextOptions *options) {
    memset(options, 0, sizeof *options);
    settings_init(&options->settings);
    options->context = options->hosts = options->staple = janet_wrap_nil();
    options->signer.held = janet_wrap_nil();
    options->connection = (ConnectionOptions){
        .settings = {.handshake_timeout = HANDSHAKE_TIMEOUT,
                     .close_timeout = CLOSE_TIMEOUT,
                     .retransmit = RETRANSMIT,
                     .mtu = MTU,
                     .nodelay = true},
        .on_session = janet_wrap_nil(),
        .timeout = INFINITY,
        .handshake = true,
    };
    questions_init(&options->connection.questions);
}
