/* Locks and flushes the folder of a CA: for jsec/ca. */
#include "core/file_lock.h"
#include "core/file_sync.h"

#include "base/args.h"
#include "base/module.h"
#include "base/raise.h"
#include "register.h"

#include <unistd.h>

typedef struct Lock {
    int descriptor; /* -1: released */
} Lock;

static void release(Lock *lock) {
    if (lock->descriptor >= 0) close(lock->descriptor);
    lock->descriptor = -1;
}

static int lock_gc(void *data, size_t size) {
    (void)size;
    release(data);
    return 0;
}

static const JanetAbstractType lock_type = {.name = "ca/lock", .gc = lock_gc};

FUNCTION(
    ca_try_lock, "ca/try-lock", "path",
    "Take the lock on a file, which is made if it is not there. Returns the lock, or nil where "
    "another process or fiber holds it. Raises when the file can't be opened.",
    NULL) {
    args_arity(function, argc, 1, 1);
    const char *path = janet_getcstring(argv, 0);
    Lock *lock = janet_abstract(&lock_type, sizeof *lock);
    Failure failure;
    FileLock result = file_lock_try(path, &lock->descriptor, &failure);
    if (result == FILE_LOCK_FAILED) raise_failure(function, &failure);
    return result == FILE_LOCK_TAKEN ? janet_wrap_abstract(lock) : janet_wrap_nil();
}

FUNCTION(ca_unlock, "ca/unlock", "lock", "Release a lock; a second time has no effect.", NULL) {
    args_arity(function, argc, 1, 1);
    release(raise_unless_abstract(function, argv, 0, &lock_type));
    return janet_wrap_nil();
}

FUNCTION(ca_sync, "ca/sync", "path",
         "Return when the content of a file, or the names in a folder, are on the disk, and not "
         "only in memory. Raises when the file can't be opened, or the disk fails.",
         NULL) {
    args_arity(function, argc, 1, 1);
    Failure failure;
    if (!file_sync(janet_getcstring(argv, 0), &failure)) raise_failure(function, &failure);
    return janet_wrap_nil();
}

static const Function *const functions[] = {
    &function_ca_try_lock,
    &function_ca_unlock,
    &function_ca_sync,
    NULL,
};

void ca_folder_register(JanetTable *env) {
    module_register(env, functions);
}
