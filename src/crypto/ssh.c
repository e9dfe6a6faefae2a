/* SSH signatures. */
#include "base/args.h"
#include "base/key.h"
#include "base/module.h"
#include "base/raise.h"
#include "core/crypto/ssh_signature.h"
#include "core/keys/keys.h"
#include "core/keys/ssh_key.h"
#include "crypto/task.h"
#include "register.h"

#include <openssl/crypto.h>

#define MAX_NAMESPACE 1024

enum { DATA, SIGNATURE, KEY, PASSWORD };

typedef struct SshOptions {
    Bytes name_space, password;
    int digest;
} SshOptions;

enum { BY_SHA512, BY_SHA256 };

static const OptionWord digests[] = {{"sha512", BY_SHA512}, {"sha256", BY_SHA256}, {NULL, 0}};

static void option_namespace(const OptionSite *site, Janet value, void *field) {
    option_name(site, value, field);
    size_t length = ((Bytes *)field)->length;
    if (!length || length > MAX_NAMESPACE) option_refuse(site, "1 to 1024 characters", value);
}

static const OptionRow namespace_rows[] = {
    OPTION("namespace", option_namespace, SshOptions, name_space,
           "What the signature is for, such as \"git\" or \"file@example.org\": a signature of one "
           "namespace is not valid in another. Default: \"file\"."),
};
static const OptionRow sign_rows[] = {
    OPTION_WITH("digest", option_word, digests, SshOptions, digest,
                "Of the data: :sha512 (default) or :sha256."),
    OPTION_SECRET("password", option_bytes, SshOptions, password,
                  "Password of the key, if it is encrypted."),
};
static const OptionSet verify_options = OPTION_SET(namespace_rows);
static const OptionSet *const sign_parts[] = {&verify_options, NULL};
static const OptionSet sign_options = OPTION_SET_WITH(sign_rows, sign_parts);

typedef struct SshTask {
    Task task;
    EVP_PKEY *key;
    Bytes name_space; /* a copy, for the worker */
    int digest;
    BIO *written;
    bool valid;
} SshTask;

static void ssh_release(Task *task) {
    SshTask *job = (SshTask *)task;
    EVP_PKEY_free(job->key);
    BIO_free(job->written);
    OPENSSL_free((void *)(uintptr_t)job->name_space.data);
}

static bool copy_namespace(SshTask *job, Bytes name, Failure *failure) {
    static const Bytes by_default = {(const uint8_t *)"file", 4};
    if (!name.data) name = by_default;
    job->name_space = (Bytes){OPENSSL_memdup(name.data, name.length), name.length};
    return job->name_space.data || failure_set(failure, "out of memory");
}

JANET_NO_RETURN static void release_and_raise(SshTask *job, const Failure *failure) {
    ssh_release(&job->task);
    raise_failure(job->task.function, failure);
}

/* --- sign --- */

/* Deriving the key from a password is slow on purpose, so this happens on the worker thread. */
static bool sign_run(Task *task, Failure *failure) {
    SshTask *job = (SshTask *)task;
    if (!job->key) job->key = keys_private(task->inputs[KEY], task->inputs[PASSWORD], failure);
    job->written = BIO_new(BIO_s_mem());
    if (!job->key) return false;
    if (!job->written) return failure_set(failure, "out of memory");
    const char *digest = job->digest == BY_SHA256 ? "sha256" : "sha512";
    return ssh_signature_make(job->key, task->inputs[DATA], job->name_space, digest, job->written,
                              failure);
}

static Janet sign_result(Task *task) {
    char *text;
    long length = BIO_get_mem_data(((SshTask *)task)->written, &text);
    return janet_stringv((const uint8_t *)text, (int32_t)length);
}

FUNCTION(crypto_ssh_sign, "crypto/ssh-sign", "key data &opt opts",
         "Sign `data` as `ssh-keygen -Y sign` does and return the signature, an SSH SIGNATURE "
         "block, as a string. `key` is a private Ed25519, RSA, P-256, P-384 or P-521 key: PEM, "
         "DER, OpenSSH's form, a path or `crypto/key`. `ssh-keygen -Y verify`, git and "
         "`ssh-verify` check it. A worker thread signs data above 4 MB, and with an encrypted "
         "key. Raises when SSH has no such keys, or the key can't be read.",
         &sign_options) {
    Failure failure;
    args_arity(function, argc, 2, 3);
    SshTask job = {.task = {.function = function,
                            .run = sign_run,
                            .result = sign_result,
                            .release = ssh_release,
                            .is_linear = true}};
    SshOptions options = {.digest = BY_SHA512};
    Bytes key = key_argument(function, argv, 0);
    job.task.inputs[DATA] = args_bytes(function, argv, 1);
    options_read(function, &sign_options, args_options(argv, argc, 2), &options);
    job.digest = options.digest;
    if (!copy_namespace(&job, options.name_space, &failure)) release_and_raise(&job, &failure);
    if (keys_are_slow(key, options.password)) {
        job.task.inputs[KEY] = key;
        job.task.inputs[PASSWORD] = options.password;
        job.task.is_linear = false;
        return task_run(&job.task, sizeof job, true);
    }
    job.key = keys_private(key, options.password, &failure);
    if (!job.key) release_and_raise(&job, &failure);
    return task_run(&job.task, sizeof job, task_is_large(&job.task));
}

/* --- verify --- */

static bool verify_run(Task *task, Failure *failure) {
    SshTask *job = (SshTask *)task;
    return ssh_signature_verify(job->key, task->inputs[DATA], job->name_space,
                                task->inputs[SIGNATURE], &job->valid, failure);
}

static Janet verify_result(Task *task) {
    return janet_wrap_boolean(((SshTask *)task)->valid);
}

FUNCTION(crypto_ssh_verify, "crypto/ssh-verify", "key data signature &opt opts",
         "Is `signature`, an SSH SIGNATURE block of `ssh-keygen -Y sign` or git, a signature of "
         "`data` by `key` in that namespace? Returns true or false; a malformed signature is "
         "false. `key` is the public key that you trust, as a line of OpenSSH, PEM, DER or a "
         "path: the key in the signature proves nothing. Raises when it is not a key that SSH has.",
         &verify_options) {
    Failure failure;
    args_arity(function, argc, 3, 4);
    SshTask job = {.task = {.function = function,
                            .run = verify_run,
                            .result = verify_result,
                            .release = ssh_release,
                            .is_linear = true}};
    SshOptions options = {.digest = BY_SHA512};
    Bytes key = key_argument(function, argv, 0);
    job.task.inputs[DATA] = args_bytes(function, argv, 1);
    job.task.inputs[SIGNATURE] = args_bytes(function, argv, 2);
    options_read(function, &verify_options, args_options(argv, argc, 3), &options);
    if (!copy_namespace(&job, options.name_space, &failure)) release_and_raise(&job, &failure);
    job.key = keys_public(key, &failure);
    if (!job.key) release_and_raise(&job, &failure);
    return task_run(&job.task, sizeof job, task_is_large(&job.task));
}

/* --- what is in a signature --- */

static Janet make_info(const SshSignature *parts, const char *pem, size_t length) {
    JanetKV *result = janet_struct_begin(3);
    janet_struct_put(result, janet_ckeywordv("public-key"),
                     janet_stringv((const uint8_t *)pem, (int32_t)length));
    janet_struct_put(result, janet_ckeywordv("namespace"),
                     janet_stringv(parts->name_space.data, (int32_t)parts->name_space.length));
    janet_struct_put(result, janet_ckeywordv("digest"),
                     janet_keywordv(parts->digest.data, (int32_t)parts->digest.length));
    return janet_wrap_struct(janet_struct_end(result));
}

FUNCTION(crypto_parse_ssh_signature, "crypto/parse-ssh-signature", "signature",
         "What an SSH SIGNATURE block says of itself: a struct of `:public-key`, PEM, "
         "`:namespace`, a string, and `:digest`, :sha512 or :sha256. Nothing is verified: look the "
         "key up among those that you trust, and call `ssh-verify`. Raises when it is no such "
         "signature, or its key is of a kind that jsec does not know.",
         NULL) {
    Failure failure;
    SshSignature parts;
    size_t length = 0;
    args_arity(function, argc, 1, 1);
    if (!ssh_signature_read(args_bytes(function, argv, 0), &parts, &failure)) {
        raise_failure(function, &failure);
    }
    EVP_PKEY *key = ssh_key_read_public(parts.public_blob, &failure);
    char *pem = key ? keys_public_pem(key, &length, &failure) : NULL;
    bool read = pem;
    Janet result = read ? make_info(&parts, pem, length) : janet_wrap_nil();
    OPENSSL_free(pem);
    EVP_PKEY_free(key);
    ssh_signature_free(&parts);
    if (!read) raise_failure(function, &failure);
    return result;
}

static const Function *const functions[] = {
    &function_crypto_ssh_sign,
    &function_crypto_ssh_verify,
    &function_crypto_parse_ssh_signature,
    NULL,
};

void ssh_register(JanetTable *env) {
    module_register(env, functions);
}
