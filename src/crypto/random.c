/* Random bytes, and the comparison of secrets. */
#include "base/args.h"
#include "base/module.h"
#include "base/raise.h"
#include "crypto/task.h"
#include "register.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#define CHALLENGE_LENGTH 32

static bool random_run(Task *task, Failure *failure) {
    task->length = task->room;
    /* The generator for private bytes: keys are made of them. */
    if (RAND_priv_bytes(task->output, (int)task->length) == 1) return true;
    return failure_openssl(failure, "no random bytes");
}

static Janet make_random(const char *function, int32_t length) {
    Task task = {.function = function, .run = random_run, .room = (size_t)length};
    return task_run(&task, sizeof task, task_is_large(&task));
}

FUNCTION(crypto_random_bytes, "crypto/random-bytes", "n",
         "A buffer of `n` unpredictable bytes of OpenSSL's generator, fit for keys. Raises unless "
         "`n` is an integer from 1 to 67108864 (64 MB).",
         NULL) {
    args_arity(function, argc, 1, 1);
    return make_random(function, args_integer(function, argv, 0, 1, ARGS_MAX_OUTPUT));
}

FUNCTION(crypto_generate_challenge, "crypto/generate-challenge", "&opt length",
         "A buffer of `length` (default 32) random bytes for the peer to sign, as proof that it "
         "holds a key now. Use each challenge once. Below 16 bytes, challenges can be guessed or "
         "repeat. Raises unless `length` is an integer from 1 to 67108864.",
         NULL) {
    args_arity(function, argc, 0, 1);
    bool given = argc && !janet_checktype(argv[0], JANET_NIL);
    int32_t length = given ? args_integer(function, argv, 0, 1, ARGS_MAX_OUTPUT) : CHALLENGE_LENGTH;
    return make_random(function, length);
}

FUNCTION(crypto_constant_time_equal, "crypto/constant-time=", "a b",
         "Are two strings or buffers equal, byte for byte? Returns true or false. The time taken "
         "depends on their lengths only: use it for tags, tokens and password hashes, where `=` "
         "would let an attacker guess byte by byte. Raises when one is neither a string nor a "
         "buffer.",
         NULL) {
    args_arity(function, argc, 2, 2);
    Bytes a = args_secret(function, argv, 0), b = args_secret(function, argv, 1);
    return janet_wrap_boolean(a.length == b.length && !CRYPTO_memcmp(a.data, b.data, a.length));
}

static const Function *const functions[] = {
    &function_crypto_random_bytes,
    &function_crypto_generate_challenge,
    &function_crypto_constant_time_equal,
    NULL,
};

void random_register(JanetTable *env) {
    module_register(env, functions);
}
