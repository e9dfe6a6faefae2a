#define _DEFAULT_SOURCE /* flock */
#include "core/file_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

FileLock file_lock_try(const char *path, int *descriptor, Failure *failure) {
    *descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*descriptor < 0) {
        failure_set(failure, "lock file not opened: %s", strerror(errno));
        return FILE_LOCK_FAILED;
    }
    if (!flock(*descriptor, LOCK_EX | LOCK_NB)) return FILE_LOCK_TAKEN;
    bool busy = errno == EWOULDBLOCK;
    if (!busy) failure_set(failure, "lock not taken: %s", strerror(errno));
    close(*descriptor);
    *descriptor = -1;
    return busy ? FILE_LOCK_BUSY : FILE_LOCK_FAILED;
}
