/* Base32. */
#include "core/crypto/base32.h"
#include "base/args.h"
#include "base/module.h"
#include "crypto/task.h"
#include "register.h"

typedef struct Base32Task {
    Task task; /* inputs: data */
    bool padded;
} Base32Task;

typedef struct Base32Options {
    bool padding;
} Base32Options;

static const OptionRow option_rows[] = {
    OPTION("padding", option_boolean, Base32Options, padding,
           "Whether `=` fills the last group of eight; secrets of one-time passwords have none. "
           "Default: true."),
};
static const OptionSet options_set = OPTION_SET(option_rows);

static bool encode_run(Task *task, Failure *failure) {
    (void)failure;
    base32_encode(task->inputs[0], ((Base32Task *)task)->padded, task->output);
    task->length = task->room;
    return true;
}

static bool decode_run(Task *task, Failure *failure) {
    bool padded = ((Base32Task *)task)->padded;
    return base32_decode(task->inputs[0], padded, task->output, &task->length, failure);
}

static Base32Task make_task(const char *function, int32_t argc, const Janet *argv) {
    Base32Options options = {.padding = true};
    args_arity(function, argc, 1, 2);
    Base32Task job = {.task = {.function = function, .is_linear = true}};
    job.task.inputs[0] = args_bytes(function, argv, 0);
    options_read(function, &options_set, args_options(argv, argc, 1), &options);
    job.padded = options.padding;
    return job;
}

FUNCTION(crypto_base32_encode, "crypto/base32-encode", "data &opt opts",
         "Encode a string or buffer in Base32 (RFC 4648 section 6) and return it as a string of "
         "upper-case letters and digits. Raises when `data` is neither.",
         &options_set) {
    Base32Task job = make_task(function, argc, argv);
    job.task.run = encode_run;
    job.task.is_string = true;
    job.task.room = base32_encoded_length(job.task.inputs[0].length, job.padded);
    return task_run(&job.task, sizeof job, task_is_large(&job.task));
}

FUNCTION(crypto_base32_decode, "crypto/base32-decode", "text &opt opts",
         "Decode Base32 (RFC 4648 section 6) and return the bytes as a buffer. Raises, and names "
         "the position, unless the text is complete: lower case, white space, other characters, "
         "missing or surplus padding and stray bits are refused, so that each value has one "
         "spelling.",
         &options_set) {
    Base32Task job = make_task(function, argc, argv);
    job.task.run = decode_run;
    job.task.room = job.task.inputs[0].length / 8 * 5 + 4;
    return task_run(&job.task, sizeof job, task_is_large(&job.task));
}

static const Function *const functions[] = {
    &function_crypto_base32_encode,
    &function_crypto_base32_decode,
    NULL,
};

void base32_register(JanetTable *env) {
    module_register(env, functions);
}
