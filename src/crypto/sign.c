/* Signing and verifying. */
#include "crypto/sign.h"

#include "base/args.h"
#include "base/key.h"
#include "base/module.h"
#include "base/raise.h"
#include "core/keys/keys.h"
#include "crypto/task.h"
#include "register.h"

#include <openssl/rsa.h>
#include <string.h>

typedef struct SignOptions {
    const DigestRow *digest, *mgf1;
    int padding, format;
    int salt_length;
    bool prehashed, low_s, recovery, deterministic;
    SignatureContext context;
    Bytes password;
} SignOptions;

#define MAX_SALT_LENGTH 2048

static const OptionWord salt_lengths[] = {
    {"digest", RSA_PSS_SALTLEN_DIGEST},
    {"max", RSA_PSS_SALTLEN_MAX},
    {"auto", RSA_PSS_SALTLEN_AUTO},
    {NULL, 0},
};

static void option_salt_length(const OptionSite *site, Janet value, void *field) {
    ValueExpected ignored;
    if (value_integer(value, 0, MAX_SALT_LENGTH, field, &ignored)) return;
    if (value_word(value, salt_lengths, field, &ignored)) return;
    option_refuse(site, "number of bytes from 0 to 2048, :digest, :max or :auto", value);
}

static const OptionWord paddings[] = {
    {"pkcs1", SIGNATURE_PKCS1},
    {"pss", SIGNATURE_PSS},
    {NULL, 0},
};

static const OptionWord formats[] = {
    {"der", SIGNATURE_DER},
    {"raw", SIGNATURE_RAW},
    {NULL, 0},
};

static void option_context(const OptionSite *site, Janet value, void *field) {
    SignatureContext *context = field;
    Bytes bytes;
    option_bytes(site, value, &bytes);
    if (bytes.length > sizeof context->bytes) {
        option_refuse(site, "string or buffer of at most 255 bytes", value);
    }
    memcpy(context->bytes, bytes.data, bytes.length);
    context->length = bytes.length;
}

static const OptionRow scheme_rows[] = {
    OPTION("digest", args_option_digest, SignOptions, digest,
           "Digest for RSA and EC keys, :sha256 by default; EdDSA, ML-DSA and SLH-DSA have their "
           "own."),
    OPTION_WITH("padding", option_word, paddings, SignOptions, padding,
                "For RSA keys: :pkcs1 (default) or :pss, the stronger one (RFC 8017)."),
    OPTION("salt-length", option_salt_length, SignOptions, salt_length,
           "With :pss: bytes of salt, :digest (default: as long as the digest), :max, or :auto to "
           "verify with a salt of any length."),
    OPTION("mgf1-digest", args_option_digest, SignOptions, mgf1,
           "With :pss: digest of the mask, the same as :digest by default."),
    OPTION_WITH("format", option_word, formats, SignOptions, format,
                "For EC keys: :der (default), or :raw for r and s side by side as in JWT."),
    OPTION("prehashed", option_boolean, SignOptions, prehashed,
           "Whether the data is the digest itself; false by default, not for EdDSA, ML-DSA and "
           "SLH-DSA."),
    OPTION("low-s", option_boolean, SignOptions, low_s,
           "For EC keys: of the two values that s can have, take the lower one, as Bitcoin and "
           "Ethereum require, and accept no other. Default: false."),
    OPTION("recovery", option_boolean, SignOptions, recovery,
           "For EC keys: append to a :raw signature the byte, 0 to 3, by which "
           "`recover-public-key` finds the key. Default: false."),
    OPTION("deterministic", option_boolean, SignOptions, deterministic,
           "Whether to sign without random numbers: for EC keys with OpenSSL 3.2 (RFC 6979), "
           "ML-DSA and SLH-DSA. Default: false."),
    OPTION("context", option_context, SignOptions, context,
           "For ML-DSA and SLH-DSA: up to 255 bytes that tell uses of the key apart, none by "
           "default."),
};
static const OptionRow password_rows[] = {
    OPTION_SECRET("password", option_bytes, SignOptions, password,
                  "Password of an encrypted private key."),
};

const OptionSet sign_scheme_options = OPTION_SET(scheme_rows);
static const OptionSet password_option = OPTION_SET(password_rows);
static const OptionSet *const sign_parts[] = {&sign_scheme_options, &password_option, NULL};
static const OptionSet sign_options = OPTION_SET_OF(sign_parts);

enum { DATA, SIGNATURE, KEY, PASSWORD };

typedef struct SignTask {
    Task task; /* inputs: data, signature, and an encrypted key with its password */
    EVP_PKEY *key;
    SignatureScheme scheme;
    bool valid;
} SignTask;

const EVP_MD *sign_digest(const char *function, const DigestRow *row) {
    if (!row) return NULL;
    if (row->xof) {
        raise_format(function, "signatures are not made over %s", row->name.text);
    }
    return algorithms_md(row);
}

SignatureScheme sign_read_scheme(const char *function, const OptionSet *set, Janet given,
                                 Bytes *password) {
    SignOptions options = {.salt_length = SIGNATURE_SALT_UNSET};
    options_read(function, set, given, &options);
    *password = options.password;
    return (SignatureScheme){.digest = sign_digest(function, options.digest),
                             .mgf1 = sign_digest(function, options.mgf1),
                             .padding = (SignaturePadding)options.padding,
                             .format = (SignatureFormat)options.format,
                             .salt_length = options.salt_length,
                             .prehashed = options.prehashed,
                             .is_low_s = options.low_s,
                             .has_recovery = options.recovery,
                             .is_deterministic = options.deterministic,
                             .context = options.context};
}

static void sign_release(Task *task) {
    EVP_PKEY_free(((SignTask *)task)->key);
}

/* Deriving the key from a password is slow on purpose, so this happens on the worker thread. */
static bool open_key(SignTask *job, Failure *failure) {
    Task *task = &job->task;
    if (job->key) return true;
    job->key = keys_private(task->inputs[KEY], task->inputs[PASSWORD], failure);
    if (!job->key || !signature_settle(job->key, &job->scheme, failure)) return false;
    return signature_room(job->key) <= task->room || failure_set(failure, "key too long");
}

static bool sign_run(Task *task, Failure *failure) {
    SignTask *job = (SignTask *)task;
    if (!open_key(job, failure)) return false;
    return signature_make(job->key, &job->scheme, task->inputs[DATA], task->output, &task->length,
                          failure);
}

static bool verify_run(Task *task, Failure *failure) {
    SignTask *job = (SignTask *)task;
    return signature_verify(job->key, &job->scheme, task->inputs[DATA], task->inputs[SIGNATURE],
                            &job->valid, failure);
}

static Janet verify_result(Task *task) {
    return janet_wrap_boolean(((SignTask *)task)->valid);
}

/* Takes over the key, and frees it before it raises. */
static void set_key(SignTask *job, EVP_PKEY *key, Failure *failure) {
    job->key = key;
    if (key && signature_settle(key, &job->scheme, failure)) return;
    EVP_PKEY_free(key);
    raise_failure(job->task.function, failure);
}

Janet sign_data(const char *function, EVP_PKEY *key, const SignatureScheme *scheme, Bytes data) {
    SignTask job = {.task = {.function = function,
                             .run = sign_run,
                             .release = sign_release,
                             .inputs = {[DATA] = data},
                             .room = signature_room(key),
                             .is_linear = true},
                    .key = key,
                    .scheme = *scheme};
    bool slow = signature_is_slow(key);
    return task_run(&job.task, sizeof job, slow || task_is_large(&job.task));
}

Janet sign_verify(const char *function, EVP_PKEY *key, const SignatureScheme *scheme, Bytes data,
                  Bytes signature) {
    SignTask job = {.task = {.function = function,
                             .run = verify_run,
                             .result = verify_result,
                             .release = sign_release,
                             .inputs = {[DATA] = data, [SIGNATURE] = signature},
                             .is_linear = true},
                    .key = key,
                    .scheme = *scheme};
    return task_run(&job.task, sizeof job, task_is_large(&job.task));
}

FUNCTION(
    crypto_sign, "crypto/sign", "key data &opt opts",
    "Sign `data`, a string or buffer, with a private key: PEM, DER, a path, or the URI of "
    "a key in a store (\"pkcs11:...\"). Returns the signature as a buffer. The key decides the "
    "algorithm: Ed25519 and Ed448 (RFC 8032), "
    "ML-DSA (FIPS 204), SLH-DSA (FIPS 205), ECDSA over SHA-256 in DER, RSA with PKCS#1 v1.5 "
    "over SHA-256. Raises when `key` is not a private key, cannot sign, or does not go with "
    "the options.\n\n"
    "A worker thread signs, and the fiber waits, when the data is above 4 MB, the RSA key "
    "above 4096 bits, the key of SLH-DSA, encrypted, or in a store. Parsed keys are kept, see "
    "`forget-keys`.",
    &sign_options) {
    Bytes password;
    Failure failure;
    args_arity(function, argc, 2, 3);
    SignTask job = {.task = {.function = function, .run = sign_run, .release = sign_release}};
    Bytes key = key_argument(function, argv, 0);
    job.task.inputs[DATA] = args_bytes(function, argv, 1);
    job.scheme = sign_read_scheme(function, &sign_options, args_options(argv, argc, 2), &password);
    if (job.scheme.salt_length == RSA_PSS_SALTLEN_AUTO) {
        raise_format(function, "bad option :salt-length, :auto is for verifying");
    }
    if (keys_are_slow(key, password)) {
        job.task.inputs[KEY] = key;
        job.task.inputs[PASSWORD] = password;
        job.task.room = SIGNATURE_MAX_LENGTH;
        return task_run(&job.task, sizeof job, true);
    }
    set_key(&job, keys_private(key, password, &failure), &failure);
    return sign_data(function, job.key, &job.scheme, job.task.inputs[DATA]);
}

FUNCTION(crypto_verify, "crypto/verify", "key data signature &opt opts",
         "Is `signature` a signature of `data` by `key`? Returns true or false; a malformed "
         "signature is false. `key` is a public key, a certificate or a private key, PEM, DER or a "
         "path; "
         "the options must be those of `sign`. The validity of a certificate is not checked. "
         "Raises when `key` is not a key, cannot verify, or does not go with the options.",
         &sign_scheme_options) {
    Bytes password;
    Failure failure;
    args_arity(function, argc, 3, 4);
    SignTask job = {.task = {.function = function}};
    Bytes key = key_argument(function, argv, 0);
    Bytes data = args_bytes(function, argv, 1), signature = args_bytes(function, argv, 2);
    job.scheme =
        sign_read_scheme(function, &sign_scheme_options, args_options(argv, argc, 3), &password);
    set_key(&job, keys_public(key, &failure), &failure);
    return sign_verify(function, job.key, &job.scheme, data, signature);
}

static const Function *const functions[] = {
    &function_crypto_sign,
    &function_crypto_verify,
    NULL,
};

void sign_register(JanetTable *env) {
    module_register(env, functions);
}
