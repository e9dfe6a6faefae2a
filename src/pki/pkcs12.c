/* PKCS#12 bundles of a private key and its certificates. */
#include "core/pki/pkcs12.h"

#include "base/args.h"
#include "base/key.h"
#include "base/module.h"
#include "base/raise.h"
#include "core/keys/keys.h"
#include "core/keys/pbe.h"
#include "core/keys/pem.h"
#include "crypto/task.h"
#include "pki/options.h"
#include "pki/values.h"
#include "register.h"

#include <openssl/err.h>
#include <string.h>

typedef struct Pkcs12Options {
    Bytes password, friendly_name, key_password;
    Janet chain;
    int32_t iterations;
    bool needs_mac, with_legacy;
} Pkcs12Options;

static const OptionRange iterations_range = {PBE_MIN_ITERATIONS, PBE_MAX_ITERATIONS};

static const OptionRow create_rows[] = {
    OPTION_SECRET("password", option_bytes, Pkcs12Options, password,
                  "Password of the bundle. Required: 1 to 1024 bytes without NULs."),
    OPTION("chain", pki_option_certificates, Pkcs12Options, chain,
           "Certificates of CAs to add: PEM or DER, or a list of these."),
    OPTION("friendly-name", option_text, Pkcs12Options, friendly_name,
           "Name that programs show "
           "to their users."),
    OPTION_WITH("iterations", option_integer, &iterations_range, Pkcs12Options, iterations,
                "Iterations of the key derivations, from 1000 to 10000000. Default: 250000. Some "
                "readers refuse more than 300000."),
    OPTION_SECRET("key-password", option_bytes, Pkcs12Options, key_password,
                  "Password of the given key, if it is encrypted."),
};
static const OptionSet create_options = OPTION_SET(create_rows);

static const OptionRow parse_rows[] = {
    OPTION("require-mac", option_boolean, Pkcs12Options, needs_mac,
           "false opens bundles without a MAC, which detect no changes. Default: true."),
    OPTION("legacy", option_boolean, Pkcs12Options, with_legacy,
           "true opens bundles under old algorithms (RC2, DES, MD4), as old software made them; "
           "requires OpenSSL's legacy provider. Default: false."),
};
static const OptionSet parse_options = OPTION_SET(parse_rows);

typedef struct Pkcs12Task {
    Task task;
    Pkcs12 bundle;
    int iterations;
    bool needs_mac, with_legacy;
    uint8_t *written;
    size_t length;
    char *key;
    size_t key_length;
} Pkcs12Task;

static void pkcs12_release(Task *task) {
    Pkcs12Task *job = (Pkcs12Task *)task;
    pkcs12_free(&job->bundle);
    OPENSSL_clear_free(job->written, job->length);
    OPENSSL_clear_free(job->key, job->key_length);
}

/* --- create --- */

enum { KEY, KEY_PASSWORD, PASSWORD };

static bool create_run(Task *task, Failure *failure) {
    Pkcs12Task *job = (Pkcs12Task *)task;
    job->bundle.key = keys_private(task->inputs[KEY], task->inputs[KEY_PASSWORD], failure);
    if (!job->bundle.key) return false;
    job->written =
        pkcs12_write(&job->bundle, task->inputs[PASSWORD], job->iterations, &job->length, failure);
    return job->written;
}

static Janet create_result(Task *task) {
    Pkcs12Task *job = (Pkcs12Task *)task;
    return janet_stringv(job->written, (int32_t)job->length);
}

static bool load_bundle(Pkcs12Task *job, Bytes certificate, const Pkcs12Options *options,
                        Failure *failure) {
    if (!(job->bundle.certificate = pem_certificate(certificate, failure))) return false;
    if (!(job->bundle.chain = values_certificates(options->chain, failure))) return false;
    if (!options->friendly_name.data) return true;
    job->bundle.friendly_name = OPENSSL_strdup((const char *)options->friendly_name.data);
    return job->bundle.friendly_name || failure_set(failure, "out of memory");
}

FUNCTION(crypto_create_pkcs12, "crypto/create-pkcs12", "cert key opts",
         "Bundle a private key, its certificate and those of CAs under a password (PKCS#12, "
         "RFC 7292); returns the DER as a string. Key and certificates are PEM or DER. "
         "Encrypted with PBES2 (PBKDF2 over HMAC-SHA-256, AES-256-CBC) with a MAC by "
         "SHA-256, on a thread while the fiber waits. Raises when the key does not match "
         "the certificate, or the password is missing.",
         &create_options) {
    Failure failure;
    janet_fixarity(argc, 3);
    Bytes certificate = args_bytes(argv, 0), key = key_argument(argv, 1);
    Pkcs12Options options = {.chain = janet_wrap_nil(), .iterations = PBE_BUNDLE_ITERATIONS};
    options_read(function, &create_options, argv[2], &options);
    if (!options.password.data) raise_format(function, "option :password is required");
    Pkcs12Task job = {.task = {.function = function,
                               .run = create_run,
                               .result = create_result,
                               .release = pkcs12_release,
                               .inputs = {[KEY] = key,
                                          [KEY_PASSWORD] = options.key_password,
                                          [PASSWORD] = options.password}},
                      .iterations = options.iterations};
    if (!load_bundle(&job, certificate, &options, &failure)) {
        pkcs12_release(&job.task);
        raise_failure(function, &failure);
    }
    return task_run(&job.task, sizeof job, true);
}

/* --- parse --- */

enum { DATA, BUNDLE_PASSWORD };

static bool parse_run(Task *task, Failure *failure) {
    Pkcs12Task *job = (Pkcs12Task *)task;
    Pkcs12Reading reading = {task->inputs[BUNDLE_PASSWORD], job->needs_mac, job->with_legacy};
    if (!pkcs12_read(&job->bundle, task->inputs[DATA], &reading, failure)) return false;
    if (!job->bundle.key) return true;
    job->key = keys_private_pem(job->bundle.key, &job->key_length, failure);
    return job->key;
}

static Janet parse_result(Task *task) {
    Pkcs12Task *job = (Pkcs12Task *)task;
    JanetTable *table = janet_table(4);
    Janet certificate = janet_wrap_nil(), chain = certificate;
    if ((job->bundle.certificate && !values_pem(job->bundle.certificate, &certificate)) ||
        !values_pems(job->bundle.chain, &chain)) {
        return task_fail(task, "out of memory");
    }
    janet_table_put(table, janet_ckeywordv("cert"), certificate);
    if (job->key) {
        janet_table_put(table, janet_ckeywordv("key"),
                        janet_stringv((const uint8_t *)job->key, (int32_t)job->key_length));
    }
    janet_table_put(table, janet_ckeywordv("chain"), chain);
    if (job->bundle.friendly_name) {
        janet_table_put(table, janet_ckeywordv("friendly-name"),
                        janet_cstringv(job->bundle.friendly_name));
    }
    return janet_wrap_table(table);
}

FUNCTION(crypto_parse_pkcs12, "crypto/parse-pkcs12", "data password &opt opts",
         "Open a PKCS#12 bundle (RFC 7292), `password` nil or \"\" for none, on a thread "
         "while the fiber waits. Returns a table; entries that the bundle does not hold "
         "are absent:\n\n"
         "* `:key` - the private key as PEM (PKCS#8), not encrypted: keep it secret\n"
         "* `:cert` - the certificate that belongs to the key, as PEM\n"
         "* `:chain` - array of the other certificates as PEM, in their order\n"
         "* `:friendly-name` - of the certificate, or of the key\n\n"
         "Raises when it is no bundle, when the password is wrong or a byte was changed "
         "(both look the same), or when it asks for more than 10000000 iterations. "
         "Certificates are not verified.",
         &parse_options) {
    janet_arity(argc, 2, 3);
    Pkcs12Task job = {.task = {.function = function,
                               .run = parse_run,
                               .result = parse_result,
                               .release = pkcs12_release}};
    job.task.inputs[DATA] = args_secret(argv, 0);
    job.task.inputs[BUNDLE_PASSWORD] = args_secret_or_none(argv, argc, 1);
    Pkcs12Options options = {.needs_mac = true};
    options_read(function, &parse_options, args_options(argv, argc, 2), &options);
    job.needs_mac = options.needs_mac;
    job.with_legacy = options.with_legacy;
    return task_run(&job.task, sizeof job, true);
}

static const Function *const functions[] = {
    &function_crypto_create_pkcs12,
    &function_crypto_parse_pkcs12,
    NULL,
};

void pkcs12_register(JanetTable *env) {
    module_register(env, functions);
}
