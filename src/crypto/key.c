/* Key objects. */
#include "base/key.h"
#include "base/args.h"
#include "base/module.h"
#include "base/raise.h"
#include "core/keys/keyform.h"
#include "core/keys/keys.h"
#include "crypto/task.h"
#include "register.h"

enum { KEY, PASSWORD };

typedef struct KeyTask {
    Task task;
    EVP_PKEY *key;
    bool is_private;
    PemSource der;
} KeyTask;

static bool key_run(Task *task, Failure *failure) {
    static const KeyEncryption none = {.password = {NULL, 0}};
    KeyTask *job = (KeyTask *)task;
    Bytes text = task->inputs[KEY], password = task->inputs[PASSWORD];
    job->key = keyform_read(text, password, false, &job->is_private, failure);
    keys_forget_one(text); /* only the object keeps the key */
    if (!job->key) return false;
    job->der.bytes =
        keyform_write(job->key, job->is_private, KEYFORM_DER, &none, &job->der.length, failure);
    if (!job->der.bytes) return false;
    keys_remember((Bytes){job->der.bytes, job->der.length}, job->key, job->is_private);
    return true;
}

static Janet key_result(Task *task) {
    KeyTask *job = (KeyTask *)task;
    return key_object(&job->der, job->key, job->is_private);
}

static void key_release(Task *task) {
    KeyTask *job = (KeyTask *)task;
    EVP_PKEY_free(job->key);
    pem_free(&job->der);
}

FUNCTION(crypto_key, "crypto/key", "key &opt password",
         "Parse a key, private or public, once, and return it as an object: PEM, DER, OpenSSH's "
         "forms, a path, or a certificate, whose public key it is then. The object can be given "
         "in place of the key's text to `jsec/crypto`, `jsec/cert` and as `:key` of TLS and DTLS. "
         "`password` opens an encrypted key, on a thread while the fiber waits; uses of the "
         "object need no password.\n\n"
         "An object prints its type, its half and its fingerprint (as `:pins` has it), never the "
         "key. Its memory is cleansed when it is collected. It can't be marshalled, so it stays "
         "in its thread. `export-key` and `convert-key` give its text. Raises when `key` is not a "
         "key, and when the password of an encrypted key is missing or wrong.",
         NULL) {
    args_arity(function, argc, 1, 2);
    KeyTask job = {
        .task = {
            .function = function, .run = key_run, .result = key_result, .release = key_release}};
    job.task.inputs[KEY] = key_argument(function, argv, 0);
    job.task.inputs[PASSWORD] = args_secret_or_none(function, argv, argc, 1);
    return task_run(&job.task, sizeof job, job.task.inputs[PASSWORD].data);
}

static const Function *const functions[] = {
    &function_crypto_key,
    NULL,
};

void key_register(JanetTable *env) {
    module_register(env, functions);
}
