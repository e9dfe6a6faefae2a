/* recv-from: the next datagram's plaintext, of whatever peer. */
#include "base/raise.h"
#include "dtls/server.h"
#include "stream/stream.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_MESSAGE_BYTES (4 << 20) /* of plaintext that nobody has asked for; more is dropped */
#define MAX_CALLS 4                 /* of the system, for datagrams, in a turn */
#define MAX_RETURNS_PER_TURN 64     /* of recv-from, at once; a server's peers share them */

typedef struct Plain {
    Peer *peer;
    const uint8_t *bytes; /* good until the next */
    size_t length;
    uint64_t number;
} Plain;

/* What a call was given. */
typedef struct Received {
    Janet from; /* nil: nothing yet */
    uint64_t number;
    int32_t got;
} Received;

typedef struct ReceiveRequest {
    Request request;
    Server *server;
    JanetBuffer *buffer;
    int32_t max;
    int32_t start; /* in the buffer */
    Received received;
} ReceiveRequest;

/* --- plaintext --- */

/* What the current peer has: a record of the datagram at hand. */
static bool read_current(Server *server, Plain *plain) {
    static _Thread_local uint8_t record[SSL3_RT_MAX_PLAIN_LENGTH];
    Peer *peer = server->current;
    server->current = NULL;
    EngineStatus status = engine_read(&peer->engine, record, sizeof record, &plain->length);
    if (status == ENGINE_DONE) {
        *plain = (Plain){peer, record, plain->length, server->arrived++};
        server->recent = peer;
        if (SSL_has_pending(peer->engine.ssl)) server->current = peer;
        peer->heard = server->now;
        return true;
    }
    if (status == ENGINE_EOF || status == ENGINE_FAILED) peers_remove(peer, status == ENGINE_EOF);
    return false;
}

static bool next_plain(Server *server, Plain *plain, int *budget) {
    for (;;) {
        Datagram datagram;
        if (server->current) {
            if (read_current(server, plain)) return true;
        } else if (udp_take(&server->udp, &datagram, budget)) {
            peers_hear(server, &datagram);
        } else {
            return false;
        }
    }
}

/* --- the inbox --- */

static Message *new_message(Janet address, uint64_t number, const uint8_t *bytes, size_t length) {
    Message *message = malloc(sizeof *message + length);
    if (!message) return NULL;
    message->next = NULL;
    message->address = address;
    message->number = number;
    message->length = (int32_t)length;
    memcpy(message->bytes, bytes, length);
    return message;
}

static void keep(Server *server, const Plain *plain) {
    if (server->message_bytes + plain->length > MAX_MESSAGE_BYTES) return;
    Message *message =
        new_message(peers_address(plain->peer), plain->number, plain->bytes, plain->length);
    if (!message) return;
    *server->last_message = message;
    server->last_message = &message->next;
    server->message_bytes += plain->length + sizeof *message;
}

/* The place before all that came later. */
static Message **place_of(Server *server, uint64_t number) {
    Message **at = &server->messages;
    while (*at && (*at)->number < number) at = &(*at)->next;
    return at;
}

static void give_back(Server *server, const Received *received, const uint8_t *bytes) {
    size_t length = (size_t)received->got;
    Message **place = place_of(server, received->number), *next = *place;
    *place = new_message(received->from, received->number, bytes, length);
    if (!*place) {
        *place = next;
        return;
    }
    (*place)->next = next;
    if (!next) server->last_message = &(*place)->next;
    server->message_bytes += length + sizeof **place;
}

static Message *take_message(Server *server) {
    Message *message = server->messages;
    server->messages = message->next;
    if (!server->messages) server->last_message = &server->messages;
    server->message_bytes -= (size_t)message->length + sizeof *message;
    return message;
}

void server_free_messages(Server *server) {
    while (server->messages) free(take_message(server));
}

void server_mark_messages(const Server *server) {
    for (const Message *message = server->messages; message; message = message->next) {
        janet_mark(message->address);
    }
}

void server_take_in(Server *server) {
    Plain plain;
    int budget = MAX_CALLS;
    while (next_plain(server, &plain, &budget)) keep(server, &plain);
    /* Readers may wait all the same: they had used up their turn before there was anything for them. */
    bool waited_for = server->messages && request_first_waiting(&server->readers);
    if (server->udp.readable || waited_for) poller_turn(&server->watcher);
}

/* --- into a buffer --- */

/* All that nbytes takes; the rest of the datagram is dropped, as a socket does. */
static int32_t append(JanetBuffer *buffer, int32_t max, const uint8_t *bytes, size_t length) {
    int32_t some = length < (size_t)max ? (int32_t)length : max;
    janet_buffer_push_bytes(buffer, bytes, some);
    return some;
}

static bool fits(const JanetBuffer *buffer, int32_t max) {
    int32_t room = max < SSL3_RT_MAX_PLAIN_LENGTH ? max : SSL3_RT_MAX_PLAIN_LENGTH;
    bool foreign = buffer->gc.flags & JANET_BUFFER_FLAG_NO_REALLOC;
    return room <= (foreign ? buffer->capacity : INT32_MAX) - buffer->count;
}

/* Is there something? Then it is in the buffer. */
static bool receive(Server *server, JanetBuffer *buffer, int32_t max, Received *received,
                    int *budget) {
    Plain plain;
    if (server->messages) {
        Message *message = take_message(server);
        int32_t got = append(buffer, max, message->bytes, (size_t)message->length);
        *received = (Received){message->address, message->number, got};
        free(message);
        return true;
    }
    if (!next_plain(server, &plain, budget)) return false;
    int32_t got = append(buffer, max, plain.bytes, plain.length);
    *received = (Received){peers_address(plain.peer), plain.number, got};
    return true;
}

/* --- waiting --- */

static void cancel_receive(Request *request) {
    request_dequeue(&((ReceiveRequest *)request)->server->readers, request);
}

static bool was_given(const ReceiveRequest *self) {
    return !janet_checktype(self->received.from, JANET_NIL);
}

/* The datagram goes to the next reader. */
static void take_back_receive(Request *request) {
    ReceiveRequest *self = (ReceiveRequest *)request;
    JanetBuffer *buffer = self->buffer;
    int32_t got = self->received.got, end = self->start + got;
    bool nobody = !was_given(self) || self->server->closed;
    if (nobody || buffer->count < end) return;
    give_back(self->server, &self->received, buffer->data + self->start);
    memmove(buffer->data + self->start, buffer->data + end, (size_t)(buffer->count - end));
    buffer->count -= got;
    if (request_first_waiting(&self->server->readers)) poller_turn(&self->server->watcher);
}

static void receive_mark(Request *request) {
    const ReceiveRequest *self = (ReceiveRequest *)request;
    janet_mark(janet_wrap_abstract(self->server));
    janet_mark(janet_wrap_buffer(self->buffer));
    janet_mark(self->received.from);
}

static void receive_resumed(Request *request) {
    const ReceiveRequest *self = (ReceiveRequest *)request;
    if (was_given(self)) self->server->given--;
}

static const RequestKind receive_kind = {
    .cancelled = cancel_receive,
    .undelivered = take_back_receive,
    .mark = receive_mark,
    .resumed = receive_resumed,
    .timeout_is_nil = true,
};

void server_serve_readers(Server *server) {
    ReceiveRequest *request;
    int budget = MAX_CALLS;
    while ((request = (ReceiveRequest *)request_first_waiting(&server->readers))) {
        request->start = request->buffer->count;
        if (!fits(request->buffer, request->max)) {
            request_fail(&request->request, &server->readers, janet_cstringv("buffer overflow"));
            continue;
        }
        if (!receive(server, request->buffer, request->max, &request->received, &budget)) break;
        server->given++;
        request_complete(&request->request, &server->readers, request->received.from);
    }
}

Janet cfun_dtls_recv_from(int32_t argc, Janet *argv) {
    janet_arity(argc, 3, 4);
    Server *server = server_get_open(argv, 0);
    int32_t max = janet_getnat(argv, 1);
    JanetBuffer *buffer = janet_getbuffer(argv, 2);
    double timeout = stream_timeout(argv, argc, 3);
    int budget = 1;
    Received received;
    if (!fits(buffer, max)) janet_panic("buffer overflow");
    bool may = !request_first_waiting(&server->readers) &&
               poller_spend(&server->returns, MAX_RETURNS_PER_TURN);
    if (may && receive(server, buffer, max, &received, &budget)) return received.from;
    udp_flush(&server->udp);
    ReceiveRequest *request = request_new(sizeof *request, 0, &receive_kind);
    request->server = server;
    request->buffer = buffer;
    request->max = max;
    request->received.from = janet_wrap_nil();
    request_enqueue(&server->readers, &request->request);
    if (!may || server->udp.readable) poller_turn(&server->watcher);
    request_park(&request->request, timeout);
}
