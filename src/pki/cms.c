/* Signed messages, and those of certificates alone. */
#include "base/args.h"
#include "base/key.h"
#include "base/module.h"
#include "base/raise.h"
#include "core/keys/keys.h"
#include "core/keys/pem.h"
#include "pki/cms_task.h"
#include "pki/info.h"
#include "pki/options.h"
#include "pki/values.h"
#include "pki/verification.h"
#include "register.h"

/* --- sign --- */

typedef struct SignOptions {
    bool detached, is_opaque, is_text;
    int format;
    const EVP_MD *digest;
    Janet chain;
    Bytes password;
} SignOptions;

static const OptionRow signer_rows[] = {
    OPTION("digest", args_option_signature_digest, SignOptions, digest,
           "Of the signature. Default: :sha256, :sha384 for P-384 and :sha512 for P-521 keys, or "
           "what an RSA-PSS key allows."),
    OPTION("chain", pki_option_certificates, SignOptions, chain,
           "Further certificates to add, for verifiers: PEM, DER or a path, or a list of these."),
    OPTION_SECRET("password", option_bytes, SignOptions, password,
                  "Password of the key, if it is encrypted."),
};
static const OptionSet signer_options = OPTION_SET(signer_rows);
static const OptionSet *const signer_part[] = {&signer_options, NULL};

static const OptionRow sign_rows[] = {
    OPTION("detached", option_boolean, SignOptions, detached,
           "Whether the data is left out of the message; false by default."),
    OPTION_WITH("format", option_word, cms_formats, SignOptions, format,
                ":pem or :der. Default: the format of the certificate."),
};
static const OptionSet sign_options = OPTION_SET_WITH(sign_rows, signer_part);

static const OptionRow smime_sign_rows[] = {
    OPTION("opaque", option_boolean, SignOptions, is_opaque,
           "true puts the entity into the signature (application/pkcs7-mime), where only S/MIME "
           "readers see it. Default: false, beside it (multipart/signed)."),
    OPTION("text", option_boolean, SignOptions, is_text,
           "true adds the headers of plain text, UTF-8. Default: false, `entity` has its own."),
};
static const OptionSet smime_sign_options = OPTION_SET_WITH(smime_sign_rows, signer_part);

static bool sign_run(Task *task, Failure *failure) {
    CmsTask *job = (CmsTask *)task;
    EVP_PKEY *key =
        keys_private(task->inputs[CMS_INPUT_KEY], task->inputs[CMS_INPUT_PASSWORD], failure);
    if (!key) return false;
    CmsSigning signing = {.certificate = sk_X509_value(job->certificates, 0),
                          .key = key,
                          .others = job->certificates,
                          .digest = job->digest,
                          .detached = job->detached,
                          .is_mime = job->is_mail};
    Bytes none = {NULL, 0}, data = cms_task_data(job, failure);
    bool written = data.data && cms_task_write(job, cms_sign(data, &signing, failure),
                                               job->detached ? data : none, failure);
    EVP_PKEY_free(key);
    return written;
}

static bool load_chain(CmsTask *job, Janet list, Failure *failure) {
    STACK_OF(X509) *chain = values_certificates(list, NULL, failure);
    X509 *certificate;
    bool loaded = chain;
    while (loaded && (certificate = sk_X509_shift(chain))) {
        if (sk_X509_push(job->certificates, certificate) > 0) continue;
        X509_free(certificate);
        loaded = failure_set(failure, "out of memory");
    }
    sk_X509_pop_free(chain, X509_free);
    return loaded;
}

static Janet call_sign(const char *function, int32_t argc, Janet *argv, bool is_mail) {
    Failure failure;
    args_arity(function, argc, 3, 4);
    CmsTask job = {.task = {.function = function,
                            .run = sign_run,
                            .result = cms_task_written,
                            .release = cms_task_release}};
    SignOptions options = {.chain = janet_wrap_nil()};
    job.task.inputs[CMS_INPUT_DATA] = args_bytes(function, argv, 0);
    Bytes certificate = args_bytes(function, argv, 1);
    job.task.inputs[CMS_INPUT_KEY] = key_argument(function, argv, 2);
    options_read(function, is_mail ? &smime_sign_options : &sign_options,
                 args_options(argv, argc, 3), &options);
    job.task.inputs[CMS_INPUT_PASSWORD] = options.password;
    job.digest = options.digest;
    job.detached = is_mail ? !options.is_opaque : options.detached;
    job.is_mail = is_mail;
    job.is_text = options.is_text;
    bool is_pem = false;
    job.certificates = pem_load_certificates(certificate, &is_pem, &failure);
    job.pem = cms_task_wants_pem(options.format, is_pem);
    if (!job.certificates || !load_chain(&job, options.chain, &failure))
        cms_task_raise(&job, &failure);
    return cms_task_run(&job, job.task.inputs[CMS_INPUT_DATA].length);
}

FUNCTION(crypto_cms_sign, "crypto/cms-sign", "data cert key &opt opts",
         "Sign data with a key and its certificate, PEM or DER, as a CMS message (RFC "
         "5652), PEM or DER, a string. Certificates that follow the first in `cert` are "
         "added for verifiers. The data is signed byte for byte, without changes to its "
         "line ends. Raises when the key does not match the certificate or can't sign.",
         &sign_options) {
    return call_sign(function, argc, argv, false);
}

FUNCTION(
    crypto_smime_sign, "crypto/smime-sign", "entity cert key &opt opts",
    "Sign a MIME entity (headers, an empty line, a body) for mail (S/MIME, RFC 8551) and return "
    "the mail as a string: multipart/signed, or application/pkcs7-mime with :opaque. Put From, "
    "To, Subject and other headers of mail before it. Line ends become CRLF. Mail servers may "
    "change lines that are long or not ASCII: encode such bodies, as :text does. Key and "
    "certificate are PEM, DER or paths. Raises as `cms-sign` does.",
    &smime_sign_options) {
    return call_sign(function, argc, argv, true);
}

/* --- verify --- */

typedef struct VerifyOptions {
    VerificationOptions verification; /* first, for the shared part */
    Janet intermediates;
    Bytes detached;
    bool verify;
} VerifyOptions;

static const OptionRow smime_verify_rows[] = {
    OPTION("certs", pki_option_certificates, VerifyOptions, intermediates,
           "Certificates of signers and intermediates that the message lacks; not trusted."),
    OPTION("verify", option_boolean, VerifyOptions, verify,
           "false checks signatures alone and trusts every signer: any attacker can make a valid "
           "signature. Default: true."),
};
static const OptionSet *const smime_verify_parts[] = {&verification_options, NULL};
static const OptionSet smime_verify_options =
    OPTION_SET_WITH(smime_verify_rows, smime_verify_parts);

static const OptionRow verify_rows[] = {
    OPTION("detached", option_bytes, VerifyOptions, detached,
           "The data, if the signature is detached from it."),
};
static const OptionSet *const verify_parts[] = {&smime_verify_options, NULL};
static const OptionSet verify_options = OPTION_SET_WITH(verify_rows, verify_parts);

static Bytes view_content(BIO *content, Bytes otherwise) {
    char *bytes;
    if (!content) return otherwise;
    long length = BIO_get_mem_data(content, &bytes);
    return (Bytes){(const uint8_t *)(length ? bytes : ""), (size_t)length};
}

static bool verify_run(Task *task, Failure *failure) {
    CmsTask *job = (CmsTask *)task;
    BIO *content;
    CMS_ContentInfo *message = cms_task_read(job, &content, failure);
    if (!message) return false;
    CmsChecking checking = {.detached = view_content(content, task->inputs[CMS_INPUT_DETACHED]),
                            .intermediates = job->intermediates,
                            .signatures_only = job->signatures_only,
                            .query = job->query};
    bool done = cms_verify(message, &checking, &job->verdict, failure);
    CMS_ContentInfo_free(message);
    BIO_free(content);
    return done;
}

static bool make_info(const CmsSigner *signer, Janet *into) {
    JanetTable *table = janet_table(4);
    Janet certificate;
    if (!values_pem(signer->certificate, &certificate)) return false;
    janet_table_put(table, janet_ckeywordv("cert"), certificate);
    janet_table_put(table, janet_ckeywordv("digest"), janet_ckeywordv(signer->digest));
    if (signer->time.known) {
        janet_table_put(table, janet_ckeywordv("signing-time"),
                        janet_wrap_number((double)signer->time.seconds));
    }
    janet_table_put(table, janet_ckeywordv("attributes"),
                    info_attributes(signer->attributes, signer->count));
    *into = janet_wrap_struct(janet_table_to_struct(table));
    return true;
}

static bool make_infos(const CmsVerdict *verdict, Janet *into) {
    JanetArray *infos = janet_array((int32_t)verdict->info_count);
    for (size_t i = 0; i < verdict->info_count; i++) {
        Janet info;
        if (!make_info(verdict->infos + i, &info)) return false;
        janet_array_push(infos, info);
    }
    *into = janet_wrap_array(infos);
    return true;
}

static Janet verify_result(Task *task) {
    const CmsVerdict *verdict = &((CmsTask *)task)->verdict;
    JanetTable *table = janet_table(5);
    Janet others, signers, infos;
    if (!values_pems(verdict->others, &others) || !values_pems(verdict->signers, &signers) ||
        !make_infos(verdict, &infos)) {
        return task_fail(task, "out of memory");
    }
    janet_table_put(table, janet_ckeywordv("valid"), janet_wrap_boolean(verdict->valid));
    janet_table_put(table, janet_ckeywordv("content"), values_bio(verdict->content));
    janet_table_put(table, janet_ckeywordv("certs"), others);
    janet_table_put(table, janet_ckeywordv("signers"), signers);
    janet_table_put(table, janet_ckeywordv("signer-infos"), infos);
    if (!verdict->valid) {
        janet_table_put(table, janet_ckeywordv("reason"), janet_cstringv(verdict->reason));
    }
    return janet_wrap_table(table);
}

static Janet call_verify(const char *function, int32_t argc, Janet *argv, bool is_mail) {
    Failure failure;
    args_arity(function, argc, 1, 2);
    CmsTask job = {.task = {.function = function,
                            .run = verify_run,
                            .result = verify_result,
                            .release = cms_task_release}};
    VerifyOptions options = {
        .verification = verification_defaults(), .intermediates = janet_wrap_nil(), .verify = true};
    job.task.inputs[CMS_INPUT_DATA] = args_bytes(function, argv, 0);
    options_read(function, is_mail ? &smime_verify_options : &verify_options,
                 args_options(argv, argc, 1), &options);
    job.task.inputs[CMS_INPUT_DETACHED] = options.detached;
    job.is_mail = is_mail;
    job.signatures_only = !options.verify;
    if (!verification_load(&options.verification, &job.inputs, &failure))
        cms_task_raise(&job, &failure);
    job.query = verification_query(&options.verification, &job.inputs, X509_PURPOSE_SMIME_SIGN);
    job.query.hints = (VerifyHints){.authority = ":ca", .itself = ":ca"};
    job.intermediates = values_certificates(options.intermediates, NULL, &failure);
    if (!job.intermediates) cms_task_raise(&job, &failure);
    return cms_task_run(&job, job.task.inputs[CMS_INPUT_DATA].length +
                                  job.task.inputs[CMS_INPUT_DETACHED].length);
}

FUNCTION(crypto_cms_verify, "crypto/cms-verify", "cms-data &opt opts",
         "Verify a signed CMS message, PEM or DER: every signature over the content, and "
         "the certificate of every signer up to one in :ca (or :roots, the same), as "
         "`cert/verify-chain` does. Without :ca no message is valid. The purpose is "
         ":email by default. Returns a table:\n\n"
         "* `:valid` - whether all of it holds. Look at this before anything else\n"
         "* `:reason` - why not\n"
         "* `:content` - the data as a string, as it stands there even when it is not "
         "valid\n"
         "* `:signers` - array of the signers' certificates as PEM, empty when a "
         "signature is wrong\n"
         "* `:signer-infos` - array of structs, one for each signature: `:cert`, PEM; `:digest`, "
         ":sha256 …; `:signing-time`, seconds since the epoch, as the signer says; `:attributes`, "
         "the signed ones, a tuple of structs `{:oid :name :values :text}` as in `parse-csr`. "
         "Empty when a signature is wrong\n"
         "* `:certs` - array of the certificates that came along, and :certs, as PEM\n\n"
         "Raises when it is no signed message, when its signature is detached and "
         ":detached is missing, or when both hold the data.",
         &verify_options) {
    return call_verify(function, argc, argv, false);
}

FUNCTION(
    crypto_smime_verify, "crypto/smime-verify", "mail &opt opts",
    "Verify a signed mail (S/MIME, RFC 8551), multipart/signed or application/pkcs7-mime, with "
    "or without the headers of mail. Returns what `cms-verify` does; `:content` is the signed "
    "MIME entity, with CRLF line ends. Headers of the mail such as From and Subject are not "
    "signed: compare the sender with the email addresses of the signer's certificate. Raises "
    "when it is no signed mail.",
    &smime_verify_options) {
    return call_verify(function, argc, argv, true);
}

/* --- certificates alone --- */

typedef struct CertsOptions {
    int format;
} CertsOptions;

static const OptionRow format_rows[] = {
    OPTION_WITH("format", option_word, cms_formats, CertsOptions, format,
                ":pem or :der. Default: the format of the first certificate."),
};
static const OptionSet format_options = OPTION_SET(format_rows);

static bool certificates_run(Task *task, Failure *failure) {
    static const Bytes none = {NULL, 0};
    CmsTask *job = (CmsTask *)task;
    return cms_task_write(job, cms_certificates(job->certificates, failure), none, failure);
}

FUNCTION(crypto_cms_certs_only, "crypto/cms-certs-only", "certs &opt opts",
         "A CMS message that carries certificates and nothing else (.p7b files, SCEP, EST), "
         "of one certificate, PEM or DER, or a list of them; a string. The format sorts "
         "them by their bytes. Raises when one is no certificate.",
         &format_options) {
    Failure failure;
    args_arity(function, argc, 1, 2);
    CmsTask job = {.task = {.function = function,
                            .run = certificates_run,
                            .result = cms_task_written,
                            .release = cms_task_release}};
    CertsOptions options = {.format = CMS_FORMAT_UNSET};
    Janet certificates = cms_task_certificates(function, argv, 0);
    options_read(function, &format_options, args_options(argv, argc, 1), &options);
    bool is_pem = false;
    job.certificates = values_certificates(certificates, &is_pem, &failure);
    job.pem = cms_task_wants_pem(options.format, is_pem);
    if (!job.certificates) cms_task_raise(&job, &failure);
    return cms_task_run(&job, 0);
}

FUNCTION(crypto_cms_get_certs, "crypto/cms-get-certs", "cms-data",
         "The certificates in a signed or certificates-only CMS message, PEM or DER, as an "
         "array of PEM strings. Nothing is verified. Raises when it is another kind of "
         "message, or none.",
         NULL) {
    Failure failure;
    args_arity(function, argc, 1, 1);
    Janet result = janet_wrap_nil();
    CMS_ContentInfo *message = cms_read(args_bytes(function, argv, 0), &failure);
    STACK_OF(X509) *all = message ? cms_get_certificates(message, &failure) : NULL;
    bool done = all && (values_pems(all, &result) || failure_set(&failure, "out of memory"));
    sk_X509_pop_free(all, X509_free);
    CMS_ContentInfo_free(message);
    if (!done) raise_failure(function, &failure);
    return result;
}

static const Function *const functions[] = {
    &function_crypto_cms_sign,
    &function_crypto_cms_verify,
    &function_crypto_cms_certs_only,
    &function_crypto_cms_get_certs,
    &function_crypto_smime_sign,
    &function_crypto_smime_verify,
    NULL,
};

void cms_register(JanetTable *env) {
    module_register(env, functions);
}
