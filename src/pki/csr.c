/* Certificate signing requests. */
#include "core/pki/csr.h"

#include "base/args.h"
#include "base/key.h"
#include "base/module.h"
#include "base/raise.h"
#include "core/keys/keys.h"
#include "core/keys/quantum_key.h"
#include "core/pki/name.h"
#include "crypto/task.h"
#include "pki/extensions.h"
#include "pki/info.h"
#include "pki/options.h"
#include "pki/values.h"
#include "register.h"

#include <openssl/err.h>
#include <openssl/pem.h>

typedef struct CsrOptions {
    SubjectOptions subject; /* first, for the shared part */
    Bytes challenge, password;
    int format;
} CsrOptions;

enum { PEM, DER };
enum { KEY, PASSWORD, CHALLENGE };

static const OptionWord formats[] = {{"pem", PEM}, {"der", DER}, {NULL, 0}};

static const OptionRow option_rows[] = {
    OPTION_SECRET("challenge-password", option_text, CsrOptions, challenge,
                  "challengePassword, which SCEP servers require. Anyone who sees the request "
                  "can read it."),
    OPTION_SECRET("password", option_bytes, CsrOptions, password,
                  "Password of the key, if it is encrypted."),
    OPTION_WITH("format", option_word, formats, CsrOptions, format, ":pem (default) or :der."),
};
static const OptionSet *const parts[] = {&pki_subject_options, NULL};
static const OptionSet csr_options = OPTION_SET_WITH(option_rows, parts);

typedef struct CsrTask {
    Task task;
    X509_NAME *subject;
    GENERAL_NAMES *alternatives;
    EXTENDED_KEY_USAGE *extended;
    Extensions extensions;
    uint32_t key_usage;
    const EVP_MD *digest;
    int format;
    BIO *written;
} CsrTask;

static bool write_request(CsrTask *job, X509_REQ *request, Failure *failure) {
    job->written = BIO_new(BIO_s_mem());
    bool written =
        job->written && (job->format == PEM ? PEM_write_bio_X509_REQ(job->written, request)
                                            : i2d_X509_REQ_bio(job->written, request));
    return written || failure_openssl(failure, "request not written");
}

static bool csr_run(Task *task, Failure *failure) {
    CsrTask *job = (CsrTask *)task;
    EVP_PKEY *key = keys_private(task->inputs[KEY], task->inputs[PASSWORD], failure);
    if (!key) return false;
    CsrTemplate template = {.key = key,
                            .subject = job->subject,
                            .alternatives = job->alternatives,
                            .key_usage = job->key_usage,
                            .extended = job->extended,
                            .extensions = &job->extensions,
                            .challenge = task->inputs[CHALLENGE],
                            .digest = job->digest};
    X509_REQ *request = csr_build(&template, failure);
    bool written = request && write_request(job, request, failure);
    X509_REQ_free(request);
    EVP_PKEY_free(key);
    return written;
}

static Janet csr_result(Task *task) {
    return values_bio(((CsrTask *)task)->written);
}

static void csr_release(Task *task) {
    CsrTask *job = (CsrTask *)task;
    X509_NAME_free(job->subject);
    GENERAL_NAMES_free(job->alternatives);
    EXTENDED_KEY_USAGE_free(job->extended);
    extensions_free(&job->extensions);
    BIO_free(job->written);
}

static bool set_names(CsrTask *job, const CsrOptions *options, Failure *failure) {
    if (!values_subject(&options->subject.name, options->subject.san, &job->subject,
                        &job->alternatives, failure)) {
        return false;
    }
    if (!X509_NAME_entry_count(job->subject) && !sk_GENERAL_NAME_num(job->alternatives)) {
        return failure_set(failure, "names not usable: give a common name or a subject alternative "
                                    "name");
    }
    job->extended = values_extended_usage(options->subject.extended);
    if (!job->extended) return failure_set(failure, "out of memory");
    return extensions_load(&options->subject.extensions, &job->extensions, failure);
}

FUNCTION(crypto_generate_csr, "crypto/generate-csr", "key options",
         "Make a certificate signing request (PKCS#10, RFC 2986) for a private key, PEM or "
         "DER, and return it as a PEM string. Raises when the key can't be read or can't "
         "sign (X25519), and when there is neither a common name nor a subject alternative "
         "name.",
         &csr_options) {
    args_arity(function, argc, 2, 2);
    CsrOptions options = {.subject = pki_subject_defaults()};
    CsrTask job = {
        .task = {
            .function = function, .run = csr_run, .result = csr_result, .release = csr_release}};
    job.task.inputs[KEY] = key_argument(function, argv, 0);
    options_read(function, &csr_options, argv[1], &options);
    job.task.inputs[PASSWORD] = options.password;
    job.task.inputs[CHALLENGE] = options.challenge;
    job.key_usage = options.subject.key_usage;
    job.digest = options.subject.digest;
    job.format = options.format;
    Failure failure;
    if (!set_names(&job, &options, &failure)) {
        csr_release(&job.task);
        raise_failure(function, &failure);
    }
    bool heavy = keys_are_slow(job.task.inputs[KEY], options.password) ||
                 quantum_key_is_slow(job.task.inputs[KEY]);
    return task_run(&job.task, sizeof job, heavy);
}

static Janet make_csr_value(const CsrInfo *info) {
    JanetTable *table = janet_table(12);
    janet_table_put(table, janet_ckeywordv("version"), info_asn1_version(info->version));
    janet_table_put(table, janet_ckeywordv("subject"), info_name(&info->subject));
    janet_table_put(table, janet_ckeywordv("subject-text"), info_bytes(info->subject_text));
    if (!info_has_fault(&info->malformed, "subjectAltName")) {
        janet_table_put(table, janet_ckeywordv("san"), info_alternatives(&info->alternatives));
    }
    info_key(table, &info->key, "key-type", "key-bits", "key-curve");
    janet_table_put(table, janet_ckeywordv("public-key"), info_bytes(info->public_key));
    janet_table_put(table, janet_ckeywordv("signature-algorithm"),
                    info_bytes(info->signature_algorithm));
    janet_table_put(table, janet_ckeywordv("signature-valid"), janet_wrap_boolean(info->is_signed));
    if (info->challenge.data) {
        janet_table_put(table, janet_ckeywordv("challenge-password"), info_bytes(info->challenge));
    }
    janet_table_put(table, janet_ckeywordv("extensions"), info_extensions(&info->extensions));
    janet_table_put(table, janet_ckeywordv("malformed"), info_malformed(&info->malformed));
    janet_table_put(table, janet_ckeywordv("attributes"),
                    info_attributes(info->attributes, info->attribute_count));
    return janet_wrap_table(table);
}

FUNCTION(crypto_parse_csr, "crypto/parse-csr", "csr",
         "What a certificate signing request, PEM or DER, asks for, as a table. Raises "
         "when it is no request. Its author may have written anything: check "
         "`:signature-valid`, and never copy `:extensions` into a certificate unchecked. "
         "`cert/issue-cert` copies only names.\n\n"
         "* `:subject` - struct of `:common-name` `:country` and so on, as in "
         "`cert/parse`; `:subject-text` - the same as a line (RFC 2253)\n"
         "* `:san` - tuple of subject alternative names: \"DNS:a.example\" …\n"
         "* `:key-type` `:key-bits` `:key-curve` - of the public key; `:public-key` - as "
         "PEM, \"\" for an unknown type of key\n"
         "* `:signature-algorithm`; `:signature-valid` - whether that key signed it\n"
         "* `:challenge-password` - if the request has one\n"
         "* `:extensions` - tuple of structs `{:oid :name :critical :value :text}`\n"
         "* `:attributes` - tuple of structs `{:oid :name :values :text}`, among them those above: "
         "values are DER, text is the first value where that is a string\n"
         "* `:malformed` - tuple of the names of extensions that can't be read or occur twice: "
         "`cert/issue-cert` refuses such a request\n"
         "* `:version` - 1",
         NULL) {
    Failure failure;
    CsrInfo info;
    args_arity(function, argc, 1, 1);
    X509_REQ *request = csr_read(args_bytes(function, argv, 0), &failure);
    if (!request) raise_failure(function, &failure);
    Janet result = janet_wrap_nil();
    bool read = csr_info_read(&info, request, &failure);
    if (read) result = make_csr_value(&info);
    csr_info_free(&info);
    X509_REQ_free(request);
    if (!read) raise_failure(function, &failure);
    return result;
}

static const Function *const functions[] = {
    &function_crypto_generate_csr,
    &function_crypto_parse_csr,
    NULL,
};

void csr_register(JanetTable *env) {
    module_register(env, functions);
}
