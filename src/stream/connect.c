/* connect: the lookup, the connection and the handshake, in one wait of the calling fiber. */
#include "stream/connect.h"

#include "base/args.h"
#include "base/raise.h"
#include "core/tls/datagram.h"
#include "stream/stream_internal.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct ConnectRequest {
    HandshakeRequest handshake; /* first: it is one, once connected */
    Dial dial;
    bool deferred; /* the handshake */
} ConnectRequest;

static ConnectRequest *request_of_dial(Dial *dial) {
    return (ConnectRequest *)((char *)dial - offsetof(ConnectRequest, dial));
}

static void fail_connect(ConnectRequest *request, const Failure *failure) {
    Stream *stream = request->handshake.stream;
    if (request_waits(&request->handshake.request)) {
        request_fail(&request->handshake.request, &stream->handshakers,
                     raise_text(request->handshake.function, failure));
    }
    stream_drop(stream);
}

static void attach_socket(Dial *dial, int descriptor) {
    ConnectRequest *request = request_of_dial(dial);
    Stream *stream = request->handshake.stream;
    Failure failure;
    stream->dial = NULL;
    if (!request_waits(&request->handshake.request)) {
        close(descriptor); /* the fiber was cancelled or timed out */
    } else if (!stream_attach(stream, descriptor, false, &failure)) {
        fail_connect(request, &failure);
    } else if (stream->started) {
        datagram_forget_pending(&stream->engine); /* the greeting */
        stream->readable = true;
        stream_advance(stream);
    } else if (!request->deferred) {
        handshake_join(stream, &request->handshake);
    } else {
        request_complete(&request->handshake.request, &stream->handshakers,
                         janet_wrap_abstract(stream));
    }
}

/* --- DTLS: the ClientHello is sent to each address, and the first that answers wins --- */

static void begin_greeting(Dial *dial) {
    ConnectRequest *request = request_of_dial(dial);
    request->handshake.stream->dial = dial;
    handshake_join(request->handshake.stream, &request->handshake);
}

typedef struct Greeting {
    int descriptor, errnum;
} Greeting;

static void send_greeting(void *arg, const uint8_t *bytes, size_t length) {
    Greeting *greeting = arg;
    bool sent = send(greeting->descriptor, bytes, length, MSG_NOSIGNAL) >= 0;
    if (!sent && errno != EAGAIN && errno != EWOULDBLOCK) greeting->errnum = errno;
}

static int greet_address(Dial *dial, int descriptor) {
    Greeting greeting = {descriptor, 0};
    datagram_each_pending(&request_of_dial(dial)->handshake.stream->engine, send_greeting,
                          &greeting);
    return greeting.errnum;
}

static void fail_dial(Dial *dial, const Failure *failure) {
    fail_connect(request_of_dial(dial), failure);
}

static void cancel_connect(Request *request) {
    dial_stop(&((ConnectRequest *)request)->dial);
    handshake_cancelled(request);
}

/* A handshake may fail before any address has answered. */
static void end_connect(Request *request) {
    ConnectRequest *self = (ConnectRequest *)request;
    dial_stop(&self->dial);
    self->handshake.stream->dial = NULL;
}

static const RequestKind connect_kind = {
    .cancelled = cancel_connect,
    .undelivered = handshake_undelivered,
    .mark = handshake_mark,
    .resumed = end_connect,
};

/* --- arguments --- */

static const char *get_text(const char *function, const Janet *argv, int32_t n,
                            JanetByteView *view) {
    *view = args_view(function, argv, n);
    for (int32_t i = 0; i < view->len; i++) {
        if (!view->bytes[i]) raise_type(function, n, "text without NUL bytes", argv[n]);
    }
    /* Only strings end in NUL. */
    view->bytes = janet_string(view->bytes, view->len);
    return (const char *)view->bytes;
}

static void get_port(const char *function, const Janet *argv, int32_t n, Target *target) {
    JanetByteView view;
    if (janet_checktype(argv[n], JANET_NUMBER)) {
        int32_t port = args_integer(function, argv, n, 0, 65535);
        snprintf(target->port, sizeof target->port, "%d", port);
        return;
    }
    const char *text = get_text(function, argv, n, &view);
    bool fits = view.len && view.len < (int32_t)sizeof target->port;
    if (!fits) raise_type(function, n, "port", argv[n]);
    snprintf(target->port, sizeof target->port, "%s", text);
}

/* "a.example:443" and URLs are no host names. An IPv6 address has two colons at least. */
static void check_host(const char *function, JanetByteView host) {
    const char *text = (const char *)host.bytes, *colon = strchr(text, ':');
    if (strstr(text, "://")) {
        raise_format(function, "host: a URL is no host name: give its host and its port");
    }
    if (colon && !strchr(colon + 1, ':')) {
        raise_format(function, "host: a port follows the name: give it as the next argument");
    }
}

void stream_get_target(const char *function, const Janet *argv, bool unix_sockets, Target *target) {
    Failure failure;
    target->unix_socket = unix_sockets && janet_keyeq(argv[0], "unix");
    if (!target->unix_socket) {
        get_text(function, argv, 0, &target->host);
        check_host(function, target->host);
        get_port(function, argv, 1, target);
        return;
    }
    JanetByteView path;
    const char *text = get_text(function, argv, 1, &path);
    if (!resolve_unix(text, (size_t)path.len, &target->address, &failure)) {
        raise_failure(function, &failure);
    }
}

void stream_connect(const char *function, Stream *stream, const Target *target,
                    const ConnectionOptions *options) {
    ConnectRequest *request = request_new(sizeof *request, 0, &connect_kind);
    bool greets = stream->kind->datagram && options->handshake;
    request->handshake.function = function;
    request->handshake.stream = stream;
    request->handshake.orphan = true;
    request->deferred = !options->handshake;
    request->dial.connected = attach_socket;
    request->dial.failed = fail_dial;
    request->dial.type = stream->kind->datagram ? SOCK_DGRAM : SOCK_STREAM;
    request->dial.opening = greets ? begin_greeting : NULL;
    request->dial.greet = greets ? greet_address : NULL;
    if (target->unix_socket) {
        dial_start_address(&request->dial, &target->address);
    } else {
        dial_start(&request->dial, (const char *)target->host.bytes, target->port);
    }
    request_park(&request->handshake.request, options->timeout);
}
