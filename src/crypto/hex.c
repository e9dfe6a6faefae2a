/* Hexadecimal digits. */
#include "core/crypto/hex.h"
#include "base/args.h"
#include "base/module.h"
#include "crypto/task.h"
#include "register.h"

static bool encode_run(Task *task, Failure *failure) {
    (void)failure;
    hex_encode(task->inputs[0], task->output);
    task->length = task->room;
    return true;
}

static bool decode_run(Task *task, Failure *failure) {
    task->length = task->inputs[0].length / 2;
    return hex_decode(task->inputs[0], task->output, failure);
}

FUNCTION(crypto_hex_encode, "crypto/hex-encode", "data",
         "The bytes of a string or buffer as hexadecimal digits (RFC 4648 section 8), a string of "
         "two lower-case digits a byte. Raises when `data` is neither.",
         NULL) {
    args_arity(function, argc, 1, 1);
    Task job = {.function = function, .run = encode_run, .is_string = true, .is_linear = true};
    job.inputs[0] = args_bytes(function, argv, 0);
    job.room = 2 * job.inputs[0].length;
    return task_run(&job, sizeof job, task_is_large(&job));
}

FUNCTION(crypto_hex_decode, "crypto/hex-decode", "text",
         "Decode hexadecimal digits of either case and return the bytes as a buffer. Raises, and "
         "names the position, on an odd number of digits and on any other character, such as "
         "white space, a colon or \"0x\".",
         NULL) {
    args_arity(function, argc, 1, 1);
    Task job = {.function = function, .run = decode_run, .is_linear = true};
    job.inputs[0] = args_bytes(function, argv, 0);
    job.room = job.inputs[0].length / 2;
    return task_run(&job, sizeof job, task_is_large(&job));
}

static const Function *const functions[] = {
    &function_crypto_hex_encode,
    &function_crypto_hex_decode,
    NULL,
};

void hex_register(JanetTable *env) {
    module_register(env, functions);
}
