/* A computation on bytes. A small one runs at once; one that would delay the event loop runs on a
 * worker thread while its fiber waits.
 *
 * Embed Task first in a struct with everything else that the computation needs. */
#ifndef JSEC_CRYPTO_TASK_H
#define JSEC_CRYPTO_TASK_H

#include "core/bytes.h"
#include "core/failure.h"

#include <janet.h>
#include <stdbool.h>

#define TASK_INPUTS 4
#define TASK_LARGE ((size_t)4 << 20) /* bytes of input and output that go to a worker */

typedef struct Task Task;

struct Task {
    const char *function; /* prefix of the error */

    /* Reads the inputs and writes `length` bytes, at most `room`, to output. It must not touch a
     * Janet value: it may run on a worker thread. */
    bool (*run)(Task *task, Failure *failure);

    Janet (*result)(Task *task); /* NULL: task_output; may call task_fail */
    void (*release)(Task *task); /* frees keys and the like, on any thread; may be NULL */
    Bytes inputs[TASK_INPUTS];   /* views of the caller's bytes */
    size_t room;
    bool is_string; /* the output is a string of exactly `room` bytes, else a buffer */

    /* The time of run follows from the length of the inputs. A worker then reads long strings in
     * place, and the end of the VM waits for it; other tasks get copies. */
    bool is_linear;

    const char *failed; /* set by task_fail */
    uint8_t *output;    /* set by task_run */
    size_t length;
    JanetBuffer *buffer;
};

/* True when input and output are too long for the event loop. */
bool task_is_large(const Task *task);

/* Run it, on a worker if it is heavy; `size` is that of the whole struct. Returns the result or
 * raises. release is called once in any case. */
Janet task_run(Task *task, size_t size, bool heavy);

/* The output as a Janet value, for result. */
Janet task_output(Task *task);

/* For result: there is none, and task_run raises. */
Janet task_fail(Task *task, const char *why);

/* The steps of a task, for task_run and offload_task: make the output in Janet's own memory; call
 * result; call release. */
void task_take_memory(Task *task);
Janet task_finish(Task *task);
void task_release(Task *task);

#endif
