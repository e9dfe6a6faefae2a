/* Encryption with a shared key, in one call. */
#include "base/args.h"
#include "base/module.h"
#include "base/raise.h"
#include "crypto/cipher_arguments.h"
#include "crypto/task.h"
#include "register.h"

#include <openssl/rand.h>
#include <string.h>

enum { KEY, NONCE, TEXT, ADDITIONAL };

typedef struct CipherTask {
    Task task; /* inputs: key, nonce, text, additional data */
    SymmetricSetup setup;
    uint8_t tag[SYMMETRIC_MAX_TAG];
} CipherTask;

/* The inputs may have become copies since the call was made. */
static const SymmetricSetup *current_setup(CipherTask *job) {
    job->setup.key = job->task.inputs[KEY];
    job->setup.nonce = job->task.inputs[NONCE];
    job->setup.aad = job->task.inputs[ADDITIONAL];
    return &job->setup;
}

static bool encrypt_run(Task *task, Failure *failure) {
    CipherTask *job = (CipherTask *)task;
    return symmetric_encrypt(current_setup(job), task->inputs[TEXT], task->output, &task->length,
                             job->tag, failure);
}

static bool decrypt_run(Task *task, Failure *failure) {
    CipherTask *job = (CipherTask *)task;
    return symmetric_decrypt(current_setup(job), task->inputs[TEXT], job->tag, task->output,
                             &task->length, failure);
}

static Janet encrypt_result(Task *task) {
    CipherTask *job = (CipherTask *)task;
    int32_t tag_length = job->setup.tag_length;
    JanetKV *result = janet_struct_begin(tag_length ? 2 : 1);
    janet_struct_put(result, janet_ckeywordv("ciphertext"), task_output(task));
    if (tag_length) {
        JanetBuffer *tag = janet_buffer(tag_length);
        janet_buffer_push_bytes(tag, job->tag, tag_length);
        janet_struct_put(result, janet_ckeywordv("tag"), janet_wrap_buffer(tag));
    }
    return janet_wrap_struct(janet_struct_end(result));
}

/* The arguments that both directions have. */
static CipherTask read_arguments(const char *function, int32_t argc, const Janet *argv,
                                 int32_t aad_slot) {
    Failure failure;
    CipherTask job = {.task = {.function = function, .is_linear = true}};
    Bytes *inputs = job.task.inputs;
    job.setup = cipher_arguments_read(function, argc, argv, aad_slot);
    inputs[KEY] = job.setup.key;
    inputs[NONCE] = job.setup.nonce;
    inputs[TEXT] = args_secret(function, argv, 3);
    inputs[ADDITIONAL] = job.setup.aad;
    if (!symmetric_check_length(&job.setup, inputs[TEXT].length, &failure)) {
        raise_failure(function, &failure);
    }
    job.task.room = inputs[TEXT].length + SYMMETRIC_BLOCK;
    return job;
}

FUNCTION(crypto_encrypt, "crypto/encrypt", "algo key nonce plaintext &opt aad opts",
         "Encrypt a string or buffer. `algo` is a keyword or string:\n\n"
         "* `:aes-256-gcm` `:aes-192-gcm` `:aes-128-gcm` - key of 32, 24 or 16 bytes, nonce of 12, "
         "or of 8 to 128 for other programs\n"
         "* `:chacha20-poly1305` - key of 32 bytes, nonce of 12\n"
         "* `:xchacha20-poly1305` - key of 32 bytes, nonce of 24, which may always be random\n"
         "* `:aes-256-gcm-siv` `:aes-192-gcm-siv` `:aes-128-gcm-siv` - nonce of 12; with OpenSSL "
         "3.2 and later\n"
         "* `:aes-256-siv` `:aes-192-siv` `:aes-128-siv` - key of 64, 48 or 32 bytes, nonce of 1 "
         "to 128; nil for none, when equal plaintexts give equal ciphertexts\n"
         "* `:aes-256-ccm` `:aes-192-ccm` `:aes-128-ccm` - nonce of 7 to 13 bytes: the longer it "
         "is, the less data it takes, 65535 bytes with 13, 16 MB with 12\n"
         "* `:aes-256-ctr` `:aes-192-ctr` `:aes-128-ctr` - nonce of 16 bytes, the first block of "
         "the counter; not authenticated: to build other formats only\n"
         "* `:aes-256-cbc` `:aes-192-cbc` `:aes-128-cbc` - nonce (IV) of 16 bytes, unpredictable; "
         "padded by PKCS#7 and not authenticated: for old formats only\n\n"
         "Returns a struct of buffers: `:ciphertext`, and `:tag` (absent for CTR and CBC). SIV's "
         "tag is its synthetic IV, which RFC 5297 puts before the ciphertext. `aad` is additional "
         "data that is authenticated but not encrypted. Above 4 MB a worker thread encrypts while "
         "the fiber waits. Raises when a length is wrong or this OpenSSL lacks the cipher. SP "
         "800-38A, C and D; RFC 5297, 8439, 8452; draft-irtf-cfrg-xchacha.\n\n"
         "Never use a nonce twice with the same key: with GCM, CCM, CTR and ChaCha20 this reveals "
         "the plaintexts and allows forgeries; with SIV and GCM-SIV it only shows which plaintexts "
         "are equal. Take each from `generate-nonce`, or count.",
         &cipher_options) {
    args_arity(function, argc, 4, 6);
    CipherTask job = read_arguments(function, argc, argv, 4);
    job.task.run = encrypt_run;
    job.task.result = encrypt_result;
    return task_run(&job.task, sizeof job, task_is_large(&job.task));
}

FUNCTION(crypto_decrypt, "crypto/decrypt", "algo key nonce ciphertext tag &opt aad opts",
         "Decrypt a result of `encrypt` and return the plaintext as a buffer. `tag`, `aad` and the "
         "tag's length must be those of the encryption; for CTR and CBC the tag is nil. Raises, "
         "without any plaintext, when the key, nonce, tag, ciphertext or additional data is not "
         "the one of the encryption.\n\n"
         "CTR and CBC do not authenticate, and a peer that learns whether decryption failed can "
         "decrypt messages of CBC: check an HMAC of nonce and ciphertext first.",
         &cipher_options) {
    args_arity(function, argc, 4, 7);
    CipherTask job = read_arguments(function, argc, argv, 5);
    Bytes tag = cipher_arguments_tag(function, &job.setup, argc, argv, 4);
    if (tag.data) memcpy(job.tag, tag.data, tag.length);
    job.task.run = decrypt_run;
    return task_run(&job.task, sizeof job, task_is_large(&job.task));
}

static bool nonce_run(Task *task, Failure *failure) {
    task->length = task->room;
    if (RAND_bytes(task->output, (int)task->length) == 1) return true;
    return failure_openssl(failure, "no random bytes");
}

FUNCTION(crypto_generate_nonce, "crypto/generate-nonce", "algo",
         "A buffer of random bytes, as many as the nonce (IV) of the cipher usually has. A key is "
         "good for 2^32 random nonces of 12 bytes; take another key before that. Raises when "
         "`algo` is not a cipher of `encrypt`.",
         NULL) {
    args_arity(function, argc, 1, 1);
    const CipherRow *cipher = args_cipher(function, argv, 0);
    Task task = {
        .function = function, .run = nonce_run, .room = (size_t)cipher->kind->nonce_length};
    return task_run(&task, sizeof task, false);
}

static void put_integer(JanetKV *info, const char *key, int value) {
    janet_struct_put(info, janet_ckeywordv(key), janet_wrap_integer(value));
}

FUNCTION(crypto_cipher_info, "crypto/cipher-info", "algo",
         "What a cipher takes, as a struct. Lengths are in bytes.\n\n"
         "* `:name` - a string\n"
         "* `:key-length`\n"
         "* `:nonce-length` `:min-nonce-length` `:max-nonce-length` - the usual length, which "
         "`generate-nonce` takes, and the limits\n"
         "* `:tag-length` `:min-tag-length` - the usual length, which is the maximum, and the "
         "minimum; 0: no tag\n"
         "* `:aead` - true when it authenticates\n"
         "* `:pieces` - true when `new-encryptor` takes it\n\n"
         "Raises when `algo` is not a cipher of `encrypt`, or when this OpenSSL lacks it.",
         NULL) {
    args_arity(function, argc, 1, 1);
    const CipherRow *cipher = args_cipher(function, argv, 0);
    const CipherKind *kind = cipher->kind;
    JanetKV *info = janet_struct_begin(9);
    janet_struct_put(info, janet_ckeywordv("name"), janet_cstringv(cipher->name.text));
    put_integer(info, "key-length", cipher->key_length);
    put_integer(info, "nonce-length", kind->nonce_length);
    put_integer(info, "min-nonce-length", kind->min_nonce);
    put_integer(info, "max-nonce-length", kind->max_nonce);
    put_integer(info, "tag-length", kind->tag_length);
    put_integer(info, "min-tag-length", kind->min_tag);
    janet_struct_put(info, janet_ckeywordv("aead"), janet_wrap_boolean(kind->tag_length));
    janet_struct_put(info, janet_ckeywordv("pieces"), janet_wrap_boolean(kind->takes_pieces));
    return janet_wrap_struct(janet_struct_end(info));
}

static const Function *const functions[] = {
    &function_crypto_encrypt,
    &function_crypto_decrypt,
    &function_crypto_generate_nonce,
    &function_crypto_cipher_info,
    NULL,
};

void cipher_register(JanetTable *env) {
    module_register(env, functions);
}
