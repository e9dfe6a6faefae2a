#include "net/poller.h"

#include "base/raise.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define BATCH 32            /* events of a turn */
#define RETURNS_PER_TURN 16 /* calls of one connection that may return without a turn */

typedef struct Poller {
    JanetStream *stream; /* of the readiness queue */
    Readiness readiness;
    Timer *timers;
    int64_t armed; /* when the queue's timer goes off; INT64_MAX: never */
    GcRoot *roots;
    Watcher *turns;   /* sources that asked for a turn */
    Watcher *turning; /* those of them whose turn it is */
    Watcher *soon;    /* those that asked to be called after the fibers */
    JanetFunction *run_soon;
    bool working;        /* events are being worked off */
    bool soon_scheduled; /* the fiber that calls those of `soon` */
    ReadyEvent batch[BATCH];
    int batch_at, batch_end;
    uint64_t turn; /* counts them */
} Poller;

static JANET_THREAD_LOCAL Poller *poller;

static int poller_gc(void *pointer, size_t size) {
    (void)size;
    Poller *self = pointer;
    readiness_close(&self->readiness);
    if (poller == self) poller = NULL; /* at the VM's end only: it is a root until then */
    return 0;
}

static const JanetAbstractType poller_type = {"jsec/poller", poller_gc, JANET_ATEND_GC};

/* --- timers --- */

static void arm(int64_t when) {
    int64_t left = when - timer_now();
    poller->armed = when;
    readiness_arm(&poller->readiness, left > 0 ? left : 1);
}

void poller_set_timer(Timer *timer, double seconds, void (*expired)(Timer *timer)) {
    poller_unset_timer(timer);
    timer->when = timer_after(seconds);
    timer->expired = expired;
    timer_heap_add(&poller->timers, timer);
    if (timer->when < poller->armed) arm(timer->when);
}

void poller_unset_timer(Timer *timer) {
    timer_heap_remove(timer); /* the queue's timer may go off for nothing: that is cheaper */
}

static void run_timers(void) {
    int64_t now = timer_now();
    if (now < poller->armed) return;
    poller->armed = INT64_MAX;
    while (poller->timers && poller->timers->when <= now) {
        Timer *timer = poller->timers;
        timer_heap_remove(timer);
        timer->expired(timer);
    }
    if (poller->timers && poller->timers->when < poller->armed) arm(poller->timers->when);
}

/* --- sources --- */

bool poller_add(Watcher *watcher, int descriptor) {
    if (!readiness_add(&poller->readiness, descriptor, watcher)) return false;
    watcher->descriptor = descriptor;
    return true;
}

static bool unlink_turn(Watcher **list, Watcher *watcher) {
    for (; *list; list = &(*list)->next_turn) {
        if (*list != watcher) continue;
        *list = watcher->next_turn;
        return true;
    }
    return false;
}

static void forget_turn(Watcher *watcher) {
    if (!watcher->has_turn) return;
    watcher->has_turn = false;
    if (!unlink_turn(&poller->turns, watcher) && !unlink_turn(&poller->soon, watcher)) {
        unlink_turn(&poller->turning, watcher);
    }
}

void poller_remove(Watcher *watcher) {
    if (watcher->descriptor >= 0) readiness_remove(&poller->readiness, watcher->descriptor);
    watcher->descriptor = -1;
    forget_turn(watcher);
    for (int i = poller->batch_at; i < poller->batch_end; i++) {
        if (poller->batch[i].data == watcher) poller->batch[i].data = NULL;
    }
}

void poller_close(Watcher *watcher) {
    int descriptor = watcher->descriptor;
    if (poller) poller_remove(watcher);
    if (descriptor >= 0) close(descriptor);
    watcher->descriptor = -1;
}

void poller_turn(Watcher *watcher) {
    if (watcher->has_turn || !poller) return; /* it has none at the VM's end */
    bool first = !poller->turns;
    watcher->has_turn = true;
    watcher->next_turn = poller->turns;
    poller->turns = watcher;
    if (first && !poller->working) readiness_wake(&poller->readiness);
}

static void call_all(Watcher **list) {
    poller->turning = *list;
    *list = NULL;
    while (poller->turning) {
        Watcher *watcher = poller->turning;
        poller->turning = watcher->next_turn;
        watcher->has_turn = false;
        watcher->ready(watcher, 0);
    }
}

static Janet cfun_run_soon(int32_t argc, Janet *argv) {
    (void)argc, (void)argv;
    poller->soon_scheduled = false;
    call_all(&poller->soon);
    return janet_wrap_nil();
}

/* What is still queued makes the queue readable in the next turn again: between, the fibers run that
 * these events woke, while what belongs to their connections is in the processor's cache. */
static void run_events(void) {
    poller->batch_end = readiness_take(&poller->readiness, poller->batch, BATCH);
    for (poller->batch_at = 0; poller->batch_at < poller->batch_end;) {
        ReadyEvent event = poller->batch[poller->batch_at++];
        Watcher *watcher = event.data;
        if (watcher) watcher->ready(watcher, event.ready);
    }
    poller->batch_at = poller->batch_end = 0;
}

/* --- fibers of our own --- */

/* A function that calls one in C. Compiled, since no function of core's can be relied upon: a script may
 * have redefined any. NULL: it can't be. */
static JanetFunction *caller(JanetCFunction function, const Janet *argument) {
    Janet call[2] = {janet_wrap_cfunction(function)};
    if (argument) call[1] = *argument;
    JanetCompileResult compiled =
        janet_compile(janet_wrap_tuple(janet_tuple_n(call, argument ? 2 : 1)), janet_table(0),
                      janet_cstring("jsec"));
    return compiled.status == JANET_COMPILE_OK ? janet_thunk(compiled.funcdef) : NULL;
}

static void schedule(JanetFunction *function) {
    janet_schedule(janet_fiber(function, 64, 0, NULL), janet_wrap_nil());
}

static void schedule_soon(void) {
    if (!poller->soon || poller->soon_scheduled) return;
    poller->soon_scheduled = true;
    schedule(poller->run_soon);
}

void poller_soon(Watcher *watcher) {
    if (watcher->has_turn || !poller) return;
    watcher->has_turn = true;
    watcher->next_turn = poller->soon;
    poller->soon = watcher;
    if (!poller->working) schedule_soon(); /* else behind those that are still to be woken */
}

void poller_call_soon(JanetCFunction function, Janet argument) {
    JanetFunction *call = caller(function, &argument);
    if (call) schedule(call);
}

/* --- the permanent listener --- */

static void mark_roots(void) {
    for (GcRoot *root = poller->roots; root; root = root->next) root->mark(root);
}

static void on_event(JanetFiber *fiber, JanetAsyncEvent event) {
    (void)fiber;
    if (!poller) return;
    if (event == JANET_ASYNC_EVENT_MARK) {
        mark_roots();
    } else if (event == JANET_ASYNC_EVENT_READ) {
        poller->turn++;
        poller->working = true;
        call_all(&poller->turns);
        run_events();
        run_timers(); /* last: data that is there wins over a deadline of now */
        poller->working = false;
        schedule_soon();
        if (poller->turns) readiness_wake(&poller->readiness); /* asked for meanwhile */
    }
}

JanetFiber *poller_fiber(void) {
    return janet_fiber(janet_thunk_delay(janet_wrap_nil()), 16, 0, NULL);
}

static Janet cfun_collect(int32_t argc, Janet *argv) {
    (void)argc, (void)argv;
    janet_collect();
    return janet_wrap_nil();
}

void poller_collect_soon(void) {
    poller_call_soon(cfun_collect, janet_wrap_nil());
}

void poller_start(void) {
    if (poller) return;
    Poller *made = janet_abstract(&poller_type, sizeof *made);
    memset(made, 0, sizeof *made);
    made->readiness.timer = made->readiness.waker = -1;
    made->armed = INT64_MAX;
    if (!readiness_open(&made->readiness)) {
        raise_format("jsec", "no event queue: %s", strerror(errno));
    }
    made->run_soon = caller(cfun_run_soon, NULL);
    if (!made->run_soon) janet_panic("jsec: nothing can be compiled");
    made->stream = janet_stream(made->readiness.queue, JANET_STREAM_READABLE, NULL);
    janet_stream_level_triggered(made->stream);
    janet_gcroot(janet_wrap_abstract(made));
    janet_gcroot(janet_wrap_abstract(made->stream));
    janet_gcroot(janet_wrap_function(made->run_soon));
    poller = made;
    janet_async_start_fiber(poller_fiber(), made->stream, JANET_ASYNC_LISTEN_READ, on_event, NULL);
    janet_ev_dec_refcount(); /* the listener alone does not keep the process alive */
}

/* --- holds --- */

void poller_add_root(GcRoot *root, void (*mark)(GcRoot *root)) {
    if (root->link) return;
    root->mark = mark;
    root->next = poller->roots;
    if (root->next) root->next->link = &root->next;
    root->link = &poller->roots;
    poller->roots = root;
}

void poller_remove_root(GcRoot *root) {
    if (!root->link) return;
    *root->link = root->next;
    if (root->next) root->next->link = root->link;
    root->link = NULL;
}

uint64_t poller_turn_number(void) {
    return poller->turn;
}

bool poller_may_return(Share *share) {
    if (share->turn != poller->turn) *share = (Share){poller->turn, 0};
    return share->returns++ < RETURNS_PER_TURN;
}

JanetStream *poller_stream(void) {
    return poller->stream;
}
