#define _GNU_SOURCE /* strdup */
#include "net/dial.h"

#include "net/linger.h"
#include "net/socket.h"
#include "net/work.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NEXT_ATTEMPT 0.25 /* seconds: RFC 8305's connection attempt delay */

static void begin_next(Dial *dial);
static void on_next_due(Timer *timer);

/* --- attempts --- */

static void fail_attempt(Attempt *attempt, int errnum) {
    Dial *dial = attempt->dial;
    poller_close(&attempt->watcher);
    failure_set(&dial->failure, "%s", strerror(errnum));
    dial->running--;
    begin_next(dial);
}

static void take_connection(Attempt *attempt) {
    Dial *dial = attempt->dial;
    int descriptor = attempt->watcher.descriptor;
    poller_remove(&attempt->watcher);
    dial_stop(dial);
    dial->connected(dial, descriptor);
}

/* A client that connects to an unused local port may get that port as its own source port; TCP then
 * connects the socket to itself. */
static bool is_own(int descriptor, const struct sockaddr_storage *peer, socklen_t size) {
    struct sockaddr_storage own = {0};
    socklen_t own_size = sizeof own;
    if (peer->ss_family == AF_UNIX) return false;
    return !getsockname(descriptor, (struct sockaddr *)&own, &own_size) && own_size == size &&
           !memcmp(&own, peer, size);
}

/* The first address that answers wins. */
static void on_datagram(Watcher *watcher, unsigned ready) {
    Attempt *attempt = (Attempt *)watcher;
    int errnum = 0;
    socklen_t size = sizeof errnum;
    if (getsockopt(watcher->descriptor, SOL_SOCKET, SO_ERROR, &errnum, &size)) errnum = errno;
    if (errnum) {
        fail_attempt(attempt, errnum);
    } else if (ready & READY_IN) {
        take_connection(attempt);
    }
}

static void on_ready(Watcher *watcher, unsigned ready) {
    Attempt *attempt = (Attempt *)watcher;
    struct sockaddr_storage peer = {0};
    socklen_t peer_size = sizeof peer;
    int errnum = 0;
    socklen_t size = sizeof errnum;
    (void)ready; /* before connect a socket reports a hangup: ask the socket itself */
    if (getsockopt(watcher->descriptor, SOL_SOCKET, SO_ERROR, &errnum, &size)) errnum = errno;
    if (errnum) {
        fail_attempt(attempt, errnum);
    } else if (!getpeername(watcher->descriptor, (struct sockaddr *)&peer, &peer_size)) {
        if (is_own(watcher->descriptor, &peer, peer_size)) {
            fail_attempt(attempt, ECONNREFUSED);
        } else {
            take_connection(attempt);
        }
    }
}

/* Out of descriptors: garbage streams may hold some. */
static void retry_after_gc(Dial *dial) {
    dial->retried_after_gc = true;
    dial->running--;
    dial->begun--;
    linger_make_room();
    poller_collect_soon();
    poller_set_timer(&dial->next, 0, on_next_due);
}

/* connect on a UDP socket only sets the address, so ask the peer for an answer. */
static void greet_peer(Attempt *attempt) {
    Dial *dial = attempt->dial;
    int errnum = dial->greet ? dial->greet(dial, attempt->watcher.descriptor) : 0;
    if (errnum) {
        fail_attempt(attempt, errnum);
    } else if (!dial->greet) {
        take_connection(attempt);
    }
}

/* A connection within this host is established at once. */
static bool is_connected(int descriptor) {
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    return !getpeername(descriptor, (struct sockaddr *)&peer, &size);
}

static void begin_attempt(Attempt *attempt, const Address *address) {
    Dial *dial = attempt->dial;
    bool datagrams = dial->type == SOCK_DGRAM;
    attempt->watcher.ready = datagrams ? on_datagram : on_ready;
    attempt->watcher.descriptor = socket_new(address->storage.ss_family, dial->type);
    dial->running++;
    int descriptor = attempt->watcher.descriptor;
    if (descriptor < 0 && (errno == EMFILE || errno == ENFILE) && !dial->retried_after_gc) {
        retry_after_gc(dial);
        return;
    }
    if (descriptor < 0) {
        fail_attempt(attempt, errno);
        return;
    }
    int status;
    do {
        status = connect(descriptor, (const struct sockaddr *)&address->storage, address->length);
    } while (status && errno == EINTR);
    bool failed = status && errno != EINPROGRESS;
    if (!failed && !datagrams && is_connected(descriptor)) {
        on_ready(&attempt->watcher, 0);
    } else if (failed || !poller_add(&attempt->watcher, descriptor)) {
        fail_attempt(attempt, errno);
    } else if (datagrams) {
        greet_peer(attempt);
    }
}

static void on_next_due(Timer *timer) {
    begin_next((Dial *)((char *)timer - offsetof(Dial, next)));
}

static void begin_next(Dial *dial) {
    poller_unset_timer(&dial->next);
    if (dial->begun == dial->addresses.count) {
        if (!dial->running) dial->failed(dial, &dial->failure);
        return;
    }
    int index = dial->begun++;
    dial->attempts[index].dial = dial;
    /* Set the timer first: an attempt that fails at once begins the next attempt, which sets the
     * timer again. */
    poller_set_timer(&dial->next, NEXT_ATTEMPT, on_next_due);
    begin_attempt(&dial->attempts[index], &dial->addresses.list[index]);
}

static void on_start(Watcher *watcher, unsigned ready) {
    (void)ready;
    Dial *dial = (Dial *)((char *)watcher - offsetof(Dial, start));
    if (dial->opening) dial->opening(dial);
    begin_next(dial);
}

static void start_attempts(Dial *dial) {
    for (int i = 0; i < MAX_ADDRESSES; i++) dial->attempts[i].watcher.descriptor = -1;
    /* The caller is not ready for callbacks until it has parked its fiber. */
    dial->start.ready = on_start;
    poller_soon(&dial->start);
}

void dial_again(Dial *dial) {
    for (int i = 0; i < dial->begun; i++) {
        Attempt *attempt = dial->attempts + i;
        if (attempt->watcher.descriptor >= 0) dial->greet(dial, attempt->watcher.descriptor);
    }
}

/* --- resolution --- */

typedef struct DialWork {
    Work work;
    Dial *dial;
    int type;
    char *host, *port;
    Addresses addresses;
} DialWork;

static void resolve_run(Work *work) {
    DialWork *self = (DialWork *)work;
    work->failed = !resolve(self->host, self->port, self->type, false, false, &self->addresses,
                            &work->failure);
}

static void resolve_done(Work *work) {
    DialWork *self = (DialWork *)work;
    Dial *dial = self->dial;
    dial->work = NULL;
    if (work->failed) {
        dial->failed(dial, &work->failure);
        return;
    }
    dial->addresses = self->addresses;
    start_attempts(dial);
}

static void resolve_release(Work *work) {
    free(((DialWork *)work)->host);
    free(((DialWork *)work)->port);
}

void dial_start(Dial *dial, const char *host, const char *port) {
    dial->start.descriptor = -1;
    if (resolve(host, port, dial->type, true, false, &dial->addresses, &dial->failure)) {
        start_attempts(dial);
        return;
    }
    DialWork *self = work_new(sizeof *self);
    self->work.function = "lookup";
    self->work.run = resolve_run;
    self->work.done = resolve_done;
    self->work.release = resolve_release;
    self->dial = dial;
    self->type = dial->type;
    self->host = strdup(host);
    self->port = strdup(port);
    if (!self->host || !self->port) JANET_OUT_OF_MEMORY;
    dial->work = self;
    if (work_start(&self->work, WORKERS_LOOKUP, &dial->failure)) return;
    dial->work = NULL;
    start_attempts(dial); /* there are no addresses: it reports dial->failure later */
}

void dial_start_address(Dial *dial, const Address *address) {
    dial->start.descriptor = -1;
    dial->addresses.list[0] = *address;
    dial->addresses.count = 1;
    start_attempts(dial);
}

void dial_stop(Dial *dial) {
    poller_unset_timer(&dial->next);
    poller_remove(&dial->start);
    if (dial->work) work_cancel(&dial->work->work);
    dial->work = NULL;
    for (int i = 0; i < dial->begun; i++) poller_close(&dial->attempts[i].watcher);
}
