/* Keys as plain bytes. */
#include "base/args.h"
#include "base/key.h"
#include "base/module.h"
#include "base/raise.h"
#include "core/keys/keyform.h"
#include "core/keys/keys.h"
#include "core/keys/rawkey.h"
#include "crypto/task.h"
#include "register.h"

#include <openssl/crypto.h>
#include <string.h>

typedef struct RawOptions {
    bool is_private, compressed;
    Bytes password;
} RawOptions;

static const OptionRow from_rows[] = {
    OPTION("private", option_boolean, RawOptions, is_private,
           "Whether the bytes are the private half. Default: false."),
};
static const OptionSet from_options = OPTION_SET(from_rows);

static const OptionRow to_rows[] = {
    OPTION("private", option_boolean, RawOptions, is_private,
           "Whether to give the private half: keep it secret then. Default: false."),
    OPTION("compressed", option_boolean, RawOptions, compressed,
           "For public EC keys: x and the sign of y in place of both coordinates. Default: false."),
    OPTION_SECRET("password", option_bytes, RawOptions, password,
                  "Password of the key, if it is encrypted."),
};
static const OptionSet to_options = OPTION_SET(to_rows);

FUNCTION(crypto_key_from_raw, "crypto/key-from-raw", "alg bytes &opt opts",
         "The key of plain bytes, as a PEM string: SubjectPublicKeyInfo, or PKCS#8 of a private "
         "one. `alg` is :x25519 or :x448 (RFC 7748), :ed25519 or :ed448 (RFC 8032), whose halves "
         "have 32, 56, 32 and 57 bytes; or a curve of `generate-key`, such as :p-256, whose public "
         "half is a point in SEC 1's encoding, compressed or not, and whose private half a "
         "big-endian scalar as long as the order. The public half of a private one is computed. "
         "WireGuard's keys are :x25519 in Base64. With OpenSSL 3.5 `alg` may be an ML-KEM, ML-DSA "
         "or SLH-DSA of `generate-key`; a private half of the first two may be the seed it is "
         "expanded from, of 64 and 32 bytes (FIPS 203, 204).\n\n"
         "Raises when the length is wrong, the point is not on the curve, or the scalar is zero or "
         "not below the order.",
         &from_options) {
    Failure failure;
    KeyAlgorithm algorithm;
    size_t length = 0;
    args_arity(function, argc, 2, 3);
    if (!algorithms_key(args_name(function, argv, 0), &algorithm, &failure)) {
        raise_failure(function, &failure);
    }
    Bytes bytes = args_secret(function, argv, 1);
    RawOptions options = {.is_private = false};
    options_read(function, &from_options, args_options(argv, argc, 2), &options);
    EVP_PKEY *key = rawkey_read(&algorithm, bytes, options.is_private, &failure);
    char *pem = !key                 ? NULL
                : options.is_private ? keys_private_pem(key, &length, &failure)
                                     : keys_public_pem(key, &length, &failure);
    EVP_PKEY_free(key);
    if (!pem) raise_failure(function, &failure);
    Janet result = janet_stringv((const uint8_t *)pem, (int32_t)length);
    OPENSSL_clear_free(pem, length);
    return result;
}

enum { KEY, PASSWORD };

typedef struct RawTask {
    Task task;
    RawForm form;
} RawTask;

static bool raw_run(Task *task, Failure *failure) {
    RawTask *job = (RawTask *)task;
    EVP_PKEY *key = keyform_read_half(task->inputs[KEY], task->inputs[PASSWORD],
                                      job->form == RAWKEY_PRIVATE, failure);
    bool written = key && rawkey_write(key, job->form, task->output, &task->length, failure);
    EVP_PKEY_free(key);
    return written;
}

FUNCTION(crypto_key_to_raw, "crypto/key-to-raw", "key &opt opts",
         "The plain bytes of a key, as `key-from-raw` takes them, in a buffer: of the public "
         "half, unless `:private` is true. Of a private ML-KEM or ML-DSA key they are its seed, "
         "if it has one, see `key-info`. `key` is a private or public key or a certificate, "
         "PEM, DER, a path or `crypto/key`. Raises when `key` can't be read, is of another kind, "
         "such as RSA, or is public and `:private` is true.",
         &to_options) {
    args_arity(function, argc, 1, 2);
    RawTask job = {.task = {.function = function, .run = raw_run, .room = RAWKEY_MAX_LENGTH}};
    RawOptions options = {.is_private = false};
    job.task.inputs[KEY] = key_argument(function, argv, 0);
    options_read(function, &to_options, args_options(argv, argc, 1), &options);
    if (options.is_private && options.compressed) {
        raise_format(function, ":compressed is for public keys, not for :private");
    }
    job.task.inputs[PASSWORD] = options.password;
    job.form = options.is_private   ? RAWKEY_PRIVATE
               : options.compressed ? RAWKEY_COMPRESSED
                                    : RAWKEY_PUBLIC;
    return task_run(&job.task, sizeof job, options.password.data);
}

static const Function *const functions[] = {
    &function_crypto_key_to_raw,
    &function_crypto_key_from_raw,
    NULL,
};

void raw_register(JanetTable *env) {
    module_register(env, functions);
}
