/* One per VM: all our descriptors in one readiness queue, which is one level-triggered stream of
 * Janet's with one permanent listener. So a wait costs the same beside ten connections and ten
 * thousand, and no Janet code ever runs while a batch of events is worked off. */
#ifndef JSEC_NET_POLLER_H
#define JSEC_NET_POLLER_H

#include "net/readiness.h"
#include "net/timer.h"

#include <janet.h>

/* What has a descriptor in the queue, or wants a turn. Embedded in its owner. */
typedef struct Watcher {
    void (*ready)(struct Watcher *watcher, unsigned ready); /* READY_*; 0: a turn */
    int descriptor;                                         /* -1: none */
    struct Watcher *next_turn;
    bool has_turn;
} Watcher;

/* What the collector must keep though no Janet value refers to it: a parked call, a handshake
 * that no fiber waits for. Embedded in its owner. */
typedef struct GcRoot {
    struct GcRoot *next, **link; /* link NULL: not held */
    void (*mark)(struct GcRoot *root);
} GcRoot;

/* Make this VM's poller, if it has none yet. Raises when the system refuses one. */
void poller_start(void);

/* Watch a descriptor; false with errno. It is watched until poller_remove or its close. */
bool poller_add(Watcher *watcher, int descriptor);

/* Forget a source: no event reaches it any more, not even one of the batch at hand. */
void poller_remove(Watcher *watcher);

/* Forget a source and close its descriptor; nothing where it has none. Also for collectors: where
 * the poller went first, at the VM's end, only the descriptor is closed. */
void poller_close(Watcher *watcher);

/* Call source->ready in the next turn of the event loop, whether or not its descriptor is. */
void poller_turn(Watcher *watcher);

/* Call source->ready when the fibers have run that can run now, those included that the events at hand
 * wake: sooner than in the next turn, and without a system call. */
void poller_soon(Watcher *watcher);

/* Call timer->expired after `seconds`. */
void poller_set_timer(Timer *timer, double seconds, void (*expired)(Timer *timer));
void poller_unset_timer(Timer *timer);

void poller_add_root(GcRoot *root, void (*mark)(GcRoot *root));
void poller_remove_root(GcRoot *root);

/* A connection's share of a turn. */
typedef struct Share {
    uint64_t turn;
    int returns;
} Share;

/* The number of the turn of the event loop. */
uint64_t poller_turn_number(void);

/* May a call that has all it needs return at once? A bounded number of times between two turns of
 * the event loop, so that a fiber which always finds data does not starve the others. */
bool poller_may_return(Share *share);

/* A fiber that never runs; the event loop wants one to call a listener with. */
JanetFiber *poller_fiber(void);

/* Call a C function with one argument, no symbol or tuple, in a task of its own. */
void poller_call_soon(JanetCFunction function, Janet argument);

/* Have garbage collected in a moment: not now, when Janet's own loop holds streams by pointer. */
void poller_collect_soon(void);

/* The stream that parked fibers name as what they wait for. */
JanetStream *poller_stream(void);

#endif
