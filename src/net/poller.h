/* The poller, one per VM: all our descriptors are in one readiness queue. Janet sees the queue as a
 * single level-triggered stream with one permanent listener. So a wait costs the same beside ten
 * connections and beside ten thousand, and no Janet code runs while a batch of events is
 * handled. */
#ifndef JSEC_NET_POLLER_H
#define JSEC_NET_POLLER_H

#include "net/readiness.h"
#include "net/timer.h"

#include <janet.h>
#include <stdatomic.h>

/* A descriptor in the queue and the callback for its events. Embedded in its owner. */
typedef struct Watcher {
    void (*ready)(struct Watcher *watcher, unsigned ready); /* READY_*; 0: no event */
    int descriptor;                                         /* -1: none */
    struct Watcher *next_turn;
    bool has_turn;
} Watcher;

/* Keeps values alive that no Janet value refers to, for a parked call or for a handshake without a
 * fiber. Embedded in its owner. */
typedef struct GcRoot {
    struct GcRoot *next, **link; /* link NULL: not in the list */
    void (*mark)(struct GcRoot *root);
} GcRoot;

/* Make this VM's poller unless it has one. Raises when the system has no queue or descriptor. */
void poller_start(void);

/* Watch a descriptor until poller_remove or poller_close; false with errno. */
bool poller_add(Watcher *watcher, int descriptor);

/* Stop watching. No event reaches the watcher any more, not even one of the current batch. */
void poller_remove(Watcher *watcher);

/* Stop watching and close the descriptor; no effect without one. Finalizers may call it: when the
 * VM has freed the poller first, only the descriptor is closed. */
void poller_close(Watcher *watcher);

/* Call watcher->ready in the next turn of the event loop, without an event. */
void poller_turn(Watcher *watcher);

/* Call watcher->ready after every runnable fiber, including those this batch wakes, has run. Needs
 * no system call. */
void poller_soon(Watcher *watcher);

/* A callback that any thread can request. Embedded in its owner. */
typedef struct Remote {
    void (*called)(struct Remote *remote);
    atomic_int pending; /* 0 or 1 */
    const Readiness *readiness;
    struct Remote *next;
} Remote;

/* Add a remote, which stays until the VM ends. */
void poller_add_remote(Remote *remote, void (*called)(Remote *remote));

/* Call remote->called in the next turn of the VM that added it. May be called on any thread, until
 * that VM ends. */
void poller_call_remote(Remote *remote);

/* Call timer->expired after `seconds`. */
void poller_set_timer(Timer *timer, double seconds, void (*expired)(Timer *timer));
void poller_unset_timer(Timer *timer);

/* Mark the root at each collection until poller_remove_root; both may be called twice. */
void poller_add_root(GcRoot *root, void (*mark)(GcRoot *root));
void poller_remove_root(GcRoot *root);

/* Keep a core stream that has lost its descriptor. Janet before 1.42 leaves the stream in its event
 * queue until the descriptor closes, and uses it at each event. The next stream with this number is
 * a later one: it replaces the old one, so at most one stream for each descriptor is kept. */
void poller_keep(int descriptor, JanetStream *stream);

/* How often something was done in one turn of the event loop. */
typedef struct Budget {
    uint64_t turn;
    int spent;
} Budget;

/* Spend one of the `max` of this turn; false: all are spent. This bounds how often calls return
 * without a turn: a fiber that always finds data would starve the others. */
bool poller_spend(Budget *budget, int max);

/* A fiber that never runs: Janet calls a stream's listener with a fiber. */
JanetFiber *poller_fiber(void);

/* Schedule a collection. Collecting now would free streams that Janet's loop is using. */
void poller_collect_soon(void);

/* The stream that is set as ev_stream of parked fibers. */
JanetStream *poller_stream(void);

#endif
