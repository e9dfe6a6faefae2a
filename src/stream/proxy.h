/* The PROXY header before TLS: a server's stream reads one, a client's sends one. */
#ifndef JSEC_STREAM_PROXY_H
#define JSEC_STREAM_PROXY_H

#include "core/proxy_header.h"
#include "stream/stream.h"

#include <sys/types.h>

/* Of a stream that has a header; plain memory, which the stream frees. */
typedef struct Proxy {
    bool awaited;       /* it has not come yet */
    size_t sent;        /* bytes of one that is sent */
    ProxyHeader header; /* that came */
    size_t length;
    uint8_t bytes[]; /* the extensions that came, or the header to send */
} Proxy;

/* Before the socket is attached: a header comes first, or is sent first. */
void stream_await_proxy(Stream *stream);
void stream_send_proxy(Stream *stream, const uint8_t *header, size_t length);

/* For the transport. Positive: the header has come, or has left; otherwise as its callbacks. */
ptrdiff_t proxy_receive(Stream *stream);
ptrdiff_t proxy_send(Stream *stream);

/* The client's address if a header gave it; nil: it did not. */
Janet proxy_peername(const Stream *stream);

/* What the header said as a struct; nil: there was none. */
Janet proxy_describe(const Stream *stream);

#endif
