/* The parts of a stream, for the files of this folder.
 *
 * One rule drives it: whenever anything may have changed, stream_advance serves all that is
 * pending: handshake, output, readers, writers, closers, in this order. */
#ifndef JSEC_STREAM_STREAM_INTERNAL_H
#define JSEC_STREAM_STREAM_INTERNAL_H

#include "bio.h"
#include "core/tls/stats.h"
#include "net/dial.h"
#include "net/request.h"
#include "stream/asker.h"
#include "stream/handshake.h"
#include "stream/handshake_clock.h"
#include "stream/stream.h"

typedef enum StreamState {
    STREAM_HANDSHAKING, /* also before a deferred handshake has begun */
    STREAM_OPEN,
    STREAM_FAILED,  /* the handshake failed; calls raise the reason */
    STREAM_CLOSING, /* close_notify is on its way; calls see a closed stream */
    STREAM_CLOSED
} StreamState;

struct Stream {
    Watcher watcher; /* first: the poller hands it back */
    const StreamKind *kind;
    GcRoot root; /* while work goes on that no fiber waits for */
    Timer timer; /* handshake's, then close's */
    Dial *dial;  /* DTLS: sends the first flight while there is no descriptor yet; or NULL */
    Engine engine;
    StreamState state;
    ConnectionSettings settings;
    RequestQueue handshakers, readers, requesters, writers, closers;
    Janet on_session; /* function called with each new session, or nil */
    Asker asker;
    Janet in, out;         /* memory BIOs in place of a socket, or nil */
    BioWriter *writer;     /* of `out`; NULL: none */
    Janet context;         /* keeps its functions alive */
    JanetBuffer *returned; /* bytes that cancelled reads gave back; NULL: none */
    int64_t returned_at;   /* position of those bytes in the stream */
    int64_t read_at;       /* position of the engine's next byte in the stream */
    Request *delivered;    /* a reader with data whose fiber has not run yet; NULL: none */
    StreamObserver observer;
    JanetArray *errors;              /* that the peer caused, if `accepted`; NULL: none */
    Janet facts;                     /* about the last of them, or nil */
    struct Proxy *proxy;             /* NULL: no PROXY header comes or is sent */
    Endpoint peer;                   /* of an accepted stream; family 0: no IP address */
    bool accepted;                   /* by an accept loop, which reports errors */
    bool timed_out;                  /* its last call did, by the peer's silence */
    bool started;                    /* the handshake has begun */
    bool readable, writable, hangup; /* as the last events reported */
    bool read_shut, write_shut;
    bool cut; /* the sent data is incomplete: the peer must see an error, never close_notify */
    Budget returns; /* calls that returned at once */
    Budget intake;  /* reads of the socket */
    Stats *stats;   /* of the context */
    bool counted;   /* as open */
    HandshakeClock clock;
    int64_t took; /* nanoseconds of the handshake */
};

/* A socket as the engine's transport; `arg` is the stream. */
extern const Transport transport_tcp, transport_udp;

/* Serve everything that is pending. */
void stream_advance(Stream *stream);

/* The public name of a function that both kinds have, from "%s/read" or "%s-stream/version". */
const char *stream_function(const Stream *stream, const char *format);

/* Bytes that one call moves in a turn. Without this limit a fast peer would hold the event loop
 * until the call is done. */
#define MAX_PER_TURN (1 << 20)

/* The progress of a call. */
typedef enum Progress {
    CALL_WAITS,   /* waits for the socket */
    CALL_YIELDS,  /* it could go on, but others have their turn first */
    CALL_RETURNS, /* `value` is its result */
    CALL_RAISES   /* `value` is its error */
} Progress;

typedef struct Outcome {
    Progress progress;
    Janet value;
} Outcome;

static inline Outcome call_waits(void) {
    return (Outcome){CALL_WAITS, janet_wrap_nil()};
}

static inline Outcome call_yields(void) {
    return (Outcome){CALL_YIELDS, janet_wrap_nil()};
}

static inline Outcome call_returns(Janet value) {
    return (Outcome){CALL_RETURNS, value};
}

static inline Outcome call_raises(Janet error) {
    return (Outcome){CALL_RAISES, error};
}

/* May a call be tried at once, without parking? It must not pass calls that wait, nor starve other
 * fibers. */
bool stream_may_try(Stream *stream, RequestQueue *queue);

/* For a call whose fiber is parked: wake the fiber and return true, if the call is over. */
bool stream_finish(Stream *stream, Request *request, RequestQueue *queue, Outcome outcome);

/* Park a call that has not ended and stands in its queue. */
JANET_NO_RETURN void stream_park(Stream *stream, Request *request, double timeout,
                                 Progress progress);

/* The steps of stream_advance that live in files of their own. */
void stream_serve_readers(Stream *stream);
void stream_serve_requesters(Stream *stream); /* request-certificate */
void stream_serve_writers(Stream *stream);
void stream_serve_closers(Stream *stream);

/* Continue the handshake; its end wakes its waiters. */
void stream_advance_handshake(Stream *stream);
void stream_fail_handshakers(Stream *stream, const char *error);

/* Call on_session for each new session, each in a fiber of its own. */
void stream_report_sessions(Stream *stream);

/* End our direction, once: close_notify, or an alert where the transfer was cut. */
static inline EngineStatus stream_end_output(Stream *stream) {
    return stream->cut ? engine_abort(&stream->engine) : engine_close_notify(&stream->engine);
}

/* Change the state to STREAM_CLOSING, or to a later one. */
void stream_begin_close(Stream *stream);

/* End the waiting calls as a close does: reads return nil, the others raise "stream closed". */
void stream_wake_for_close(Stream *stream);

/* End all waiting writes, or requests for a certificate, with an error. */
void stream_fail_writers(Stream *stream, const char *error);
void stream_fail_requesters(Stream *stream, const char *error);

/* Read once, and keep the data for the next reader. False: none came. */
bool stream_keep_data(Stream *stream, int32_t max);

/* Close the descriptor. */
void stream_close_descriptor(Stream *stream);

#endif
