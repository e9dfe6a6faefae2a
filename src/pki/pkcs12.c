/* PKCS#12 bundles of a private key and its certificates. */
#include "core/pki/pkcs12.h"

#include "base/args.h"
#include "base/key.h"
#include "base/module.h"
#include "base/raise.h"
#include "core/crypto/hex.h"
#include "core/keys/keys.h"
#include "core/keys/pbe.h"
#include "core/keys/pem.h"
#include "crypto/task.h"
#include "pki/options.h"
#include "pki/values.h"
#include "register.h"

#include <openssl/err.h>
#include <string.h>

#define LEGACY_ITERATIONS 2048 /* of old readers, whose limits are not known */

typedef struct Pkcs12Options {
    Bytes password, key_password;
    Janet chain, names;
    int32_t iterations; /* 0: the default of the encryption */
    int encryption;
    bool needs_mac, with_legacy;
} Pkcs12Options;

enum { MODERN, LEGACY };

static const OptionWord encryptions[] = {{"aes-256", MODERN}, {"legacy", LEGACY}, {NULL, 0}};

/* A text, or a list of them. */
static void parse_names(const OptionSite *site, Janet value, void *field) {
    JanetView list = {&value, 1};
    Bytes text;
    janet_indexed_view(value, &list.items, &list.len);
    for (int32_t i = 0; i < list.len; i++) option_text(site, list.items[i], &text);
    *(Janet *)field = value;
}

static const OptionRange iterations_range = {PBE_MIN_ITERATIONS, PBE_MAX_ITERATIONS};

static const OptionRow create_rows[] = {
    OPTION_SECRET("password", option_bytes, Pkcs12Options, password,
                  "Password of the bundle. Required: 1 to 1024 bytes without NULs."),
    OPTION("chain", pki_option_certificates, Pkcs12Options, chain,
           "Certificates of CAs to add: PEM, DER or a path, or a list of these."),
    OPTION("friendly-name", parse_names, Pkcs12Options, names,
           "Name that programs show to their users; of a trust store a list of names, one for each "
           "certificate, in their order."),
    OPTION_WITH("encryption", option_word, encryptions, Pkcs12Options, encryption,
                ":aes-256 (default), or :legacy for macOS, Android before 12 and Windows before "
                "2019: Triple-DES and SHA-1, which are weak, so give a long password."),
    OPTION_WITH("iterations", option_integer, &iterations_range, Pkcs12Options, iterations,
                "Iterations of the key derivations, from 1000 to 10000000. Default: 250000, with "
                ":legacy 2048. Some readers refuse more than 300000."),
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
    Pkcs12Reading reading;
    char **keys; /* PEM of the bundle's entries, NULL for those without a key */
    size_t *key_lengths;
    EVP_PKEY *key;
    STACK_OF(X509) * certificates;
    Bytes *names;
    Pkcs12Template template;
    uint8_t *written;
    size_t length;
} Pkcs12Task;

static void pkcs12_release(Task *task) {
    Pkcs12Task *job = (Pkcs12Task *)task;
    for (size_t i = 0; job->keys && i < job->bundle.entry_count; i++) {
        OPENSSL_clear_free(job->keys[i], job->key_lengths ? job->key_lengths[i] : 0);
    }
    OPENSSL_free(job->keys);
    OPENSSL_free(job->key_lengths);
    pkcs12_free(&job->bundle);
    EVP_PKEY_free(job->key);
    sk_X509_pop_free(job->certificates, X509_free);
    for (size_t i = 0; i < job->template.name_count; i++) {
        OPENSSL_free((void *)(uintptr_t)job->names[i].data);
    }
    OPENSSL_free(job->names);
    OPENSSL_clear_free(job->written, job->length);
}

/* --- create --- */

enum { KEY, KEY_PASSWORD, PASSWORD };

static bool create_run(Task *task, Failure *failure) {
    Pkcs12Task *job = (Pkcs12Task *)task;
    Bytes key = task->inputs[KEY];
    if (key.data && !(job->key = keys_private(key, task->inputs[KEY_PASSWORD], failure))) {
        return false;
    }
    job->template.key = job->key;
    job->template.password = task->inputs[PASSWORD];
    job->template.certificates = job->certificates;
    job->template.names = job->names;
    job->written = pkcs12_write(&job->template, &job->length, failure);
    return job->written;
}

static Janet create_result(Task *task) {
    Pkcs12Task *job = (Pkcs12Task *)task;
    return janet_stringv(job->written, (int32_t)job->length);
}

/* Copies: the task may outlive the values. */
static bool copy_names(Pkcs12Task *job, Janet names, Failure *failure) {
    int32_t count = values_count(names);
    if (!count) return true;
    job->names = OPENSSL_zalloc((size_t)count * sizeof *job->names);
    for (int32_t i = 0; job->names && i < count; i++) {
        Bytes name = values_item(names, i);
        const char *copy = OPENSSL_strndup((const char *)name.data, name.length);
        if (!copy) return failure_set(failure, "out of memory");
        job->names[job->template.name_count++] = (Bytes){(const uint8_t *)copy, name.length};
    }
    return job->names || failure_set(failure, "out of memory");
}

/* A chain may repeat certificates that stand beside the first one. */
static bool is_among(const STACK_OF(X509) * certificates, const X509 *certificate) {
    for (int i = 0; i < sk_X509_num(certificates); i++) {
        if (!X509_cmp(sk_X509_value(certificates, i), certificate)) return true;
    }
    return false;
}

static bool load_certificates(Pkcs12Task *job, Janet given, Janet chain, Failure *failure) {
    job->certificates = values_certificates(given, NULL, failure);
    STACK_OF(X509) *others = job->certificates ? values_certificates(chain, NULL, failure) : NULL;
    bool loaded = others;
    X509 *certificate;
    while (loaded && (certificate = sk_X509_shift(others))) {
        bool is_new = !is_among(job->certificates, certificate);
        if (is_new && sk_X509_push(job->certificates, certificate) > 0) continue;
        X509_free(certificate);
        loaded = !is_new || failure_set(failure, "out of memory");
    }
    sk_X509_pop_free(others, X509_free);
    return loaded;
}

static Janet get_certificates(const char *function, const Janet *argv, int32_t slot) {
    if (!values_are(argv[slot], VALUES_BYTES)) {
        raise_type(function, slot, "certificate or list of certificates", argv[slot]);
    }
    return argv[slot];
}

FUNCTION(crypto_create_pkcs12, "crypto/create-pkcs12", "cert key opts",
         "Bundle a private key, its certificate and those of CAs under a password (PKCS#12, "
         "RFC 7292); returns the DER as a string. Key and certificates are PEM, DER or a path; "
         "certificates that follow the first in `cert` are added. With nil for `key` it is a "
         "trust store of the certificates, which Java trusts as well.\n\n"
         "Encrypted with PBES2 (PBKDF2 over HMAC-SHA-256, AES-256-CBC) with a MAC by SHA-256, on a "
         "thread while the fiber waits. Raises when the key does not match the first certificate, "
         "or the password is missing.",
         &create_options) {
    Failure failure;
    args_arity(function, argc, 3, 3);
    bool has_key = !janet_checktype(argv[1], JANET_NIL);
    Janet given = get_certificates(function, argv, 0);
    Pkcs12Options options = {.chain = janet_wrap_nil(), .names = janet_wrap_nil()};
    Pkcs12Task job = {.task = {.function = function,
                               .run = create_run,
                               .result = create_result,
                               .release = pkcs12_release}};
    if (has_key) job.task.inputs[KEY] = key_argument(function, argv, 1);
    options_read(function, &create_options, argv[2], &options);
    if (!options.password.data) raise_format(function, "option :password is required");
    int iterations = options.encryption == LEGACY ? LEGACY_ITERATIONS : PBE_BUNDLE_ITERATIONS;
    job.task.inputs[KEY_PASSWORD] = options.key_password;
    job.task.inputs[PASSWORD] = options.password;
    job.template.iterations = options.iterations ? options.iterations : iterations;
    job.template.is_legacy = options.encryption == LEGACY;
    if (!load_certificates(&job, given, options.chain, &failure) ||
        !copy_names(&job, options.names, &failure)) {
        pkcs12_release(&job.task);
        raise_failure(function, &failure);
    }
    return task_run(&job.task, sizeof job, true);
}

/* --- parse --- */

enum { DATA, BUNDLE_PASSWORD };

static bool write_keys(Pkcs12Task *job, Failure *failure) {
    size_t count = job->bundle.entry_count + 1; /* never 0 */
    job->keys = OPENSSL_zalloc(count * sizeof *job->keys);
    job->key_lengths = OPENSSL_zalloc(count * sizeof *job->key_lengths);
    if (!job->keys || !job->key_lengths) return failure_set(failure, "out of memory");
    for (size_t i = 0; i < job->bundle.entry_count; i++) {
        const Pkcs12Bag *bag = job->bundle.entries[i].key;
        if (!bag) continue;
        job->keys[i] = keys_private_pem(bag->key, job->key_lengths + i, failure);
        if (!job->keys[i]) return false;
    }
    return true;
}

static bool parse_run(Task *task, Failure *failure) {
    Pkcs12Task *job = (Pkcs12Task *)task;
    job->reading.password = task->inputs[BUNDLE_PASSWORD];
    return pkcs12_read(&job->bundle, task->inputs[DATA], &job->reading, failure) &&
           write_keys(job, failure);
}

static void put_value(JanetTable *into, const char *key, Janet value) {
    janet_table_put(into, janet_ckeywordv(key), value); /* nil leaves it out */
}

static Janet make_hex(const uint8_t *bytes, size_t length) {
    uint8_t *digits = janet_string_begin((int32_t)(2 * length));
    hex_encode((Bytes){bytes, length}, digits);
    return janet_wrap_string(janet_string_end(digits));
}

static bool make_chain(const Pkcs12Entry *entry, Janet *into) {
    JanetArray *chain = janet_array((int32_t)entry->chain_length);
    for (size_t i = 0; i < entry->chain_length; i++) {
        Janet pem;
        if (!values_pem(entry->chain[i]->certificate, &pem)) return false;
        janet_array_push(chain, pem);
    }
    *into = janet_wrap_array(chain);
    return true;
}

/* The certificate's name and id come before the key's. */
static const Pkcs12Bag *choose_bag(const Pkcs12Entry *entry, bool has_it) {
    return has_it ? entry->certificate : entry->key;
}

static Janet make_name(const Pkcs12Entry *entry) {
    const Pkcs12Bag *bag = choose_bag(entry, entry->certificate && entry->certificate->name);
    return bag && bag->name ? janet_cstringv(bag->name) : janet_wrap_nil();
}

static bool make_entry(const Pkcs12Task *job, size_t index, Janet *into) {
    const Pkcs12Entry *entry = job->bundle.entries + index;
    JanetTable *table = janet_table(5);
    Janet certificate = janet_wrap_nil(), chain = certificate;
    if (entry->certificate && !values_pem(entry->certificate->certificate, &certificate)) {
        return false;
    }
    if (entry->key && !make_chain(entry, &chain)) return false;
    const Pkcs12Bag *bag = choose_bag(entry, entry->certificate && entry->certificate->id);
    if (job->keys[index]) {
        put_value(
            table, "key",
            janet_stringv((const uint8_t *)job->keys[index], (int32_t)job->key_lengths[index]));
    }
    put_value(table, "cert", certificate);
    put_value(table, "chain", chain);
    put_value(table, "friendly-name", make_name(entry));
    if (bag && bag->id) put_value(table, "key-id", make_hex(bag->id, bag->id_length));
    *into = janet_wrap_struct(janet_table_to_struct(table));
    return true;
}

static bool make_entries(const Pkcs12Task *job, Janet *into) {
    JanetArray *entries = janet_array((int32_t)job->bundle.entry_count);
    for (size_t i = 0; i < job->bundle.entry_count; i++) {
        Janet entry;
        if (!make_entry(job, i, &entry)) return false;
        janet_array_push(entries, entry);
    }
    *into = janet_wrap_array(entries);
    return true;
}

/* All certificates but the first key's, in the order of the bundle. */
static bool make_others(const Pkcs12 *bundle, const Pkcs12Bag *own, Janet *into) {
    JanetArray *others = janet_array((int32_t)bundle->count);
    for (size_t i = 0; i < bundle->count; i++) {
        const Pkcs12Bag *bag = bundle->bags + i;
        Janet pem;
        if (!bag->certificate || bag == own) continue;
        if (!values_pem(bag->certificate, &pem)) return false;
        janet_array_push(others, pem);
    }
    *into = janet_wrap_array(others);
    return true;
}

static Janet parse_result(Task *task) {
    Pkcs12Task *job = (Pkcs12Task *)task;
    bool has_key = job->bundle.entry_count && job->bundle.entries[0].key;
    const Pkcs12Bag *own = has_key ? job->bundle.entries[0].certificate : NULL;
    JanetTable *table = janet_table(5);
    Janet entries, others;
    if (!make_entries(job, &entries) || !make_others(&job->bundle, own, &others)) {
        return task_fail(task, "out of memory");
    }
    if (has_key) {
        static const char *const shown[] = {"key", "cert", "friendly-name"};
        Janet first = janet_unwrap_array(entries)->data[0];
        for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
            Janet name = janet_ckeywordv(shown[i]);
            janet_table_put(table, name, janet_struct_get(janet_unwrap_struct(first), name));
        }
    }
    put_value(table, "chain", others);
    put_value(table, "entries", entries);
    return janet_wrap_table(table);
}

FUNCTION(crypto_parse_pkcs12, "crypto/parse-pkcs12", "data password &opt opts",
         "Open a PKCS#12 bundle (RFC 7292), DER or PEM, `password` nil or \"\" for none, on a "
         "thread while the fiber waits. Returns a table; entries that the bundle does not hold "
         "are absent:\n\n"
         "* `:key` - the first private key as PEM (PKCS#8), not encrypted: keep it secret\n"
         "* `:cert` - the certificate that belongs to the key, as PEM\n"
         "* `:chain` - array of all other certificates as PEM, in their order\n"
         "* `:friendly-name` - of the certificate, or of the key\n"
         "* `:entries` - array of structs `{:key :cert :chain :friendly-name :key-id}`: one for "
         "each key, with the certificates above its own as :chain, and one for each certificate "
         "that belongs to no key, or has a name of its own; :key-id is hexadecimal\n\n"
         "Revocation lists and secrets in a bundle are not returned. Raises when it is no bundle, "
         "when the password is wrong or a byte was changed (both look the same), or when it asks "
         "for more than 10000000 iterations. Certificates are not verified.",
         &parse_options) {
    args_arity(function, argc, 2, 3);
    Pkcs12Task job = {.task = {.function = function,
                               .run = parse_run,
                               .result = parse_result,
                               .release = pkcs12_release}};
    job.task.inputs[DATA] = args_secret(function, argv, 0);
    job.task.inputs[BUNDLE_PASSWORD] = args_secret_or_none(function, argv, argc, 1);
    Pkcs12Options options = {.needs_mac = true};
    options_read(function, &parse_options, args_options(argv, argc, 2), &options);
    job.reading =
        (Pkcs12Reading){.needs_mac = options.needs_mac, .with_legacy = options.with_legacy};
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
