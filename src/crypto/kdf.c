/* Keys derived from secrets and passwords. */
#include "core/crypto/kdf.h"
#include "base/args.h"
#include "base/module.h"
#include "base/raise.h"
#include "crypto/task.h"
#include "register.h"

/* About a millisecond of HMACs, and of scrypt's N * r * p. */
#define SLOW_ITERATIONS 2000
#define SLOW_SCRYPT 2048

enum { SECRET, SALT, INFO };

typedef struct KdfTask {
    Task task; /* inputs: secret, salt, info */
    const DigestRow *digest;
    uint64_t iterations;
    ScryptCost scrypt;
} KdfTask;

/* --- HKDF --- */

static bool hkdf_run(Task *task, Failure *failure) {
    Bytes *inputs = task->inputs;
    task->length = task->room;
    return kdf_hkdf(((KdfTask *)task)->digest, inputs[SECRET], inputs[SALT], inputs[INFO],
                    task->output, task->length, failure);
}

static Bytes read_or_empty(const char *function, const Janet *argv, int32_t slot) {
    Bytes bytes = args_bytes_or_none(function, argv, slot + 1, slot);
    return bytes.data ? bytes : (Bytes){(const uint8_t *)"", 0};
}

#define MAX_INFO_LENGTH (32 << 10) /* OpenSSL refuses more without a reason */

static Bytes read_info(const char *function, const Janet *argv, int32_t slot) {
    Bytes info = read_or_empty(function, argv, slot);
    if (info.length > MAX_INFO_LENGTH) {
        raise_format(function, "info too long: at most %d bytes, got %d", MAX_INFO_LENGTH,
                     (int)info.length);
    }
    return info;
}

FUNCTION(crypto_hkdf, "crypto/hkdf", "algorithm key salt info length",
         "Derive `length` bytes from the secret `key` with HKDF (RFC 5869) over a digest, and "
         "return them as a buffer. `salt` is random but not secret; `info` makes the keys that "
         "one secret yields differ. Both are strings or buffers, empty or nil for none. Raises "
         "when `length` is not from 1 to 255 times the size of the digest, or `info` is longer "
         "than 32768 bytes.\n\n"
         "Not for passwords, which can be guessed: use `hash-password` to store one, `scrypt` to "
         "make a key of one.",
         NULL) {
    args_arity(function, argc, 5, 5);
    KdfTask job = {.task = {.function = function, .run = hkdf_run}};
    job.digest = args_hmac_digest(function, argv, 0);
    job.task.inputs[SECRET] = args_secret(function, argv, 1);
    job.task.inputs[SALT] = read_or_empty(function, argv, 2);
    job.task.inputs[INFO] = read_info(function, argv, 3);
    int32_t max_length = 255 * EVP_MD_get_size(algorithms_md(job.digest));
    job.task.room = (size_t)args_integer(function, argv, 4, 1, max_length);
    return task_run(&job.task, sizeof job, task_is_large(&job.task));
}

/* --- PBKDF2 --- */

static bool pbkdf2_run(Task *task, Failure *failure) {
    const KdfTask *job = (KdfTask *)task;
    task->length = task->room;
    return kdf_pbkdf2(job->digest, task->inputs[SECRET], task->inputs[SALT], job->iterations,
                      task->output, task->length, failure);
}

FUNCTION(crypto_pbkdf2, "crypto/pbkdf2", "algorithm password salt iterations length",
         "Derive `length` bytes from a password with PBKDF2 (RFC 8018) over HMAC with a digest, "
         "and return them as a buffer. `salt` is random, 16 bytes or more, stored beside the "
         "result. `iterations` makes guessing slow: 600000 with :sha256 today; any number from 1 "
         "is accepted, for old data. Above 2000 a worker thread computes while the fiber waits. "
         "Compare the result by `constant-time=`; `hash-password` does all of it. Raises when a "
         "number is out of range or the digest is unknown.",
         NULL) {
    args_arity(function, argc, 5, 5);
    KdfTask job = {.task = {.function = function, .run = pbkdf2_run}};
    job.digest = args_hmac_digest(function, argv, 0);
    job.task.inputs[SECRET] = args_secret(function, argv, 1);
    job.task.inputs[SALT] = args_bytes(function, argv, 2);
    job.iterations = (uint64_t)args_integer(function, argv, 3, 1, INT32_MAX);
    job.task.room = (size_t)args_integer(function, argv, 4, 1, ARGS_MAX_OUTPUT);
    size_t size = (size_t)EVP_MD_get_size(algorithms_md(job.digest));
    size_t blocks = (job.task.room + size - 1) / size;
    bool slow = job.iterations * blocks > SLOW_ITERATIONS;
    return task_run(&job.task, sizeof job, slow || task_is_large(&job.task));
}

/* --- scrypt --- */

typedef struct ScryptOptions {
    int32_t n, r, p;
    double memory;
} ScryptOptions;

#define SCRYPT_N (1 << 17)
#define SCRYPT_MEMORY ((double)(1 << 30) + (1 << 20)) /* N = 2^20 with r = 8 fits */

static const OptionRange cost_range = {2, 1 << 30};
static const OptionRange block_range = {1, 1 << 24};

static const OptionRow scrypt_rows[] = {
    OPTION_WITH("n", option_integer, &cost_range, ScryptOptions, n,
                "Cost, a power of 2: 131072 by default."),
    OPTION_WITH("r", option_integer, &block_range, ScryptOptions, r, "Block size, 8 by default."),
    OPTION_WITH("p", option_integer, &block_range, ScryptOptions, p, "Repetitions, 1 by default."),
    OPTION("max-memory", option_memory, ScryptOptions, memory,
           "Bytes that 128 * n * r may not exceed: 1 GB by default."),
};
static const OptionSet scrypt_options = OPTION_SET(scrypt_rows);

static bool scrypt_run(Task *task, Failure *failure) {
    task->length = task->room;
    return kdf_scrypt(&((KdfTask *)task)->scrypt, task->inputs[SECRET], task->inputs[SALT],
                      task->output, task->length, failure);
}

/* The limits of RFC 7914, and :max-memory. */
static ScryptCost check_scrypt(const char *function, const ScryptOptions *options) {
    int32_t n = options->n;
    ScryptCost cost = {(uint64_t)n, (uint32_t)options->r, (uint32_t)options->p};
    double memory = kdf_scrypt_memory(&cost);
    if (n & (n - 1)) raise_format(function, "bad option :n, expected a power of 2, got %d", n);
    if ((double)options->r * options->p >= 1 << 30) {
        raise_format(function, "bad options, :r times :p must be less than 2^30");
    }
    if (memory > options->memory) {
        raise_format(function, "%d MB of memory needed: give a larger :max-memory or smaller :n",
                     (int)(memory / (1 << 20)));
    }
    return cost;
}

FUNCTION(crypto_scrypt, "crypto/scrypt", "password salt length &opt opts",
         "Derive `length` bytes from a password with scrypt (RFC 7914), which costs an attacker "
         "memory as well as time, and return them as a buffer. `salt` is random, 16 bytes or "
         "more, stored beside the result and the options. The defaults use 128 MB and some tenths "
         "of a second of a worker thread, while the fiber waits. Compare the result by "
         "`constant-time=`. Raises when an option is out of range.",
         &scrypt_options) {
    args_arity(function, argc, 3, 4);
    KdfTask job = {.task = {.function = function, .run = scrypt_run}};
    ScryptOptions options = {.n = SCRYPT_N, .r = 8, .p = 1, .memory = SCRYPT_MEMORY};
    job.task.inputs[SECRET] = args_secret(function, argv, 0);
    job.task.inputs[SALT] = args_bytes(function, argv, 1);
    job.task.room = (size_t)args_integer(function, argv, 2, 1, ARGS_MAX_OUTPUT);
    options_read(function, &scrypt_options, args_options(argv, argc, 3), &options);
    job.scrypt = check_scrypt(function, &options);
    bool slow = job.scrypt.n * job.scrypt.r * job.scrypt.p > SLOW_SCRYPT;
    return task_run(&job.task, sizeof job, slow || task_is_large(&job.task));
}

static const Function *const functions[] = {
    &function_crypto_hkdf,
    &function_crypto_pbkdf2,
    &function_crypto_scrypt,
    NULL,
};

void kdf_register(JanetTable *env) {
    module_register(env, functions);
}
