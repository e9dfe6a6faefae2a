/* send-to: one datagram to one peer. */
#include "base/raise.h"
#include "dtls/address.h"
#include "dtls/server.h"
#include "stream/stream.h"

#include <math.h>
#include <string.h>

static const char function[] = "dtls/send-to";

typedef struct SendOp {
    Op op;
    Server *server;
    Endpoint to;
    int32_t length;
    uint8_t bytes[]; /* of the moment of the call */
} SendOp;

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
    if (udp_has_more(&server->udp) || server->current || server->letters) {
        poller_turn(&server->source);
    } else {
        udp_flush(&server->udp);
    }
}

/* --- waiting, for room in the socket's buffer --- */

static void send_abandon(Op *op) {
    op_dequeue(&((SendOp *)op)->server->writers, op);
}

static void send_mark(Op *op) {
    janet_mark(janet_wrap_abstract(((SendOp *)op)->server));
}

static const OpKind send_kind = {.abandon = send_abandon, .mark = send_mark};

void server_serve_writers(Server *server) {
    SendOp *op;
    Janet error;
    while ((op = (SendOp *)op_first_waiting(&server->writers)) && udp_has_room(&server->udp)) {
        if (seal(server, &op->to, op->bytes, (size_t)op->length, &error)) {
            op_complete(&op->op, &server->writers, janet_wrap_integer(op->length));
        } else {
            op_fail(&op->op, &server->writers, error);
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
    if (!op_first_waiting(&server->writers) && udp_has_room(&server->udp)) {
        if (!seal(server, &to, data.bytes, (size_t)data.len, &error)) janet_panicv(error);
        send_soon(server);
        return janet_wrap_integer(data.len);
    }
    SendOp *op = op_new(sizeof *op, (size_t)data.len, &send_kind);
    op->server = server;
    op->to = to;
    op->length = data.len;
    memcpy(op->bytes, data.bytes, (size_t)data.len);
    op_enqueue(&server->writers, &op->op);
    op_park(&op->op, timeout);
}

void server_wake_for_close(Server *server) {
    Op *op;
    op_end_dead(&server->readers);
    op_end_dead(&server->writers);
    while ((op = op_first_waiting(&server->readers))) {
        op_complete(op, &server->readers, janet_wrap_nil());
    }
    while ((op = op_first_waiting(&server->writers))) {
        op_fail(op, &server->writers, janet_cstringv("stream closed"));
    }
}
