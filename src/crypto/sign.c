/* Signing and verifying. */
#include "base/args.h"
#include "base/module.h"
#include "base/raise.h"
#include "core/crypto/signature.h"
#include "core/keys/keys.h"
#include "crypto/task.h"
#include "register.h"

#include <openssl/rsa.h>

#define MAX_SIGNATURE_LENGTH 8192 /* ML-DSA-87: 4627, RSA of 16384 bits: 2048 */
#define SLOW_RSA_BITS 4096        /* with more, a signature takes 10 ms and up */

typedef struct SignOptions {
    const DigestRow *digest, *mgf1;
    int padding, format;
    int salt_length;
    bool prehashed;
    Bytes password;
} SignOptions;

/* Bytes, or one of the words that OpenSSL has numbers for. */
static void option_salt_length(const OptionSite *site, Janet value, void *field) {
    static const char expected[] = "number of bytes from 0 to 2048, :digest, :max or :auto";
    if (janet_checktype(value, JANET_KEYWORD)) {
        const uint8_t *word = janet_unwrap_keyword(value);
        if (!janet_cstrcmp(word, "digest"))
            *(int *)field = RSA_PSS_SALTLEN_DIGEST;
        else if (!janet_cstrcmp(word, "max"))
            *(int *)field = RSA_PSS_SALTLEN_MAX;
        else if (!janet_cstrcmp(word, "auto"))
            *(int *)field = RSA_PSS_SALTLEN_AUTO;
        else
            option_refuse(site, expected, value);
        return;
    }
    if (!janet_checkint(value)) option_refuse(site, expected, value);
    int32_t bytes = janet_unwrap_integer(value);
    if (bytes < 0 || bytes > 2048) option_refuse(site, expected, value);
    *(int *)field = bytes;
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

#define SCHEME_ROWS                                                                                \
    OPTION("digest", args_option_digest, SignOptions, digest,                                      \
           "Digest for RSA and EC keys, :sha256 by default; EdDSA has its own."),                  \
        OPTION_WITH("padding", option_word, paddings, SignOptions, padding,                        \
                    "Of RSA keys: :pkcs1 (default) or :pss, the better one (RFC 8017)."),          \
        OPTION("salt-length", option_salt_length, SignOptions, salt_length,                        \
               "With :pss: bytes of salt, :digest (default: as long as the digest), :max, or "     \
               ":auto, any, for verifying."),                                                      \
        OPTION("mgf1-digest", args_option_digest, SignOptions, mgf1,                               \
               "With :pss: digest of the mask, the same as :digest by default."),                  \
        OPTION_WITH("format", option_word, formats, SignOptions, format,                           \
                    "Of EC keys: :der (default), or :raw for r and s side by side as in JWT."),    \
        OPTION("prehashed", option_boolean, SignOptions, prehashed,                                \
               "The data is the digest itself; not for EdDSA. False by default.")

static const OptionRow sign_rows[] = {
    SCHEME_ROWS,
    OPTION_SECRET("password", option_bytes, SignOptions, password, "Of an encrypted private key."),
};
static const OptionRow verify_rows[] = {SCHEME_ROWS};

static const OptionSet sign_options = OPTION_SET(sign_rows);
static const OptionSet verify_options = OPTION_SET(verify_rows);

enum { DATA, SIGNATURE, KEY, PASSWORD };

typedef struct SignTask {
    Task task; /* inputs: data, signature, and an encrypted key with its password */
    EVP_PKEY *key;
    SignatureScheme scheme;
    bool valid;
} SignTask;

static const EVP_MD *fixed_digest(const char *function, const DigestRow *row) {
    if (!row) return NULL;
    if (row->xof) {
        raise_format(function, "signatures are not made over %s", row->name.text);
    }
    return algorithms_md(row);
}

static SignatureScheme scheme_of(const char *function, const OptionSet *set, Janet given,
                                 Bytes *password) {
    SignOptions options = {.salt_length = SIGNATURE_SALT_UNSET};
    options_read(function, set, given, &options);
    *password = options.password;
    return (SignatureScheme){.digest = fixed_digest(function, options.digest),
                             .mgf1 = fixed_digest(function, options.mgf1),
                             .padding = (SignaturePadding)options.padding,
                             .format = (SignatureFormat)options.format,
                             .salt_length = options.salt_length,
                             .prehashed = options.prehashed};
}

static void sign_release(Task *task) {
    EVP_PKEY_free(((SignTask *)task)->key);
}

/* A key under a password is opened on the thread: stretching the password is meant to take long. */
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
    return signature_make(job->key, &job->scheme, task->inputs[0], task->output, &task->length,
                          failure);
}

static bool verify_run(Task *task, Failure *failure) {
    SignTask *job = (SignTask *)task;
    return signature_verify(job->key, &job->scheme, task->inputs[0], task->inputs[1], &job->valid,
                            failure);
}

static Janet verify_result(Task *task) {
    return janet_wrap_boolean(((SignTask *)task)->valid);
}

/* Take over the key, freed also when it does not suit. */
static void set_key(SignTask *job, EVP_PKEY *key, Failure *failure) {
    job->key = key;
    if (key && signature_settle(key, &job->scheme, failure)) return;
    EVP_PKEY_free(key);
    raise_failure(job->task.function, failure);
}

FUNCTION(crypto_sign, "crypto/sign", "key data &opt opts",
         "Sign `data`, a string or buffer, with a private key, PEM or DER, and return the "
         "signature as a buffer. The key decides how: Ed25519 and Ed448 (RFC 8032), ECDSA over "
         "SHA-256 in DER, RSA with PKCS#1 v1.5 over SHA-256. Parsed keys are kept, see "
         "`forget-keys`. Data above 4 MB, RSA keys above 4096 bits and keys under a password are "
         "worked on a thread while the fiber waits. Raises when the key is none, can't sign, or "
         "the options don't suit it.",
         &sign_options) {
    Bytes password;
    Failure failure;
    janet_arity(argc, 2, 3);
    SignTask job = {.task = {.function = function, .run = sign_run, .release = sign_release}};
    Bytes key = args_secret(argv, 0);
    job.task.inputs[0] = args_bytes(argv, 1);
    job.scheme = scheme_of(function, &sign_options, args_options(argv, argc, 2), &password);
    if (job.scheme.salt_length == RSA_PSS_SALTLEN_AUTO) {
        raise_format(function, "bad option :salt-length, :auto is for verifying");
    }
    if (password.data) {
        job.task.inputs[KEY] = key;
        job.task.inputs[PASSWORD] = password;
        job.task.room = MAX_SIGNATURE_LENGTH;
        return task_run(&job.task, sizeof job, true);
    }
    set_key(&job, keys_private(key, password, &failure), &failure);
    job.task.room = signature_room(job.key);
    int type = EVP_PKEY_get_id(job.key);
    bool rsa = type == EVP_PKEY_RSA || type == EVP_PKEY_RSA_PSS;
    bool slow = rsa && EVP_PKEY_get_bits(job.key) > SLOW_RSA_BITS;
    return task_run(&job.task, sizeof job, slow || task_is_large(&job.task));
}

FUNCTION(crypto_verify, "crypto/verify", "key data signature &opt opts",
         "Is `signature` one of `data` by the holder of `key`? True or false; whatever is "
         "malformed is false. `key` is a public key, a certificate or a private key, PEM or DER; "
         "the options must be those of `sign`. A certificate's own validity is not looked at. "
         "Raises when the key is none, can't verify, or the options don't suit it.",
         &verify_options) {
    Bytes password;
    Failure failure;
    janet_arity(argc, 3, 4);
    SignTask job = {.task = {.function = function,
                             .run = verify_run,
                             .result = verify_result,
                             .release = sign_release}};
    Bytes key = args_secret(argv, 0);
    job.task.inputs[0] = args_bytes(argv, 1);
    job.task.inputs[1] = args_bytes(argv, 2);
    job.scheme = scheme_of(function, &verify_options, args_options(argv, argc, 3), &password);
    set_key(&job, keys_public(key, &failure), &failure);
    return task_run(&job.task, sizeof job, task_is_large(&job.task));
}

static const Function *const functions[] = {
    &function_crypto_sign,
    &function_crypto_verify,
    NULL,
};

void sign_register(JanetTable *env) {
    module_register(env, functions);
}
