/* Base64, in both alphabets. */
#include "base/module.h"
#include "base/raise.h"
#include "core/crypto/base64.h"
#include "crypto/args.h"
#include "crypto/task.h"
#include "register.h"

typedef struct EncodingTask {
    Task task; /* inputs: data */
    Base64 variant;
} EncodingTask;

static bool encode_run(Task *task, Failure *failure) {
    (void)failure;
    base64_encode(((EncodingTask *)task)->variant, task->inputs[0], task->output);
    task->length = task->room;
    return true;
}

static Janet encode(const char *function, Base64 variant, int32_t argc, Janet *argv) {
    janet_fixarity(argc, 1);
    EncodingTask job = {.task = {.function = function, .run = encode_run, .is_string = true},
                        .variant = variant};
    job.task.inputs[0] = args_bytes(argv, 0);
    job.task.room = base64_encoded_length(variant, job.task.inputs[0].length);
    return task_run(&job.task, sizeof job, task_is_large(&job.task));
}

static bool decode_run(Task *task, Failure *failure) {
    Base64 variant = ((EncodingTask *)task)->variant;
    return base64_decode(variant, task->inputs[0], task->output, &task->length, failure);
}

static Janet decode(const char *function, Base64 variant, int32_t argc, Janet *argv) {
    janet_fixarity(argc, 1);
    EncodingTask job = {.task = {.function = function, .run = decode_run}, .variant = variant};
    job.task.inputs[0] = args_bytes(argv, 0);
    job.task.room = job.task.inputs[0].length / 4 * 3 + 2;
    return task_run(&job.task, sizeof job, task_is_large(&job.task));
}

static Janet cfun_crypto_base64_encode(int32_t argc, Janet *argv) {
    return encode("crypto/base64-encode", BASE64_STANDARD, argc, argv);
}

static Janet cfun_crypto_base64_decode(int32_t argc, Janet *argv) {
    return decode("crypto/base64-decode", BASE64_STANDARD, argc, argv);
}

static Janet cfun_crypto_base64url_encode(int32_t argc, Janet *argv) {
    return encode("crypto/base64url-encode", BASE64_URL, argc, argv);
}

static Janet cfun_crypto_base64url_decode(int32_t argc, Janet *argv) {
    return decode("crypto/base64url-decode", BASE64_URL, argc, argv);
}

static const FunctionRow rows[] = {
    {"crypto/base64-encode", cfun_crypto_base64_encode,
     "(crypto/base64-encode data)\n\n"
     "Write a string or buffer in Base64 (RFC 4648 section 4) and return it as a string: padded "
     "with `=`, all on one line. Raises when `data` is neither.",
     NULL},
    {"crypto/base64-decode", cfun_crypto_base64_decode,
     "(crypto/base64-decode text)\n\n"
     "Read Base64 (RFC 4648 section 4) and return the bytes as a buffer. Raises, and names the "
     "place, unless the text is whole and padded: white space, other characters, missing or "
     "surplus padding and stray bits are refused, so that each value has one spelling. Remove the "
     "line breaks of MIME or PEM first.",
     NULL},
    {"crypto/base64url-encode", cfun_crypto_base64url_encode,
     "(crypto/base64url-encode data)\n\n"
     "Write a string or buffer in the Base64 that is safe in URLs and file names (RFC 4648 "
     "section 5, `-` and `_` for `+` and `/`), without padding as JWT wants it. Returns a string. "
     "Raises when `data` is neither.",
     NULL},
    {"crypto/base64url-decode", cfun_crypto_base64url_decode,
     "(crypto/base64url-decode text)\n\n"
     "Read the Base64 of URLs (RFC 4648 section 5), with padding or without, and return the bytes "
     "as a buffer. Raises on anything else, as `base64-decode` does.",
     NULL},
    {NULL, NULL, NULL, NULL},
};

void encoding_register(JanetTable *env) {
    module_functions(env, rows);
}
