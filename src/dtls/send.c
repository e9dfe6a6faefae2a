/* send-to: one datagram to one peer. */
#include "base/raise.h"
#include "dtls/address.h"
#include "dtls/server.h"
#include "stream/stream.h"

#include <math.h>
#include <string.h>

static const char function[] = "dtls/send-to";

typedef struct SendRequest {
    Request request;
    Server *server;
    Endpoint to;
    int32_t length;
    uint8_t bytes[]; /* of the moment of the call */
} SendRequest;

static Janet no_session(const Endpoint *to) {
    char host[ENDPOINT_TEXT];
    endpoint_host(to, host);
    return janet_wrap_string(janet_formatc(
        "%s: no session with %s port %d: it was closed, or silent for :session-timeout", function,
        host, to->port));
}

/* Seal it for its peer; false: *error says why not. */
static bool seal(Server *server, const Endpoint *to, const uint8_t *bytes, size_t length,
                 Janet *error) {
    size_t taken;
    Peer *peer = peers_find(server, to);
    if (!peer || peer->state != PEER_OPEN) {
        *error = no_session(to);
        return false;
    }
    peer->heard = server->now;
    if (engine_write(&peer->engine, bytes, length, &taken) != ENGINE_FAILED) return true;
    int errnum;
    *error = janet_wrap_string(
        janet_formatc("%s: %s", function, engine_explain(&peer->engine, &errnum)));
    return false;
}

/* While more datagrams of a batch are to be answered, answers are gathered. */
static void send_soon(Server *server) {
    if (udp_has_more(&server->udp) || server->current || server->messages) {
        poller_turn(&server->watcher);
    } else {
        udp_flush(&server->udp);
    }
}

/* --- waiting, for room in the socket's buffer --- */

static void cancel_send(Request *request) {
    request_dequeue(&((SendRequest *)request)->server->writers, request);
}

static void send_mark(Request *request) {
    janet_mark(janet_wrap_abstract(((SendRequest *)request)->server));
}

static const RequestKind send_kind = {.cancelled = cancel_send, .mark = send_mark};

void server_serve_writers(Server *server) {
    SendRequest *request;
    Janet error;
    while ((request = (SendRequest *)request_first_waiting(&server->writers)) &&
           udp_has_room(&server->udp)) {
        if (seal(server, &request->to, request->bytes, (size_t)request->length, &error)) {
            request_complete(&request->request, &server->writers,
                             janet_wrap_integer(request->length));
        } else {
            request_fail(&request->request, &server->writers, error);
        }
    }
}

static void get_address(const Janet *argv, int32_t n, Endpoint *to) {
    if (address_endpoint(argv[n], to)) return;
    raise_type(n, "jsec/dtls-address or [host port]", argv[n]);
}

Janet cfun_dtls_send_to(int32_t argc, Janet *argv) {
    janet_arity(argc, 3, 4);
    Endpoint to;
    Janet error;
    Server *server = server_get_open(argv, 0);
    get_address(argv, 1, &to);
    JanetByteView data = janet_getbytes(argv, 2);
    double timeout = stream_timeout(argv, argc, 3);
    stream_check_datagram(function, (size_t)data.len);
    if (!peers_find(server, &to)) janet_panicv(no_session(&to));
    if (!data.len) return janet_wrap_integer(0);
    if (!request_first_waiting(&server->writers) && udp_has_room(&server->udp)) {
        if (!seal(server, &to, data.bytes, (size_t)data.len, &error)) janet_panicv(error);
        send_soon(server);
        return janet_wrap_integer(data.len);
    }
    SendRequest *request = request_new(sizeof *request, (size_t)data.len, &send_kind);
    request->server = server;
    request->to = to;
    request->length = data.len;
    memcpy(request->bytes, data.bytes, (size_t)data.len);
    request_enqueue(&server->writers, &request->request);
    request_park(&request->request, timeout);
}

void server_wake_for_close(Server *server) {
    Request *request;
    request_end_dead(&server->readers);
    request_end_dead(&server->writers);
    while ((request = request_first_waiting(&server->readers))) {
        request_complete(request, &server->readers, janet_wrap_nil());
    }
    while ((request = request_first_waiting(&server->writers))) {
        request_fail(request, &server->writers, janet_cstringv("stream closed"));
    }
}
