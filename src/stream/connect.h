/* Connecting a prepared stream. */
#ifndef JSEC_STREAM_CONNECT_H
#define JSEC_STREAM_CONNECT_H

#include "net/resolve.h"
#include "stream/handshake.h"

typedef struct Target {
    bool unix_socket;
    JanetByteView host;
    char port[16];
    Address address; /* of a unix socket */
} Target;

/* Of the first two arguments: host and port, or :unix and a path where that is allowed. Raises. */
void stream_get_target(const char *function, const Janet *argv, bool unix_sockets, Target *target);

/* Connect to the target and make the handshake. The fiber resumes with the stream or the error. */
JANET_NO_RETURN void stream_connect(const char *function, Stream *stream, const Target *target,
                                    const ConnectionOptions *options);

#endif
