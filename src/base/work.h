/* Work that would block the event loop (name resolution, RSA keys, PBKDF2, large inputs), on a
 * thread of its own.
 *
 * Embed Work first in a struct from work_new, fill in copies of the inputs, then start it. run
 * sees bytes and OpenSSL only: no Janet value may be touched there. done runs on the event loop
 * of the VM that started it, whatever has become of the fiber. release frees what the struct
 * owns, secrets cleansed; the struct itself goes after it. */
#ifndef JSEC_BASE_WORK_H
#define JSEC_BASE_WORK_H

#include "core/failure.h"

#include <janet.h>

typedef struct Work {
    struct Work *next, **link; /* of those that have not come back */
    void (*run)(struct Work *work);
    void (*done)(struct Work *work);
    void (*release)(struct Work *work); /* may be NULL */

    /* for work_await only */
    const char *function;               /* prefix of the error */
    Janet (*result)(struct Work *work); /* makes the value, if run did not fail; may fail itself */
    bool failed;                        /* set by run or result, with the reason below */
    Failure failure;
    JanetFiber *fiber;
    uint32_t sched_id;
} Work;

/* Zeroed, of `size` bytes; never NULL. */
void *work_new(size_t size);

/* Free a job that was not started. */
void work_free(Work *work);

/* Run it on a thread; done is called on this event loop when it has ended. The job is freed after
 * done. False when no thread can be made, the job freed and done not called. */
bool work_start(Work *work, Failure *failure);

/* Start it and park the current fiber until it has ended; the fiber is woken with result's value,
 * or with the error "<function>: <failure>". A fiber that was cancelled meanwhile is left alone. */
JANET_NO_RETURN void work_await(Work *work);

#endif
