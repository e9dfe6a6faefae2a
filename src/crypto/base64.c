/* Base64, in both alphabets. */
#include "core/crypto/base64.h"
#include "base/args.h"
#include "base/module.h"
#include "base/raise.h"
#include "crypto/task.h"
#include "register.h"

typedef struct Base64Task {
    Task task; /* inputs: data */
    Base64 variant;
    bool is_spaced;
} Base64Task;

typedef struct DecodeOptions {
    bool is_spaced;
} DecodeOptions;

static const OptionRow decode_rows[] = {
    OPTION("whitespace", option_boolean, DecodeOptions, is_spaced,
           "true skips white space anywhere, such as the line ends of MIME and PEM. "
           "Default: false."),
};
static const OptionSet decode_options = OPTION_SET(decode_rows);

static bool encode_run(Task *task, Failure *failure) {
    (void)failure;
    base64_encode(((Base64Task *)task)->variant, task->inputs[0], task->output);
    task->length = task->room;
    return true;
}

static Janet run_encode(const char *function, Base64 variant, int32_t argc, Janet *argv) {
    args_arity(function, argc, 1, 1);
    Base64Task job = {
        .task = {.function = function, .run = encode_run, .is_string = true, .is_linear = true},
        .variant = variant};
    job.task.inputs[0] = args_bytes(function, argv, 0);
    job.task.room = base64_encoded_length(variant, job.task.inputs[0].length);
    return task_run(&job.task, sizeof job, task_is_large(&job.task));
}

static bool decode_run(Task *task, Failure *failure) {
    const Base64Task *job = (Base64Task *)task;
    return (job->is_spaced ? base64_decode_spaced : base64_decode)(
        job->variant, task->inputs[0], task->output, &task->length, failure);
}

static Janet run_decode(const char *function, Base64 variant, int32_t argc, Janet *argv) {
    args_arity(function, argc, 1, 2);
    DecodeOptions options = {.is_spaced = false};
    Base64Task job = {.task = {.function = function, .run = decode_run, .is_linear = true},
                      .variant = variant};
    job.task.inputs[0] = args_bytes(function, argv, 0);
    options_read(function, &decode_options, args_options(argv, argc, 1), &options);
    size_t length = job.task.inputs[0].length;
    job.is_spaced = options.is_spaced;
    job.task.room = options.is_spaced ? length + 2 : length / 4 * 3 + 2;
    return task_run(&job.task, sizeof job, task_is_large(&job.task));
}

FUNCTION(crypto_base64_encode, "crypto/base64-encode", "data",
         "Encode a string or buffer in Base64 (RFC 4648 section 4) and return it as a string: "
         "padded with `=`, on one line. Raises when `data` is neither.",
         NULL) {
    return run_encode(function, BASE64_STANDARD, argc, argv);
}

FUNCTION(crypto_base64_decode, "crypto/base64-decode", "text &opt opts",
         "Decode Base64 (RFC 4648 section 4) and return the bytes as a buffer. Raises, and names "
         "the position, unless the text is complete and padded: white space, other characters, "
         "missing or surplus padding and stray bits are refused, so that each value has one "
         "spelling.",
         &decode_options) {
    return run_decode(function, BASE64_STANDARD, argc, argv);
}

FUNCTION(crypto_base64url_encode, "crypto/base64url-encode", "data",
         "Encode a string or buffer in the Base64 for URLs and file names (RFC 4648 section 5, "
         "`-` and `_` for `+` and `/`), without padding, as JWT has it, and return it as a "
         "string. Raises when `data` is neither.",
         NULL) {
    return run_encode(function, BASE64_URL, argc, argv);
}

FUNCTION(crypto_base64url_decode, "crypto/base64url-decode", "text &opt opts",
         "Decode the Base64 for URLs (RFC 4648 section 5), with padding or without, and return "
         "the bytes as a buffer. Raises on anything else, as `base64-decode` does.",
         &decode_options) {
    return run_decode(function, BASE64_URL, argc, argv);
}

static const Function *const functions[] = {
    &function_crypto_base64_encode,
    &function_crypto_base64_decode,
    &function_crypto_base64url_encode,
    &function_crypto_base64url_decode,
    NULL,
};

void base64_register(JanetTable *env) {
    module_register(env, functions);
}
