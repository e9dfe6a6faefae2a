#include "tls/admission.h"

#include "net/poller.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define COLLECT 1.0      /* seconds between collections while connections wait for a place */
#define LAST_SILENCE 1.0 /* seconds that a silent connection has when the listener closes */
#define MIN_PATIENCE 0.5 /* seconds that a handshake has before it makes room for a new one */

typedef struct Connection {
    Watcher watcher; /* first: the poller passes it to the callback. For a silent connection */
    Timer timer;     /* likewise */
    Admission *admission;
    Stream *stream; /* NULL: silent */
    void *loop;     /* kept alive by the loop's fiber or the root, then by the stream */
    int descriptor; /* the silent connection's, or the stream's */
    int64_t since;
    Endpoint peer;               /* family 0: no IP address */
    struct ConnectionList *list; /* the list that the connection is in */
    struct Connection *next, **link;
} Connection;

/* In the order of arrival. */
typedef struct ConnectionList {
    Connection *first, **last;
    int32_t count;
} ConnectionList;

struct Admission {
    Watcher watcher; /* first: the poller hands it back. For a turn in which places are filled */
    Timer collect;   /* streams without references hold places */
    Timer retry;     /* when the oldest handshake may be dropped */
    GcRoot root;     /* keeps the loop for connections that were silent when the listener closed */
    const AdmissionOps *ops;
    AdmissionLimits limits;
    ConnectionList handshakes, ready, served;
    int32_t silent;     /* among the handshakes */
    int32_t references; /* the loop's, and one for each stream */
    void *loop;
    Acceptor *acceptor;         /* NULL: the loop has ended */
    void (*emptied)(void *arg); /* or NULL */
    void *emptied_arg;
};

/* --- lists --- */

static void append_connection(ConnectionList *list, Connection *connection) {
    connection->list = list;
    connection->next = NULL;
    connection->link = list->last;
    *list->last = connection;
    list->last = &connection->next;
    list->count++;
}

static void unlink_connection(Connection *connection) {
    *connection->link = connection->next;
    if (connection->next) {
        connection->next->link = connection->link;
    } else {
        connection->list->last = connection->link;
    }
    connection->list->count--;
}

/* --- places --- */

static bool is_full(const Admission *admission) {
    return admission->served.count + admission->ready.count >= admission->limits.max_connections;
}

static double age_of(const Connection *connection) {
    return (double)(timer_now() - connection->since) / 1e9;
}

static bool has_max_handshakes(const Admission *admission) {
    return admission->handshakes.count >= admission->limits.max_handshakes;
}

/* Seconds until the oldest handshake may be dropped for a new one; 0: now, or it need not be. */
static double wait_for_handshakes(const Admission *admission) {
    const Connection *oldest = admission->handshakes.first;
    if (!oldest || !has_max_handshakes(admission)) return 0;
    double age = age_of(oldest);
    return age < MIN_PATIENCE ? MIN_PATIENCE - age : 0;
}

static void run_collection(Timer *timer) {
    poller_collect_soon();
    poller_set_timer(timer, COLLECT, run_collection);
}

static void run_retry(Timer *timer) {
    Admission *admission = (Admission *)((char *)timer - offsetof(Admission, retry));
    poller_turn(&admission->watcher);
}

/* Without the listener too: garbage may hold the places that ready connections wait for, or what a
 * drain waits for. */
static void update_collection(Admission *admission) {
    bool full = admission->acceptor && is_full(admission);
    if (!full && !admission->ready.count && !admission->emptied) {
        poller_unset_timer(&admission->collect);
    } else if (!timer_is_set(&admission->collect)) {
        run_collection(&admission->collect);
    }
}

/* Let new connections wait in the listener's backlog while there is no place for them. */
static void update_acceptor(Admission *admission) {
    update_collection(admission);
    if (!admission->acceptor) return;
    bool full = is_full(admission);
    double wait = full ? 0 : wait_for_handshakes(admission);
    bool pause = full || wait > 0;
    if (wait > 0) poller_set_timer(&admission->retry, wait, run_retry);
    if (pause == admission->acceptor->paused) return;
    if (pause) {
        listener_pause(admission->acceptor);
    } else {
        listener_resume(admission->acceptor);
    }
}

/* A place is free. The caller may be the collector, so fill the place in a turn of its own. */
static void fill_soon(Admission *admission) {
    bool waiting = admission->acceptor && admission->acceptor->paused;
    bool turn = waiting || admission->ready.count || admission->emptied;
    if (turn) poller_turn(&admission->watcher);
}

/* --- the states of a connection --- */

/* The stream of a connection has ended. */
static void end_connection(void *arg) {
    Connection *connection = arg;
    Admission *admission = connection->admission;
    unlink_connection(connection);
    janet_free(connection);
    fill_soon(admission);
    admission_release(admission);
}

static void observe_stream(Connection *connection,
                           void (*handshake_ended)(Stream *stream, void *arg, bool established)) {
    stream_observe(connection->stream, (StreamObserver){
                                           .handshake_ended = handshake_ended,
                                           .ended = end_connection,
                                           .owner = janet_wrap_abstract(connection->loop),
                                           .arg = connection,
                                       });
}

static void serve_connection(Connection *connection) {
    Admission *admission = connection->admission;
    append_connection(&admission->served, connection);
    observe_stream(connection, NULL);
    admission->ops->serve(connection->loop, connection->stream);
}

static void report_empty(Admission *admission) {
    void (*emptied)(void *arg) = admission->emptied;
    if (!emptied || admission_count(admission)) return;
    admission->emptied = NULL;
    emptied(admission->emptied_arg);
}

static void wait_for_place(Connection *connection) {
    append_connection(&connection->admission->ready, connection);
    stream_hold(connection->stream);
}

/* Serve the ready connections, then accept new ones. */
static void fill_places(Watcher *watcher, unsigned events) {
    (void)events;
    Admission *admission = (Admission *)watcher;
    Connection *connection;
    while (admission->served.count < admission->limits.max_connections &&
           (connection = admission->ready.first)) {
        unlink_connection(connection);
        stream_release(connection->stream);
        serve_connection(connection);
    }
    report_empty(admission);
    update_acceptor(admission);
}

/* A silent connection has begun its handshake, or has ended. The last one lets the loop go. */
static void leave_silence(Admission *admission) {
    if (!--admission->silent) poller_remove_root(&admission->root);
}

/* Close a connection in its handshake. */
static void drop_connection(Connection *connection) {
    Admission *admission = connection->admission;
    if (connection->stream) {
        stream_drop(connection->stream); /* calls end_connection */
        return;
    }
    poller_unset_timer(&connection->timer);
    poller_close(&connection->watcher);
    unlink_connection(connection);
    leave_silence(admission);
    janet_free(connection);
    fill_soon(admission);
}

static void refuse_connection(Connection *connection, const char *why) {
    connection->admission->ops->refused(connection->loop, why, &connection->peer);
    drop_connection(connection);
}

/* A finished handshake waits for a place if there is none. */
static void on_handshake(Stream *stream, void *arg, bool established) {
    Connection *connection = arg;
    Admission *admission = connection->admission;
    if (!established) {
        admission->ops->failed(connection->loop, stream);
        stream_drop(stream); /* calls end_connection */
        return;
    }
    unlink_connection(connection);
    if (is_full(admission)) {
        wait_for_place(connection);
    } else {
        serve_connection(connection);
    }
    update_acceptor(admission);
}

/* The first byte has come, or the end: begin the handshake. */
static void begin_handshake(Connection *connection) {
    Admission *admission = connection->admission;
    poller_unset_timer(&connection->timer);
    poller_remove(&connection->watcher);
    connection->stream =
        admission->ops->make(connection->loop, connection->descriptor, &connection->peer);
    if (!connection->stream) {
        drop_connection(connection);
        return;
    }
    admission->references++;
    leave_silence(admission);
    observe_stream(connection, on_handshake);
    stream_start(connection->stream, age_of(connection));
}

static void on_first_byte(Watcher *watcher, unsigned ready) {
    if (ready & READY_IN) begin_handshake((Connection *)watcher);
}

static void expire_silent(Timer *timer) {
    Connection *connection = (Connection *)((char *)timer - offsetof(Connection, timer));
    Failure failure;
    failure_set(&failure, "handshake timed out: the peer did not finish it within %g s",
                connection->admission->limits.handshake_timeout);
    refuse_connection(connection, failure.text);
}

/* --- limits of one host --- */

/* When a host has too many unfinished handshakes, drop its oldest one that had some time. */
static void limit_host(const Connection *newest) {
    Admission *admission = newest->admission;
    Connection *oldest = NULL;
    int32_t count = 0;
    if (admission->handshakes.count <= admission->limits.max_handshakes_per_host) return;
    if (!newest->peer.family || admission->ops->is_proxy(newest->loop, &newest->peer)) return;
    for (Connection *other = admission->handshakes.first; other; other = other->next) {
        if (!endpoint_same_host(&other->peer, &newest->peer)) continue;
        if (!oldest) oldest = other;
        count++;
    }
    if (!oldest || count <= admission->limits.max_handshakes_per_host) return;
    if (age_of(oldest) < MIN_PATIENCE) return;
    refuse_connection(oldest, "handshake dropped: its host has too many, and this is the oldest");
}

/* --- the loop --- */

Admission *admission_new(const AdmissionOps *ops, AdmissionLimits limits, void *loop,
                         Acceptor *acceptor) {
    Admission *admission = janet_calloc(1, sizeof *admission);
    if (!admission) JANET_OUT_OF_MEMORY;
    admission->watcher = (Watcher){.ready = fill_places, .descriptor = -1};
    admission->ops = ops;
    admission->limits = limits;
    admission->handshakes.last = &admission->handshakes.first;
    admission->ready.last = &admission->ready.first;
    admission->served.last = &admission->served.first;
    admission->references = 1;
    admission->loop = loop;
    admission->acceptor = acceptor;
    return admission;
}

static bool watch_connection(Connection *connection) {
    double timeout = connection->admission->limits.handshake_timeout;
    connection->watcher.ready = on_first_byte;
    if (!poller_add(&connection->watcher, connection->descriptor)) return false;
    if (timeout < INFINITY) poller_set_timer(&connection->timer, timeout, expire_silent);
    return true;
}

static Connection *new_connection(Admission *admission, int descriptor, const Endpoint *peer) {
    Connection *connection = janet_calloc(1, sizeof *connection);
    if (!connection) JANET_OUT_OF_MEMORY;
    connection->admission = admission;
    connection->loop = admission->loop;
    connection->descriptor = descriptor;
    connection->peer = *peer;
    connection->since = timer_now();
    return connection;
}

/* Only the listener's end brings connections while the oldest one is young: all of its backlog. */
static bool may_drop_oldest(const Admission *admission) {
    return has_max_handshakes(admission) && !(wait_for_handshakes(admission) > 0);
}

void admission_add(Admission *admission, int descriptor, const Endpoint *peer) {
    if (may_drop_oldest(admission)) {
        refuse_connection(admission->handshakes.first,
                          "handshake dropped: too many are unfinished, and this is the oldest");
    }
    Connection *connection = new_connection(admission, descriptor, peer);
    append_connection(&admission->handshakes, connection);
    admission->silent++;
    if (watch_connection(connection)) {
        limit_host(connection);
    } else {
        connection->watcher.descriptor = descriptor;
        refuse_connection(connection, strerror(errno));
    }
    update_acceptor(admission);
}

void admission_add_deferred(Admission *admission, int descriptor, const Endpoint *peer) {
    Stream *stream = admission->ops->make(admission->loop, descriptor, peer);
    if (!stream) return;
    Connection *connection = new_connection(admission, descriptor, peer);
    connection->stream = stream;
    admission->references++;
    observe_stream(connection, NULL);
    if (is_full(admission)) {
        wait_for_place(connection);
    } else {
        serve_connection(connection);
    }
    update_acceptor(admission);
}

/* --- the end --- */

static void mark_loop(GcRoot *root) {
    admission_mark((Admission *)((char *)root - offsetof(Admission, root)));
}

static void leave_listener(Admission *admission) {
    admission->acceptor = NULL;
    poller_unset_timer(&admission->retry);
    update_collection(admission);
}

static void end_silence(Timer *timer) {
    drop_connection((Connection *)((char *)timer - offsetof(Connection, timer)));
}

void admission_close(Admission *admission) {
    leave_listener(admission);
    if (admission->silent) poller_add_root(&admission->root, mark_loop);
    for (Connection *connection = admission->handshakes.first; connection;
         connection = connection->next) {
        if (!connection->stream) poller_set_timer(&connection->timer, LAST_SILENCE, end_silence);
    }
}

void admission_end(Admission *admission) {
    Connection *next;
    leave_listener(admission);
    for (Connection *connection = admission->handshakes.first; connection; connection = next) {
        next = connection->next;
        if (!connection->stream) drop_connection(connection);
    }
}

int32_t admission_count(const Admission *admission) {
    return admission->handshakes.count + admission->ready.count + admission->served.count;
}

void admission_watch(Admission *admission, void (*emptied)(void *arg), void *arg) {
    admission->emptied = emptied;
    admission->emptied_arg = arg;
    update_collection(admission);
}

static void abort_all(const ConnectionList *list) {
    Connection *next;
    for (Connection *connection = list->first; connection; connection = next) {
        next = connection->next;
        if (connection->stream) {
            stream_abort(connection->stream);
        } else {
            drop_connection(connection);
        }
    }
}

void admission_abort(Admission *admission) {
    abort_all(&admission->handshakes);
    abort_all(&admission->ready);
    abort_all(&admission->served);
}

void admission_mark(const Admission *admission) {
    janet_mark(janet_wrap_abstract(admission->loop));
}

/* At the VM's end silent connections may be left, whose timers are not unset: the neighbours in the
 * heap may be gone. */
void admission_release(Admission *admission) {
    Connection *next;
    if (--admission->references) return;
    for (Connection *connection = admission->handshakes.first; connection; connection = next) {
        next = connection->next;
        poller_close(&connection->watcher);
        janet_free(connection);
    }
    poller_close(&admission->watcher);
    janet_free(admission);
}
