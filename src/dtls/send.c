#include "dtls/send.h"

#include <string.h>

static const char function[] = "dtls/send-to";

static Janet no_session(const Endpoint *to) {
    char host[ENDPOINT_TEXT];
    endpoint_host(to, host);
    return janet_wrap_string(janet_formatc(
        "%s: no session with %s port %d: it was closed, or silent for :session-timeout", function,
        host, to->port));
}

/* Seal the bytes for their peer; false with the reason in *error. */
static bool seal(Server *server, const Endpoint *to, const uint8_t *bytes, size_t length,
                 Janet *error) {
    size_t taken;
    int errnum;
    Peer *peer = peers_find(&server->peers, to);
    if (!peer || peer->state != PEER_OPEN) {
        *error = no_session(to);
        return false;
    }
    peer->active = server->peers.now;
    if (engine_write(&peer->engine, bytes, length, &taken) != ENGINE_FAILED) return true;
    const char *why = engine_explain(&peer->engine, &errnum);
    *error = janet_wrap_string(janet_formatc("%s: %s", function, why));
    return false;
}

/* While more messages of a batch wait for answers, gather the answers. */
static void flush_soon(Server *server) {
    bool more = udp_has_more(&server->udp) || server->peers.unread || server->inbox.first;
    if (more) {
        poller_turn(&server->watcher);
    } else {
        udp_flush(&server->udp);
    }
}

/* --- calls that wait for room in the socket's buffer --- */

typedef struct SendRequest {
    Request request;
    Server *server;
    Endpoint to;
    int32_t length;
    uint8_t bytes[]; /* a copy: the caller's buffer may change */
} SendRequest;

static void on_cancelled(Request *request) {
    request_dequeue(&((SendRequest *)request)->server->writers, request);
}

static void mark_request(Request *request) {
    janet_mark(janet_wrap_abstract(((SendRequest *)request)->server));
}

static const RequestKind send_kind = {.cancelled = on_cancelled, .mark = mark_request};

static void serve_request(Server *server, SendRequest *request) {
    Janet error;
    if (seal(server, &request->to, request->bytes, (size_t)request->length, &error)) {
        Janet length = janet_wrap_integer(request->length);
        request_complete(&request->request, &server->writers, length);
    } else {
        request_fail(&request->request, &server->writers, error);
    }
}

void send_serve(Server *server) {
    Request *request;
    while ((request = request_first_waiting(&server->writers)) && udp_has_room(&server->udp)) {
        serve_request(server, (SendRequest *)request);
    }
}

JANET_NO_RETURN static void wait_for_room(Server *server, const Endpoint *to, JanetByteView data,
                                          double timeout) {
    SendRequest *request = request_new(sizeof *request, (size_t)data.len, &send_kind);
    request->server = server;
    request->to = *to;
    request->length = data.len;
    memcpy(request->bytes, data.bytes, (size_t)data.len);
    request_enqueue(&server->writers, &request->request);
    request_park(&request->request, timeout);
}

Janet send_message(Server *server, const Endpoint *to, JanetByteView data, double timeout) {
    Janet error;
    if (!peers_find(&server->peers, to)) janet_panicv(no_session(to));
    if (!data.len) return janet_wrap_integer(0);
    bool may_return = !request_first_waiting(&server->writers) && udp_has_room(&server->udp);
    if (!may_return) wait_for_room(server, to, data, timeout);
    if (!seal(server, to, data.bytes, (size_t)data.len, &error)) janet_panicv(error);
    flush_soon(server);
    return janet_wrap_integer(data.len);
}
