#include "net/poller.h"

#include "base/raise.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define BATCH 32 /* events of a turn */

typedef struct Poller {
    JanetStream *stream; /* the readiness queue's */
    Readiness readiness;
    Timer *timers;
    int64_t armed; /* when the queue's timer expires; INT64_MAX: never */
    GcRoot *roots;
    Watcher *turns;   /* to call in the next turn */
    Watcher *turning; /* the rest of the list that is being called */
    Watcher *soon;    /* to call after the runnable fibers */
    JanetFunction *run_soon;
    JanetTable *kept; /* by descriptor: see poller_keep */
    Remote *remotes;
    bool is_shared;      /* by a parent process: this is a child after a fork */
    bool working;        /* a batch of events is being handled */
    bool soon_scheduled; /* the fiber that calls the watchers of `soon` */
    ReadyEvent batch[BATCH];
    int batch_at, batch_end;
    uint64_t turn; /* its number */
} Poller;

static JANET_THREAD_LOCAL Poller *poller;

static int poller_gc(void *pointer, size_t size) {
    (void)size;
    Poller *self = pointer;
    readiness_close(&self->readiness);
    if (poller == self) poller = NULL; /* it is a GC root until the VM ends */
    return 0;
}

static const JanetAbstractType poller_type = {"jsec/poller", poller_gc, JANET_ATEND_GC};

/* The parent and the child share the queues, jsec's and Janet's: the child must take nothing out of
 * them, or the parent waits for ever. The kernel removes descriptors that the child opened itself
 * when they are closed. */
static void after_fork_in_child(void) {
    if (!poller) return;
    poller->is_shared = true;
    poller->stream->flags |= JANET_STREAM_UNREGISTERED;
}

static void watch_forks(void) {
    pthread_atfork(NULL, NULL, after_fork_in_child);
}

/* --- timers --- */

/* For at most a day: kqueue's timers count milliseconds, which overflow in 32 bits after 24 days.
 * When the queue wakes before a timer is due, it is armed again. Without a timer it wakes in each
 * turn. */
static void arm_queue(int64_t when) {
    int64_t now = timer_now(), left = when - now;
    if (left < 1) left = 1;
    if (left > READINESS_MAX_WAIT) left = READINESS_MAX_WAIT;
    poller->armed = now + left;
    if (readiness_arm(&poller->readiness, left)) return;
    poller->armed = now;
    readiness_wake(&poller->readiness);
}

void poller_set_timer(Timer *timer, double seconds, void (*expired)(Timer *timer)) {
    poller_unset_timer(timer);
    timer->when = timer_after(seconds);
    timer->expired = expired;
    timer_heap_add(&poller->timers, timer);
    if (timer->when < poller->armed) arm_queue(timer->when);
}

void poller_unset_timer(Timer *timer) {
    timer_heap_remove(timer); /* the queue's timer stays set: a needless wake-up is cheaper */
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
    if (poller->timers && poller->timers->when < poller->armed) arm_queue(poller->timers->when);
}

/* --- watchers --- */

bool poller_add(Watcher *watcher, int descriptor) {
    if (!readiness_add(&poller->readiness, descriptor, watcher)) return false;
    watcher->descriptor = descriptor;
    return true;
}

static bool unlink_watcher(Watcher **list, Watcher *watcher) {
    for (; *list; list = &(*list)->next_turn) {
        if (*list != watcher) continue;
        *list = watcher->next_turn;
        return true;
    }
    return false;
}

static void cancel_turn(Watcher *watcher) {
    if (!watcher->has_turn) return;
    watcher->has_turn = false;
    if (!unlink_watcher(&poller->turns, watcher) && !unlink_watcher(&poller->soon, watcher)) {
        unlink_watcher(&poller->turning, watcher);
    }
}

void poller_remove(Watcher *watcher) {
    if (watcher->descriptor >= 0 && !poller->is_shared) {
        readiness_remove(&poller->readiness, watcher->descriptor);
    }
    watcher->descriptor = -1;
    cancel_turn(watcher);
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
    if (watcher->has_turn || !poller) return; /* at the VM's end the poller may be gone */
    bool first = !poller->turns;
    watcher->has_turn = true;
    watcher->next_turn = poller->turns;
    poller->turns = watcher;
    if (first && !poller->working) readiness_wake(&poller->readiness);
}

static void call_watchers(Watcher **list) {
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
    call_watchers(&poller->soon);
    return janet_wrap_nil();
}

/* Events beyond the batch keep the queue readable for the next turn. The woken fibers run first,
 * while the data of their connections is in the processor's cache. */
static void run_events(void) {
    poller->batch_end = readiness_take(&poller->readiness, poller->batch, BATCH);
    for (poller->batch_at = 0; poller->batch_at < poller->batch_end;) {
        ReadyEvent event = poller->batch[poller->batch_at++];
        Watcher *watcher = event.data;
        if (watcher) watcher->ready(watcher, event.ready);
    }
    poller->batch_at = poller->batch_end = 0;
}

/* --- requests of other threads --- */

void poller_add_remote(Remote *remote, void (*called)(Remote *remote)) {
    remote->called = called;
    remote->readiness = &poller->readiness;
    remote->next = poller->remotes;
    poller->remotes = remote;
}

void poller_call_remote(Remote *remote) {
    if (!atomic_exchange(&remote->pending, 1)) readiness_wake(remote->readiness);
}

static void call_remotes(void) {
    for (Remote *remote = poller->remotes; remote; remote = remote->next)
        if (atomic_exchange(&remote->pending, 0)) remote->called(remote);
}

/* --- internal fibers --- */

/* A Janet function that calls a C function. It is compiled, since a program may have redefined any
 * function of Janet's core. NULL: compilation failed. */
static JanetFunction *compile_call(JanetCFunction function, const Janet *argument) {
    Janet call[2] = {janet_wrap_cfunction(function)};
    if (argument) call[1] = *argument;
    JanetCompileResult compiled =
        janet_compile(janet_wrap_tuple(janet_tuple_n(call, argument ? 2 : 1)), janet_table(0),
                      janet_cstring("jsec"));
    return compiled.status == JANET_COMPILE_OK ? janet_thunk(compiled.funcdef) : NULL;
}

static void schedule_call(JanetFunction *function) {
    janet_schedule(janet_fiber(function, 64, 0, NULL), janet_wrap_nil());
}

static void schedule_run_soon(void) {
    if (!poller->soon || poller->soon_scheduled) return;
    poller->soon_scheduled = true;
    schedule_call(poller->run_soon);
}

void poller_soon(Watcher *watcher) {
    if (watcher->has_turn || !poller) return;
    watcher->has_turn = true;
    watcher->next_turn = poller->soon;
    poller->soon = watcher;
    if (!poller->working) schedule_run_soon(); /* otherwise the batch calls it at its end */
}

/* Schedule a fiber that calls a C function with one argument, not a symbol or tuple. */
static void call_soon(JanetCFunction function, Janet argument) {
    JanetFunction *call = compile_call(function, &argument);
    if (call) schedule_call(call);
}

/* --- the permanent listener --- */

static void mark_roots(void) {
    for (GcRoot *root = poller->roots; root; root = root->next) root->mark(root);
}

static void on_queue_event(JanetFiber *fiber, JanetAsyncEvent event) {
    (void)fiber;
    if (!poller) return;
    if (event == JANET_ASYNC_EVENT_MARK) {
        mark_roots();
    } else if (event == JANET_ASYNC_EVENT_READ) {
        poller->turn++;
        poller->working = true;
        call_watchers(&poller->turns);
        run_events();
        call_remotes(); /* after run_events, which consumes the event that announces them */
        run_timers();   /* last: data that has arrived wins over a deadline */
        poller->working = false;
        schedule_run_soon();
        if (poller->turns) readiness_wake(&poller->readiness); /* requested during this turn */
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
    call_soon(cfun_collect, janet_wrap_nil());
}

/* request.c parks fibers as janet_async_start_fiber does, without its GC root. Check on one fiber
 * that Janet sets these fields and adds one root. */
static bool is_loop_known(const JanetFiber *fiber, JanetStream *stream) {
    Janet value = janet_wrap_abstract(stream);
    int roots = 0;
    while (janet_gcunroot(value)) roots++;
    for (int i = 0; i < roots; i++) janet_gcroot(value);
    return roots == 2 && fiber->ev_callback == on_queue_event && fiber->ev_stream == stream &&
           !fiber->ev_state && stream->read_fiber == fiber;
}

static void add_listener(JanetStream *stream) {
    JanetFiber *fiber = poller_fiber();
    janet_async_start_fiber(fiber, stream, JANET_ASYNC_LISTEN_READ, on_queue_event, NULL);
    janet_ev_dec_refcount(); /* this listener must not keep the process alive */
    if (!is_loop_known(fiber, stream)) {
        janet_panicf("this Janet has no %s", "event loop that jsec knows");
    }
}

void poller_start(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (poller) return;
    pthread_once(&once, watch_forks);
    Poller *made = janet_abstract(&poller_type, sizeof *made);
    memset(made, 0, sizeof *made);
    made->readiness.timer = made->readiness.waker = -1;
    made->armed = INT64_MAX;
    if (!readiness_open(&made->readiness)) {
        raise_format("jsec", "can't make an event queue: %s", strerror(errno));
    }
    made->run_soon = compile_call(cfun_run_soon, NULL);
    if (!made->run_soon) janet_panic("jsec: Janet's compiler failed");
    made->kept = janet_table(0);
    made->stream = janet_stream(made->readiness.queue, JANET_STREAM_READABLE, NULL);
    janet_stream_level_triggered(made->stream);
    janet_gcroot(janet_wrap_abstract(made));
    janet_gcroot(janet_wrap_abstract(made->stream));
    janet_gcroot(janet_wrap_function(made->run_soon));
    janet_gcroot(janet_wrap_table(made->kept));
    add_listener(made->stream);
    poller = made;
}

void poller_keep(int descriptor, JanetStream *stream) {
    janet_table_put(poller->kept, janet_wrap_integer(descriptor), janet_wrap_abstract(stream));
}

/* --- GC roots --- */

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

bool poller_spend(Budget *budget, int max) {
    if (budget->turn != poller->turn) *budget = (Budget){poller->turn, 0};
    return budget->spent++ < max;
}

JanetStream *poller_stream(void) {
    return poller->stream;
}
