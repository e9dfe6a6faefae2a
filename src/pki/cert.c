/* Making certificates: self-signed ones, and those of a CA of one's own. */
#include "base/args.h"
#include "base/module.h"
#include "base/raise.h"
#include "core/keys/keys.h"
#include "core/keys/pem.h"
#include "core/pki/csr.h"
#include "core/pki/issue.h"
#include "core/pki/name.h"
#include "crypto/task.h"
#include "pki/take.h"
#include "register.h"

#include <math.h>
#include <openssl/err.h>
#include <time.h>

#define SECONDS_A_DAY 86400.0

typedef struct CertOptions {
    NameFields name;
    Janet san, extended;
    uint32_t key_usage;
    double days, not_before;
    const EVP_MD *digest;
    bool ca;
    int32_t path_length, bits;
    KeyAlgorithm key_type;
    Bytes key, password, csr;
    Bytes issuer_cert, issuer_key, issuer_password;
} CertOptions;

static const OptionRange bits_range = {KEYGEN_MIN_BITS, KEYGEN_MAX_BITS};
static const OptionRange path_length_range = {0, 100};

/* What goes into any certificate. */
#define SUBJECT_ROWS                                                                                 \
    OPTION("common-name", option_text, CertOptions, name.common_name,                                \
           "CN of the subject, up to 64 characters; \"\" leaves it out. Self-signed: "               \
           "\"localhost\" by default."),                                                             \
        OPTION("country", option_text, CertOptions, name.country,                                    \
               "C, two letters; \"\" leaves it out. Self-signed: \"US\" by default."),               \
        OPTION("state", option_text, CertOptions, name.state, "ST, a state or province."),           \
        OPTION("locality", option_text, CertOptions, name.locality, "L, a city."),                   \
        OPTION("organization", option_text, CertOptions, name.organization,                          \
               "O; \"\" leaves it out. Self-signed: \"Test\" by default."),                          \
        OPTION("organizational-unit", option_text, CertOptions, name.organizational_unit, "OU."),    \
        OPTION("email", option_text, CertOptions, name.email, "emailAddress of the subject."),       \
        OPTION("san", take_option_names, CertOptions, san,                                           \
               "Subject alternative names, the ones that clients compare: a list of "                \
               "\"DNS:example.com\", \"IP:192.0.2.1\", \"URI:https://…\", \"email:a@b.example\"; " \
               "without a prefix the kind is guessed. By default the common name, where it is a "    \
               "DNS name, an IP address or an email address.")

#define VALIDITY_ROWS                                                                              \
    OPTION("days-valid", take_option_days, CertOptions, days,                                      \
           "Days from :not-before on, more than 0, fractions count; 365 by default."),             \
        OPTION("not-before", take_option_date, CertOptions, not_before,                            \
               "First moment of validity, now by default: seconds since the epoch, "               \
               "\"2030-01-31\" or \"2030-01-31T12:00:00Z\"; in the past or future where an "       \
               "expired or not yet valid certificate is wanted.")

#define EXTENSION_ROWS                                                                             \
    OPTION("key-usage", take_option_key_usage, CertOptions, key_usage,                             \
           "keyUsage (critical): names such as digitalSignature or :digital-signature. By "        \
           "default what suits the key: signatures, key exchange, and for CAs keyCertSign and "    \
           "cRLSign."),                                                                            \
        OPTION("ext-key-usage", take_option_extended_usage, CertOptions, extended,                 \
               "extKeyUsage: names such as serverAuth or :client-auth, or OIDs."),                 \
        OPTION_WITH("path-length", option_integer, &path_length_range, CertOptions, path_length,   \
                    "How many CAs may follow below this one; no limit by default."),               \
        OPTION("digest", args_option_signature_digest, CertOptions, digest,                        \
               "Of the signature: :sha256, :sha384 for P-384 and :sha512 for P-521 keys by "       \
               "default; Ed25519 and Ed448 have their own.")

#define NEW_KEY_ROWS                                                                               \
    OPTION("key-type", take_option_key_type, CertOptions, key_type,                                \
           ":rsa (default), :ec-p256, :ec-p384, :ec-p521, :ed25519, :ed448, and their other "      \
           "spellings."),                                                                          \
        OPTION_WITH("bits", option_integer, &bits_range, CertOptions, bits,                        \
                    "Of RSA keys: 2048 by default, from 1024 to 16384.")

static const OptionRow generate_rows[] = {
    SUBJECT_ROWS,
    VALIDITY_ROWS,
    EXTENSION_ROWS,
    NEW_KEY_ROWS,
    OPTION("ca", option_boolean, CertOptions, ca, "Whether it is a CA's: true by default."),
};
static const OptionSet generate_options = OPTION_SET(generate_rows);

static const OptionRow from_key_rows[] = {
    SUBJECT_ROWS,
    VALIDITY_ROWS,
    EXTENSION_ROWS,
    OPTION("ca", option_boolean, CertOptions, ca, "Whether it is a CA's: true by default."),
    OPTION_SECRET("password", option_bytes, CertOptions, password,
                  "Of the key, where it is encrypted."),
};
static const OptionSet from_key_options = OPTION_SET(from_key_rows);

static const OptionRow issue_rows[] = {
    OPTION("issuer-cert", option_bytes, CertOptions, issuer_cert,
           "Certificate of the CA, PEM or DER. Required."),
    OPTION_SECRET("issuer-key", option_bytes, CertOptions, issuer_key,
                  "Its private key. Required."),
    OPTION_SECRET("issuer-password", option_bytes, CertOptions, issuer_password,
                  "Of that key, where it is encrypted."),
    SUBJECT_ROWS,
    VALIDITY_ROWS,
    EXTENSION_ROWS,
    NEW_KEY_ROWS,
    OPTION("ca", option_boolean, CertOptions, ca, "Whether it is a CA's: false by default."),
    OPTION_SECRET("key", option_bytes, CertOptions, key,
                  "The subject's key, private or public, in place of a new one."),
    OPTION_SECRET("password", option_bytes, CertOptions, password,
                  "Of :key, where it is encrypted."),
    OPTION("csr", option_bytes, CertOptions, csr,
           "A signing request, PEM or DER, that gives the public key, and the subject and subject "
           "alternative names unless options do. Its signature is verified; nothing else of it, "
           "CA:TRUE say, is taken over. Look at the names first: see `crypto/parse-csr`."),
};
static const OptionSet issue_options = OPTION_SET(issue_rows);

typedef struct CertTask {
    Task task; /* inputs: :key, :password, :issuer-key, :issuer-password */
    Issue issue;
    bool gives_key, gives_struct;
    char *certificate, *key;
    size_t certificate_length, key_length;
} CertTask;

enum { KEY, PASSWORD, ISSUER_KEY, ISSUER_PASSWORD };

/* The subject's own key. A public half is enough where another signs. */
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
           name->locality.data || name->organization.data || name->organizational_unit.data ||
           name->email.data;
}

/* What the request gives, where options don't say otherwise. */
static bool set_request(CertTask *job, const CertOptions *options, Failure *failure) {
    if (!options->csr.data) return true;
    X509_REQ *request = csr_read(options->csr, failure);
    if (!request) return false;
    X509_NAME *subject = NULL;
    GENERAL_NAMES *names = NULL;
    bool wants_names = janet_checktype(options->san, JANET_NIL);
    bool taken = csr_take(request, &job->issue.key, &subject, wants_names ? &names : NULL, failure);
    if (taken && !has_subject(&options->name)) {
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
    job->issue.extended = take_extended_usage(options->extended);
    return job->issue.extended || failure_set(failure, "out of memory");
}

static bool set_issuer(CertTask *job, const CertOptions *options, Failure *failure) {
    if (!options->issuer_cert.data) return true;
    job->issue.issuer = pem_certificate(options->issuer_cert, failure);
    return job->issue.issuer;
}

static Janet run(const char *function, const CertOptions *options, bool gives_struct) {
    Failure failure;
    CertTask job = {
        .task = {.function = function,
                 .run = cert_run,
                 .result = cert_result,
                 .release = cert_release,
                 .inputs = {[KEY] = options->key,
                            [PASSWORD] = options->password,
                            [ISSUER_KEY] = options->issuer_key,
                            [ISSUER_PASSWORD] = options->issuer_password}},
        .issue = {.algorithm = options->key_type,
                  .bits = options->bits,
                  .ca = options->ca,
                  .path_length = options->path_length,
                  .key_usage = options->key_usage,
                  .not_before = (int64_t)options->not_before,
                  .seconds = options->days * SECONDS_A_DAY,
                  .digest = options->digest},
        .gives_struct = gives_struct,
        .gives_key = !options->key.data && !options->csr.data,
    };
    if (!take_subject(&options->name, options->san, &job.issue.subject, &job.issue.alternatives,
                      &failure) ||
        !set_request(&job, options, &failure) || !set_extended(&job, options, &failure) ||
        !set_issuer(&job, options, &failure)) {
        cert_release(&job.task);
        raise_failure(function, &failure);
    }
    bool heavy = options->password.data || options->issuer_password.data ||
                 (!options->key.data && !options->csr.data && keygen_is_rsa(&options->key_type));
    return task_run(&job.task, sizeof job, heavy);
}

static CertOptions defaults(void) {
    return (CertOptions){
        .san = janet_wrap_nil(),
        .extended = janet_wrap_nil(),
        .days = 365,
        .not_before = (double)time(NULL),
        .path_length = -1,
        .bits = KEYGEN_DEFAULT_BITS,
        .key_type = {.type = "RSA"},
    };
}

static CertOptions self_signed_defaults(void) {
    CertOptions options = defaults();
    options.ca = true;
    options.name.common_name = (Bytes){(const uint8_t *)"localhost", 9};
    options.name.country = (Bytes){(const uint8_t *)"US", 2};
    options.name.organization = (Bytes){(const uint8_t *)"Test", 4};
    return options;
}

static Janet cfun_cert_generate_self_signed_cert(int32_t argc, Janet *argv) {
    const char *function = "cert/generate-self-signed-cert";
    janet_arity(argc, 0, 1);
    CertOptions options = self_signed_defaults();
    options_read(function, &generate_options, args_options(argv, argc, 0), &options);
    return run(function, &options, true);
}

static Janet cfun_cert_generate_self_signed_from_key(int32_t argc, Janet *argv) {
    const char *function = "cert/generate-self-signed-from-key";
    janet_arity(argc, 1, 2);
    CertOptions options = self_signed_defaults();
    options.key = args_secret(argv, 0);
    options_read(function, &from_key_options, args_options(argv, argc, 1), &options);
    return run(function, &options, false);
}

static Janet cfun_cert_issue_cert(int32_t argc, Janet *argv) {
    const char *function = "cert/issue-cert";
    janet_fixarity(argc, 1);
    CertOptions options = defaults();
    options_read(function, &issue_options, argv[0], &options);
    if (!options.issuer_cert.data || !options.issuer_key.data) {
        raise_format(function, "options :issuer-cert and :issuer-key are required");
    }
    if (options.key.data && options.csr.data) {
        raise_format(function, "options :key and :csr exclude each other");
    }
    return run(function, &options, true);
}

static const FunctionRow rows[] = {
    {"cert/generate-self-signed-cert", cfun_cert_generate_self_signed_cert,
     "(cert/generate-self-signed-cert &opt opts)\n\n"
     "Make a private key and an X.509 v3 certificate (RFC 5280) for it that it signs itself, for "
     "tests and for peers that trust this very certificate. Returns a struct of two PEM strings "
     "`{:cert … :key …}`; the key is not encrypted: keep it secret. The certificate has "
     "CA:TRUE (critical), keyUsage (critical), subject and authority key identifiers, a random "
     "serial number of 159 bits, and subjectAltName. RSA keys are made on a thread while the "
     "fiber waits. Raises when an option is unknown or can't be met.",
     &generate_options},
    {"cert/generate-self-signed-from-key", cfun_cert_generate_self_signed_from_key,
     "(cert/generate-self-signed-from-key key &opt opts)\n\n"
     "As `generate-self-signed-cert`, of a private key that exists, PEM or DER. Returns the "
     "certificate as a PEM string. Raises when the key is none, is encrypted and no :password "
     "opens it, or is of a kind that can't sign, such as X25519.",
     &from_key_options},
    {"cert/issue-cert", cfun_cert_issue_cert,
     "(cert/issue-cert opts)\n\n"
     "Issue a certificate with a CA's certificate and key, and a new private key for it unless "
     "one, or a request, is given. Returns a struct of PEM strings `{:cert … :key …}`, without :key where "
     "the caller gave one. Chains are made by using what was issued with `:ca true` as the next "
     "issuer. Raises when the issuer's key does not match its certificate, when that is not a "
     "CA's or, for a CA, has a path length of 0, or when there is neither a common name nor a "
     "subject alternative name.",
     &issue_options},
    {NULL, NULL, NULL, NULL},
};

void cert_register(JanetTable *env) {
    module_functions(env, rows);
}
