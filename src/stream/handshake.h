/* Calls that wait for a stream's handshake. */
#ifndef JSEC_STREAM_HANDSHAKE_H
#define JSEC_STREAM_HANDSHAKE_H

#include "net/request.h"
#include "stream/stream.h"

/* Woken with the stream, or with the error. May be the first member of a larger request. */
typedef struct HandshakeRequest {
    Request request;
    Stream *stream; /* NULL until there is a stream */
    const char *function;
    bool orphan; /* only this request refers to the stream: if it is cancelled, the stream is
                  * dropped */
} HandshakeRequest;

/* Callbacks for the kind of a larger request. */
void handshake_cancelled(Request *request);
void handshake_undelivered(Request *request);
void handshake_mark(Request *request);

/* Let a request wait for the stream's handshake. Begin the handshake if needed. */
void handshake_join(Stream *stream, HandshakeRequest *request);

/* Park the calling fiber until the handshake is done. */
JANET_NO_RETURN void handshake_await(Stream *stream, const char *function, double timeout,
                                     bool orphan);

#endif
