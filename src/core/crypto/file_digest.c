#include "core/crypto/file_digest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE ((size_t)256 << 10)  /* stays in the cache between reading and hashing */
#define SLICE ((uint64_t)64 << 20) /* at the end of a slice, a call can end or report */

static ssize_t read_piece(int descriptor, uint8_t *piece) {
    ssize_t length;
    do {
        length = read(descriptor, piece, PIECE);
    } while (length < 0 && errno == EINTR);
    return length;
}

static bool hash_slice(FileDigest *file, uint8_t *piece, Failure *failure) {
    uint64_t end = file->done + SLICE;
    while (file->done < end) {
        ssize_t length = read_piece(file->descriptor, piece);
        if (length < 0) return failure_set(failure, "file not read: %s", strerror(errno));
        file->at_end = !length;
        if (!length) return true;
        if (!digester_update(&file->digester, (Bytes){piece, (size_t)length}, failure))
            return false;
        file->done += (uint64_t)length;
    }
    return true;
}

bool file_digest_advance(FileDigest *file, Failure *failure) {
    uint8_t *piece = malloc(PIECE);
    if (!piece) return failure_set(failure, "out of memory");
    bool done = hash_slice(file, piece, failure);
    free(piece);
    return done;
}

void file_digest_close(FileDigest *file) {
    digester_close(&file->digester);
    if (file->descriptor >= 0) close(file->descriptor);
    file->descriptor = -1;
}
