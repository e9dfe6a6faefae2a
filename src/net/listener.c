#include "net/listener.h"

#include "base/raise.h"
#include "net/poller.h"
#include "net/socket.h"

#include <errno.h>

#define MAX_PER_TURN 64 /* connections */
#define RETRY 0.1       /* seconds, when descriptors have run out */

/* State of a listener that somebody waits on: the ev_state of the fiber that core knows as its
 * reader, and thus freed by Janet. */
typedef struct Listener {
    JanetStream *stream;
    JanetFiber *fiber;
    Acceptor *acceptors;
    Timer retry;
} Listener;

static void on_event(JanetFiber *fiber, JanetAsyncEvent event);

static Listener *listener_of(const JanetStream *stream) {
    const JanetFiber *fiber = stream->read_fiber;
    return fiber && fiber->ev_callback == on_event ? fiber->ev_state : NULL;
}

JanetStream *listener_get(const Janet *argv, int32_t n) {
    JanetStream *stream = raise_unless_abstract(argv, n, &janet_stream_type);
    janet_stream_flags(stream, JANET_STREAM_ACCEPTABLE | JANET_STREAM_SOCKET);
    if (stream->read_fiber && stream->read_fiber->ev_callback && !listener_of(stream)) {
        janet_panic("another fiber accepts on this listener with net/accept or net/accept-loop");
    }
    return stream;
}

/* --- takers --- */

static void enqueue(Listener *listener, Acceptor *acceptor) {
    Acceptor **link = &listener->acceptors;
    while (*link) link = &(*link)->next;
    acceptor->next = NULL;
    acceptor->listener = listener->stream;
    *link = acceptor;
}

static void dequeue(Listener *listener, Acceptor *acceptor) {
    Acceptor **link = &listener->acceptors;
    while (*link != acceptor) link = &(*link)->next;
    *link = acceptor->next;
    acceptor->listener = NULL;
}

static Acceptor *next_acceptor(const Listener *listener) {
    Acceptor *acceptor = listener->acceptors;
    while (acceptor && (acceptor->paused || !acceptor->waits(acceptor))) acceptor = acceptor->next;
    return acceptor;
}

/* --- accepting --- */

static void serve(Listener *listener);

static void retry_due(Timer *timer) {
    serve((Listener *)((char *)timer - offsetof(Listener, retry)));
}

/* Errors of the one connection, or of nobody: the next one may be sound. */
static bool passes(int errnum) {
    switch (errnum) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EPERM: return true;
    default: return false;
    }
}

static int accept_one(JanetStream *stream) {
    int descriptor;
    do {
        descriptor = socket_accept(stream->handle);
    } while (descriptor < 0 && passes(errno));
    return descriptor;
}

int listener_try(JanetStream *stream) {
    return listener_of(stream) ? -1 : accept_one(stream);
}

static void hand_over(Listener *listener, Acceptor *acceptor, int descriptor) {
    dequeue(listener, acceptor);
    if (acceptor->many) enqueue(listener, acceptor); /* at the end: the others are next */
    acceptor->accepted(acceptor, descriptor);
}

static void detach(Listener *listener) {
    janet_ev_inc_refcount(); /* which janet_async_end takes back */
    janet_async_end(listener->fiber);
}

/* As long as somebody takes and somebody comes. Takers may leave at each of them, and with the
 * last one the listener's state goes. */
static void serve(Listener *listener) {
    JanetStream *stream = listener->stream;
    Acceptor *acceptor;
    for (int taken = 0; (listener = listener_of(stream)) && (acceptor = next_acceptor(listener));
         taken++) {
        if (taken == MAX_PER_TURN) {
            poller_set_timer(&listener->retry, 0, retry_due); /* a flood leaves others their turn */
            return;
        }
        int descriptor = accept_one(stream);
        if (descriptor < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
        if (descriptor < 0) {
            /* Out of descriptors: unused streams may hold some. No event will tell when there are
             * more, so ask again in a while. */
            poller_collect_soon();
            poller_set_timer(&listener->retry, RETRY, retry_due);
            return;
        }
        hand_over(listener, acceptor, descriptor);
    }
    if (listener && !listener->acceptors) detach(listener);
}

static void close_all(Listener *listener) {
    Acceptor *acceptor;
    while ((acceptor = listener->acceptors)) {
        dequeue(listener, acceptor);
        acceptor->closed(acceptor);
    }
    detach(listener);
}

static void on_event(JanetFiber *fiber, JanetAsyncEvent event) {
    Listener *listener = fiber->ev_state;
    switch (event) {
    case JANET_ASYNC_EVENT_DEINIT: poller_unset_timer(&listener->retry); break;
    case JANET_ASYNC_EVENT_CLOSE: close_all(listener); break;
    case JANET_ASYNC_EVENT_READ:
    case JANET_ASYNC_EVENT_ERR:
    case JANET_ASYNC_EVENT_HUP: serve(listener); break;
    default: break;
    }
}

static Listener *attach(JanetStream *stream) {
    Listener *listener = janet_calloc(1, sizeof *listener);
    if (!listener) JANET_OUT_OF_MEMORY;
    listener->stream = stream;
    listener->fiber = poller_fiber();
    janet_async_start_fiber(listener->fiber, stream, JANET_ASYNC_LISTEN_READ, on_event, listener);
    janet_ev_dec_refcount(); /* whoever takes keeps the process alive, not the listener */
    return listener;
}

void listener_join(JanetStream *stream, Acceptor *acceptor) {
    Listener *listener = listener_of(stream);
    if (!listener) listener = attach(stream);
    enqueue(listener, acceptor);
    /* It may have come between two calls, when nobody listened: edges are told once. */
    poller_set_timer(&listener->retry, 0, retry_due);
}

void listener_pause(Acceptor *acceptor) {
    acceptor->paused = true;
}

void listener_resume(Acceptor *acceptor) {
    Listener *listener = acceptor->listener ? listener_of(acceptor->listener) : NULL;
    if (!listener || !acceptor->paused) return;
    acceptor->paused = false;
    poller_set_timer(&listener->retry, 0, retry_due);
}

void listener_leave(Acceptor *acceptor) {
    Listener *listener = acceptor->listener ? listener_of(acceptor->listener) : NULL;
    if (!listener) return;
    dequeue(listener, acceptor);
    if (!listener->acceptors) detach(listener);
}
