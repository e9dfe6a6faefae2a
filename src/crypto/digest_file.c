#define _GNU_SOURCE /* O_CLOEXEC */
/* Digests of files and streams: the native half. jsec/lib/digests.janet has the loops, and the
 * functions of the same names that are public. */
#include "base/args.h"
#include "base/module.h"
#include "base/raise.h"
#include "core/crypto/file_digest.h"
#include "crypto/digest_object.h"
#include "crypto/digest_options.h"
#include "net/work.h"
#include "register.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DIGEST_FILE "crypto/digest-file"

/* Holds the state between two slices; during a slice the work has it, since a cancelled work goes
 * on after the object is collected. */
typedef struct FileObject {
    FileDigest *state;
} FileObject;

static void free_state(FileDigest *state) {
    if (!state) return;
    file_digest_close(state);
    free(state);
}

static int collect_file(void *pointer, size_t size) {
    (void)size;
    free_state(((FileObject *)pointer)->state);
    return 0;
}

static const JanetAbstractType file_type = {.name = "jsec/digest-file", .gc = collect_file};

/* --- opening --- */

typedef struct SourceOptions {
    DigestOptions digest; /* must be first */
    Bytes key;
    Janet progress;
} SourceOptions;

static const OptionRow key_rows[] = {
    OPTION_SECRET("key", option_bytes, SourceOptions, key, "Make an HMAC with this key."),
};
static const OptionRow progress_rows[] = {
    OPTION("progress", option_function_of_both, SourceOptions, progress,
           "Function of two numbers: bytes so far, and the size of the file."),
};
static const OptionSet key_option = OPTION_SET(key_rows);
static const OptionSet progress_option = OPTION_SET(progress_rows);
static const OptionSet *const stream_parts[] = {&digest_options, &key_option, NULL};
static const OptionSet *const file_parts[] = {&digest_options, &key_option, &progress_option, NULL};
static const OptionSet stream_options = OPTION_SET_OF(stream_parts);
static const OptionSet file_options = OPTION_SET_OF(file_parts);

static void open_digester(const char *function, const OptionSet *set, int32_t argc,
                          const Janet *argv, Digester *digester) {
    Failure failure;
    SourceOptions options = {0};
    const DigestRow *row = args_digest(function, argv, 0);
    options.progress = janet_wrap_nil();
    options_read(function, set, args_options(argv, argc, 2), &options);
    if (options.key.data) {
        row = args_hmac_digest(function, argv, 0);
        digest_options_length(function, row, options.digest.length);
        if (!digester_open_hmac(digester, row, options.key, &failure)) {
            raise_failure(function, &failure);
        }
        return;
    }
    size_t length = digest_options_length(function, row, options.digest.length);
    if (!digester_open(digester, algorithms_md(row), length, &failure)) {
        raise_failure(function, &failure);
    }
}

static const char *require_path(const char *function, const Janet *argv, int32_t slot) {
    Bytes path = args_bytes(function, argv, slot);
    if (memchr(path.data, 0, path.length)) raise_format(function, "a path has no NUL byte");
    return (const char *)janet_string(path.data, (int32_t)path.length);
}

/* A FIFO or terminal could block the worker for ever. */
static bool open_file(const char *path, int *descriptor, Failure *failure) {
    struct stat status;
    *descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (*descriptor < 0 || fstat(*descriptor, &status)) {
        return failure_set(failure, "file not opened: %s", strerror(errno));
    }
    if (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode)) return true;
    return failure_set(failure, "not a regular file: use crypto/digest-stream");
}

FUNCTION(crypto_digest_file, DIGEST_FILE, "algorithm path &opt opts",
         "Open a file for digest-file/advance.", &file_options) {
    args_arity(function, argc, 2, 3);
    Failure failure;
    const char *path = require_path(function, argv, 1);
    FileObject *self = janet_abstract(&file_type, sizeof *self);
    self->state = calloc(1, sizeof *self->state);
    if (!self->state) raise_format(function, "out of memory");
    self->state->descriptor = -1;
    open_digester(function, &file_options, argc, argv, &self->state->digester);
    if (!open_file(path, &self->state->descriptor, &failure)) raise_failure(function, &failure);
    return janet_wrap_abstract(self);
}

static bool is_stream(Janet value) {
    if (!janet_checktype(value, JANET_ABSTRACT)) return false;
    return janet_checktypes(janet_get(value, janet_ckeywordv("read")),
                            JANET_TFLAG_FUNCTION | JANET_TFLAG_CFUNCTION);
}

FUNCTION(crypto_digest_stream, "crypto/digest-stream", "algorithm stream &opt opts",
         "A digest object for the bytes of a stream.", &stream_options) {
    args_arity(function, argc, 2, 3);
    if (!is_stream(argv[1])) raise_type(function, 1, "stream or file", argv[1]);
    Digester *digester = digest_object_new();
    open_digester(function, &stream_options, argc, argv, digester);
    return janet_wrap_abstract(digester);
}

/* --- a slice --- */

typedef struct SliceWork {
    Work work; /* must be first */
    FileDigest *state;
    FileObject *object;
} SliceWork;

static void run_slice(Work *work) {
    work->failed = !file_digest_advance(((SliceWork *)work)->state, &work->failure);
}

static void release_slice(Work *work) {
    free_state(((SliceWork *)work)->state);
}

static void mark_object(Work *work) {
    janet_mark(janet_wrap_abstract(((SliceWork *)work)->object));
}

static Janet finish_file(Work *work) {
    Digester *digester = &((SliceWork *)work)->state->digester;
    JanetBuffer *out = janet_buffer((int32_t)digester->length);
    out->count = (int32_t)digester->length;
    work->failed = !digester_finish(digester, out->data, &work->failure);
    return janet_wrap_buffer(out);
}

static Janet take_slice(Work *work) {
    SliceWork *slice = (SliceWork *)work;
    if (slice->state->at_end) return finish_file(work);
    Janet done = janet_wrap_number((double)slice->state->done);
    slice->object->state = slice->state;
    slice->state = NULL;
    return done;
}

FUNCTION(digest_file_advance, "digest-file/advance", "file",
         "Hash the next slice of a file on a worker. Returns how many bytes are done, a number, or "
         "at the end the digest.",
         NULL) {
    args_arity(function, argc, 1, 1);
    FileObject *self = raise_unless_abstract(function, argv, 0, &file_type);
    if (!self->state) raise_format(DIGEST_FILE, "the file is finished");
    SliceWork *slice = work_new(sizeof *slice);
    slice->work = (Work){.run = run_slice,
                         .release = release_slice,
                         .mark = mark_object,
                         .function = DIGEST_FILE,
                         .result = take_slice};
    slice->object = self;
    slice->state = self->state;
    self->state = NULL;
    work_await(&slice->work, WORKERS_COMPUTE);
}

static const Function *const functions[] = {
    &function_crypto_digest_file,
    &function_crypto_digest_stream,
    &function_digest_file_advance,
    NULL,
};

void digest_file_register(JanetTable *env) {
    module_register(env, functions);
}
