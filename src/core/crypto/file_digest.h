/* The digest of a file of any size, in constant memory. */
#ifndef JSEC_CORE_FILE_DIGEST_H
#define JSEC_CORE_FILE_DIGEST_H

#include "core/crypto/digester.h"

#include <stdint.h>

typedef struct FileDigest {
    Digester digester; /* opened by the caller */
    int descriptor;
    uint64_t done; /* bytes, so far */
    bool at_end;
} FileDigest;

/* Hash the next 64 MB; sets at_end when there are no more. */
bool file_digest_advance(FileDigest *file, Failure *failure);

/* Closes file and digester. */
void file_digest_close(FileDigest *file);

#endif
