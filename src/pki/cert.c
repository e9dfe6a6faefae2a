/* Makes certificates: self-signed ones, and those that a CA issues. */
#include "base/args.h"
#include "base/key.h"
#include "base/module.h"
#include "base/raise.h"
#include "core/keys/keys.h"
#include "core/keys/pem.h"
#include "core/keys/quantum_key.h"
#include "core/pki/csr.h"
#include "core/pki/issue.h"
#include "core/pki/name.h"
#include "crypto/task.h"
#include "pki/extensions.h"
#include "pki/options.h"
#include "pki/values.h"
#include "register.h"

#include <math.h>
#include <openssl/err.h>
#include <time.h>

#define SECONDS_A_DAY 86400.0
#define DEFAULT_DAYS 365

typedef struct CertOptions {
    SubjectOptions subject;             /* first, for the shared part */
    double days, not_before, not_after; /* days, not_after: NAN where not given */
    Serial serial;
    bool ca, outlives;
    int32_t path_length, bits;
    KeyAlgorithm key_type;
    Bytes key, password, csr;
} CertOptions;

static const OptionRange bits_range = {KEYGEN_MIN_BITS, KEYGEN_MAX_BITS};
static const OptionRange path_length_range = {0, 100};

static const OptionRow certificate_rows[] = {
    OPTION("days-valid", pki_option_days, CertOptions, days,
           "Days of validity from :not-before on, more than 0, fractions count. Default: 365."),
    OPTION("not-before", pki_option_date, CertOptions, not_before,
           "First moment of validity: seconds since the epoch, \"2030-01-31\" or "
           "\"2030-01-31T12:00:00Z\". A date in the past or future makes an expired or not yet "
           "valid certificate. Default: now."),
    OPTION("not-after", pki_option_date, CertOptions, not_after,
           "Last moment of validity, in place of :days-valid. \"9999-12-31T23:59:59Z\" means that "
           "it has no end (RFC 5280)."),
    OPTION("serial", pki_option_serial, CertOptions, serial,
           "Serial number: a whole number, or a string of hexadecimal digits, as `parse` shows it; "
           "at most 159 bits. An issuer must give each number once. Default: random."),
    OPTION_WITH("path-length", option_integer, &path_length_range, CertOptions, path_length,
                "How many CAs may follow below this CA. Default: no limit."),
};
static const OptionSet certificate_options = OPTION_SET(certificate_rows);

static const OptionRow new_key_rows[] = {
    OPTION("key-type", pki_option_key_type, CertOptions, key_type,
           "Type of the new key: :rsa (default), :ec-p256, :ec-p384, :ec-p521, :ed25519, :ed448, "
           "and their other spellings; with OpenSSL 3.5 also the ML-DSA and SLH-DSA of "
           "`crypto/generate-key`."),
    OPTION_WITH("bits", option_integer, &bits_range, CertOptions, bits,
                "Size of a new RSA key, from 1024 to 16384. Default: 2048."),
};
static const OptionSet new_key_options = OPTION_SET(new_key_rows);

static const OptionSet *const own_key_parts[] = {&pki_subject_options, &certificate_options, NULL};
static const OptionSet *const new_key_parts[] = {&pki_subject_options, &certificate_options,
                                                 &new_key_options, NULL};

static const OptionRow generate_rows[] = {
    OPTION("ca", option_boolean, CertOptions, ca,
           "Whether it is the certificate of a CA. Default: true."),
};
static const OptionSet generate_options = OPTION_SET_WITH(generate_rows, new_key_parts);

static const OptionRow from_key_rows[] = {
    OPTION("ca", option_boolean, CertOptions, ca,
           "Whether it is the certificate of a CA. Default: true."),
    OPTION_SECRET("password", option_bytes, CertOptions, password,
                  "Password of the key, if it is encrypted."),
};
static const OptionSet from_key_options = OPTION_SET_WITH(from_key_rows, own_key_parts);

static const OptionRow issue_rows[] = {
    OPTION("ca", option_boolean, CertOptions, ca,
           "Whether it is the certificate of a CA. Default: false."),
    OPTION("outlive-ca", option_boolean, CertOptions, outlives,
           "Whether it may end later than the certificate of the CA. Default: false: without "
           ":days-valid and :not-after it ends with the CA, if that is earlier; with them a later "
           "end raises."),
    OPTION_SECRET("key", key_option, CertOptions, key,
                  "Key of the subject, private or public, in place of a new one."),
    OPTION_SECRET("password", option_bytes, CertOptions, password,
                  "Password of :key, if it is encrypted."),
    OPTION("csr", option_bytes, CertOptions, csr,
           "A signing request, PEM or DER. It gives the public key, and the subject and subject "
           "alternative names unless options do. Without such names its common name counts. Its "
           "signature is verified. Nothing else of it is copied, such as CA:TRUE. Look at the "
           "names first: see `crypto/parse-csr`."),
};
static const OptionSet *const issue_parts[] = {&pki_issuer_options, &pki_subject_options,
                                               &certificate_options, &new_key_options, NULL};
static const OptionSet issue_options = OPTION_SET_WITH(issue_rows, issue_parts);

typedef struct CertTask {
    Task task; /* inputs: :key, :password, :issuer-key, :issuer-password */
    Issue issue;
    bool gives_key, gives_struct;
    char *certificate, *key;
    size_t certificate_length, key_length;
} CertTask;

enum { KEY, PASSWORD, ISSUER_KEY, ISSUER_PASSWORD };

/* The subject's key. A public key is enough where a CA signs. */
static bool load_key(CertTask *job, Failure *failure) {
    Bytes key = job->task.inputs[KEY], password = job->task.inputs[PASSWORD];
    if (!key.data) return true;
    bool half = job->issue.issuer && !password.data;
    job->issue.key = half ? keys_public(key, failure) : keys_private(key, password, failure);
    return job->issue.key;
}

static bool load_issuer_key(CertTask *job, Failure *failure) {
    Bytes key = job->task.inputs[ISSUER_KEY], password = job->task.inputs[ISSUER_PASSWORD];
    if (!job->issue.issuer) return true;
    job->issue.issuer_key = keys_private(key, password, failure);
    return job->issue.issuer_key;
}

static bool write_results(CertTask *job, Failure *failure) {
    job->certificate = pem_of_certificate(job->issue.certificate, &job->certificate_length);
    if (!job->certificate) return failure_openssl(failure, "certificate not written");
    if (!job->gives_key) return true;
    job->key = keys_private_pem(job->issue.key, &job->key_length, failure);
    return job->key;
}

static bool cert_run(Task *task, Failure *failure) {
    CertTask *job = (CertTask *)task;
    return load_key(job, failure) && load_issuer_key(job, failure) &&
           issue_check(&job->issue, failure) && issue_run(&job->issue, failure) &&
           write_results(job, failure);
}

static Janet cert_result(Task *task) {
    CertTask *job = (CertTask *)task;
    Janet certificate =
        janet_stringv((const uint8_t *)job->certificate, (int32_t)job->certificate_length);
    if (!job->gives_struct) return certificate;
    JanetKV *pair = janet_struct_begin(job->gives_key ? 2 : 1);
    janet_struct_put(pair, janet_ckeywordv("cert"), certificate);
    if (job->gives_key) {
        Janet key = janet_stringv((const uint8_t *)job->key, (int32_t)job->key_length);
        janet_struct_put(pair, janet_ckeywordv("key"), key);
    }
    return janet_wrap_struct(janet_struct_end(pair));
}

static void cert_release(Task *task) {
    CertTask *job = (CertTask *)task;
    issue_free(&job->issue);
    OPENSSL_free(job->certificate);
    OPENSSL_clear_free(job->key, job->key_length);
}

static bool has_subject(const NameFields *name) {
    return name->common_name.data || name->country.data || name->state.data ||
           name->locality.data || name->organization.data || name->organizational_units.count ||
           name->domain_components.count || name->email.data;
}

/* The request gives what the options leave open. */
static bool set_request(CertTask *job, const CertOptions *options, Failure *failure) {
    if (!options->csr.data) return true;
    X509_REQ *request = csr_read(options->csr, failure);
    if (!request) return false;
    X509_NAME *subject = NULL;
    GENERAL_NAMES *names = NULL;
    bool wants_names = janet_checktype(options->subject.san, JANET_NIL);
    bool taken = csr_take(request, &job->issue.key, &subject, wants_names ? &names : NULL, failure);
    if (taken && !has_subject(&options->subject.name)) {
        /* Old tools put the host into the common name only. */
        bool bare = names && !sk_GENERAL_NAME_num(names);
        taken = !bare || name_add_common(names, subject, failure);
        X509_NAME_free(job->issue.subject);
        job->issue.subject = subject;
        subject = NULL;
    }
    if (taken && names && sk_GENERAL_NAME_num(names) > 0) {
        GENERAL_NAMES_free(job->issue.alternatives);
        job->issue.alternatives = names;
        names = NULL;
    }
    X509_NAME_free(subject);
    GENERAL_NAMES_free(names);
    X509_REQ_free(request);
    return taken;
}

static bool set_extended(CertTask *job, const CertOptions *options, Failure *failure) {
    job->issue.extended = values_extended_usage(options->subject.extended);
    return job->issue.extended || failure_set(failure, "out of memory");
}

static bool set_extensions(CertTask *job, const CertOptions *options, Failure *failure) {
    Extensions extensions = {.lists = NULL};
    bool set = extensions_load(&options->subject.extensions, &extensions, failure) &&
               extensions_write(&extensions, &job->issue.extensions, failure);
    extensions_free(&extensions);
    return set;
}

static bool set_issuer(CertTask *job, const CertOptions *options, Failure *failure) {
    Bytes certificate = options->subject.issuer.certificate;
    if (!certificate.data) return true;
    job->issue.issuer = pem_load_certificate(certificate, failure);
    return job->issue.issuer;
}

static double get_validity(const CertOptions *options) {
    if (!isnan(options->not_after)) return options->not_after - options->not_before;
    return (isnan(options->days) ? DEFAULT_DAYS : options->days) * SECONDS_A_DAY;
}

static void check_dates(const char *function, const CertOptions *options) {
    if (!isnan(options->not_after) && !isnan(options->days)) {
        raise_format(function, "options :not-after and :days-valid exclude each other");
    }
    if (options->not_after < options->not_before) {
        raise_format(function, "bad option :not-after, expected date after :not-before");
    }
}

static Janet run_cert(const char *function, const CertOptions *options, bool gives_struct) {
    check_dates(function, options);
    Failure failure;
    const IssuerOptions *issuer = &options->subject.issuer;
    CertTask job = {
        .task = {.function = function,
                 .run = cert_run,
                 .result = cert_result,
                 .release = cert_release,
                 .inputs = {[KEY] = options->key,
                            [PASSWORD] = options->password,
                            [ISSUER_KEY] = issuer->key,
                            [ISSUER_PASSWORD] = issuer->password}},
        .issue = {.algorithm = options->key_type,
                  .bits = options->bits,
                  .ca = options->ca,
                  .path_length = options->path_length,
                  .key_usage = options->subject.key_usage,
                  .not_before = (int64_t)options->not_before,
                  .seconds = get_validity(options),
                  .shortens = isnan(options->days) && isnan(options->not_after),
                  .outlives = options->outlives,
                  .serial = options->serial,
                  .digest = options->subject.digest},
        .gives_struct = gives_struct,
        .gives_key = !options->key.data && !options->csr.data,
    };
    if (!values_subject(&options->subject.name, options->subject.san, &job.issue.subject,
                        &job.issue.alternatives, &failure) ||
        !set_request(&job, options, &failure) || !set_extended(&job, options, &failure) ||
        !set_extensions(&job, options, &failure) || !set_issuer(&job, options, &failure)) {
        cert_release(&job.task);
        raise_failure(function, &failure);
    }
    bool makes_key = !options->key.data && !options->csr.data;
    bool heavy = keys_are_slow(options->key, options->password) ||
                 keys_are_slow(issuer->key, issuer->password) ||
                 (makes_key && keygen_is_slow(&options->key_type)) ||
                 quantum_key_is_slow(issuer->key.data ? issuer->key : options->key);
    return task_run(&job.task, sizeof job, heavy);
}

static CertOptions make_defaults(void) {
    return (CertOptions){
        .subject = pki_subject_defaults(),
        .days = NAN,
        .not_after = NAN,
        .not_before = (double)time(NULL),
        .path_length = -1,
        .bits = KEYGEN_DEFAULT_BITS,
        .key_type = {.type = "RSA"},
    };
}

static CertOptions make_self_signed_defaults(void) {
    CertOptions options = make_defaults();
    options.ca = true;
    options.subject.name.common_name = (Bytes){(const uint8_t *)"localhost", 9};
    options.subject.name.country = (Bytes){(const uint8_t *)"US", 2};
    options.subject.name.organization = (Bytes){(const uint8_t *)"Test", 4};
    return options;
}

FUNCTION(cert_generate_self_signed_cert, "cert/generate-self-signed-cert", "&opt opts",
         "Make a private key and a self-signed X.509 v3 certificate for it (RFC 5280), "
         "for tests and for peers that trust this very certificate. Returns a struct of "
         "two PEM strings `{:cert … :key …}`. The key is not encrypted: keep it secret. "
         "The subject is CN=localhost,O=Test,C=US unless options say otherwise. The "
         "certificate has CA:TRUE (critical), keyUsage (critical, by default what suits "
         "the key), subject and authority key identifiers, a random serial number of 159 "
         "bits, and subjectAltName. A worker thread makes RSA keys while the fiber waits. "
         "Raises when an option is unknown or not usable.",
         &generate_options) {
    args_arity(function, argc, 0, 1);
    CertOptions options = make_self_signed_defaults();
    options_read(function, &generate_options, args_options(argv, argc, 0), &options);
    return run_cert(function, &options, true);
}

FUNCTION(cert_generate_self_signed_from_key, "cert/generate-self-signed-from-key", "key &opt opts",
         "Like `generate-self-signed-cert`, for an existing private key, PEM, DER or a path. "
         "Returns the certificate as a PEM string. Raises when the key is not a private "
         "key, is encrypted and :password does not open it, or can't sign, such as X25519.",
         &from_key_options) {
    args_arity(function, argc, 1, 2);
    CertOptions options = make_self_signed_defaults();
    options.key = key_argument(function, argv, 0);
    options_read(function, &from_key_options, args_options(argv, argc, 1), &options);
    return run_cert(function, &options, false);
}

FUNCTION(
    cert_issue_cert, "cert/issue-cert", "opts",
    "Issue a certificate with the certificate and key of a CA. The subject's key is new "
    "unless :key or :csr gives one. Returns a struct of PEM strings `{:cert … :key …}`, "
    "without :key if the caller gave one. To make a chain, use a certificate that was "
    "issued with `:ca true` as the next issuer. Raises when the issuer's key does not match "
    "its certificate, when the issuer is not a CA or, for a CA, has a path length of 0, when "
    "the certificate would outlive its CA, and when there is neither a common name nor a subject "
    "alternative name.",
    &issue_options) {
    args_arity(function, argc, 1, 1);
    CertOptions options = make_defaults();
    options_read(function, &issue_options, argv[0], &options);
    pki_require_issuer(function, &options.subject.issuer);
    if (options.key.data && options.csr.data) {
        raise_format(function, "options :key and :csr exclude each other");
    }
    return run_cert(function, &options, true);
}

static const Function *const functions[] = {
    &function_cert_generate_self_signed_cert,
    &function_cert_generate_self_signed_from_key,
    &function_cert_issue_cert,
    NULL,
};

void cert_register(JanetTable *env) {
    module_register(env, functions);
}
