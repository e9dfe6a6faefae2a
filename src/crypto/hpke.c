/* HPKE: single messages. */
#include "base/args.h"
#include "base/key.h"
#include "base/module.h"
#include "base/raise.h"
#include "core/crypto/symmetric.h"
#include "crypto/hpke_options.h"
#include "crypto/task.h"
#include "register.h"

#include <openssl/crypto.h>
#include <string.h>

enum { TEXT, ADDITIONAL };

typedef struct HpkeTask {
    Task task;            /* inputs: text or ciphertext, additional data */
    HpkeContext *context; /* owned */
    uint8_t enc[HPKE_MAX_ENC];
    size_t enc_length;
} HpkeTask;

static bool seal_run(Task *task, Failure *failure) {
    HpkeContext *context = ((HpkeTask *)task)->context;
    task->length = task->inputs[TEXT].length + HPKE_TAG;
    return hpke_seal(context, task->inputs[ADDITIONAL], task->inputs[TEXT], task->output, failure);
}

static bool open_run(Task *task, Failure *failure) {
    HpkeContext *context = ((HpkeTask *)task)->context;
    Bytes sealed = task->inputs[TEXT];
    if (!hpke_open(context, task->inputs[ADDITIONAL], sealed, task->output, failure)) return false;
    task->length = sealed.length - HPKE_TAG;
    return true;
}

static Janet seal_result(Task *task) {
    const HpkeTask *job = (HpkeTask *)task;
    JanetBuffer *enc = janet_buffer((int32_t)job->enc_length);
    janet_buffer_push_bytes(enc, job->enc, (int32_t)job->enc_length);
    JanetKV *result = janet_struct_begin(2);
    janet_struct_put(result, janet_ckeywordv("enc"), janet_wrap_buffer(enc));
    janet_struct_put(result, janet_ckeywordv("ciphertext"), task_output(task));
    return janet_wrap_struct(janet_struct_end(result));
}

static void release_context(Task *task) {
    OPENSSL_clear_free(((HpkeTask *)task)->context, sizeof(HpkeContext));
}

/* The context is set up at once; a long text is sealed on a worker. */
static HpkeTask make_task(const char *function, const HpkeContext *context, Bytes text, Bytes aad) {
    HpkeTask job = {.task = {.function = function,
                             .release = release_context,
                             .inputs = {[TEXT] = text, [ADDITIONAL] = aad},
                             .room = text.length + SYMMETRIC_BLOCK,
                             .is_linear = true},
                    .context = OPENSSL_memdup(context, sizeof *context)};
    if (!job.context) raise_format(function, "out of memory");
    return job;
}

static HpkeOptions read_options(const char *function, int32_t argc, const Janet *argv,
                                int32_t slot) {
    HpkeOptions options = HPKE_DEFAULTS;
    options_read(function, &hpke_message_options, args_options(argv, argc, slot), &options);
    hpke_options_check(function, &options);
    return options;
}

FUNCTION(crypto_hpke_seal, "crypto/hpke-seal", "public-key plaintext &opt opts",
         "Encrypt a string or buffer so that only the owner of the private key can read it, and "
         "return `{:enc buffer :ciphertext buffer}`; `hpke-open` needs both. Hybrid public key "
         "encryption (RFC 9180) to an X25519 or P-256 key, also X448, P-384 and P-521: PEM, DER, a "
         "path or a certificate. Each call makes a key of its own, whose public half is `:enc`. "
         "The ciphertext is 16 bytes longer than the plaintext.\n\n"
         "The message does not name its sender. With `:psk` or `:sender-key` the recipient knows "
         "that the sender has that secret or key: the modes psk, auth and auth-psk. For several "
         "messages use `new-hpke-sender`. Above 4 MB a worker encrypts while the fiber waits. "
         "Raises when the key is of another kind, or the options don't fit.",
         &hpke_message_options) {
    HpkeContext context;
    uint8_t enc[HPKE_MAX_ENC];
    size_t enc_length;
    args_arity(function, argc, 2, 3);
    Bytes key = key_argument(function, argv, 0), text = args_secret(function, argv, 1);
    HpkeOptions options = read_options(function, argc, argv, 2);
    if (options.aead == HPKE_EXPORT_ONLY) {
        raise_format(function, "with :aead :export-only there are no messages");
    }
    hpke_options_sender(function, &options, key, enc, &enc_length, &context);
    HpkeTask job = make_task(function, &context, text, options.aad);
    OPENSSL_cleanse(&context, sizeof context);
    memcpy(job.enc, enc, enc_length);
    job.enc_length = enc_length;
    job.task.run = seal_run;
    job.task.result = seal_result;
    return task_run(&job.task, sizeof job, task_is_large(&job.task));
}

FUNCTION(crypto_hpke_open, "crypto/hpke-open", "private-key enc ciphertext &opt opts",
         "Decrypt a message of `hpke-seal`, and return the plaintext as a buffer. The options must "
         "be those of the sender; `:sender-key` is the sender's public key. Raises, without any "
         "plaintext, when the key, `enc`, ciphertext or an option is not that of the sealing.",
         &hpke_message_options) {
    HpkeContext context;
    args_arity(function, argc, 3, 4);
    Bytes key = key_argument(function, argv, 0), enc = args_bytes(function, argv, 1);
    Bytes sealed = args_bytes(function, argv, 2);
    HpkeOptions options = read_options(function, argc, argv, 3);
    hpke_options_recipient(function, &options, key, enc, &context);
    HpkeTask job = make_task(function, &context, sealed, options.aad);
    OPENSSL_cleanse(&context, sizeof context);
    job.task.run = open_run;
    return task_run(&job.task, sizeof job, task_is_large(&job.task));
}

static const Function *const functions[] = {
    &function_crypto_hpke_seal,
    &function_crypto_hpke_open,
    NULL,
};

void hpke_register(JanetTable *env) {
    module_register(env, functions);
}
