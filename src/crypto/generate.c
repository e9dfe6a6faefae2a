/* New keys, and the public halves of keys. */
#include "base/args.h"
#include "base/key.h"
#include "base/module.h"
#include "base/raise.h"
#include "core/keys/keygen.h"
#include "core/keys/keys.h"
#include "crypto/task.h"
#include "register.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

#define MAX_PEM_LENGTH 32768

typedef struct GenerateTask {
    Task task;
    KeyAlgorithm algorithm;
    int bits;
} GenerateTask;

/* The length is known only after the key is written: the string is a copy of the task's memory. */
static Janet pem_result(Task *task) {
    Janet pem = janet_stringv(task->output, (int32_t)task->length);
    OPENSSL_cleanse(task->output, task->length);
    return pem;
}

static bool generate_run(Task *task, Failure *failure) {
    GenerateTask *job = (GenerateTask *)task;
    EVP_PKEY *key = keygen(&job->algorithm, job->bits, failure);
    char *pem = key ? keys_private_pem(key, &task->length, failure) : NULL;
    bool fits = pem && task->length <= task->room;
    if (fits) memcpy(task->output, pem, task->length);
    if (pem && !fits) failure_set(failure, "key too long");
    OPENSSL_clear_free(pem, task->length);
    EVP_PKEY_free(key);
    return fits;
}

FUNCTION(crypto_generate_key, "crypto/generate-key", "alg &opt bits",
         "Make a private key and return it as a PEM string (PKCS#8, not encrypted: keep it "
         "secret). `alg` is a keyword or string:\n\n"
         "* `:ed25519`, `:ed448` - signatures (RFC 8032)\n"
         "* `:x25519`, `:x448` - key agreement with `derive` (RFC 7748)\n"
         "* `:p256` `:p384` `:p521` - signatures and key agreement; also spelled :p-256, "
         ":ec-p256, \"secp256r1\" and so on. `:secp256k1`, `:p224` and `:brainpoolP256r1` (384, "
         "512) too\n"
         "* `:rsa`, `:rsa-pss` - of `bits` bits, 2048 by default, from 1024 (too weak today) to "
         "16384. A worker thread makes it while the fiber waits: fractions of a second, minutes "
         "for the largest\n"
         "* `:ml-kem-512` `:ml-kem-768` `:ml-kem-1024` - secrets by `encapsulate` (FIPS 203)\n"
         "* `:ml-dsa-44` `:ml-dsa-65` `:ml-dsa-87` - signatures (FIPS 204)\n"
         "* `:slh-dsa-sha2-128s` and its like, with `shake` for `sha2`, 192 or 256 for 128, and f "
         "(fast) for s (small) - signatures (FIPS 205)\n\n"
         "The last three, which quantum computers don't break, need OpenSSL 3.5. Raises when the "
         "algorithm is unknown or this OpenSSL does not offer it; the error gives the version that "
         "does.",
         NULL) {
    Failure failure;
    args_arity(function, argc, 1, 2);
    GenerateTask job = {.task = {.function = function,
                                 .run = generate_run,
                                 .result = pem_result,
                                 .room = MAX_PEM_LENGTH}};
    if (!algorithms_key(args_name(function, argv, 0), &job.algorithm, &failure)) {
        raise_value(function, &failure, argv[0]);
    }
    bool given = argc > 1 && !janet_checktype(argv[1], JANET_NIL);
    bool rsa = keygen_is_rsa(&job.algorithm);
    if (given && !rsa) raise_format(function, "%v keys have one size: leave out bits", argv[0]);
    if (rsa)
        job.bits = given ? args_integer(function, argv, 1, KEYGEN_MIN_BITS, KEYGEN_MAX_BITS)
                         : KEYGEN_DEFAULT_BITS;
    return task_run(&job.task, sizeof job, keygen_is_slow(&job.algorithm));
}

FUNCTION(
    crypto_export_public_key, "crypto/export-public-key", "key",
    "The public half of a key as a PEM string (SubjectPublicKeyInfo). `key` is a private "
    "key, a public key or a certificate, PEM, DER or a path. Raises when it is none of these, or "
    "encrypted.",
    NULL) {
    Failure failure;
    size_t length = 0;
    args_arity(function, argc, 1, 1);
    EVP_PKEY *key = keys_public(key_argument(function, argv, 0), &failure);
    char *pem = key ? keys_public_pem(key, &length, &failure) : NULL;
    EVP_PKEY_free(key);
    if (!pem) raise_failure(function, &failure);
    Janet result = janet_stringv((const uint8_t *)pem, (int32_t)length);
    OPENSSL_free(pem);
    return result;
}

FUNCTION(crypto_forget_keys, "crypto/forget-keys", "",
         "Drop what earlier calls keep for later ones: up to 64 parsed keys of `sign`, `verify`, "
         "`derive` and the RSA functions, and the last keys of `encrypt`, `decrypt` and `hmac`. "
         "Secret parts are cleansed. Returns nil. Never raises.",
         NULL) {
    args_arity(function, argc, 0, 0);
    keys_forget();
    algorithms_forget();
    return janet_wrap_nil();
}

static const Function *const functions[] = {
    &function_crypto_generate_key,
    &function_crypto_export_public_key,
    &function_crypto_forget_keys,
    NULL,
};

void generate_register(JanetTable *env) {
    module_register(env, functions);
}
