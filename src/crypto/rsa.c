/* RSA encryption: OAEP, and the old PKCS#1 v1.5. */
#include "base/args.h"
#include "base/key.h"
#include "base/module.h"
#include "base/raise.h"
#include "core/keys/keys.h"
#include "crypto/task.h"
#include "register.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

#define SLOW_BITS 4096 /* with more, decrypting takes 10 ms and up */
#define PKCS1_OVERHEAD 11

typedef struct RsaOptions {
    int padding; /* index into digest_names below */
    const DigestRow *mgf1;
    Bytes label, password;
} RsaOptions;

typedef struct RsaPadding {
    const EVP_MD *digest, *mgf1; /* of OAEP; NULL for PKCS#1 v1.5 */
} RsaPadding;

enum { TEXT, LABEL, KEY, PASSWORD };

typedef struct RsaTask {
    Task task; /* inputs: text, label, and an encrypted key with its password */
    EVP_PKEY *key;
    RsaPadding padding;
} RsaTask;

enum { OAEP_SHA256, OAEP_SHA384, OAEP_SHA512, OAEP_SHA224, OAEP_SHA1, PKCS1 };

static const OptionWord paddings[] = {
    {"oaep-sha256", OAEP_SHA256},
    {"oaep-sha384", OAEP_SHA384},
    {"oaep-sha512", OAEP_SHA512},
    {"oaep-sha224", OAEP_SHA224},
    {"oaep-sha1", OAEP_SHA1},
    {"pkcs1", PKCS1},
    {NULL, 0},
};

static const char *const digest_names[] = {
    [OAEP_SHA256] = "sha256", [OAEP_SHA384] = "sha384", [OAEP_SHA512] = "sha512",
    [OAEP_SHA224] = "sha224", [OAEP_SHA1] = "sha1",     [PKCS1] = NULL,
};

static const OptionRow padding_rows[] = {
    OPTION_WITH("padding", option_word, paddings, RsaOptions, padding,
                ":oaep-sha256 (default), :oaep-sha384, :oaep-sha512; :oaep-sha224 and "
                ":oaep-sha1 for old peers; :pkcs1 for old data only: it is broken."),
    OPTION("mgf1-digest", args_option_digest, RsaOptions, mgf1,
           "Digest of OAEP's mask; the one of the padding by default."),
    OPTION("label", option_bytes, RsaOptions, label, "OAEP's label, empty by default."),
};
static const OptionRow password_rows[] = {
    OPTION_SECRET("password", option_bytes, RsaOptions, password,
                  "Password of an encrypted private key."),
};

static const OptionSet encrypt_options = OPTION_SET(padding_rows);
static const OptionSet password_option = OPTION_SET(password_rows);
static const OptionSet *const decrypt_parts[] = {&encrypt_options, &password_option, NULL};
static const OptionSet decrypt_options = OPTION_SET_OF(decrypt_parts);

static void rsa_release(Task *task) {
    EVP_PKEY_free(((RsaTask *)task)->key);
}

/* OpenSSL takes over the label that it gets. */
static bool set_label(EVP_PKEY_CTX *context, Bytes label) {
    if (!label.length) return true;
    void *copy = OPENSSL_memdup(label.data, label.length);
    if (copy && EVP_PKEY_CTX_set0_rsa_oaep_label(context, copy, (int)label.length) > 0) return true;
    OPENSSL_free(copy);
    return false;
}

static bool set_padding(EVP_PKEY_CTX *context, const RsaTask *job) {
    const RsaPadding *padding = &job->padding;
    if (!padding->digest) return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) > 0;
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) > 0 &&
           EVP_PKEY_CTX_set_rsa_oaep_md(context, padding->digest) > 0 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(context, padding->mgf1) > 0 &&
           set_label(context, job->task.inputs[LABEL]);
}

static bool encrypt_run(Task *task, Failure *failure) {
    RsaTask *job = (RsaTask *)task;
    Bytes text = task->inputs[TEXT];
    ERR_clear_error();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, job->key, NULL);
    task->length = task->room;
    bool done = context && EVP_PKEY_encrypt_init(context) > 0 && set_padding(context, job) &&
                EVP_PKEY_encrypt(context, task->output, &task->length, text.data, text.length) > 0;
    if (!done) failure_openssl(failure, "not encrypted");
    EVP_PKEY_CTX_free(context);
    return done;
}

/* Below 0 when the padding alone is too long for the key. */
static int max_plaintext(const EVP_PKEY *key, const RsaPadding *padding) {
    int overhead = padding->digest ? 2 * EVP_MD_get_size(padding->digest) + 2 : PKCS1_OVERHEAD;
    return EVP_PKEY_get_size(key) - overhead;
}

static bool is_usable(const EVP_PKEY *key, const RsaPadding *padding, Failure *failure) {
    if (!EVP_PKEY_is_a(key, "RSA")) {
        return failure_set(failure, "%s key given, only RSA keys encrypt", keys_type(key));
    }
    return max_plaintext(key, padding) >= 0 ||
           failure_set(failure, "a key of %d bits is too small for this padding",
                       EVP_PKEY_get_bits(key));
}

static bool has_length(const RsaTask *job, Failure *failure) {
    int size = EVP_PKEY_get_size(job->key);
    size_t length = job->task.inputs[TEXT].length;
    return length == (size_t)size ||
           failure_set(failure, "a ciphertext for this key has %d bytes, got %zu", size, length);
}

/* Deriving the key from a password is slow on purpose, so this happens on the worker thread. */
static bool open_key(RsaTask *job, Failure *failure) {
    if (job->key) return true;
    job->key = keys_private(job->task.inputs[KEY], job->task.inputs[PASSWORD], failure);
    return job->key && is_usable(job->key, &job->padding, failure) && has_length(job, failure);
}

/* A bad PKCS#1 v1.5 padding gives pseudo-random bytes from OpenSSL 3.2 on, an error before. Nothing
 * here may tell the causes apart (Bleichenbacher): after the setup there is one failure with one
 * text, and the error queue is dropped unread. */
static bool decrypt_run(Task *task, Failure *failure) {
    RsaTask *job = (RsaTask *)task;
    Bytes text = task->inputs[TEXT];
    if (!open_key(job, failure)) return false;
    ERR_clear_error();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, job->key, NULL);
    task->length = task->room;
    bool ready = context && EVP_PKEY_decrypt_init(context) > 0 && set_padding(context, job);
    if (!ready) failure_openssl(failure, "not decrypted");
    bool done =
        ready && EVP_PKEY_decrypt(context, task->output, &task->length, text.data, text.length) > 0;
    if (ready && !done) failure_set(failure, "not decrypted: wrong key, padding or ciphertext");
    ERR_clear_error();
    EVP_PKEY_CTX_free(context);
    return done;
}

static const EVP_MD *digest_named(const char *function, const char *name) {
    Failure failure;
    const DigestRow *row =
        algorithms_digest((Bytes){(const uint8_t *)name, strlen(name)}, &failure);
    if (!row) raise_failure(function, &failure);
    return algorithms_md(row);
}

static RsaPadding check_padding(const char *function, const RsaOptions *options) {
    const char *digest = digest_names[options->padding];
    if (!digest && (options->mgf1 || options->label.data)) {
        raise_format(function, ":label and :mgf1-digest go with OAEP, not :pkcs1");
    }
    if (options->mgf1 && options->mgf1->xof) {
        raise_format(function, "bad option :mgf1-digest, masks are not made by %s",
                     options->mgf1->name.text);
    }
    RsaPadding padding = {.digest = digest ? digest_named(function, digest) : NULL};
    padding.mgf1 = options->mgf1 ? algorithms_md(options->mgf1) : padding.digest;
    return padding;
}

static RsaOptions read_options(const char *function, const OptionSet *set, Janet given,
                               RsaPadding *padding) {
    RsaOptions options = {.padding = OAEP_SHA256};
    options_read(function, set, given, &options);
    *padding = check_padding(function, &options);
    return options;
}

/* Returns a usable key. Otherwise it frees the key and raises why; `failure` says it for NULL. */
static EVP_PKEY *require_usable(const char *function, EVP_PKEY *key, const RsaPadding *padding,
                                Failure *failure) {
    if (key && is_usable(key, padding, failure)) return key;
    EVP_PKEY_free(key);
    raise_failure(function, failure);
}

FUNCTION(
    crypto_rsa_encrypt, "crypto/rsa-encrypt", "key plaintext &opt opts",
    "Encrypt a short string or buffer with an RSA key (RFC 8017) and return the ciphertext "
    "as a buffer. `key` is a public key, a certificate or a private key, PEM, DER or a path. At "
    "most "
    "`(rsa-max-plaintext key)` bytes fit: for more, encrypt a fresh key this way and the "
    "data with `encrypt`. Raises when `key` is not an RSA key, or the plaintext is too "
    "long.\n\n"
    "Anyone can encrypt with a public key: the ciphertext does not prove its sender.",
    &encrypt_options) {
    Failure failure;
    args_arity(function, argc, 2, 3);
    RsaTask job = {.task = {.function = function, .run = encrypt_run, .release = rsa_release}};
    Bytes key = key_argument(function, argv, 0), text = args_secret(function, argv, 1);
    Janet given = args_options(argv, argc, 2);
    job.task.inputs[TEXT] = text;
    job.task.inputs[LABEL] = read_options(function, &encrypt_options, given, &job.padding).label;
    job.key = require_usable(function, keys_public(key, &failure), &job.padding, &failure);
    int max = max_plaintext(job.key, &job.padding);
    if (text.length > (size_t)max) {
        EVP_PKEY_free(job.key);
        raise_format(function,
                     "%d bytes are too many: with this key and padding %d at most, "
                     "encrypt a key for crypto/encrypt instead",
                     (int)text.length, max);
    }
    job.task.room = (size_t)EVP_PKEY_get_size(job.key);
    return task_run(&job.task, sizeof job, false);
}

FUNCTION(
    crypto_rsa_decrypt, "crypto/rsa-decrypt", "key ciphertext &opt opts",
    "Decrypt with a private RSA key, PEM, DER or a path, and return the plaintext as a buffer. The "
    "options must be those of the encryption. Raises when the ciphertext is not as long as "
    "the key, or does not decrypt.\n\n"
    "With :pkcs1, a damaged ciphertext raises or, with OpenSSL 3.2 and later, gives "
    "meaningless bytes. Do not let a peer find out which: it could decrypt messages that way.",
    &decrypt_options) {
    Failure failure;
    args_arity(function, argc, 2, 3);
    RsaTask job = {.task = {.function = function, .run = decrypt_run, .release = rsa_release}};
    Bytes key = key_argument(function, argv, 0), text = args_bytes(function, argv, 1);
    job.task.inputs[TEXT] = text;
    Janet given = args_options(argv, argc, 2);
    RsaOptions options = read_options(function, &decrypt_options, given, &job.padding);
    job.task.inputs[LABEL] = options.label;
    job.task.room = text.length;
    if (options.password.data) {
        job.task.inputs[KEY] = key;
        job.task.inputs[PASSWORD] = options.password;
        return task_run(&job.task, sizeof job, true);
    }
    EVP_PKEY *opened = keys_private(key, options.password, &failure);
    job.key = require_usable(function, opened, &job.padding, &failure);
    int bits = EVP_PKEY_get_bits(job.key);
    if (!has_length(&job, &failure)) {
        EVP_PKEY_free(job.key);
        raise_failure(function, &failure);
    }
    return task_run(&job.task, sizeof job, bits > SLOW_BITS);
}

FUNCTION(crypto_rsa_max_plaintext, "crypto/rsa-max-plaintext", "key &opt opts",
         "The maximum number of bytes that `rsa-encrypt` accepts with this key and these options. "
         "Raises when `key` is not an RSA key, or is too small for the padding.",
         &encrypt_options) {
    Failure failure;
    args_arity(function, argc, 1, 2);
    RsaPadding padding;
    Bytes given = key_argument(function, argv, 0);
    read_options(function, &encrypt_options, args_options(argv, argc, 1), &padding);
    EVP_PKEY *key = require_usable(function, keys_public(given, &failure), &padding, &failure);
    int max = max_plaintext(key, &padding);
    EVP_PKEY_free(key);
    return janet_wrap_integer(max);
}

static const Function *const functions[] = {
    &function_crypto_rsa_encrypt,
    &function_crypto_rsa_decrypt,
    &function_crypto_rsa_max_plaintext,
    NULL,
};

void rsa_register(JanetTable *env) {
    module_register(env, functions);
}
