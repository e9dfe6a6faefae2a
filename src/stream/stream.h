/* A connection on Janet's event loop, and the calls that wait for it. TLS streams and DTLS clients
 * are two kinds of it; stream_internal.h has its parts. */
#ifndef JSEC_STREAM_STREAM_H
#define JSEC_STREAM_STREAM_H

#include "context/context.h"
#include "core/tls/engine.h"
#include "net/endpoint.h"

#include <janet.h>

typedef struct Stream Stream;

typedef struct StreamKind {
    const JanetAbstractType *type;
    const char *prefix;         /* of its functions' names: "tls" */
    const char *what;           /* in errors: "TLS stream" */
    const JanetMethod *methods; /* methods besides those that both kinds have */
    const ContextKind *contexts;
    bool datagram;
} StreamKind;

/* Once a VM and kind: let core's functions (ev/read and its like) take these streams. */
void stream_register_kind(const StreamKind *kind);

/* A stream without a descriptor yet, the engine made. NULL on failure. */
Stream *stream_new(const StreamKind *kind, Context *context, EngineRole role,
                   const ConnectionSettings *settings, Failure *failure);

/* Set up verification, names and session; `host` is the name where the options give none. */
bool stream_prepare(Stream *stream, const ConnectionOptions *connection, const char *host,
                    Failure *failure);

/* Attach a descriptor, a non-blocking socket. The stream owns it, and closes it on failure. A
 * socket that was used before may hold data that no event reports: `used` has it read at once. */
bool stream_attach(Stream *stream, int descriptor, bool used, Failure *failure);

SSL *stream_ssl(const Stream *stream);

/* Callbacks of an owner that no fiber waits in. */
typedef struct StreamObserver {
    void (*handshake_ended)(Stream *stream, void *arg, bool established);
    void (*ended)(void *arg); /* closed or collected: it must not touch Janet values */
    Janet owner;              /* kept alive by the stream */
    void *arg;
} StreamObserver;

void stream_observe(Stream *stream, StreamObserver observer);

/* Begin the handshake. `spent` seconds of its time limit have passed. */
void stream_start(Stream *stream, double spent);

/* Keep the stream alive, without a fiber that waits for it, until stream_drop or stream_release. */
void stream_hold(Stream *stream);
void stream_release(Stream *stream);

/* Close the descriptor and free the engine at once. Reads that wait return nil, writes raise. */
void stream_drop(Stream *stream);

/* Close a stream whose transfer is incomplete: the peer sees an error. No fiber waits for it. */
void stream_abort(Stream *stream);

/* Argument n as a stream of either kind; stream_get_open raises when it is closed. */
Stream *stream_get(const Janet *argv, int32_t n);
Stream *stream_get_open(const Janet *argv, int32_t n);

/* The stream that a value is, of either kind; NULL: none. */
Stream *stream_object(Janet value);

/* The error that a failed engine raises: the errno's text alone, as core's streams do, or
 * "<function>: <why>". A %s in `function` stands for the kind's prefix: "%s/read". */
Janet stream_error(Stream *stream, const char *function);

/* Errors of an accepted stream that the peer or the network caused: those of stream_error, and
 * others that are noted. stream_caused: did a call of the stream raise this one? */
void stream_accepted_from(Stream *stream, const Endpoint *peer);
void stream_note_error(Stream *stream, Janet error);
void stream_note_timeout(Stream *stream);
bool stream_caused(const Stream *stream, Janet error);

/* What is known about the last of these errors; nil: there is none. */
Janet stream_facts(const Stream *stream);

/* A struct for `:on-error`: `:peername`, `:stage` and `:server-name` (NULL: none). */
Janet failure_peername(const Endpoint *peer);
Janet failure_facts(const Endpoint *peer, bool established, const char *server_name);

/* Raise when `length` bytes do not fit in one datagram. */
void stream_check_datagram(const char *function, size_t length);

/* Callbacks for a kind's abstract type. */
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

/* A method, cfun_<id>, with core's errors, and its body, whose errors name the calling function. */
#define STREAM_METHOD_OF(id)                                                                       \
    Janet cfun_##id(int32_t argc, Janet *argv);                                                    \
    Janet id(const char *caller, int32_t argc, Janet *argv)
#define STREAM_METHOD(id)                                                                          \
    Janet cfun_##id(int32_t argc, Janet *argv) {                                                   \
        return id(NULL, argc, argv);                                                               \
    }                                                                                              \
    Janet id(const char *caller, int32_t argc, Janet *argv)

/* Methods of both kinds. (Janet has functions of its own whose names begin with cfun_stream.) */
STREAM_METHOD_OF(shared_read);
STREAM_METHOD_OF(shared_chunk);
STREAM_METHOD_OF(shared_write);
Janet cfun_shared_close(int32_t argc, Janet *argv);
STREAM_METHOD_OF(shared_shutdown);
STREAM_METHOD_OF(shared_handshake);
Janet cfun_shared_peername(int32_t argc, Janet *argv);
Janet cfun_shared_localname(int32_t argc, Janet *argv);

#endif
