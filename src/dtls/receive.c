#include "dtls/receive.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CALLS 4             /* max. system calls for datagrams in a turn */
#define MAX_RETURNS_PER_TURN 64 /* recv-from calls of a server that return without a wait */

/* --- messages from the socket --- */

typedef struct Plaintext {
    Peer *peer;
    const uint8_t *bytes; /* valid until the next one is read */
    size_t length;
    uint64_t number;
} Plaintext;

static bool read_plaintext(Server *server, Peer *peer, Plaintext *plaintext) {
    static _Thread_local uint8_t record[SSL3_RT_MAX_PLAIN_LENGTH];
    if (!peers_read(peer, record, sizeof record, &plaintext->length)) return false;
    plaintext->peer = peer;
    plaintext->bytes = record;
    plaintext->number = server->arrived++;
    return true;
}

static bool next_plaintext(Server *server, Plaintext *plaintext, int *budget) {
    Peer *peer = server->peers.unread;
    while (!peer || !read_plaintext(server, peer, plaintext)) {
        Datagram datagram;
        if (!udp_take(&server->udp, &datagram, budget)) return false;
        peer = peers_receive(&server->peers, &datagram);
    }
    return true;
}

void receive_unasked(Server *server) {
    Plaintext plaintext;
    int budget = MAX_CALLS;
    while (next_plaintext(server, &plaintext, &budget)) {
        inbox_add(&server->inbox, peers_address(plaintext.peer), plaintext.number, plaintext.bytes,
                  plaintext.length);
    }
    /* A call may wait although there is a message: receive_serve had spent its budget when the
     * message came. */
    bool is_awaited = server->inbox.first && request_first_waiting(&server->readers);
    if (server->udp.readable || is_awaited) poller_turn(&server->watcher);
}

/* --- one message into a buffer --- */

typedef struct Received {
    Janet from; /* nil: nothing yet */
    uint64_t number;
    int32_t length; /* in the buffer */
} Received;

/* The rest of a longer message is dropped, as by a socket. */
static int32_t append_bytes(JanetBuffer *buffer, int32_t max, const uint8_t *bytes, size_t length) {
    int32_t some = length < (size_t)max ? (int32_t)length : max;
    janet_buffer_push_bytes(buffer, bytes, some);
    return some;
}

static bool has_room(const JanetBuffer *buffer, int32_t max) {
    int32_t room = max < SSL3_RT_MAX_PLAIN_LENGTH ? max : SSL3_RT_MAX_PLAIN_LENGTH;
    bool foreign = buffer->gc.flags & JANET_BUFFER_FLAG_NO_REALLOC;
    return room <= (foreign ? buffer->capacity : INT32_MAX) - buffer->count;
}

static void take_from_inbox(Server *server, JanetBuffer *buffer, int32_t max, Received *received) {
    Message *message = inbox_take(&server->inbox);
    int32_t length = append_bytes(buffer, max, message->bytes, (size_t)message->length);
    *received = (Received){message->address, message->number, length};
    free(message);
}

/* False: there is no message. */
static bool take_message(Server *server, JanetBuffer *buffer, int32_t max, Received *received,
                         int *budget) {
    Plaintext plaintext;
    if (server->inbox.first) {
        take_from_inbox(server, buffer, max, received);
        return true;
    }
    if (!next_plaintext(server, &plaintext, budget)) return false;
    int32_t length = append_bytes(buffer, max, plaintext.bytes, plaintext.length);
    *received = (Received){peers_address(plaintext.peer), plaintext.number, length};
    return true;
}

/* --- calls that wait --- */

typedef struct ReceiveRequest {
    Request request;
    Server *server;
    JanetBuffer *buffer;
    int32_t max;
    int32_t start; /* where in the buffer the message begins */
    Received received;
} ReceiveRequest;

static void on_cancelled(Request *request) {
    request_dequeue(&((ReceiveRequest *)request)->server->readers, request);
}

static bool has_message(const ReceiveRequest *self) {
    return !janet_checktype(self->received.from, JANET_NIL);
}

/* Move the message from the buffer back to the inbox, for the next call. */
static void on_undelivered(Request *request) {
    ReceiveRequest *self = (ReceiveRequest *)request;
    Server *server = self->server;
    JanetBuffer *buffer = self->buffer;
    const Received *received = &self->received;
    int32_t end = self->start + received->length;
    if (!has_message(self) || server->closed || buffer->count < end) return;
    inbox_return(&server->inbox, received->from, received->number, buffer->data + self->start,
                 (size_t)received->length);
    memmove(buffer->data + self->start, buffer->data + end, (size_t)(buffer->count - end));
    buffer->count -= received->length;
    if (request_first_waiting(&server->readers)) poller_turn(&server->watcher);
}

static void mark_request(Request *request) {
    const ReceiveRequest *self = (ReceiveRequest *)request;
    janet_mark(janet_wrap_abstract(self->server));
    janet_mark(janet_wrap_buffer(self->buffer));
    janet_mark(self->received.from);
}

static void on_resumed(Request *request) {
    const ReceiveRequest *self = (ReceiveRequest *)request;
    if (has_message(self)) self->server->delivered--;
}

static const RequestKind receive_kind = {
    .cancelled = on_cancelled,
    .undelivered = on_undelivered,
    .mark = mark_request,
    .resumed = on_resumed,
    .timeout_is_nil = true,
};

void receive_serve(Server *server) {
    ReceiveRequest *request;
    int budget = MAX_CALLS;
    while ((request = (ReceiveRequest *)request_first_waiting(&server->readers))) {
        request->start = request->buffer->count;
        if (!has_room(request->buffer, request->max)) {
            request_fail(&request->request, &server->readers, janet_cstringv("buffer overflow"));
            continue;
        }
        if (!take_message(server, request->buffer, request->max, &request->received, &budget)) {
            break;
        }
        server->delivered++;
        request_complete(&request->request, &server->readers, request->received.from);
    }
}

JANET_NO_RETURN static void wait_for_message(Server *server, int32_t max, JanetBuffer *buffer,
                                             double timeout) {
    ReceiveRequest *request = request_new(sizeof *request, 0, &receive_kind);
    request->server = server;
    request->buffer = buffer;
    request->max = max;
    request->received.from = janet_wrap_nil();
    request_enqueue(&server->readers, &request->request);
    request_park(&request->request, timeout);
}

Janet receive_message(Server *server, int32_t max, JanetBuffer *buffer, double timeout) {
    int budget = 1;
    Received received;
    if (!has_room(buffer, max)) janet_panic("buffer overflow");
    bool may_return = !request_first_waiting(&server->readers) &&
                      poller_spend(&server->returns, MAX_RETURNS_PER_TURN);
    if (may_return && take_message(server, buffer, max, &received, &budget)) return received.from;
    udp_flush(&server->udp);
    if (!may_return || server->udp.readable) poller_turn(&server->watcher);
    wait_for_message(server, max, buffer, timeout);
}
