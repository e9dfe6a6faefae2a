#define _GNU_SOURCE /* O_CLOEXEC, PATH_MAX */
/* The content behind "path or PEM content". */
#include "core/keys/pem.h"

#include "core/keys/openssh.h"
#include "core/shown.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A string that jsec/cert or jsec/crypto takes for a path may come from a peer. It must not empty a
 * pipe, such as the event loop's own behind /proc/self/fd. Options of TLS come from the program. */
typedef enum Access { REGULAR_ONLY, ANY_FILE } Access;

#define PATIENCE_MS 1000
#define NO_SOURCE "neither PEM nor DER nor the path of a file"

/* Like read, but waits up to a second for the data of a pipe or terminal; the event loop waits
 * too. */
static ssize_t read_some(int descriptor, uint8_t *into, size_t room) {
    for (;;) {
        ssize_t got = read(descriptor, into, room);
        if (got >= 0 || (errno != EINTR && errno != EAGAIN)) return got;
        struct pollfd wanted = {.fd = descriptor, .events = POLLIN};
        if (errno == EINTR || poll(&wanted, 1, PATIENCE_MS) > 0) continue;
        errno = ETIMEDOUT;
        return -1;
    }
}

static bool read_whole(int descriptor, const char *path, PemSource *into, Failure *failure) {
    struct stat info;
    if (fstat(descriptor, &info)) return failure_set(failure, "%s: %s", path, strerror(errno));
    if (S_ISDIR(info.st_mode)) return failure_set(failure, "%s: is a directory", path);
    if (info.st_size > PEM_MAX_SIZE) return failure_set(failure, "%s: larger than 16 MB", path);
    size_t room = (size_t)info.st_size + 1, held = 0; /* one byte more, to find the end */
    for (;;) {
        uint8_t *bytes = OPENSSL_clear_realloc(into->bytes, held, into->length + room);
        if (!bytes) return failure_set(failure, "%s: out of memory", path);
        into->bytes = bytes;
        held = into->length + room;
        ssize_t got = read_some(descriptor, into->bytes + into->length, room);
        if (got < 0) return failure_set(failure, "%s: %s", path, strerror(errno));
        if (got == 0) return true;
        into->length += (size_t)got;
        if (into->length > PEM_MAX_SIZE) return failure_set(failure, "%s: larger than 16 MB", path);
        room = into->length; /* a pipe or a growing file has more */
    }
}

static bool can_be_path(Bytes source) {
    return source.length && source.length < PATH_MAX && !memchr(source.data, 0, source.length) &&
           !memchr(source.data, '\n', source.length);
}

static bool is_content(Bytes source) {
    return encoding_is_pem(source) || encoding_is_der(source) || openssh_is_public(source);
}

bool pem_is_path(Bytes source) {
    return can_be_path(source) && !is_content(source);
}

/* Opening a pipe or device has effects already: it wakes a writer, or rewinds a tape. */
static bool is_irregular(const char *path) {
    struct stat info;
    return !stat(path, &info) && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

/* `otherwise` replaces the source in an error text if the text must not show the source. */
static bool read_file(Bytes source, Access access, const char *otherwise, PemSource *owned,
                      Failure *failure) {
    char path[PATH_MAX];
    *owned = (PemSource){NULL, 0};
    if (!can_be_path(source)) return failure_set(failure, "%s", otherwise);
    memcpy(path, source.data, source.length);
    path[source.length] = 0;
    const char *shown = shown_is_path(source) ? path : otherwise;
    if (access == REGULAR_ONLY && is_irregular(path)) {
        return failure_set(failure, "%s: not a regular file: give the content: (slurp path)",
                           shown);
    }
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) return failure_set(failure, "%s: %s", shown, strerror(errno));
    bool read = read_whole(descriptor, path, owned, failure);
    close(descriptor);
    if (!read) pem_free(owned);
    return read;
}

bool pem_file(Bytes source, PemSource *owned, Failure *failure) {
    *owned = (PemSource){NULL, 0};
    if (!source.length) return failure_set(failure, "empty path");
    return read_file(source, ANY_FILE, "not the path of a file", owned, failure);
}

Bytes pem_source(Bytes source, PemSource *owned, Failure *failure) {
    const Bytes none = {NULL, 0};
    *owned = (PemSource){NULL, 0};
    if (is_content(source)) return source;
    if (!source.length) {
        failure_set(failure, "empty, expected PEM, DER or the path of a file");
        return none;
    }
    if (!read_file(source, ANY_FILE, NO_SOURCE, owned, failure)) return none;
    return (Bytes){owned->bytes, owned->length};
}

bool pem_resolve(Bytes *source, const char *what, PemSource *owned, Failure *failure) {
    *owned = (PemSource){NULL, 0};
    if (!pem_is_path(*source)) return true;
    if (!read_file(*source, REGULAR_ONLY, NO_SOURCE, owned, failure)) {
        return failure_prefix(failure, "%s", what);
    }
    *source = (Bytes){owned->bytes, owned->length};
    return true;
}

void pem_hint_path(Bytes data, Failure *failure) {
    if (!pem_is_path(data)) return;
    failure_set(failure, "%s: if it is a path, give the content: (slurp path)", failure->text);
}

void pem_free(PemSource *owned) {
    OPENSSL_clear_free(owned->bytes, owned->length);
    *owned = (PemSource){NULL, 0};
}
