/* RSA encryption: OAEP, and the old PKCS#1 v1.5. */
#include "base/args.h"
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
    int padding; /* index into paddings below */
    const DigestRow *mgf1;
    Bytes label, password;
} RsaOptions;

enum { TEXT, LABEL, KEY, PASSWORD };

typedef struct RsaTask {
    Task task; /* inputs: text, label, and an encrypted key with its password */
    EVP_PKEY *key;
    const EVP_MD *digest, *mgf1; /* NULL digest: PKCS#1 v1.5 */
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

static const char *const padding_digests[] = {
    [OAEP_SHA256] = "sha256", [OAEP_SHA384] = "sha384", [OAEP_SHA512] = "sha512",
    [OAEP_SHA224] = "sha224", [OAEP_SHA1] = "sha1",     [PKCS1] = NULL,
};

#define PADDING_ROWS                                                                               \
    OPTION_WITH("padding", option_word, paddings, RsaOptions, padding,                             \
                ":oaep-sha256 (default), :oaep-sha384, :oaep-sha512; :oaep-sha224 and "            \
                ":oaep-sha1 for old peers; :pkcs1, which is not to be used any more."),            \
        OPTION("mgf1-digest", args_option_digest, RsaOptions, mgf1,                                \
               "Digest of OAEP's mask; the one of the padding by default."),                       \
        OPTION("label", option_bytes, RsaOptions, label, "OAEP's label, empty by default.")

static const OptionRow encrypt_rows[] = {PADDING_ROWS};
static const OptionRow decrypt_rows[] = {
    PADDING_ROWS,
    OPTION_SECRET("password", option_bytes, RsaOptions, password, "Of an encrypted private key."),
};
static const OptionSet encrypt_options = OPTION_SET(encrypt_rows);
static const OptionSet decrypt_options = OPTION_SET(decrypt_rows);

static void rsa_release(Task *task) {
    EVP_PKEY_free(((RsaTask *)task)->key);
}

/* OpenSSL frees the label that it is given. */
static bool set_label(EVP_PKEY_CTX *context, Bytes label) {
    if (!label.length) return true;
    void *copy = OPENSSL_memdup(label.data, label.length);
    if (copy && EVP_PKEY_CTX_set0_rsa_oaep_label(context, copy, (int)label.length) > 0) return true;
    OPENSSL_free(copy);
    return false;
}

static bool configure(EVP_PKEY_CTX *context, const RsaTask *job) {
    if (!job->digest) return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) > 0;
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) > 0 &&
           EVP_PKEY_CTX_set_rsa_oaep_md(context, job->digest) > 0 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(context, job->mgf1) > 0 &&
           set_label(context, job->task.inputs[1]);
}

static bool encrypt_run(Task *task, Failure *failure) {
    RsaTask *job = (RsaTask *)task;
    Bytes text = task->inputs[0];
    ERR_clear_error();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, job->key, NULL);
    task->length = task->room;
    bool done = context && EVP_PKEY_encrypt_init(context) > 0 && configure(context, job) &&
                EVP_PKEY_encrypt(context, task->output, &task->length, text.data, text.length) > 0;
    if (!done) failure_openssl(failure, "not encrypted");
    EVP_PKEY_CTX_free(context);
    return done;
}

/* How much fits under the padding; below 0 when the padding alone is too large. */
static int max_plaintext(const RsaTask *job) {
    int size = EVP_PKEY_get_size(job->key);
    return size - (job->digest ? 2 * EVP_MD_get_size(job->digest) + 2 : PKCS1_OVERHEAD);
}

static bool is_usable(const RsaTask *job, Failure *failure) {
    if (!EVP_PKEY_is_a(job->key, "RSA")) {
        return failure_set(failure, "%s key given, only RSA keys encrypt", keys_type(job->key));
    }
    return max_plaintext(job) >= 0 ||
           failure_set(failure, "a key of %d bits is too small for this padding",
                       EVP_PKEY_get_bits(job->key));
}

static bool has_length(const RsaTask *job, Failure *failure) {
    int size = EVP_PKEY_get_size(job->key);
    size_t length = job->task.inputs[TEXT].length;
    return length == (size_t)size ||
           failure_set(failure, "a ciphertext for this key has %d bytes, got %zu", size, length);
}

/* A key under a password is opened on the thread: stretching the password is meant to take long. */
static bool open_key(RsaTask *job, Failure *failure) {
    if (job->key) return true;
    job->key = keys_private(job->task.inputs[KEY], job->task.inputs[PASSWORD], failure);
    return job->key && is_usable(job, failure) && has_length(job, failure);
}

/* From OpenSSL 3.2 on a bad PKCS#1 v1.5 padding yields random bytes, always the same for the same
 * ciphertext; before, an error. We add nothing that would tell its cases apart: after the setup
 * there is one failure with one text, and the error queue is dropped unread. */
static bool decrypt_run(Task *task, Failure *failure) {
    RsaTask *job = (RsaTask *)task;
    Bytes text = task->inputs[0];
    if (!open_key(job, failure)) return false;
    ERR_clear_error();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, job->key, NULL);
    task->length = task->room;
    bool ready = context && EVP_PKEY_decrypt_init(context) > 0 && configure(context, job);
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

static Bytes read_options(RsaTask *job, const OptionSet *set, Janet given) {
    const char *function = job->task.function;
    RsaOptions options = {.padding = OAEP_SHA256};
    options_read(function, set, given, &options);
    const char *digest = padding_digests[options.padding];
    if (!digest && (options.mgf1 || options.label.data)) {
        raise_format(function, ":label and :mgf1-digest go with OAEP, not :pkcs1");
    }
    if (options.mgf1 && options.mgf1->xof) {
        raise_format(function, "bad option :mgf1-digest, masks are not made by %s",
                     options.mgf1->name.text);
    }
    job->digest = digest ? digest_named(function, digest) : NULL;
    job->mgf1 = options.mgf1 ? algorithms_md(options.mgf1) : job->digest;
    job->task.inputs[1] = options.label;
    return options.password;
}

/* Take over the key; raises, the key freed, unless it is an RSA key large enough. */
static void set_key(RsaTask *job, EVP_PKEY *key, Failure *failure) {
    job->key = key;
    if (key && is_usable(job, failure)) return;
    EVP_PKEY_free(key);
    raise_failure(job->task.function, failure);
}

FUNCTION(crypto_rsa_encrypt, "crypto/rsa-encrypt", "key plaintext &opt opts",
         "Encrypt a short string or buffer with an RSA key (RFC 8017) and return the ciphertext "
         "as a buffer. `key` is a public key, a certificate or a private key, PEM or DER. At "
         "most `(rsa-max-plaintext key)` bytes fit: for more, encrypt a fresh key this way and "
         "the data with `encrypt`. Raises when the key is none of RSA or the plaintext too long. "
         "Anyone can encrypt: this proves nothing of the sender.",
         &encrypt_options) {
    Failure failure;
    janet_arity(argc, 2, 3);
    RsaTask job = {.task = {.function = function, .run = encrypt_run, .release = rsa_release}};
    Bytes key = args_secret(argv, 0), text = args_bytes(argv, 1);
    job.task.inputs[0] = text;
    read_options(&job, &encrypt_options, args_options(argv, argc, 2));
    set_key(&job, keys_public(key, &failure), &failure);
    int max = max_plaintext(&job);
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

FUNCTION(crypto_rsa_decrypt, "crypto/rsa-decrypt", "key ciphertext &opt opts",
         "Decrypt with a private RSA key, PEM or DER, and return the plaintext as a buffer. The "
         "options must be those of the encryption. Raises when the ciphertext has not the key's "
         "length or does not decrypt.\n\n"
         "With :pkcs1 a damaged ciphertext either raises or, with OpenSSL 3.2 and newer, gives "
         "meaningless bytes, so that nobody learns from it: never tell a peer which happened.",
         &decrypt_options) {
    Failure failure;
    janet_arity(argc, 2, 3);
    RsaTask job = {.task = {.function = function, .run = decrypt_run, .release = rsa_release}};
    Bytes key = args_secret(argv, 0), text = args_bytes(argv, 1);
    job.task.inputs[0] = text;
    Bytes password = read_options(&job, &decrypt_options, args_options(argv, argc, 2));
    job.task.room = text.length;
    if (password.data) {
        job.task.inputs[KEY] = key;
        job.task.inputs[PASSWORD] = password;
        return task_run(&job.task, sizeof job, true);
    }
    set_key(&job, keys_private(key, password, &failure), &failure);
    int bits = EVP_PKEY_get_bits(job.key);
    if (!has_length(&job, &failure)) {
        EVP_PKEY_free(job.key);
        raise_failure(function, &failure);
    }
    return task_run(&job.task, sizeof job, bits > SLOW_BITS);
}

FUNCTION(crypto_rsa_max_plaintext, "crypto/rsa-max-plaintext", "key &opt opts",
         "The most bytes that `rsa-encrypt` takes with this key and these options. Raises when "
         "the key is none of RSA, or too small for the padding.",
         &encrypt_options) {
    Failure failure;
    janet_arity(argc, 1, 2);
    RsaTask job = {.task = {.function = function}};
    Bytes key = args_secret(argv, 0);
    read_options(&job, &encrypt_options, args_options(argv, argc, 1));
    set_key(&job, keys_public(key, &failure), &failure);
    int max = max_plaintext(&job);
    EVP_PKEY_free(job.key);
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
