/* A task on a worker thread. */
#ifndef JSEC_CRYPTO_OFFLOAD_H
#define JSEC_CRYPTO_OFFLOAD_H

#include "crypto/task.h"

/* Copy the task, `size` bytes, run the copy on a worker, and park the fiber until it has ended.
 * Raises what fails, and has the task released in any case. */
JANET_NO_RETURN void offload_task(Task *task, size_t size);

#endif
