#include "stream/proxy.h"

#include "stream/stream_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* --- reading --- */

static Proxy *new_proxy(size_t length) {
    Proxy *proxy = janet_calloc(1, sizeof *proxy + length);
    if (!proxy) JANET_OUT_OF_MEMORY;
    proxy->length = length;
    return proxy;
}

void stream_await_proxy(Stream *stream) {
    stream->proxy = new_proxy(0);
    stream->proxy->awaited = true;
}

static void set_peer(Stream *stream, const ProxyAddress *source) {
    stream->peer = (Endpoint){.family = source->family, .port = source->port};
    memcpy(stream->peer.ip, source->ip, sizeof source->ip);
}

static void keep_header(Stream *stream, const ProxyHeader *header) {
    Proxy *proxy = new_proxy(header->extensions.length);
    proxy->header = *header;
    if (proxy->length) memcpy(proxy->bytes, header->extensions.data, proxy->length);
    proxy->header.extensions = (Bytes){proxy->bytes, proxy->length};
    if (header->known) set_peer(stream, &header->source);
    janet_free(stream->proxy);
    stream->proxy = proxy;
}

static ptrdiff_t refuse_header(Stream *stream, const char *why) {
    Failure failure;
    failure_set(&failure, "PROXY header expected: %s", why);
    engine_fail(&stream->engine, failure.text);
    return TRANSPORT_ERROR(EPROTO);
}

static ssize_t peek_bytes(const Stream *stream, uint8_t bytes[MAX_PROXY_HEADER]) {
    ssize_t n;
    do {
        n = recv(stream->watcher.descriptor, bytes, MAX_PROXY_HEADER, MSG_PEEK);
    } while (n < 0 && errno == EINTR);
    return n;
}

/* Look at the header before it is taken, so that what follows it stays in the socket. */
ptrdiff_t proxy_receive(Stream *stream) {
    uint8_t bytes[MAX_PROXY_HEADER];
    const char *why;
    ProxyHeader header;
    if (!stream->proxy->awaited) return 1;
    ssize_t n = peek_bytes(stream, bytes);
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) return TRANSPORT_ERROR(errno);
    if (n == 0) return TRANSPORT_EOF;
    Bytes seen = {bytes, n > 0 ? (size_t)n : 0};
    ProxyStatus status = n > 0 ? proxy_header_parse(seen, &header, &why) : PROXY_MORE;
    if (status == PROXY_BAD) return refuse_header(stream, why);
    if (status == PROXY_MORE) {
        stream->readable = false;
        return stream->hangup ? TRANSPORT_EOF : TRANSPORT_WOULD_BLOCK;
    }
    if (recv(stream->watcher.descriptor, bytes, header.length, 0) != (ssize_t)header.length)
        return TRANSPORT_ERROR(EPROTO);
    keep_header(stream, &header);
    return 1;
}

/* --- sending --- */

void stream_send_proxy(Stream *stream, const uint8_t *header, size_t length) {
    stream->proxy = new_proxy(length);
    memcpy(stream->proxy->bytes, header, length);
}

ptrdiff_t proxy_send(Stream *stream) {
    Proxy *proxy = stream->proxy;
    while (proxy->sent < proxy->length && !proxy->header.version) {
        ssize_t n = send(stream->watcher.descriptor, proxy->bytes + proxy->sent,
                         proxy->length - proxy->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) return TRANSPORT_ERROR(errno);
        if (n < 0) {
            stream->writable = false;
            return TRANSPORT_WOULD_BLOCK;
        }
        proxy->sent += (size_t)n;
    }
    return 1;
}

/* --- what it said --- */

static bool has_header(const Stream *stream) {
    return stream->proxy && stream->proxy->header.version;
}

static Janet address_pair(const ProxyAddress *address) {
    Endpoint endpoint = {.family = address->family, .port = address->port};
    memcpy(endpoint.ip, address->ip, sizeof address->ip);
    return failure_peername(&endpoint);
}

Janet proxy_peername(const Stream *stream) {
    bool known = has_header(stream) && stream->proxy->header.source.family;
    return known ? address_pair(&stream->proxy->header.source) : janet_wrap_nil();
}

/* Types without a name of ours are numbers. */
static Janet type_key(uint8_t type) {
    switch (type) {
    case 0x01: return janet_ckeywordv("alpn");
    case 0x02: return janet_ckeywordv("authority");
    case 0x05: return janet_ckeywordv("unique-id");
    case 0x20: return janet_ckeywordv("ssl");
    case 0x30: return janet_ckeywordv("netns");
    default: return janet_wrap_integer(type);
    }
}

static Janet describe_extensions(Bytes rest) {
    enum { CHECKSUM = 0x03, PADDING = 0x04 };
    uint8_t type;
    Bytes value;
    JanetTable *table = janet_table(4);
    while (proxy_header_next(&rest, &type, &value)) {
        if (type == CHECKSUM || type == PADDING) continue;
        janet_table_put(table, type_key(type),
                        janet_wrap_string(janet_string(value.data, (int32_t)value.length)));
    }
    return janet_wrap_struct(janet_table_to_struct(table));
}

Janet proxy_describe(const Stream *stream) {
    if (!has_header(stream)) return janet_wrap_nil();
    const ProxyHeader *header = &stream->proxy->header;
    JanetTable *table = janet_table(4);
    janet_table_put(table, janet_ckeywordv("version"), janet_wrap_integer(header->version));
    janet_table_put(table, janet_ckeywordv("extensions"), describe_extensions(header->extensions));
    if (header->source.family) {
        janet_table_put(table, janet_ckeywordv("peername"), address_pair(&header->source));
        janet_table_put(table, janet_ckeywordv("localname"), address_pair(&header->destination));
    }
    return janet_wrap_struct(janet_table_to_struct(table));
}
