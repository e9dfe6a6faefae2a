/* Work that would block the event loop (name lookups, RSA keys, PBKDF2, large inputs), on the
 * process's worker threads.
 *
 * Embed Work first in a struct from work_new and fill in the callbacks. run sees bytes and
 * OpenSSL only: it must not touch a Janet value. done runs on the event loop of the VM that started
 * the work. release frees what the struct owns, secrets cleansed; it may run on any thread, and the
 * struct is freed after it. A work does not keep the process alive; a parked fiber does. */
#ifndef JSEC_NET_WORK_H
#define JSEC_NET_WORK_H

#include "core/failure.h"
#include "core/workers.h"
#include "net/poller.h"

#include <janet.h>

typedef enum WorkStep { WORK_READY, WORK_AGAIN, WORK_FAILED } WorkStep;

typedef struct Work Work;

struct Work {
    Job job;
    void (*run)(Work *work);
    void (*done)(Work *work);    /* NULL: the work was cancelled */
    void (*release)(Work *work); /* may be NULL */
    void (*mark)(Work *work);    /* marks the Janet values that run or result need; may be NULL */

    /* Called on the event loop before the work is queued, once a turn until it is ready, to copy
     * large inputs in pieces. At most as many works as there are workers are prepared at a time.
     * May be NULL. */
    WorkStep (*prepare)(Work *work);

    const char *function;        /* the prefix of errors; jobs of one function form a group */
    Janet (*result)(Work *work); /* for work_await: the value, if run did not fail; may fail */
    bool failed;                 /* set by run, prepare or result, with the reason below */
    Failure failure;

    bool is_prepared;
    GcRoot root;
    struct WorkRequest *request; /* of work_await */
    Work *next, **link;          /* among those to prepare */
};

/* Zeroed, of `size` bytes; never NULL. */
void *work_new(size_t size);

/* Free a work that was not started, or whose done is NULL. */
void work_free(Work *work);

/* Run a work on a worker. Call done when it has ended, then free the work. False when no worker can
 * be started: the work is freed, and done is not called. */
bool work_start(Work *work, WorkersPool pool, Failure *failure);

/* Cancel a work: done is not called. The work is freed at once, unless a worker runs it. */
void work_cancel(Work *work);

/* Start it and park the current fiber until it has ended. The fiber resumes with result's value, or
 * with the error "<function>: <failure>". When the fiber is cancelled, so is the work. */
JANET_NO_RETURN void work_await(Work *work, WorkersPool pool);

#endif
