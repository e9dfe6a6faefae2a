/* Symmetric encryption: AES-GCM, ChaCha20-Poly1305, and AES-CBC. */
#include "base/args.h"
#include "base/module.h"
#include "base/raise.h"
#include "crypto/task.h"
#include "register.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <string.h>

#define TAG_LENGTH 16
#define BLOCK_LENGTH 16

enum { KEY, NONCE, TEXT, ADDITIONAL };

typedef struct CipherTask {
    Task task; /* inputs: key, nonce, text, additional data */
    const CipherRow *cipher;
    uint8_t tag[TAG_LENGTH];
} CipherTask;

static bool set_additional_data(EVP_CIPHER_CTX *context, Bytes aad) {
    int ignored;
    return !aad.length || EVP_CipherUpdate(context, NULL, &ignored, aad.data, (int)aad.length);
}

/* Encrypts or decrypts; encrypt_run reads the tag afterwards. */
static bool transform(EVP_CIPHER_CTX *context, CipherTask *job, int encrypting) {
    Task *task = &job->task;
    Bytes text = task->inputs[TEXT];
    int length = 0, last = 0;
    const EVP_CIPHER *cipher = algorithms_evp_cipher(job->cipher);
    /* Without a cipher, OpenSSL keeps the set-up of the context's last call. */
    if (EVP_CIPHER_CTX_get0_cipher(context) == cipher) cipher = NULL;
    bool done = EVP_CipherInit_ex2(context, cipher, task->inputs[KEY].data,
                                   task->inputs[NONCE].data, encrypting, NULL) &&
                set_additional_data(context, task->inputs[ADDITIONAL]) &&
                (!text.length ||
                 EVP_CipherUpdate(context, task->output, &length, text.data, (int)text.length));
    if (done && !encrypting && job->cipher->tag_length) {
        done = EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG_LENGTH, job->tag) > 0;
    }
    done = done && EVP_CipherFinal_ex(context, task->output + length, &last);
    task->length = (size_t)length + (size_t)last;
    return done;
}

static void give_context(const CipherTask *job, EVP_CIPHER_CTX *context, bool done) {
    if (done) {
        algorithms_give_cipher(job->cipher, context);
    } else {
        EVP_CIPHER_CTX_free(context);
    }
}

static bool encrypt_run(Task *task, Failure *failure) {
    CipherTask *job = (CipherTask *)task;
    EVP_CIPHER_CTX *context = algorithms_take_cipher(job->cipher);
    bool done = context && transform(context, job, 1);
    if (done && job->cipher->tag_length) {
        done = EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG_LENGTH, job->tag) > 0;
    }
    give_context(job, context, done);
    return done || failure_openssl(failure, "not encrypted");
}

static bool decrypt_run(Task *task, Failure *failure) {
    CipherTask *job = (CipherTask *)task;
    EVP_CIPHER_CTX *context = algorithms_take_cipher(job->cipher);
    bool done = context && transform(context, job, 0);
    give_context(job, context, done);
    if (done) return true;
    ERR_clear_error(); /* its reasons would help an attacker */
    if (job->cipher->tag_length) {
        return failure_set(failure, "not authentic: wrong key, nonce or tag, or the ciphertext or "
                                    "additional data was changed");
    }
    return failure_set(failure, "not decrypted: wrong key, or the ciphertext was changed");
}

static Janet encrypt_result(Task *task) {
    CipherTask *job = (CipherTask *)task;
    int32_t tag_length = job->cipher->tag_length;
    JanetKV *result = janet_struct_begin(tag_length ? 2 : 1);
    janet_struct_put(result, janet_ckeywordv("ciphertext"), task_output(task));
    if (tag_length) {
        JanetBuffer *tag = janet_buffer(tag_length);
        janet_buffer_push_bytes(tag, job->tag, tag_length);
        janet_struct_put(result, janet_ckeywordv("tag"), janet_wrap_buffer(tag));
    }
    return janet_wrap_struct(janet_struct_end(result));
}

/* The arguments that both directions have: cipher, key, nonce, text and additional data. */
static CipherTask read_arguments(const char *function, int32_t argc, const Janet *argv,
                                 int32_t aad_slot) {
    CipherTask job = {.task = {.function = function}};
    Bytes *inputs = job.task.inputs;
    job.cipher = args_cipher(function, argv, 0);
    inputs[KEY] = args_secret(function, argv, 1);
    inputs[NONCE] = args_bytes(function, argv, 2);
    inputs[TEXT] = args_secret(function, argv, 3);
    inputs[ADDITIONAL] = args_bytes_or_none(function, argv, argc, aad_slot);
    args_check_length(function, job.cipher, "a key", inputs[KEY], job.cipher->key_length);
    args_check_length(function, job.cipher, "a nonce", inputs[NONCE], job.cipher->nonce_length);
    if (inputs[ADDITIONAL].length && !job.cipher->tag_length) {
        raise_format(function, "%s can't authenticate additional data: use :aes-256-gcm",
                     job.cipher->name.text);
    }
    job.task.room = inputs[TEXT].length + BLOCK_LENGTH;
    return job;
}

FUNCTION(crypto_encrypt, "crypto/encrypt", "algo key nonce plaintext &opt aad",
         "Encrypt a string or buffer. `algo` is a keyword or string:\n\n"
         "* `:aes-256-gcm` `:aes-192-gcm` `:aes-128-gcm` - key of 32, 24 or 16 bytes, nonce of "
         "12\n"
         "* `:chacha20-poly1305` - key of 32 bytes, nonce of 12\n"
         "* `:aes-256-cbc` `:aes-192-cbc` `:aes-128-cbc` - nonce (IV) of 16 bytes, unpredictable; "
         "padded by PKCS#7 and not authenticated: for old formats only\n\n"
         "Returns a struct of buffers: `:ciphertext`, and `:tag`, 16 bytes (absent for CBC). "
         "`aad` is additional data that is authenticated but not encrypted. Above 4 MB a worker "
         "thread encrypts while the fiber waits. Raises when a length is wrong. SP 800-38D, RFC "
         "8439.\n\n"
         "Never use a nonce twice with the same key: with GCM and ChaCha20-Poly1305 this reveals "
         "the plaintexts and allows forgeries. Take each from `generate-nonce`, or count.",
         NULL) {
    args_arity(function, argc, 4, 5);
    CipherTask job = read_arguments(function, argc, argv, 4);
    job.task.run = encrypt_run;
    job.task.is_linear = true;
    job.task.result = encrypt_result;
    return task_run(&job.task, sizeof job, task_is_large(&job.task));
}

FUNCTION(crypto_decrypt, "crypto/decrypt", "algo key nonce ciphertext tag &opt aad",
         "Decrypt a result of `encrypt` and return the plaintext as a buffer. `tag` and `aad` "
         "must be those of the encryption; for CBC the tag is nil. Raises, without any plaintext, "
         "when the key, nonce, tag, ciphertext or additional data is not the one of the "
         "encryption.\n\n"
         "CBC does not authenticate, and a peer that learns whether decryption failed can decrypt "
         "messages: check an HMAC of nonce and ciphertext first.",
         NULL) {
    args_arity(function, argc, 4, 6);
    CipherTask job = read_arguments(function, argc, argv, 5);
    Bytes tag = args_bytes_or_none(function, argv, argc, 4);
    job.task.run = decrypt_run;
    job.task.is_linear = true;
    if (!job.cipher->tag_length && tag.length) {
        raise_format(function, "%s has no tag: give nil", job.cipher->name.text);
    }
    if (job.cipher->tag_length) {
        args_check_length(function, job.cipher, "a tag", tag, TAG_LENGTH);
        memcpy(job.tag, tag.data, TAG_LENGTH);
    }
    return task_run(&job.task, sizeof job, task_is_large(&job.task));
}

static bool nonce_run(Task *task, Failure *failure) {
    task->length = task->room;
    if (RAND_bytes(task->output, (int)task->length) == 1) return true;
    return failure_openssl(failure, "no random bytes");
}

FUNCTION(crypto_generate_nonce, "crypto/generate-nonce", "algo",
         "A buffer of random bytes, as many as the nonce (IV) of the cipher has. A key is good "
         "for 2^32 random nonces of 12 bytes; take another key before that. Raises when `algo` is "
         "not a cipher of `encrypt`.",
         NULL) {
    args_arity(function, argc, 1, 1);
    const CipherRow *cipher = args_cipher(function, argv, 0);
    Task task = {.function = function, .run = nonce_run, .room = (size_t)cipher->nonce_length};
    return task_run(&task, sizeof task, false);
}

FUNCTION(crypto_cipher_info, "crypto/cipher-info", "algo",
         "What a cipher needs, as a struct: `:name` (string), `:key-length`, `:nonce-length` and "
         "`:tag-length` in bytes (0: no tag), and `:aead`, true when it authenticates. Raises "
         "when `algo` is not a cipher of `encrypt`.",
         NULL) {
    args_arity(function, argc, 1, 1);
    const CipherRow *cipher = args_cipher(function, argv, 0);
    JanetKV *info = janet_struct_begin(5);
    janet_struct_put(info, janet_ckeywordv("name"), janet_cstringv(cipher->name.text));
    janet_struct_put(info, janet_ckeywordv("key-length"), janet_wrap_integer(cipher->key_length));
    janet_struct_put(info, janet_ckeywordv("nonce-length"),
                     janet_wrap_integer(cipher->nonce_length));
    janet_struct_put(info, janet_ckeywordv("tag-length"), janet_wrap_integer(cipher->tag_length));
    janet_struct_put(info, janet_ckeywordv("aead"), janet_wrap_boolean(cipher->tag_length));
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
