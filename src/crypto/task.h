/* A computation on bytes: done at once when it is small, on a worker thread while its fiber waits
 * when it would hold up the event loop.
 *
 * Embed Task first in a struct that holds whatever else the computation needs. */
#ifndef JSEC_CRYPTO_TASK_H
#define JSEC_CRYPTO_TASK_H

#include "core/bytes.h"
#include "core/failure.h"

#include <janet.h>
#include <stdbool.h>

#define TASK_INPUTS 4
#define TASK_LARGE ((size_t)4 << 20) /* bytes of input that are worth a thread */

typedef struct Task Task;

struct Task {
    const char *function; /* prefix of the error */

    /* Reads the inputs, writes `length` bytes, at most `room`, to output. Sees bytes and OpenSSL
     * only: no Janet value may be touched, for it may be on another thread. */
    bool (*run)(Task *task, Failure *failure);

    Janet (*result)(Task *task); /* NULL: task_output; may come to task_fail */
    void (*release)(Task *task); /* frees keys and the like; may be NULL */
    Bytes inputs[TASK_INPUTS];   /* views; copied when it goes to a thread */
    size_t room;
    bool is_string; /* the output is a string of exactly `room` bytes, else a buffer */

    const char *failed; /* set by task_fail */
    uint8_t *output;    /* set by task_run */
    size_t length;
    JanetBuffer *buffer;
};

/* Is there more input, or output, than the event loop should wait for? */
bool task_is_large(const Task *task);

/* Run it; `size` is that of the struct around it, which is copied when heavy. Returns the result or
 * raises; heavy ones await. Either way release has been called, or will be, exactly once. */
Janet task_run(Task *task, size_t size, bool heavy);

/* The output as a Janet value, for result. */
Janet task_output(Task *task);

/* For result: there is none, and task_run raises. */
Janet task_fail(Task *task, const char *why);

#endif
