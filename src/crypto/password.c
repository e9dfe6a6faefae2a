/* Passwords: hashes to store, and their verification. */
#include "base/args.h"
#include "base/module.h"
#include "base/raise.h"
#include "core/crypto/phc.h"
#include "crypto/task.h"
#include "register.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

#define SALT_LENGTH 16
#define HASH_LENGTH 32
#define MAX_MEMORY (256.0 * (1 << 20))
#define MAX_ITERATIONS 10000000

/* --- options --- */

enum { ARGON2ID = 1, SCRYPT, PBKDF2 };
enum { SHA256 = 1, SHA512 };

/* 0: not given */
typedef struct PasswordOptions {
    double max_memory; /* the limits must be first */
    int32_t max_iterations;
    int algorithm, digest;
    int32_t memory, iterations, parallelism, n, r, p;
} PasswordOptions;

static const OptionWord algorithm_words[] = {
    {"argon2id", ARGON2ID}, {"scrypt", SCRYPT}, {"pbkdf2", PBKDF2}, {NULL, 0}};
static const OptionWord digest_words[] = {{"sha256", SHA256}, {"sha512", SHA512}, {NULL, 0}};

static const OptionRange memory_range = {8, 1 << 30};
static const OptionRange parallelism_range = {1, 255};
static const OptionRange positive_range = {1, INT32_MAX};
static const OptionRange n_range = {2, 1 << 30};
static const OptionRange block_range = {1, 1 << 24};

static const OptionRow limit_rows[] = {
    OPTION(
        "max-memory", option_memory, PasswordOptions, max_memory,
        "Bytes of memory that a hash may take, 268435456 (256 MB) by default; and all its passes "
        "over memory together 8 times that."),
    OPTION_WITH("max-iterations", option_integer, &positive_range, PasswordOptions, max_iterations,
                "Iterations that a hash of PBKDF2 may take, 10000000 by default."),
};
static const OptionRow cost_rows[] = {
    OPTION_WITH("algorithm", option_word, algorithm_words, PasswordOptions, algorithm,
                "`:argon2id`, `:scrypt` or `:pbkdf2`. Argon2id by default; scrypt where it is not "
                "offered, as `tls/features` says under `:argon2`."),
    OPTION_WITH("memory", option_integer, &memory_range, PasswordOptions, memory,
                "Of Argon2id: KiB of memory, 19456 by default."),
    OPTION_WITH("iterations", option_integer, &positive_range, PasswordOptions, iterations,
                "Of Argon2id: passes over the memory, 2 by default. Of PBKDF2: 600000 by default "
                "with SHA-256, 210000 with SHA-512; 1000 at least."),
    OPTION_WITH("parallelism", option_integer, &parallelism_range, PasswordOptions, parallelism,
                "Of Argon2id: lanes, 1 by default; one thread computes them all."),
    OPTION_WITH("n", option_integer, &n_range, PasswordOptions, n,
                "Of scrypt: cost, a power of 2, 131072 by default."),
    OPTION_WITH("r", option_integer, &block_range, PasswordOptions, r,
                "Of scrypt: block size, 8 by default."),
    OPTION_WITH("p", option_integer, &block_range, PasswordOptions, p,
                "Of scrypt: repetitions, 1 by default."),
    OPTION_WITH("digest", option_word, digest_words, PasswordOptions, digest,
                "Of PBKDF2: `:sha256`, the default, or `:sha512`."),
};
static const OptionSet limit_options = OPTION_SET(limit_rows);
static const OptionSet *const limits[] = {&limit_options, NULL};
static const OptionSet cost_options = OPTION_SET_WITH(cost_rows, limits);

static PasswordOptions read_options(const char *function, const OptionSet *set, int32_t argc,
                                    const Janet *argv, int32_t slot) {
    PasswordOptions options = {.max_memory = MAX_MEMORY, .max_iterations = MAX_ITERATIONS};
    options_read(function, set, args_options(argv, argc, slot), &options);
    if (!options.algorithm) options.algorithm = argon2_is_offered() ? ARGON2ID : SCRYPT;
    return options;
}

static void check_cost(const char *function, const PasswordCost *cost, size_t length,
                       const PasswordOptions *options) {
    Failure failure;
    PasswordLimits allowed = {options->max_memory, (uint32_t)options->max_iterations};
    if (!password_check_cost(cost, length, &allowed, &failure)) raise_failure(function, &failure);
}

/* --- costs --- */

static void check_absent(const char *function, bool given, const char *option,
                         const PasswordOptions *options) {
    const char *algorithm = algorithm_words[options->algorithm - 1].name;
    if (given) raise_format(function, "bad option :%s, %s has none", option, algorithm);
}

static uint32_t or_default(int32_t given, uint32_t value) {
    return given ? (uint32_t)given : value;
}

static PasswordCost argon2_cost(const char *function, const PasswordOptions *options) {
    Argon2Cost argon2 = {ARGON2_KIND_ID, 0x13, or_default(options->memory, 19456),
                         or_default(options->iterations, 2), or_default(options->parallelism, 1)};
    if (argon2.memory < 8 * argon2.lanes) {
        raise_format(function,
                     "bad option :memory, expected 8 KiB for each of :parallelism, got %d",
                     (int)argon2.memory);
    }
    return (PasswordCost){.kind = PASSWORD_ARGON2, .argon2 = argon2};
}

static PasswordCost scrypt_cost(const char *function, const PasswordOptions *options) {
    ScryptCost scrypt = {or_default(options->n, 1 << 17), or_default(options->r, 8),
                         or_default(options->p, 1)};
    if (scrypt.n & (scrypt.n - 1)) {
        raise_format(function, "bad option :n, expected a power of 2, got %d", options->n);
    }
    if ((double)scrypt.r * scrypt.p >= 1 << 30) {
        raise_format(function, "bad options, :r times :p must be less than 2^30");
    }
    return (PasswordCost){.kind = PASSWORD_SCRYPT, .scrypt = scrypt};
}

static PasswordCost pbkdf2_cost(const char *function, const PasswordOptions *options) {
    Failure failure;
    bool is_sha512 = options->digest == SHA512;
    const char *name = is_sha512 ? "sha512" : "sha256";
    const DigestRow *digest = algorithms_digest((Bytes){(const uint8_t *)name, 6}, &failure);
    if (!digest) raise_failure(function, &failure);
    Pbkdf2Cost pbkdf2 = {digest, or_default(options->iterations, is_sha512 ? 210000 : 600000)};
    if (pbkdf2.iterations < 1000) {
        raise_format(function, "bad option :iterations, expected 1000 or more, got %d",
                     options->iterations);
    }
    return (PasswordCost){.kind = PASSWORD_PBKDF2, .pbkdf2 = pbkdf2};
}

static PasswordCost choose_cost(const char *function, const PasswordOptions *options) {
    bool is_argon2 = options->algorithm == ARGON2ID, is_scrypt = options->algorithm == SCRYPT;
    check_absent(function, !is_argon2 && options->memory, "memory", options);
    check_absent(function, !is_argon2 && options->parallelism, "parallelism", options);
    check_absent(function, is_scrypt && options->iterations, "iterations", options);
    check_absent(function, !is_scrypt && options->n, "n", options);
    check_absent(function, !is_scrypt && options->r, "r", options);
    check_absent(function, !is_scrypt && options->p, "p", options);
    check_absent(function, (is_argon2 || is_scrypt) && options->digest, "digest", options);
    if (is_argon2) return argon2_cost(function, options);
    return is_scrypt ? scrypt_cost(function, options) : pbkdf2_cost(function, options);
}

/* --- hashing --- */

typedef struct PasswordTask {
    Task task; /* input: the password */
    PhcHash hash;
    bool matches;
} PasswordTask;

static bool hash_run(Task *task, Failure *failure) {
    PhcHash *hash = &((PasswordTask *)task)->hash;
    hash->salt_length = SALT_LENGTH;
    hash->hash_length = HASH_LENGTH;
    if (RAND_bytes(hash->salt, SALT_LENGTH) != 1)
        return failure_openssl(failure, "no random bytes");
    return password_derive(&hash->cost, task->inputs[0], (Bytes){hash->salt, SALT_LENGTH},
                           hash->hash, HASH_LENGTH, failure);
}

static Janet hash_result(Task *task) {
    char text[PHC_MAX_TEXT];
    size_t length = phc_write(&((PasswordTask *)task)->hash, text);
    return janet_stringv((const uint8_t *)text, (int32_t)length);
}

FUNCTION(crypto_hash_password, "crypto/hash-password", "password &opt opts",
         "Hash a password for storage, and return a string in the PHC format, with the algorithm, "
         "its costs and a fresh salt: `$argon2id$v=19$m=19456,t=2,p=1$...$...`. The same password "
         "gives another string each time: compare by `verify-password`. The defaults are OWASP's. "
         "A worker thread computes while the fiber waits; each hash in progress takes its memory, "
         "19 MB by default, 128 MB with scrypt, and `JSEC_WORKERS` bounds how many there are. "
         "jsec's copy of the password is cleansed; fill your buffer with zeros when you are done. "
         "Raises when an option is out of range or belongs to another algorithm. RFC 9106, 7914, "
         "8018.",
         &cost_options) {
    args_arity(function, argc, 1, 2);
    PasswordTask job = {.task = {.function = function, .run = hash_run, .result = hash_result}};
    job.task.inputs[0] = args_secret(function, argv, 0);
    PasswordOptions options = read_options(function, &cost_options, argc, argv, 1);
    job.hash.cost = choose_cost(function, &options);
    check_cost(function, &job.hash.cost, HASH_LENGTH, &options);
    return task_run(&job.task, sizeof job, true);
}

/* --- verification --- */

static PhcHash read_stored(const char *function, const Janet *argv, int32_t slot) {
    Failure failure;
    PhcHash hash;
    if (!phc_read(args_secret(function, argv, slot), &hash, &failure)) {
        raise_failure(function, &failure);
    }
    return hash;
}

static bool verify_run(Task *task, Failure *failure) {
    PasswordTask *job = (PasswordTask *)task;
    const PhcHash *hash = &job->hash;
    uint8_t derived[PHC_MAX_HASH];
    Bytes salt = {hash->salt, hash->salt_length};
    bool done =
        password_derive(&hash->cost, task->inputs[0], salt, derived, hash->hash_length, failure);
    job->matches = done && !CRYPTO_memcmp(derived, hash->hash, hash->hash_length);
    OPENSSL_cleanse(derived, sizeof derived);
    return done;
}

static Janet verify_result(Task *task) {
    return janet_wrap_boolean(((PasswordTask *)task)->matches);
}

FUNCTION(crypto_verify_password, "crypto/verify-password", "password stored &opt opts",
         "Is it the password of a stored hash? Returns true or false. `stored` is a string or "
         "buffer: what `hash-password` returned, any PHC string of Argon2, scrypt or PBKDF2 over "
         "SHA-1, SHA-256 or SHA-512, or what passlib and Django write for PBKDF2. Hashes are "
         "compared in constant time. A worker thread computes while the fiber waits.\n\n"
         "Raises when `stored` is damaged or of another kind, and when it asks for more than the "
         "limits, before any memory is taken.",
         &limit_options) {
    args_arity(function, argc, 2, 3);
    PasswordTask job = {.task = {.function = function, .run = verify_run, .result = verify_result}};
    job.task.inputs[0] = args_secret(function, argv, 0);
    job.hash = read_stored(function, argv, 1);
    PasswordOptions options = read_options(function, &limit_options, argc, argv, 2);
    check_cost(function, &job.hash.cost, job.hash.hash_length, &options);
    return task_run(&job.task, sizeof job, true);
}

FUNCTION(crypto_needs_rehash, "crypto/needs-rehash?", "stored &opt opts",
         "Would `hash-password` with these options write another algorithm, form, costs or lengths "
         "than those of a stored hash? Returns true or false. Ask after `verify-password` "
         "has returned true, while the password is known, and store a new hash. Raises when "
         "`stored` is damaged or of another kind, and when an option is out of range.",
         &cost_options) {
    args_arity(function, argc, 1, 2);
    char wanted[PHC_MAX_TEXT], found[PHC_MAX_TEXT];
    PhcHash hash = read_stored(function, argv, 0);
    PasswordOptions options = read_options(function, &cost_options, argc, argv, 1);
    PasswordCost cost = choose_cost(function, &options);
    phc_write_cost(&cost, wanted);
    phc_write_cost(&hash.cost, found);
    bool is_ours = !hash.is_foreign && !strcmp(wanted, found) && hash.salt_length == SALT_LENGTH &&
                   hash.hash_length == HASH_LENGTH;
    return janet_wrap_boolean(!is_ours);
}

static const Function *const functions[] = {
    &function_crypto_hash_password,
    &function_crypto_verify_password,
    &function_crypto_needs_rehash,
    NULL,
};

void password_register(JanetTable *env) {
    module_register(env, functions);
}
