#include "net/listener.h"

#include "base/raise.h"
#include "net/linger.h"
#include "net/poller.h"
#include "net/socket.h"

#include <errno.h>
#include <stdatomic.h>

#define MAX_PER_TURN 64   /* connections */
#define MAX_BACKLOG 65536 /* connections that a close still takes */
#define RETRY 0.1         /* seconds, when descriptors have run out */

/* The state of a listener with acceptors: the ev_state of the internal fiber that reads the stream.
 * Janet frees it. */
typedef struct Listener {
    JanetStream *stream;
    JanetFiber *fiber;
    Acceptor *acceptors;
    Timer retry;
} Listener;

/* --- core's function --- */

/* The address of code, hence the same for every VM of the process. */
static _Atomic(JanetCFunction) core_listen;

bool listener_find_core(void) {
    Janet found = janet_resolve_core("net/listen");
    if (!atomic_load(&core_listen) && janet_checktype(found, JANET_CFUNCTION))
        atomic_store(&core_listen, janet_unwrap_cfunction(found));
    return atomic_load(&core_listen);
}

Janet listener_call_core(int32_t argc, Janet *argv) {
    return atomic_load(&core_listen)(argc, argv);
}

JanetStream *listener_open_core(void) {
    Janet arguments[] = {janet_cstringv("127.0.0.1"), janet_cstringv("0")};
    return janet_unwrap_abstract(listener_call_core(2, arguments));
}

/* Janet's API does not give them. */
const JanetMethod *listener_core_methods(void) {
    JanetStream *listener = listener_open_core();
    const JanetMethod *methods = listener->methods;
    janet_stream_close(listener);
    return methods;
}

/* --- listeners --- */

/* One table for the process. NULL: no listener has been taken from core. */
static _Atomic(const void *) own_methods;

void listener_take_from_core(JanetStream *stream, const JanetMethod *methods) {
    atomic_store(&own_methods, methods);
    stream->methods = methods;
    stream->flags &= ~(uint32_t)JANET_STREAM_ACCEPTABLE;
}

static uint32_t flags_of_listener(const JanetStream *stream) {
    bool own = stream->methods && stream->methods == atomic_load(&own_methods);
    return own ? JANET_STREAM_SOCKET : JANET_STREAM_ACCEPTABLE | JANET_STREAM_SOCKET;
}

static void on_listener_event(JanetFiber *fiber, JanetAsyncEvent event);

static Listener *listener_of(const JanetStream *stream) {
    const JanetFiber *fiber = stream->read_fiber;
    return fiber && fiber->ev_callback == on_listener_event ? fiber->ev_state : NULL;
}

JanetStream *listener_get(const char *function, const Janet *argv, int32_t n) {
    JanetStream *stream = raise_unless_abstract(function, argv, n, &janet_stream_type);
    janet_stream_flags(stream, flags_of_listener(stream));
    if (stream->read_fiber && stream->read_fiber->ev_callback && !listener_of(stream)) {
        janet_panic("another fiber accepts on this listener with net/accept or net/accept-loop");
    }
    return stream;
}

/* --- acceptors --- */

static void enqueue_acceptor(Listener *listener, Acceptor *acceptor) {
    Acceptor **link = &listener->acceptors;
    while (*link) link = &(*link)->next;
    acceptor->next = NULL;
    acceptor->listener = listener->stream;
    *link = acceptor;
}

static void dequeue_acceptor(Listener *listener, Acceptor *acceptor) {
    Acceptor **link = &listener->acceptors;
    while (*link != acceptor) link = &(*link)->next;
    *link = acceptor->next;
    acceptor->listener = NULL;
}

static Acceptor *find_acceptor(const Listener *listener) {
    Acceptor *acceptor = listener->acceptors;
    while (acceptor && (acceptor->paused || !acceptor->waits(acceptor))) acceptor = acceptor->next;
    return acceptor;
}

/* --- accepting --- */

static void serve_acceptors(Listener *listener);

static void on_retry(Timer *timer) {
    serve_acceptors((Listener *)((char *)timer - offsetof(Listener, retry)));
}

/* These errors affect only the pending connection; keep accepting. */
static bool is_transient(int errnum) {
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

static int accept_pending(JanetStream *stream, struct sockaddr_storage *peer) {
    int descriptor;
    do {
        descriptor = socket_accept(stream->handle, peer);
    } while (descriptor < 0 && is_transient(errno));
    return descriptor;
}

int listener_try(JanetStream *stream, Endpoint *peer) {
    struct sockaddr_storage address;
    int descriptor = listener_of(stream) ? -1 : accept_pending(stream, &address);
    if (descriptor >= 0) endpoint_of(peer, &address);
    return descriptor;
}

static void deliver_connection(Listener *listener, Acceptor *acceptor, int descriptor,
                               const struct sockaddr_storage *address) {
    Endpoint peer;
    endpoint_of(&peer, address);
    dequeue_acceptor(listener, acceptor);
    if (acceptor->many) enqueue_acceptor(listener, acceptor); /* behind the others */
    acceptor->accepted(acceptor, descriptor, &peer);
}

static void detach_listener(Listener *listener) {
    janet_ev_inc_refcount(); /* janet_async_end decrements it */
    janet_async_end(listener->fiber);
}

/* Accept while there are acceptors and pending connections. A callback may remove acceptors;
 * removing the last one frees `listener`. */
static void serve_acceptors(Listener *listener) {
    JanetStream *stream = listener->stream;
    Acceptor *acceptor;
    struct sockaddr_storage peer;
    for (int taken = 0; (listener = listener_of(stream)) && (acceptor = find_acceptor(listener));
         taken++) {
        if (taken == MAX_PER_TURN) {
            poller_set_timer(&listener->retry, 0, on_retry); /* let other connections run */
            return;
        }
        int descriptor = accept_pending(stream, &peer);
        if (descriptor < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
        if (descriptor < 0) {
            /* Out of descriptors. Closed and garbage streams may hold some, and no event reports
             * when one becomes free: end and collect these, and try again later. */
            linger_make_room();
            poller_collect_soon();
            poller_set_timer(&listener->retry, RETRY, on_retry);
            return;
        }
        deliver_connection(listener, acceptor, descriptor, &peer);
    }
    if (listener && !listener->acceptors) detach_listener(listener);
}

static Acceptor *find_loop(const Listener *listener) {
    Acceptor *acceptor = listener->acceptors;
    while (acceptor && !(acceptor->many && acceptor->waits(acceptor))) acceptor = acceptor->next;
    return acceptor;
}

/* The clients of these connections are connected: the listener's end would reset them. */
static void accept_rest(Listener *listener) {
    struct sockaddr_storage peer;
    Acceptor *acceptor;
    if (!find_loop(listener)) return;
    for (int taken = 0; taken < MAX_BACKLOG && (acceptor = find_loop(listener)); taken++) {
        int descriptor = accept_pending(listener->stream, &peer);
        if (descriptor < 0) return;
        deliver_connection(listener, acceptor, descriptor, &peer);
    }
}

static void close_acceptors(Listener *listener) {
    Acceptor *acceptor;
    accept_rest(listener);
    while ((acceptor = listener->acceptors)) {
        dequeue_acceptor(listener, acceptor);
        acceptor->closed(acceptor);
    }
    detach_listener(listener);
}

static void on_listener_event(JanetFiber *fiber, JanetAsyncEvent event) {
    Listener *listener = fiber->ev_state;
    switch (event) {
    case JANET_ASYNC_EVENT_DEINIT: poller_unset_timer(&listener->retry); break;
    case JANET_ASYNC_EVENT_CLOSE: close_acceptors(listener); break;
    case JANET_ASYNC_EVENT_READ:
    case JANET_ASYNC_EVENT_ERR:
    case JANET_ASYNC_EVENT_HUP: serve_acceptors(listener); break;
    default: break;
    }
}

static Listener *attach_listener(JanetStream *stream) {
    Listener *listener = janet_calloc(1, sizeof *listener);
    if (!listener) JANET_OUT_OF_MEMORY;
    listener->stream = stream;
    listener->fiber = poller_fiber();
    janet_async_start_fiber(listener->fiber, stream, JANET_ASYNC_LISTEN_READ, on_listener_event,
                            listener);
    /* Parked acceptors keep the process alive; this internal fiber must not. */
    janet_ev_dec_refcount();
    return listener;
}

void listener_join(JanetStream *stream, Acceptor *acceptor) {
    Listener *listener = listener_of(stream);
    if (!listener) listener = attach_listener(stream);
    enqueue_acceptor(listener, acceptor);
    /* A connection may have arrived while nothing watched the listener, and an edge is reported
     * only once: try now. */
    poller_set_timer(&listener->retry, 0, on_retry);
}

void listener_each(const JanetStream *stream, void (*visit)(Acceptor *acceptor, void *arg),
                   void *arg) {
    const Listener *listener = listener_of(stream);
    for (Acceptor *acceptor = listener ? listener->acceptors : NULL; acceptor;
         acceptor = acceptor->next) {
        visit(acceptor, arg);
    }
}

void listener_pause(Acceptor *acceptor) {
    acceptor->paused = true;
}

void listener_resume(Acceptor *acceptor) {
    Listener *listener = acceptor->listener ? listener_of(acceptor->listener) : NULL;
    if (!listener || !acceptor->paused) return;
    acceptor->paused = false;
    poller_set_timer(&listener->retry, 0, on_retry);
}

void listener_leave(Acceptor *acceptor) {
    Listener *listener = acceptor->listener ? listener_of(acceptor->listener) : NULL;
    if (!listener) return;
    dequeue_acceptor(listener, acceptor);
    if (!listener->acceptors) detach_listener(listener);
}
