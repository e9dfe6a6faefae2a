/* Calls that wait for a stream's handshake. */
#ifndef JSEC_STREAM_HANDSHAKE_H
#define JSEC_STREAM_HANDSHAKE_H

#include "net/request.h"
#include "stream/stream.h"

/* Woken with the stream, or with the error. May be the first member of a larger request. */
typedef struct HandshakeRequest {
    Request request;
    Stream *stream; /* NULL until there is one */
    const char *function;
    bool orphan; /* only this request has the stream: without it the stream is dropped */
} HandshakeRequest;

/* What the kind of a larger request calls. */
void handshake_cancelled(Request *request);
void handshake_undelivered(Request *request);
void handshake_mark(Request *request);

/* Let a request wait for this stream's handshake, which begins if it has not. */
void handshake_join(Stream *stream, HandshakeRequest *request);

/* Park the calling fiber until the handshake is done. */
JANET_NO_RETURN void handshake_await(Stream *stream, const char *function, double timeout,
                                     bool orphan);

#endif
