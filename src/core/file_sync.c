#define _GNU_SOURCE /* fsync, O_CLOEXEC */
#include "core/file_sync.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static bool flush(int descriptor) {
#ifdef F_FULLFSYNC /* macOS: fsync leaves the data in the cache of the drive */
    if (!fcntl(descriptor, F_FULLFSYNC)) return true;
#endif
    return !fsync(descriptor);
}

bool file_sync(const char *path, Failure *failure) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return failure_set(failure, "file not opened: %s", strerror(errno));
    /* EINVAL: some file systems can't flush folders. */
    bool flushed = flush(descriptor) || errno == EINVAL;
    if (!flushed) failure_set(failure, "not written to the disk: %s", strerror(errno));
    close(descriptor);
    return flushed;
}
