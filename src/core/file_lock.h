/* A lock on a file, which the kernel releases when its process ends. */
#ifndef JSEC_CORE_FILE_LOCK_H
#define JSEC_CORE_FILE_LOCK_H

#include "core/failure.h"

typedef enum FileLock { FILE_LOCK_TAKEN, FILE_LOCK_BUSY, FILE_LOCK_FAILED } FileLock;

/* Take the lock without waiting; the file is made if it is not there. The caller closes the
 * descriptor, which ends the lock. */
FileLock file_lock_try(const char *path, int *descriptor, Failure *failure);

#endif
