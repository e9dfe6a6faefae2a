/* A stream of TLS, or a client of DTLS: an engine on a descriptor in the poller, with the calls that
 * wait for it.
 *
 * One rule drives it: whenever anything may have changed, stream_advance goes over all that is
 * pending, handshake, output, readers, writers, close, in this order. */
#ifndef JSEC_STREAM_STREAM_H
#define JSEC_STREAM_STREAM_H

#include "context/context.h"
#include "core/tls/engine.h"
#include "net/dial.h"
#include "net/request.h"

#include <janet.h>

typedef enum StreamState {
    STREAM_HANDSHAKING, /* also before a deferred handshake has begun */
    STREAM_OPEN,
    STREAM_FAILED,  /* the handshake failed; calls say why */
    STREAM_CLOSING, /* close_notify on its way; calls see a closed stream */
    STREAM_CLOSED
} StreamState;

/* What is a protocol's own. */
typedef struct StreamKind {
    const JanetAbstractType *type;
    const char *what;           /* in errors: "TLS stream" */
    const JanetMethod *methods; /* of the abstract type, by name */
    Transport transport;        /* on the descriptor; its arg is the stream */
    bool datagram;
} StreamKind;

typedef struct Stream {
    Watcher watcher; /* first: the poller hands it back */
    const StreamKind *kind;
    GcRoot root;      /* while a handshake runs that no fiber waits for */
    Timer timer;      /* handshake's, then close's */
    Timer retransmit; /* datagrams': of the handshake's flight */
    Dial *dial; /* datagrams': sends the first flight while there is no descriptor yet; or NULL */
    Engine engine;
    StreamState state;
    ConnectionSettings settings;
    RequestQueue handshakers, readers, writers, closers;
    Janet on_session;      /* function of each new session, or nil */
    Janet on_staple;       /* function that gives an OCSP response, or nil */
    Janet in, out;         /* memory BIOs in place of a socket, or nil */
    Janet context;         /* keeps its functions alive */
    JanetBuffer *returned; /* bytes given back by calls that were overtaken; NULL: none */
    int64_t returned_at;   /* where in the stream they begin */
    int64_t read_at;       /* where in the stream the engine's next byte is */
    Request *delivered;    /* a reader with data whose fiber has not run yet; NULL: none */
    int32_t discarded;     /* records dropped while closing */
    /* Told of the handshake's end, and of the stream's; may be NULL. */
    void (*on_handshake)(struct Stream *stream, bool established);
    void (*on_end)(struct Stream *stream); /* also when collected: no Janet value may be touched */
    Janet owner;                           /* for on_handshake */
    void *on_end_arg;
    bool asking;                     /* on_staple is being asked */
    bool started;                    /* the handshake has begun */
    bool readable, writable, hangup; /* what the last events said */
    bool read_shut, write_shut;
    bool cut;     /* what was sent is incomplete: the peer must see an error, never close_notify */
    Share share;  /* of the turn of the event loop */
    Share intake; /* likewise: reads of the socket */
    int64_t began, took; /* nanoseconds of the handshake */
} Stream;

/* A stream without a descriptor yet, the engine made. NULL on failure. */
Stream *stream_new(const StreamKind *kind, Context *context, EngineRole role,
                   const ConnectionSettings *settings, Failure *failure);

/* Set up its connection; `host` is the name where the options give none. */
bool stream_prepare(Stream *stream, const ConnectionOptions *connection, const char *host,
                    Failure *failure);

/* Give it its descriptor, a non-blocking socket: owned from here on, closed where this fails. */
bool stream_attach(Stream *stream, int descriptor, Failure *failure);

/* Let the handshake begin; its end is told to the handshakers, to on_handshake, and in the state. */
void stream_start(Stream *stream);

/* Work off what can be. */
void stream_advance(Stream *stream);

/* Close the descriptor and free the engine at once; waiting calls get what a close gives them. */
void stream_drop(Stream *stream);

/* Close a stream whose transfer is incomplete: the peer sees an error. No fiber waits for it. */
void stream_abort(Stream *stream);

/* The stream that a value is, of either protocol; NULL: none. */
Stream *stream_object(Janet value);

/* The stream of a method's argument 0, not closed; raises otherwise. */
Stream *stream_get(const Janet *argv, int32_t n);
Stream *stream_get_open(const Janet *argv, int32_t n);

/* The name of a call in errors: DTLS's is given, and TLS's is the same without the D. */
static inline const char *stream_call(const Stream *stream, const char *name) {
    return stream->kind->datagram ? name : name + 1;
}

/* Bookkeeping of the socket's readiness for a kind's transport: may it be read now? */
bool stream_may_receive(Stream *stream);

/* What a failed engine raises: the errno's text alone, as core's streams do, or
 * "<function>: <why>". */
Janet stream_error(const Stream *stream, const char *function);

/* Raise where one datagram can't hold so much. */
void stream_check_datagram(const char *function, size_t length);

/* Seconds of an optional timeout argument: a number, or a table with :timeout. INFINITY: none. */
double stream_timeout(const Janet *argv, int32_t argc, int32_t n);

/* A call that waits for the handshake; woken with the stream, or with why not. */
typedef struct HandshakeRequest {
    Request request;
    Stream *stream; /* may come later: see stream_join */
    const char *function;
    bool orphan; /* nobody else has the stream: it is dropped if the fiber goes away first */
} HandshakeRequest;

/* The request's part in what its kind does. */
void cancel_handshake(Request *request);
void take_back_handshake(Request *request);
void handshake_mark(Request *request);

/* Let a request wait for this stream's handshake, which begins if it hasn't. */
void stream_join(Stream *stream, HandshakeRequest *request);

/* Park the calling fiber until the handshake is done. */
JANET_NO_RETURN void stream_await_handshake(Stream *stream, const char *function, double timeout,
                                            bool orphan);

/* What became of a pending call. */
typedef enum Step {
    STEP_WAIT, /* for the socket */
    STEP_TURN, /* it could go on, but others have their turn first */
    STEP_VALUE,
    STEP_ERROR
} Step;

/* Bytes that one call moves before others have their turn: a peer that is faster than we are would
 * hold the event loop until the call is done. */
#define MAX_PER_TURN (1 << 20)

/* May a call be tried at once, without parking? It may not overtake others, nor starve them. */
bool stream_may_try(Stream *stream, const RequestQueue *queue);

/* Park a call that was put in a queue, and make sure that it is looked at: by the socket's next
 * event (STEP_WAIT), or in the next turn. */
JANET_NO_RETURN void stream_park(Stream *stream, Request *request, double timeout, Step step);

/* Call on_staple, in a fiber of its own, and go on with the handshake then. */
void stream_ask_staple(Stream *stream);

/* Call on_session, in fibers of their own, for the sessions that came. */
void stream_tell_sessions(Stream *stream);

/* End our direction, once: close_notify, or an alert where the transfer was cut. */
static inline EngineStatus stream_end_output(Stream *stream) {
    return stream->cut ? engine_abort(&stream->engine) : engine_close_notify(&stream->engine);
}

/* The steps of stream_advance that live in files of their own. */
void stream_serve_readers(Stream *stream);
void stream_serve_writers(Stream *stream);
void stream_serve_closers(Stream *stream);

/* Go over to STREAM_CLOSING, or further. */
void stream_begin_close(Stream *stream);

/* End all waiting writes with an error. */
void stream_fail_writers(Stream *stream, const char *error);

/* Wake all readers and writers as a close does: nil, "stream closed". */
void stream_wake_for_close(Stream *stream);

/* What a kind's abstract type does. */
int stream_object_gc(void *pointer, size_t size);
int stream_object_mark(void *pointer, size_t size);
int stream_object_get(void *pointer, Janet key, Janet *out);
Janet stream_object_next(void *pointer, Janet key);
JANET_NO_RETURN void stream_object_marshal(void *pointer, JanetMarshalContext *context);
JANET_NO_RETURN void *stream_object_unmarshal(JanetMarshalContext *context);
void stream_object_tostring(void *pointer, JanetBuffer *buffer);
#define STREAM_OBJECT_TYPE(type_name)                                                              \
    {                                                                                              \
        .name = (type_name), .gc = stream_object_gc, .gcmark = stream_object_mark,                 \
        .get = stream_object_get, .marshal = stream_object_marshal,                                \
        .unmarshal = stream_object_unmarshal, .tostring = stream_object_tostring,                  \
        .next = stream_object_next                                                                 \
    }

/* Methods that both protocols have; the names are those of no function of core's. */
Janet cfun_tls_read(int32_t argc, Janet *argv);
Janet cfun_tls_chunk(int32_t argc, Janet *argv);
Janet cfun_tls_write(int32_t argc, Janet *argv);
Janet cfun_tls_close(int32_t argc, Janet *argv);
Janet cfun_tls_shutdown(int32_t argc, Janet *argv);
Janet cfun_stream_handshake(int32_t argc, Janet *argv);
Janet cfun_stream_peername(int32_t argc, Janet *argv);
Janet cfun_stream_localname(int32_t argc, Janet *argv);
Janet cfun_stream_flush_socket(int32_t argc, Janet *argv);
Janet cfun_stream_setsockopt(int32_t argc, Janet *argv);

#define STREAM_METHODS                                                                             \
    {"chunk", cfun_tls_chunk}, {"close", cfun_tls_close}, {"read", cfun_tls_read},                 \
        {"write", cfun_tls_write}, {"flush", cfun_stream_flush_socket}, {"evread", cfun_tls_read}, \
        {"evchunk", cfun_tls_chunk}, {"evwrite", cfun_tls_write}, {"shutdown", cfun_tls_shutdown}, \
        {"setsockopt", cfun_stream_setsockopt}, {"peername", cfun_stream_peername},                \
        {"localname", cfun_stream_localname}, {                                                    \
        "handshake", cfun_stream_handshake                                                         \
    }

#endif
