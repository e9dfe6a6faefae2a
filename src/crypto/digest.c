/* Digests, and HMAC over them. */
#include "base/args.h"
#include "base/module.h"
#include "base/raise.h"
#include "crypto/digest_options.h"
#include "crypto/task.h"
#include "register.h"

#include <openssl/err.h>

/* --- digest --- */

typedef struct DigestTask {
    Task task; /* inputs: data */
    const DigestRow *digest;
} DigestTask;

static bool hash_xof(Bytes data, const EVP_MD *md, uint8_t *out, size_t length) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool done = context && EVP_DigestInit_ex2(context, md, NULL) &&
                EVP_DigestUpdate(context, data.data, data.length) &&
                EVP_DigestFinalXOF(context, out, length);
    EVP_MD_CTX_free(context);
    return done;
}

static bool digest_run(Task *task, Failure *failure) {
    const DigestRow *digest = ((DigestTask *)task)->digest;
    const EVP_MD *md = algorithms_md(digest);
    Bytes data = task->inputs[0];
    task->length = task->room;
    bool done = digest->xof ? hash_xof(data, md, task->output, task->length)
                            : algorithms_hash(md, &data, 1, task->output);
    return done || failure_openssl(failure, "no digest");
}

FUNCTION(crypto_digest, "crypto/digest", "algorithm data &opt opts",
         "Hash `data`, a string or buffer, and return the digest as a buffer. `algorithm` is a "
         "keyword or string: :sha256 :sha384 :sha512 :sha224 :sha512-224 :sha512-256 :sha3-224 "
         ":sha3-256 :sha3-384 :sha3-512 :blake2b512 :blake2s256, and :shake128 :shake256 with a "
         "length; with OpenSSL 3.2 :keccak-256, Ethereum's digest, which is not :sha3-256. "
         "Spellings such as \"SHA-256\" are accepted as well. :md5, :sha1 and :ripemd160 "
         "are for old formats: they no longer resist forgery. Above 4 MB a worker thread hashes "
         "while the fiber waits. Raises when the algorithm is unknown. FIPS 180-4, FIPS 202, RFC "
         "7693.\n\n"
         "Do not store passwords this way: use `hash-password`.",
         &digest_options) {
    args_arity(function, argc, 2, 3);
    DigestTask job = {.task = {.function = function, .run = digest_run, .is_linear = true}};
    job.digest = args_digest(function, argv, 0);
    job.task.inputs[0] = args_bytes(function, argv, 1);
    job.task.room = digest_options_read(function, job.digest, argv, argc, 2);
    return task_run(&job.task, sizeof job, task_is_large(&job.task));
}

/* --- HMAC --- */

enum { KEY, DATA };

typedef struct HmacTask {
    Task task; /* inputs: key, data */
    const DigestRow *digest;
} HmacTask;

static bool hmac_run(Task *task, Failure *failure) {
    Bytes key = task->inputs[KEY], data = task->inputs[DATA];
    const DigestRow *digest = ((HmacTask *)task)->digest;
    EVP_MAC_CTX *context = algorithms_take_hmac(digest, failure);
    if (!context) return false;
    if (EVP_MAC_init(context, key.data, key.length, NULL) &&
        EVP_MAC_update(context, data.data, data.length) &&
        EVP_MAC_final(context, task->output, &task->length, task->room)) {
        algorithms_give_hmac(digest, context);
        return true;
    }
    EVP_MAC_CTX_free(context);
    return failure_openssl(failure, "no HMAC");
}

FUNCTION(crypto_hmac, "crypto/hmac", "algorithm key data",
         "The keyed hash (HMAC, RFC 2104) of `data` over the digest `algorithm`, as a buffer. "
         "`key` and `data` are strings or buffers; a good key has as many random bytes as the "
         "digest. Compare a received value by `constant-time=`, never by `=`. Above 4 MB a worker "
         "thread computes while the fiber waits. Raises when the algorithm is unknown, or a SHAKE.",
         NULL) {
    args_arity(function, argc, 3, 3);
    const DigestRow *digest = args_hmac_digest(function, argv, 0);
    HmacTask job = {.task = {.function = function, .run = hmac_run, .is_linear = true},
                    .digest = digest};
    job.task.inputs[KEY] = args_secret(function, argv, 1);
    job.task.inputs[DATA] = args_bytes(function, argv, 2);
    job.task.room = (size_t)EVP_MD_get_size(algorithms_md(digest));
    return task_run(&job.task, sizeof job, task_is_large(&job.task));
}

static const Function *const functions[] = {
    &function_crypto_digest,
    &function_crypto_hmac,
    NULL,
};

void digest_register(JanetTable *env) {
    module_register(env, functions);
}
