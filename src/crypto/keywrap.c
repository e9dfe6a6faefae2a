/* Keys encrypted under a key. */
#include "core/crypto/keywrap.h"
#include "base/args.h"
#include "base/module.h"
#include "base/raise.h"
#include "crypto/task.h"
#include "register.h"

enum { KEK, KEY };

typedef struct KeywrapTask {
    Task task; /* inputs: the key that encrypts, and what it encrypts or decrypts */
    bool padded;
} KeywrapTask;

static const OptionRow rows[] = {
    OPTION("padding", option_boolean, KeywrapSetup, padded,
           "Wrap by RFC 5649, which takes any length. By default RFC 3394."),
};
static const OptionSet wrap_options = OPTION_SET(rows);

static bool wrap_run(Task *task, Failure *failure) {
    KeywrapSetup setup = {task->inputs[KEK], ((KeywrapTask *)task)->padded};
    return keywrap_wrap(&setup, task->inputs[KEY], task->output, &task->length, failure);
}

static bool unwrap_run(Task *task, Failure *failure) {
    KeywrapSetup setup = {task->inputs[KEK], ((KeywrapTask *)task)->padded};
    return keywrap_unwrap(&setup, task->inputs[KEY], task->output, &task->length, failure);
}

static Janet run_wrap(const char *function, int32_t argc, const Janet *argv,
                      bool (*run)(Task *task, Failure *failure)) {
    args_arity(function, argc, 2, 3);
    KeywrapSetup setup = {args_secret(function, argv, 0), false};
    KeywrapTask job = {.task = {.function = function, .run = run, .is_linear = true}};
    job.task.inputs[KEK] = setup.kek;
    job.task.inputs[KEY] = args_secret(function, argv, 1);
    options_read(function, &wrap_options, args_options(argv, argc, 2), &setup);
    size_t length = setup.kek.length;
    if (length != 16 && length != 24 && length != 32) {
        raise_format(function, "kek has 16, 24 or 32 bytes, got %d", (int)length);
    }
    job.padded = setup.padded;
    job.task.room = job.task.inputs[KEY].length + KEYWRAP_OVERHEAD;
    return task_run(&job.task, sizeof job, task_is_large(&job.task));
}

FUNCTION(crypto_wrap_key, "crypto/wrap-key", "kek key &opt opts",
         "Encrypt a key under another one with AES Key Wrap, and return the result as a buffer, 8 "
         "bytes longer than `key`. `kek` has 16, 24 or 32 bytes, and wraps any number of keys: "
         "there is no nonce, and equal keys look equal. `key` has a multiple of 8 bytes, at least "
         "16; with `:padding true` any number but none, and the result is up to 15 bytes longer. "
         "For data use `encrypt`. Raises when a length is wrong. RFC 3394, 5649; SP 800-38F.",
         &wrap_options) {
    return run_wrap(function, argc, argv, wrap_run);
}

FUNCTION(crypto_unwrap_key, "crypto/unwrap-key", "kek wrapped &opt opts",
         "Decrypt a result of `wrap-key` and return the key as a buffer. Raises, without any byte "
         "of it, when `kek` or `:padding` is not that of the wrapping, or `wrapped` was changed.",
         &wrap_options) {
    return run_wrap(function, argc, argv, unwrap_run);
}

static const Function *const functions[] = {
    &function_crypto_wrap_key,
    &function_crypto_unwrap_key,
    NULL,
};

void keywrap_register(JanetTable *env) {
    module_register(env, functions);
}
