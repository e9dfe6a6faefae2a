/* Signed and encrypted messages. */
#include "core/pki/cms.h"

#include "base/args.h"
#include "base/key.h"
#include "base/module.h"
#include "base/raise.h"
#include "core/keys/keys.h"
#include "core/keys/pem.h"
#include "core/pki/smime.h"
#include "crypto/task.h"
#include "pki/info.h"
#include "pki/options.h"
#include "pki/values.h"
#include "pki/verification.h"
#include "register.h"

#include <openssl/err.h>

#define LARGE ((size_t)256 << 10) /* bytes that take about a millisecond */

enum { FORMAT_UNSET, PEM, DER };
enum { DATA, KEY, PASSWORD, DETACHED };

static const OptionWord formats[] = {{"pem", PEM}, {"der", DER}, {NULL, 0}};

typedef struct CmsTask {
    Task task;
    STACK_OF(X509) * certificates; /* the signer's first, or all recipients */
    STACK_OF(X509) * intermediates;
    VerificationInputs inputs;
    const EVP_MD *digest;
    const EVP_CIPHER *cipher;
    bool detached, oaep, pem, signatures_only, by_password, is_mail, is_text;
    ChainQuery query;
    uint8_t *written;
    size_t length;
    BIO *plain;
    CmsVerdict verdict;
    PemSource entity; /* of a mail with :text */
} CmsTask;

static void cms_release(Task *task) {
    CmsTask *job = (CmsTask *)task;
    sk_X509_pop_free(job->certificates, X509_free);
    sk_X509_pop_free(job->intermediates, X509_free);
    OPENSSL_free(job->written);
    BIO_free(job->plain);
    pem_free(&job->entity);
    verification_free(&job->inputs);
    cms_verdict_free(&job->verdict);
}

static Janet make_written(Task *task) {
    CmsTask *job = (CmsTask *)task;
    return janet_stringv(job->written, (int32_t)job->length);
}

/* The output is PEM if the input is, unless :format is given. */
static bool wants_pem(int format, bool input_is_pem) {
    return format == FORMAT_UNSET ? input_is_pem : format == PEM;
}

/* The data to sign or encrypt; NULL data on failure. */
static Bytes get_data(CmsTask *job, Failure *failure) {
    Bytes data = job->task.inputs[DATA];
    if (!job->is_text) return data;
    if (!smime_wrap_text(data, &job->entity, failure)) return (Bytes){NULL, 0};
    return (Bytes){job->entity.bytes, job->entity.length};
}

/* Write the message, and free it. `entity` is signed beside it in a mail. */
static bool write_message(CmsTask *job, CMS_ContentInfo *message, Bytes entity, Failure *failure) {
    if (!message) return false;
    job->written = job->is_mail ? smime_write(message, entity, &job->length, failure)
                                : cms_write(message, job->pem, &job->length, failure);
    CMS_ContentInfo_free(message);
    return job->written;
}

JANET_NO_RETURN static void release_and_raise(CmsTask *job, const Failure *failure) {
    cms_release(&job->task);
    raise_failure(job->task.function, failure);
}

static Janet run_cms(CmsTask *job, size_t length) {
    return task_run(&job->task, sizeof *job, length > LARGE || job->task.inputs[PASSWORD].data);
}

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
    OPTION_WITH("format", option_word, formats, SignOptions, format,
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
    EVP_PKEY *key = keys_private(task->inputs[KEY], task->inputs[PASSWORD], failure);
    if (!key) return false;
    CmsSigning signing = {.certificate = sk_X509_value(job->certificates, 0),
                          .key = key,
                          .others = job->certificates,
                          .digest = job->digest,
                          .detached = job->detached,
                          .is_mime = job->is_mail};
    Bytes none = {NULL, 0}, data = get_data(job, failure);
    bool written = data.data && write_message(job, cms_sign(data, &signing, failure),
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
    CmsTask job = {
        .task = {
            .function = function, .run = sign_run, .result = make_written, .release = cms_release}};
    SignOptions options = {.chain = janet_wrap_nil()};
    job.task.inputs[DATA] = args_bytes(function, argv, 0);
    Bytes certificate = args_bytes(function, argv, 1);
    job.task.inputs[KEY] = key_argument(function, argv, 2);
    options_read(function, is_mail ? &smime_sign_options : &sign_options,
                 args_options(argv, argc, 3), &options);
    job.task.inputs[PASSWORD] = options.password;
    job.digest = options.digest;
    job.detached = is_mail ? !options.is_opaque : options.detached;
    job.is_mail = is_mail;
    job.is_text = options.is_text;
    bool is_pem = false;
    job.certificates = pem_load_certificates(certificate, &is_pem, &failure);
    job.pem = wants_pem(options.format, is_pem);
    if (!job.certificates || !load_chain(&job, options.chain, &failure))
        release_and_raise(&job, &failure);
    return run_cms(&job, job.task.inputs[DATA].length);
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

/* `content` is the part of a mail that its signature stands beside. */
static CMS_ContentInfo *read_message(const CmsTask *job, BIO **content, Failure *failure) {
    Bytes data = job->task.inputs[DATA];
    *content = NULL;
    return job->is_mail ? smime_read(data, content, failure) : cms_read(data, failure);
}

static Bytes view_content(BIO *content, Bytes otherwise) {
    char *bytes;
    if (!content) return otherwise;
    long length = BIO_get_mem_data(content, &bytes);
    return (Bytes){(const uint8_t *)(length ? bytes : ""), (size_t)length};
}

static bool verify_run(Task *task, Failure *failure) {
    CmsTask *job = (CmsTask *)task;
    BIO *content;
    CMS_ContentInfo *message = read_message(job, &content, failure);
    if (!message) return false;
    CmsChecking checking = {.detached = view_content(content, task->inputs[DETACHED]),
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
                            .release = cms_release}};
    VerifyOptions options = {
        .verification = verification_defaults(), .intermediates = janet_wrap_nil(), .verify = true};
    job.task.inputs[DATA] = args_bytes(function, argv, 0);
    options_read(function, is_mail ? &smime_verify_options : &verify_options,
                 args_options(argv, argc, 1), &options);
    job.task.inputs[DETACHED] = options.detached;
    job.is_mail = is_mail;
    job.signatures_only = !options.verify;
    if (!verification_load(&options.verification, &job.inputs, &failure))
        release_and_raise(&job, &failure);
    job.query = verification_query(&options.verification, &job.inputs, X509_PURPOSE_SMIME_SIGN);
    job.query.hints = (VerifyHints){.authority = ":ca", .itself = ":ca"};
    job.intermediates = values_certificates(options.intermediates, NULL, &failure);
    if (!job.intermediates) release_and_raise(&job, &failure);
    return run_cms(&job, job.task.inputs[DATA].length + job.task.inputs[DETACHED].length);
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

/* --- encrypt and decrypt --- */

typedef struct EncryptOptions {
    int cipher, format, padding;
    Bytes password;
    bool is_text;
} EncryptOptions;

enum { AES_256_CBC, AES_192_CBC, AES_128_CBC, AES_256_GCM, AES_192_GCM, AES_128_GCM, DES3_CBC };
enum { PKCS1, OAEP };

static const OptionWord ciphers[] = {
    {"aes-256-cbc", AES_256_CBC}, {"aes-192-cbc", AES_192_CBC},
    {"aes-128-cbc", AES_128_CBC}, {"aes-256-gcm", AES_256_GCM},
    {"aes-192-gcm", AES_192_GCM}, {"aes-128-gcm", AES_128_GCM},
    {"des-ede3-cbc", DES3_CBC},   {NULL, 0},
};

static const OptionWord paddings[] = {{"pkcs1", PKCS1}, {"oaep-sha256", OAEP}, {NULL, 0}};

static const EVP_CIPHER *find_cipher(int word) {
    switch (word) {
    case AES_192_CBC: return EVP_aes_192_cbc();
    case AES_128_CBC: return EVP_aes_128_cbc();
    case AES_256_GCM: return EVP_aes_256_gcm();
    case AES_192_GCM: return EVP_aes_192_gcm();
    case AES_128_GCM: return EVP_aes_128_gcm();
    case DES3_CBC: return EVP_des_ede3_cbc();
    default: return EVP_aes_256_cbc();
    }
}

static const OptionRow recipient_rows[] = {
    OPTION_WITH("cipher", option_word, ciphers, EncryptOptions, cipher,
                ":aes-256-cbc (default), :aes-192-cbc or :aes-128-cbc, which do not detect "
                "changes; :aes-256-gcm, :aes-192-gcm or :aes-128-gcm, which do (RFC 5083), for "
                "readers that support them; :des-ede3-cbc for old readers."),
    OPTION_WITH("padding", option_word, paddings, EncryptOptions, padding,
                "For recipients with RSA keys: :pkcs1 (default: any reader supports it) or "
                ":oaep-sha256, which is safer."),
    OPTION_SECRET(
        "password", option_bytes, EncryptOptions, password,
        "A password that opens the message as well, or alone where `certs` is nil or empty "
        "(PBKDF2, RFC 5652 section 6.2.4): 1 to 1024 bytes without NULs."),
};
static const OptionSet recipient_options = OPTION_SET(recipient_rows);
static const OptionSet *const recipient_part[] = {&recipient_options, NULL};

static const OptionRow encrypt_rows[] = {
    OPTION_WITH("format", option_word, formats, EncryptOptions, format,
                ":pem or :der. Default: the format of the first certificate; without one :der."),
};
static const OptionSet encrypt_options = OPTION_SET_WITH(encrypt_rows, recipient_part);

static const OptionRow smime_encrypt_rows[] = {
    OPTION("text", option_boolean, EncryptOptions, is_text,
           "true adds the headers of plain text, UTF-8. Default: false, `entity` has its own."),
};
static const OptionSet smime_encrypt_options = OPTION_SET_WITH(smime_encrypt_rows, recipient_part);

static bool encrypt_run(Task *task, Failure *failure) {
    CmsTask *job = (CmsTask *)task;
    CmsEncrypting encrypting = {.recipients = job->certificates,
                                .password = task->inputs[PASSWORD],
                                .cipher = job->cipher,
                                .oaep = job->oaep,
                                .is_mime = job->is_mail};
    Bytes none = {NULL, 0}, data = get_data(job, failure);
    return data.data && write_message(job, cms_encrypt(data, &encrypting, failure), none, failure);
}

/* An argument of certificates: a string, a buffer, or a list of these that is not empty. */
static Janet get_certificates(const char *function, const Janet *argv, int32_t slot) {
    if (!values_are(argv[slot], VALUES_BYTES) || !values_count(argv[slot])) {
        raise_type(function, slot, "certificate or non-empty list of certificates", argv[slot]);
    }
    return argv[slot];
}

static Janet call_encrypt(const char *function, int32_t argc, Janet *argv, bool is_mail) {
    Failure failure;
    args_arity(function, argc, 2, 3);
    CmsTask job = {.task = {.function = function,
                            .run = encrypt_run,
                            .result = make_written,
                            .release = cms_release}};
    EncryptOptions options = {.cipher = AES_256_CBC};
    job.task.inputs[DATA] = args_bytes(function, argv, 0);
    Janet certificates = argv[1];
    options_read(function, is_mail ? &smime_encrypt_options : &encrypt_options,
                 args_options(argv, argc, 2), &options);
    job.task.inputs[PASSWORD] = options.password;
    if (!options.password.data || values_count(certificates)) {
        certificates = get_certificates(function, argv, 1);
    }
    job.is_mail = is_mail;
    job.is_text = options.is_text;
    job.cipher = find_cipher(options.cipher);
    job.oaep = options.padding == OAEP;
    bool is_pem = false;
    job.certificates = values_certificates(certificates, &is_pem, &failure);
    job.pem = wants_pem(options.format, is_pem);
    if (!job.certificates) release_and_raise(&job, &failure);
    return run_cms(&job, job.task.inputs[DATA].length);
}

FUNCTION(
    crypto_cms_encrypt, "crypto/cms-encrypt", "data certs &opt opts",
    "Encrypt data for each of the recipients in `certs`, a certificate (PEM, DER or a path) "
    "with an RSA or EC key or a list of these, and for a :password, as a CMS message, PEM or DER, "
    "a "
    "string. Encryption does not prove who sent the message: sign it as well. Raises "
    "when a recipient's key can't be encrypted for (Ed25519).",
    &encrypt_options) {
    return call_encrypt(function, argc, argv, false);
}

FUNCTION(
    crypto_smime_encrypt, "crypto/smime-encrypt", "entity certs &opt opts",
    "Encrypt a MIME entity for mail (S/MIME, RFC 8551), as `cms-encrypt` does, and return the "
    "mail as a string: application/pkcs7-mime. Put From, To, Subject and other headers of mail "
    "before it; they are not encrypted. To sign as well, encrypt what `smime-sign` returns. "
    "Raises as `cms-encrypt` does.",
    &smime_encrypt_options) {
    return call_encrypt(function, argc, argv, true);
}

static const OptionRow decrypt_rows[] = {
    OPTION_SECRET(
        "password", option_bytes, SignOptions, password,
        "Password of the key, if it is encrypted; with nil for `cert` and `key` the password "
        "that the message was encrypted for."),
};
static const OptionSet decrypt_options = OPTION_SET(decrypt_rows);

static BIO *open_message(const CmsTask *job, CMS_ContentInfo *message, Failure *failure) {
    Bytes password = job->task.inputs[PASSWORD];
    if (job->by_password) return cms_decrypt_by_password(message, password, failure);
    EVP_PKEY *key = keys_private(job->task.inputs[KEY], password, failure);
    BIO *plain =
        key ? cms_decrypt(message, sk_X509_value(job->certificates, 0), key, failure) : NULL;
    EVP_PKEY_free(key);
    return plain;
}

static bool decrypt_run(Task *task, Failure *failure) {
    CmsTask *job = (CmsTask *)task;
    BIO *content;
    CMS_ContentInfo *message = read_message(job, &content, failure);
    if (message) job->plain = open_message(job, message, failure);
    CMS_ContentInfo_free(message);
    BIO_free(content);
    return job->plain;
}

static Janet decrypt_result(Task *task) {
    char *bytes;
    long length = BIO_get_mem_data(((CmsTask *)task)->plain, &bytes);
    JanetBuffer *plain = janet_buffer((int32_t)length);
    if (length) janet_buffer_push_bytes(plain, (const uint8_t *)bytes, (int32_t)length);
    return janet_wrap_buffer(plain);
}

static Janet call_decrypt(const char *function, int32_t argc, Janet *argv, bool is_mail) {
    Failure failure;
    args_arity(function, argc, 3, 4);
    CmsTask job = {.task = {.function = function,
                            .run = decrypt_run,
                            .result = decrypt_result,
                            .release = cms_release}};
    SignOptions options = {.password = {NULL, 0}};
    job.task.inputs[DATA] = args_bytes(function, argv, 0);
    job.is_mail = is_mail;
    job.by_password = janet_checktype(argv[1], JANET_NIL) && janet_checktype(argv[2], JANET_NIL);
    Bytes certificate = {NULL, 0};
    if (!job.by_password) {
        certificate = args_bytes(function, argv, 1);
        job.task.inputs[KEY] = key_argument(function, argv, 2);
    }
    options_read(function, &decrypt_options, args_options(argv, argc, 3), &options);
    job.task.inputs[PASSWORD] = options.password;
    if (job.by_password && !options.password.data) {
        raise_format(function, "give a certificate and its key, or :password");
    }
    if (job.by_password) return run_cms(&job, job.task.inputs[DATA].length);
    job.certificates = pem_load_certificates(certificate, NULL, &failure);
    if (!job.certificates) release_and_raise(&job, &failure);
    return run_cms(&job, job.task.inputs[DATA].length);
}

FUNCTION(
    crypto_cms_decrypt, "crypto/cms-decrypt", "cms-data cert key &opt opts",
    "Decrypt a CMS message, PEM or DER, as the recipient with that certificate and "
    "key, PEM, DER or paths, or with nil for both by a :password; returns a buffer. Raises when "
    "the message was not encrypted for that "
    "certificate, when the key does not match it, and when a change of the message "
    "is detected. AES in GCM mode detects every change.",
    &decrypt_options) {
    return call_decrypt(function, argc, argv, false);
}

FUNCTION(crypto_smime_decrypt, "crypto/smime-decrypt", "mail cert key &opt opts",
         "Decrypt a mail (S/MIME, RFC 8551), with or without the headers of mail, as `cms-decrypt` "
         "does; returns the MIME entity as a buffer, with CRLF line ends. It may be a signed mail, "
         "for `smime-verify`. Raises when it is no encrypted mail, and as `cms-decrypt` does.",
         &decrypt_options) {
    return call_decrypt(function, argc, argv, true);
}

/* --- certificates alone --- */

static const OptionRow format_rows[] = {
    OPTION_WITH("format", option_word, formats, EncryptOptions, format,
                ":pem or :der. Default: the format of the first certificate."),
};
static const OptionSet format_options = OPTION_SET(format_rows);

static bool certificates_run(Task *task, Failure *failure) {
    static const Bytes none = {NULL, 0};
    CmsTask *job = (CmsTask *)task;
    return write_message(job, cms_certificates(job->certificates, failure), none, failure);
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
                            .result = make_written,
                            .release = cms_release}};
    EncryptOptions options = {.format = FORMAT_UNSET};
    Janet certificates = get_certificates(function, argv, 0);
    options_read(function, &format_options, args_options(argv, argc, 1), &options);
    bool is_pem = false;
    job.certificates = values_certificates(certificates, &is_pem, &failure);
    job.pem = wants_pem(options.format, is_pem);
    if (!job.certificates) release_and_raise(&job, &failure);
    return run_cms(&job, 0);
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
    &function_crypto_cms_encrypt,
    &function_crypto_cms_decrypt,
    &function_crypto_cms_certs_only,
    &function_crypto_cms_get_certs,
    &function_crypto_smime_sign,
    &function_crypto_smime_verify,
    &function_crypto_smime_encrypt,
    &function_crypto_smime_decrypt,
    NULL,
};

void cms_register(JanetTable *env) {
    module_register(env, functions);
}
