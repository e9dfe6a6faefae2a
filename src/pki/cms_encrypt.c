/* Encrypted messages. */
#include "base/args.h"
#include "base/key.h"
#include "base/module.h"
#include "base/raise.h"
#include "core/keys/keys.h"
#include "core/keys/pem.h"
#include "pki/cms_task.h"
#include "pki/options.h"
#include "pki/values.h"
#include "register.h"

/* --- encrypt --- */

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
    OPTION_WITH("format", option_word, cms_formats, EncryptOptions, format,
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
                                .password = task->inputs[CMS_INPUT_PASSWORD],
                                .cipher = job->cipher,
                                .oaep = job->oaep,
                                .is_mime = job->is_mail};
    Bytes none = {NULL, 0}, data = cms_task_data(job, failure);
    return data.data && cms_task_write(job, cms_encrypt(data, &encrypting, failure), none, failure);
}

static Janet call_encrypt(const char *function, int32_t argc, Janet *argv, bool is_mail) {
    Failure failure;
    args_arity(function, argc, 2, 3);
    CmsTask job = {.task = {.function = function,
                            .run = encrypt_run,
                            .result = cms_task_written,
                            .release = cms_task_release}};
    EncryptOptions options = {.cipher = AES_256_CBC};
    job.task.inputs[CMS_INPUT_DATA] = args_bytes(function, argv, 0);
    Janet certificates = argv[1];
    options_read(function, is_mail ? &smime_encrypt_options : &encrypt_options,
                 args_options(argv, argc, 2), &options);
    job.task.inputs[CMS_INPUT_PASSWORD] = options.password;
    if (!options.password.data || values_count(certificates)) {
        certificates = cms_task_certificates(function, argv, 1);
    }
    job.is_mail = is_mail;
    job.is_text = options.is_text;
    job.cipher = find_cipher(options.cipher);
    job.oaep = options.padding == OAEP;
    bool is_pem = false;
    job.certificates = values_certificates(certificates, &is_pem, &failure);
    job.pem = cms_task_wants_pem(options.format, is_pem);
    if (!job.certificates) cms_task_raise(&job, &failure);
    return cms_task_run(&job, job.task.inputs[CMS_INPUT_DATA].length);
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

/* --- decrypt --- */

typedef struct DecryptOptions {
    Bytes password;
} DecryptOptions;

static const OptionRow decrypt_rows[] = {
    OPTION_SECRET(
        "password", option_bytes, DecryptOptions, password,
        "Password of the key, if it is encrypted; with nil for `cert` and `key` the password "
        "that the message was encrypted for."),
};
static const OptionSet decrypt_options = OPTION_SET(decrypt_rows);

static BIO *open_message(const CmsTask *job, CMS_ContentInfo *message, Failure *failure) {
    Bytes password = job->task.inputs[CMS_INPUT_PASSWORD];
    if (job->by_password) return cms_decrypt_by_password(message, password, failure);
    EVP_PKEY *key = keys_private(job->task.inputs[CMS_INPUT_KEY], password, failure);
    BIO *plain =
        key ? cms_decrypt(message, sk_X509_value(job->certificates, 0), key, failure) : NULL;
    EVP_PKEY_free(key);
    return plain;
}

static bool decrypt_run(Task *task, Failure *failure) {
    CmsTask *job = (CmsTask *)task;
    BIO *content;
    CMS_ContentInfo *message = cms_task_read(job, &content, failure);
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
                            .release = cms_task_release}};
    DecryptOptions options = {.password = {NULL, 0}};
    job.task.inputs[CMS_INPUT_DATA] = args_bytes(function, argv, 0);
    job.is_mail = is_mail;
    job.by_password = janet_checktype(argv[1], JANET_NIL) && janet_checktype(argv[2], JANET_NIL);
    Bytes certificate = {NULL, 0};
    if (!job.by_password) {
        certificate = args_bytes(function, argv, 1);
        job.task.inputs[CMS_INPUT_KEY] = key_argument(function, argv, 2);
    }
    options_read(function, &decrypt_options, args_options(argv, argc, 3), &options);
    job.task.inputs[CMS_INPUT_PASSWORD] = options.password;
    if (job.by_password && !options.password.data) {
        raise_format(function, "give a certificate and its key, or :password");
    }
    if (job.by_password) return cms_task_run(&job, job.task.inputs[CMS_INPUT_DATA].length);
    job.certificates = pem_load_certificates(certificate, NULL, &failure);
    if (!job.certificates) cms_task_raise(&job, &failure);
    return cms_task_run(&job, job.task.inputs[CMS_INPUT_DATA].length);
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

static const Function *const functions[] = {
    &function_crypto_cms_encrypt,
    &function_crypto_cms_decrypt,
    &function_crypto_smime_encrypt,
    &function_crypto_smime_decrypt,
    NULL,
};

void cms_encrypt_register(JanetTable *env) {
    module_register(env, functions);
}
