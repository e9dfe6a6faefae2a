/* Preloaded (LD_PRELOAD), it writes the calls that move data to the disk to standard error, one a
 * line: "rename NAME", "fsync NAME". With JSEC_FAIL_SYNC=n the n-th fsync fails, as on a bad
 * disk. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int syncs;

static void print_call(const char *call, const char *path) {
    const char *slash = strrchr(path, '/');
    dprintf(2, "%s %s\n", call, slash ? slash + 1 : path);
}

int rename(const char *from, const char *to) {
    print_call("rename", to);
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int fsync(int descriptor) {
    char link[64], path[PATH_MAX + 1] = "";
    const char *failing = getenv("JSEC_FAIL_SYNC");
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    if (readlink(link, path, PATH_MAX) > 0) print_call("fsync", path);
    if (!failing || ++syncs != atoi(failing)) return (int)syscall(SYS_fsync, descriptor);
    errno = EIO;
    return -1;
}
