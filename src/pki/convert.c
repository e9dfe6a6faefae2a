/* Converts keys and certificates from one form into another. */
#include "base/args.h"
#include "base/key.h"
#include "base/module.h"
#include "base/raise.h"
#include "core/keys/encoding.h"
#include "core/keys/keyform.h"
#include "core/keys/pem.h"
#include "crypto/task.h"
#include "pki/info.h"
#include "pki/values.h"
#include "register.h"

#include <openssl/pem.h>

enum { KEY, INPUT_PASSWORD, OUTPUT_PASSWORD, COMMENT };
enum { PEM, DER };

typedef struct KeyTask {
    Task task;
    KeyForm form;
    const EVP_CIPHER *cipher;
    int iterations;
    bool wants_private, with_legacy;
    uint8_t *written;
    size_t length;
} KeyTask;

typedef struct KeyOptions {
    Bytes password, input_password, comment;
    int cipher;
    int32_t iterations;
    bool with_legacy;
} KeyOptions;

enum { CIPHER_UNSET, AES_256, AES_192, AES_128, DES3 };

static const OptionWord ciphers[] = {
    {"aes-256-cbc", AES_256},
    {"aes-192-cbc", AES_192},
    {"aes-128-cbc", AES_128},
    {"des-ede3-cbc", DES3},
    {NULL, 0},
};

static const EVP_CIPHER *find_cipher(int word) {
    switch (word) {
    case AES_192: return EVP_aes_192_cbc();
    case AES_128: return EVP_aes_128_cbc();
    case DES3: return EVP_des_ede3_cbc();
    default: return EVP_aes_256_cbc();
    }
}

static const OptionRange iterations_range = {PBE_MIN_ITERATIONS, PBE_MAX_ITERATIONS};

static const OptionRow key_rows[] = {
    OPTION_SECRET(
        "password", option_bytes, KeyOptions, password,
        "Encrypt the key under it (PBES2: PBKDF2 with HMAC-SHA-256, RFC 8018): 1 to 1024 bytes "
        "without NULs. Not encrypted without."),
    OPTION_WITH("cipher", option_word, ciphers, KeyOptions, cipher,
                "With :password: :aes-256-cbc (default), :aes-192-cbc, :aes-128-cbc, or "
                ":des-ede3-cbc for old readers."),
    OPTION_WITH("iterations", option_integer, &iterations_range, KeyOptions, iterations,
                "With :password: iterations of PBKDF2, from 1000 to 10000000. Default: 600000."),
    OPTION_SECRET("input-password", option_bytes, KeyOptions, input_password,
                  "Password of the given key, if it is encrypted."),
};

static const OptionRow legacy_rows[] = {
    OPTION("legacy", option_boolean, KeyOptions, with_legacy,
           "true opens keys encrypted by old ciphers (DES, RC2, RC4), as old software made them; "
           "requires OpenSSL's legacy provider. Default: false."),
};
static const OptionSet legacy_options = OPTION_SET(legacy_rows);
static const OptionSet *const legacy_part[] = {&legacy_options, NULL};
static const OptionSet key_options = OPTION_SET_WITH(key_rows, legacy_part);

static const OptionRow convert_rows[] = {
    OPTION("comment", option_text, KeyOptions, comment,
           "With :openssh: text without control characters, such as user@host."),
};
static const OptionSet *const convert_parts[] = {&key_options, NULL};
static const OptionSet convert_options = OPTION_SET_WITH(convert_rows, convert_parts);

static bool key_run(Task *task, Failure *failure) {
    KeyTask *job = (KeyTask *)task;
    bool is_private;
    KeyEncryption encryption = {task->inputs[OUTPUT_PASSWORD], job->cipher, job->iterations,
                                task->inputs[COMMENT]};
    EVP_PKEY *key = keyform_read(task->inputs[KEY], task->inputs[INPUT_PASSWORD], job->with_legacy,
                                 &is_private, failure);
    if (key && job->wants_private && !is_private) {
        failure_set(failure, "not a private key: only a public one");
    } else if (key) {
        job->written =
            keyform_write(key, is_private, job->form, &encryption, &job->length, failure);
    }
    EVP_PKEY_free(key);
    return job->written;
}

static Janet key_result(Task *task) {
    KeyTask *job = (KeyTask *)task;
    return janet_stringv(job->written, (int32_t)job->length);
}

static void key_release(Task *task) {
    KeyTask *job = (KeyTask *)task;
    OPENSSL_clear_free(job->written, job->length);
}

static KeyTask make_task(const char *function, Bytes key, KeyForm form, const KeyOptions *options) {
    if (!options->password.data && (options->cipher || options->iterations)) {
        raise_format(function, "options :cipher and :iterations go with :password");
    }
    if (form == KEYFORM_OPENSSH && (options->cipher || options->iterations)) {
        raise_format(function, "options :cipher and :iterations go with PKCS#8, not :openssh");
    }
    if (options->comment.data && form != KEYFORM_OPENSSH) {
        raise_format(function, "option :comment goes with :openssh");
    }
    return (KeyTask){
        .task = {.function = function,
                 .run = key_run,
                 .result = key_result,
                 .release = key_release,
                 .inputs = {[KEY] = key,
                            [INPUT_PASSWORD] = options->input_password,
                            [OUTPUT_PASSWORD] = options->password,
                            [COMMENT] = options->comment}},
        .form = form,
        .cipher = find_cipher(options->cipher),
        .with_legacy = options->with_legacy,
        .iterations = options->iterations ? options->iterations : PBE_KEY_ITERATIONS,
    };
}

/* The key derivation of a password is slow by design. */
static bool has_password(const KeyOptions *options) {
    return options->password.data || options->input_password.data;
}

FUNCTION(
    crypto_convert_key, "crypto/convert-key", "key target-format &opt opts",
    "Write a key, private or public, PEM, DER or OpenSSH's, in another form; returns a string. "
    "`target-format` is a keyword or string:\n\n"
    "* `:pem` `:der` - PKCS#8 for a private key (RFC 5958), SubjectPublicKeyInfo for a "
    "public one\n"
    "* `:pkcs8` `:pkcs8-der` - the same, of private keys alone\n"
    "* `:traditional` `:traditional-der` - PKCS#1 (RFC 8017) or SEC 1 (RFC 5915), "
    "never encrypted\n"
    "* `:openssh` - an OPENSSH PRIVATE KEY block, or for a public key a line as in "
    "authorized_keys; encrypted by bcrypt and AES-256-CTR with :password\n\n"
    "Passwords are stretched on a thread while the fiber waits. Raises when the key "
    "can't be read, is encrypted and no password opens it, or has no such form.",
    &convert_options) {
    static const OptionWord forms[] = {
        {"pem", KEYFORM_PEM},
        {"der", KEYFORM_DER},
        {"pkcs8", KEYFORM_PKCS8},
        {"pkcs8-der", KEYFORM_PKCS8_DER},
        {"traditional", KEYFORM_TRADITIONAL},
        {"traditional-der", KEYFORM_TRADITIONAL_DER},
        {"openssh", KEYFORM_OPENSSH},
        {NULL, 0},
    };
    args_arity(function, argc, 2, 3);
    Bytes key = key_argument(function, argv, 0);
    KeyForm form = (KeyForm)args_word(function, forms, argv, 1);
    KeyOptions options = {.cipher = CIPHER_UNSET};
    options_read(function, &convert_options, args_options(argv, argc, 2), &options);
    KeyTask job = make_task(function, key, form, &options);
    return task_run(&job.task, sizeof job, has_password(&options));
}

FUNCTION(
    crypto_load_key, "crypto/load-key", "key &opt password opts",
    "Read a private key, PEM, DER or a path, and return it as unencrypted PEM (PKCS#8): keep it "
    "secret. `password` decrypts an encrypted key. Raises when it is no private key, and "
    "when the password of an encrypted key is missing or wrong. Never asks on a terminal.",
    &legacy_options) {
    args_arity(function, argc, 1, 3);
    Bytes key = key_argument(function, argv, 0);
    KeyOptions options = {.input_password = args_secret_or_none(function, argv, argc, 1)};
    options_read(function, &legacy_options, args_options(argv, argc, 2), &options);
    KeyTask job = make_task(function, key, KEYFORM_PKCS8, &options);
    job.wants_private = true;
    return task_run(&job.task, sizeof job, has_password(&options));
}

FUNCTION(crypto_export_key, "crypto/export-key", "key &opt opts",
         "Write a private key as PEM (PKCS#8), encrypted if :password is given. Raises as "
         "`load-key` does, and when the password is empty or too long.",
         &key_options) {
    args_arity(function, argc, 1, 2);
    Bytes key = key_argument(function, argv, 0);
    KeyOptions options = {.cipher = CIPHER_UNSET};
    options_read(function, &key_options, args_options(argv, argc, 1), &options);
    KeyTask job = make_task(function, key, KEYFORM_PKCS8, &options);
    job.wants_private = true;
    return task_run(&job.task, sizeof job, has_password(&options));
}

/* --- key-info --- */

typedef struct InfoTask {
    Task task;
    bool with_legacy;
    KeyFormInfo info;
} InfoTask;

static bool info_run(Task *task, Failure *failure) {
    InfoTask *job = (InfoTask *)task;
    return keyform_info(task->inputs[KEY], task->inputs[INPUT_PASSWORD], job->with_legacy,
                        &job->info, failure);
}

static Janet info_result(Task *task) {
    const KeyFormInfo *info = &((InfoTask *)task)->info;
    JanetTable *table = janet_table(8);
    info_key(table, &info->facts, "type", "bits", "curve");
    janet_table_put(table, janet_ckeywordv("encrypted"), janet_wrap_boolean(info->encrypted));
    janet_table_put(table, janet_ckeywordv("private"), janet_wrap_boolean(info->is_private));
    if (info->has_seed) janet_table_put(table, janet_ckeywordv("seed"), janet_wrap_true());
    if (info->scheme.cipher[0]) {
        janet_table_put(table, janet_ckeywordv("cipher"), janet_cstringv(info->scheme.cipher));
    }
    if (info->scheme.scheme[0]) {
        janet_table_put(table, janet_ckeywordv("scheme"), janet_cstringv(info->scheme.scheme));
    }
    if (info->scheme.iterations) {
        janet_table_put(table, janet_ckeywordv("iterations"),
                        janet_wrap_number((double)info->scheme.iterations));
    }
    return janet_wrap_table(table);
}

FUNCTION(crypto_key_info, "crypto/key-info", "key &opt password opts",
         "The properties of a key, private or public, PEM, DER or a path, as a table. Entries "
         "without a value are absent:\n\n"
         "* `:type` - `:rsa` `:ec` `:ed25519` `:x25519` `:rsa-pss` `:ml-dsa-65` …\n"
         "* `:bits` - its size\n"
         "* `:curve` - \"prime256v1\", \"secp384r1\" …, of `:ec` keys\n"
         "* `:private` - whether it is a private key\n"
         "* `:seed` - true when a private ML-KEM or ML-DSA key has the seed that it was expanded "
         "from\n"
         "* `:encrypted` - whether it is protected by a password; then `:cipher` (\"AES-256-CBC\", "
         "\"DES-CBC\" …), and of PKCS#8 ones `:scheme` (\"PBES2\", \"PBE-MD5-DES\" …) and "
         "`:iterations`\n\n"
         "Of an encrypted PKCS#8 key only these are known without the password, of a traditional "
         "one also the type. Raises when it is no key, or the password is wrong.",
         &legacy_options) {
    args_arity(function, argc, 1, 3);
    InfoTask job = {.task = {.function = function, .run = info_run, .result = info_result}};
    job.task.inputs[KEY] = key_argument(function, argv, 0);
    job.task.inputs[INPUT_PASSWORD] = args_secret_or_none(function, argv, argc, 1);
    KeyOptions options = {.with_legacy = false};
    options_read(function, &legacy_options, args_options(argv, argc, 2), &options);
    job.with_legacy = options.with_legacy;
    return task_run(&job.task, sizeof job, job.task.inputs[INPUT_PASSWORD].data);
}

/* --- certificates --- */

static const OptionWord encodings[] = {{"pem", PEM}, {"der", DER}, {NULL, 0}};

static bool write_certificates(BIO *bio, const STACK_OF(X509) * all, int encoding,
                               Failure *failure) {
    if (encoding == DER && sk_X509_num(all) > 1) {
        return failure_set(failure, "not converted: DER holds one certificate, %d were given",
                           sk_X509_num(all));
    }
    bool written = bio;
    for (int i = 0; written && i < sk_X509_num(all); i++) {
        X509 *certificate = sk_X509_value(all, i);
        written =
            encoding == PEM ? PEM_write_bio_X509(bio, certificate) : i2d_X509_bio(bio, certificate);
    }
    return written || failure_openssl(failure, "certificate not written");
}

FUNCTION(crypto_convert_cert, "crypto/convert-cert", "cert target-format",
         "Write a certificate, PEM, DER or a path, as `:pem` or `:der`; returns a string. Several "
         "certificates in a PEM text stay together as PEM. Raises when it is no "
         "certificate, or when several would have to fit in DER.",
         NULL) {
    Failure failure;
    args_arity(function, argc, 2, 2);
    Bytes data = args_bytes(function, argv, 0);
    int encoding = args_word(function, encodings, argv, 1);
    Janet result = janet_wrap_nil();
    STACK_OF(X509) *all = pem_load_certificates(data, NULL, &failure);
    BIO *bio = BIO_new(BIO_s_mem());
    bool written = all && write_certificates(bio, all, encoding, &failure);
    if (written) result = values_bio(bio);
    BIO_free(bio);
    sk_X509_pop_free(all, X509_free);
    if (!written) raise_failure(function, &failure);
    return result;
}

/* PKCS#12 and CMS may be BER of indefinite length, which counts as DER here. */
static bool begins_as_ber(Bytes data) {
    return data.length > 2 && data.data[0] == 0x30 && data.data[1] == 0x80;
}

FUNCTION(crypto_detect_format, "crypto/detect-format", "data",
         "`:pem` when a PEM block begins anywhere in the data, `:der` when it begins as DER "
         "or BER does. Looks at no more than that. Raises when it is neither.",
         NULL) {
    args_arity(function, argc, 1, 1);
    Bytes data = args_secret(function, argv, 0);
    if (encoding_is_pem(data)) return janet_ckeywordv("pem");
    if (encoding_is_der(data) || begins_as_ber(data)) return janet_ckeywordv("der");
    Failure failure;
    failure_set(&failure, "neither PEM nor DER");
    pem_hint_path(data, &failure);
    raise_failure(function, &failure);
}

static const Function *const functions[] = {
    &function_crypto_convert_key,
    &function_crypto_load_key,
    &function_crypto_export_key,
    &function_crypto_key_info,
    &function_crypto_convert_cert,
    &function_crypto_detect_format,
    NULL,
};

void convert_register(JanetTable *env) {
    module_register(env, functions);
}
